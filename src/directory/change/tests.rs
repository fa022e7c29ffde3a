//! Changes of the small university of the index's tests, one after the other.

use std::collections::HashSet;

use crate::directory::Directory;
use crate::directory::change::csn::Csn;
use crate::directory::change::decide::Step;
use crate::directory::change::testing::{Given, after, dn, given, renaming, step};
use crate::directory::change::unique;
use crate::directory::changes::{
    Change, GivenAttribute, Modification, ModificationKind, Modify, NewEntry, SetPin,
};
use crate::directory::request::{Answer, Asker};
use crate::directory::testing::{UNLIMITED, directory_of};
use crate::index::Snapshot;
use crate::index::testing::{BASE, Row, UNIVERSITY, snapshot};
use crate::record::{Batch, Guard};
use crate::types::{EntryId, Pin, PinHash, Timestamp};

const GRACE: EntryId = EntryId(5);

/// A directory that is changed, at a clock that stands.
struct University {
    directory: Directory,
    snapshot: Snapshot,
    csn: Csn,
}

impl University {
    /// [`UNIVERSITY`] and these entries, with these sentences.
    fn new(sentences: &[&str], more: &[Row<'_>]) -> University {
        let directory = directory_of(sentences, UNLIMITED);
        University {
            snapshot: snapshot(directory.schema(), &[UNIVERSITY, more].concat()),
            directory,
            csn: Csn::default(),
        }
    }

    /// What `change` comes to; a PIN is hashed, and none is asked for.
    fn decide(&mut self, asker: &Asker, change: &Change) -> Result<Batch, Answer> {
        self.csn = self.csn.next(Timestamp::default());
        let given = Given {
            fresh: Some(self.snapshot.next_id()),
            hash: Some(PinHash::new(*b"{SSHA}abcdefgh")),
            proof: None,
            csn: self.csn,
        };
        match step(&self.directory, &self.snapshot, asker, change, &given) {
            Ok(Step::Done(decision)) => Ok(decision.batch),
            Ok(_) => panic!("something is to be done before"),
            Err(refusal) => Err(refusal.answer),
        }
    }

    /// Makes a change as root. Errors: why it is refused; nothing is changed.
    fn change(&mut self, change: &Change) -> Result<(), Answer> {
        let batch = self.decide(&Asker::Root, change)?;
        self.snapshot = after(&self.directory, &self.snapshot, &batch);
        Ok(())
    }

    fn values(&self, name: &str, attribute: &str) -> Vec<String> {
        let schema = self.directory.schema();
        let kind = schema.attribute(attribute.as_bytes()).unwrap();
        let entry = self.snapshot.entry_by_dn(&dn(name), schema).unwrap();
        let values = entry.attribute(kind).into_iter().flat_map(|run| run.values());
        values
            .map(|value| String::from_utf8(value.to_vec()).unwrap())
            .collect()
    }

    /// Whether the entry of `member` may write titles.
    fn may_write(&self, member: EntryId) -> bool {
        let schema = self.directory.schema();
        let member = Asker::Member(member);
        let view = self.directory.view(&member, &self.snapshot);
        let grace = self.snapshot.entry_by_id(GRACE).unwrap();
        let title = schema.attribute(b"title").unwrap();
        view.writable(grace.id(), &grace).contains(title)
    }
}

fn person(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

/// An attribute as `name: value`.
fn written(line: &str) -> GivenAttribute {
    let (description, value) = line.split_once(": ").unwrap();
    given(description.as_bytes(), value)
}

fn modify(entry: &str, kind: ModificationKind, line: &str) -> Change {
    let attribute = written(line);
    Change::Modify(Modify {
        dn: dn(entry),
        modifications: vec![Modification { kind, attribute }],
    })
}

fn add(entry: &str, lines: &[&str]) -> Change {
    Change::Add(NewEntry {
        dn: dn(entry),
        attributes: lines.iter().map(|line| written(line)).collect(),
    })
}

fn new_person(uid: &str) -> Change {
    let lines = ["objectClass: inetOrgPerson", "cn: New Person", "sn: Person"];
    add(&person(uid), &lines)
}

fn remove(entry: &str) -> Change {
    Change::Remove(dn(entry))
}

fn rename(entry: &str, rdn: &str) -> Change {
    renaming(entry, rdn, None)
}

/// Whether `second` is refused once `first` is stored.
fn refuses(first: &Batch, second: &Batch) -> bool {
    let written = |guard: &Guard| match guard {
        Guard::UnchangedSince(key, _) => first.operations.iter().any(|it| it.key() == key),
        Guard::Absent(_) => false,
    };
    second.guards.iter().any(written)
}

const DESK: &str = "cn=desk,ou=groups,dc=uni,dc=example";
const OF_THE_DESK: &str = "group cn=desk,ou=groups,dc=uni,dc=example may write title of people";
const LISTING: &[Row<'_>] = &[
    Row(
        20,
        3,
        "cn=desk",
        &[
            "objectClass: groupOfNames",
            "objectClass: posixGroup",
            "cn: desk",
            "gidNumber: 7",
            "memberUid: ada",
            "memberUid: clerk",
        ],
    ),
    Row(
        21,
        2,
        "cn=Clerk",
        &[
            "objectClass: inetOrgPerson",
            "cn: Clerk",
            "sn: Clerk",
            "uid: clerk",
            "uid: c2",
        ],
    ),
];

#[test]
fn whoever_is_given_the_uid_of_somebody_who_has_gone_comes_into_none_of_their_groups() {
    let mut university = University::new(&[OF_THE_DESK], LISTING);
    let ada = person("ada");
    assert!(university.may_write(EntryId(4)));
    university.change(&remove(&ada)).unwrap();
    assert_eq!(university.values(DESK, "memberUid"), ["clerk"]);
    let id = university.snapshot.next_id();
    university.change(&new_person("ada")).unwrap();
    assert!(!university.may_write(id));
}

#[test]
fn a_group_that_lists_uids_follows_whoever_gets_another_and_keeps_no_old_one() {
    let mut university = University::new(&[OF_THE_DESK], LISTING);
    university
        .change(&rename(&person("ada"), "uid=lovelace"))
        .unwrap();
    assert_eq!(university.values(DESK, "memberUid"), ["clerk", "lovelace"]);
    assert!(university.may_write(EntryId(4)));
    // So does whoever is not named by it; another one of theirs takes its place.
    let clerk = format!("cn=Clerk,ou=people,{BASE}");
    let steps = [
        (ModificationKind::Delete, "uid: clerk", "c2"),
        (ModificationKind::Replace, "uid: c3", "c3"),
        (ModificationKind::Replace, "uid: C3", "C3"),
        (ModificationKind::Replace, "cn: Clerk", "C3"),
    ];
    for (kind, line, listed) in steps {
        university.change(&modify(&clerk, kind, line)).unwrap();
        assert_eq!(
            university.values(DESK, "memberUid"),
            ["lovelace", listed],
            "{line}"
        );
        assert!(university.may_write(EntryId(21)), "{line}");
    }
    university
        .change(&modify(&clerk, ModificationKind::Delete, "uid: C3"))
        .unwrap();
    assert_eq!(university.values(DESK, "memberUid"), ["lovelace"]);
}

#[test]
fn whoever_lists_a_uid_that_is_being_lost_decides_again() {
    let mut university = University::new(&[], LISTING);
    let mut batch = |change: Change| university.decide(&Asker::Root, &change).unwrap();
    let listing = batch(modify(DESK, ModificationKind::Add, "memberUid: Grace"));
    for other in [
        rename(&person("Grace"), "uid=hopper"),
        remove(&person("Grace")),
        modify(&person("Grace"), ModificationKind::Add, "title: Admiral"),
    ] {
        let is_lost = !matches!(other, Change::Modify(_));
        let other = batch(other);
        assert!(refuses(&other, &listing), "or the old UID stays behind");
        assert_eq!(refuses(&listing, &other), is_lost, "or it is not followed");
    }
}

#[test]
fn a_value_that_another_entry_has_is_taken_whatever_options_it_is_written_with() {
    let mut university = University::new(&[], &[]);
    let ada = person("ada");
    for line in ["mail: GRACE@uni.example", "mail;lang-en: grace@uni.example"] {
        let change = modify(&ada, ModificationKind::Add, line);
        assert!(
            matches!(university.change(&change), Err(Answer::Constraint)),
            "{line}"
        );
    }
    let lines = [
        "objectClass: inetOrgPerson",
        "cn: New Person",
        "sn: Person",
        "mail;lang-de: ada@uni.example",
    ];
    let new = add(&person("new"), &lines);
    assert!(matches!(university.change(&new), Err(Answer::Constraint)));
    // The own one is nobody else's, and a free one is taken for others.
    for line in [
        "mail;lang-en: ada@uni.example",
        "mail;lang-en: countess@uni.example",
    ] {
        university
            .change(&modify(&ada, ModificationKind::Add, line))
            .unwrap();
    }
    let grace = modify(
        &person("Grace"),
        ModificationKind::Add,
        "mail: countess@uni.example",
    );
    assert!(matches!(university.change(&grace), Err(Answer::Constraint)));
}

#[test]
fn an_import_is_in_the_way_of_those_only_who_take_names_and_values_or_refer() {
    let mut university = University::new(&[], LISTING);
    let import = Batch {
        guards: Vec::new(),
        operations: vec![unique::touch(unique::everything())],
    };
    let ada = person("ada");
    let pin = Change::SetPin(SetPin {
        whose: Some(ada.as_bytes().into()),
        old: None,
        new: Some(Pin::new(*b"another-PIN-7")),
    });
    let free = [
        pin,
        modify(&ada, ModificationKind::Replace, "title: Countess"),
        modify(&ada, ModificationKind::Add, "telephoneNumber: +852 1"),
        modify(&ada, ModificationKind::Delete, "mail: ada@uni.example"),
    ];
    for change in &free {
        let batch = university.decide(&Asker::Root, change).unwrap();
        assert!(!refuses(&import, &batch));
    }
    let kept = [
        modify(&ada, ModificationKind::Add, "mail: countess@uni.example"),
        modify(
            &ada,
            ModificationKind::Add,
            "manager: uid=grace,ou=people,dc=uni,dc=example",
        ),
        modify(DESK, ModificationKind::Add, "memberUid: Grace"),
        new_person("new"),
        remove(&ada),
        rename(&ada, "uid=lovelace"),
    ];
    for change in &kept {
        let batch = university.decide(&Asker::Root, change).unwrap();
        assert!(refuses(&import, &batch));
    }
}

#[test]
fn every_change_and_every_entry_of_one_has_a_number_of_its_own() {
    let mut university = University::new(&[], LISTING);
    let (ada, staff) = (person("ada"), format!("cn=staff,ou=groups,{BASE}"));
    let mut numbers = Vec::new();
    for title in ["one", "two", "three"] {
        let title = format!("title: {title}");
        university
            .change(&modify(&ada, ModificationKind::Replace, &title))
            .unwrap();
        numbers.extend(university.values(&ada, "entryCSN"));
    }
    university.change(&rename(&ada, "uid=lovelace")).unwrap();
    for dn in [&person("lovelace"), &staff, &DESK.to_owned()] {
        numbers.extend(university.values(dn, "entryCSN"));
    }
    assert_eq!(numbers.len(), 6);
    assert!(numbers[..4].is_sorted_by(|one, other| one < other), "{numbers:?}");
    let distinct: HashSet<&String> = numbers.iter().collect();
    assert_eq!(distinct.len(), 6, "{numbers:?}");
}

#[test]
fn password_modify_tells_of_no_uid_to_whoever_may_not_search_for_it() {
    let whose = |rules: &[&str], whose: &str| {
        let change = Change::SetPin(SetPin {
            whose: Some(whose.as_bytes().into()),
            old: None,
            new: Some(Pin::new(*b"another-PIN-7")),
        });
        University::new(rules, &[]).decide(&Asker::Member(GRACE), &change)
    };
    let blind: &[&str] = &["members may read cn of people"];
    for uid in ["u:ada", "u:nosuch", "ada"] {
        let answer = whose(blind, uid).err();
        assert!(matches!(answer, Some(Answer::NoSuchEntry(None))), "{uid}");
    }
    let named = whose(blind, &person("ada")).err();
    assert!(matches!(named, Some(Answer::InsufficientAccess)));
    let seeing = whose(&["members may search uid of people"], "u:ada").err();
    assert!(matches!(seeing, Some(Answer::InsufficientAccess)));
    let may = [
        "members may search uid of people",
        "members may write userPassword of people",
    ];
    assert!(whose(&may, "u:ada").is_ok());
}

#[test]
fn a_pin_has_no_options() {
    let mut university = University::new(&[], &[]);
    for option in ["x-nonsense", "lang-en", "binary"] {
        let line = format!("userPassword;{option}: another-PIN-7");
        for kind in [
            ModificationKind::Add,
            ModificationKind::Replace,
            ModificationKind::Delete,
        ] {
            let answer = university.change(&modify(&person("ada"), kind, &line));
            assert!(
                matches!(answer, Err(Answer::UndefinedAttribute)),
                "{option} {kind:?}"
            );
        }
        let lines = ["objectClass: inetOrgPerson", "cn: New", "sn: New", &line];
        let answer = university.change(&add(&person("new"), &lines));
        assert!(matches!(answer, Err(Answer::UndefinedAttribute)), "{option}");
    }
}
