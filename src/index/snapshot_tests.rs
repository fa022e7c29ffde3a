//! Snapshots from outside: built, changed, folded and built again, they must say the same.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::testing::{
    BASE, OwnedRow, Row, UNIVERSITY, built, change, key, put, put_owned, random_row, record, schema,
    snapshot, stored,
};
use super::*;
use crate::domain::schema::Schema;
use crate::record::{Key, Kind, Operation, Revision};
use crate::types::{Dn, EntryId, SeededEntropy, Timestamp};

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

/// Everything a snapshot says of its entries, by DN.
fn contents(snapshot: &Snapshot) -> BTreeMap<String, (u64, Vec<String>)> {
    let entry = |entry: EntryRef<'_>| {
        let values = entry.packed().flat_map(|attribute| {
            attribute.values().map(move |value| {
                format!(
                    "{:?};{}: {}",
                    attribute.kind,
                    attribute.options,
                    String::from_utf8_lossy(value)
                )
            })
        });
        (entry.dn_text(), (entry.id().0, values.collect()))
    };
    snapshot.entries().map(entry).collect()
}

#[test]
fn entries_are_found_by_name_id_and_uid() {
    let schema = schema();
    let snapshot = snapshot(schema, UNIVERSITY);
    assert_eq!(
        (snapshot.len(), snapshot.next_id().0, snapshot.revision()),
        (8, 9, Revision(1))
    );
    let found = |text: &str| snapshot.entry_by_dn(&dn(text), schema).map(|entry| entry.id().0);
    assert_eq!(found("UID=Ada , ou=people,dc=UNI,dc=example"), Some(4));
    assert_eq!(found("uid=\u{ff21}da,ou=people,dc=uni,dc=example"), Some(4));
    assert_eq!(found(BASE), Some(1));
    for missing in [
        "",
        "dc=example",
        "dc=uni",
        "uid=ada,dc=uni,dc=example",
        "nosuch=a,dc=uni,dc=example",
    ] {
        assert_eq!(found(missing), None, "{missing}");
    }
    let by_uid = |uid: &str| snapshot.entry_by_uid(uid, schema).map(|entry| entry.id().0);
    assert_eq!(
        (by_uid("ADA"), by_uid("\u{ff47}race"), by_uid("nobody")),
        (Some(4), Some(5), None)
    );
    let ada = snapshot.entry_by_id(EntryId(4)).unwrap();
    assert_eq!(ada.dn_text(), "uid=ada,ou=people,dc=uni,dc=example");
    assert_eq!(Some(ada.normal_dn()), schema.normal_dn(&ada.dn()));
    assert_eq!(ada.revision(), Revision(1));
    assert!(snapshot.entry_by_id(EntryId(99)).is_none());
}

#[test]
fn an_ambiguous_uid_is_nobodys() {
    let schema = schema();
    for uid in ["uid: ADA", "uid: \u{ff41}da"] {
        let twin = Row(9, 3, "cn=twin", &["objectClass: account", "cn: twin", uid]);
        let next = snapshot(schema, UNIVERSITY)
            .apply(&[change(2, vec![put(schema, &twin)])], schema)
            .unwrap();
        assert!(next.entry_by_uid("ada", schema).is_none(), "{uid}");
    }
}

#[test]
fn an_old_snapshot_does_not_see_a_change() {
    let schema = schema();
    let old = snapshot(schema, UNIVERSITY);
    let changes = [
        change(
            2,
            vec![
                put(schema, &Row(4, 2, "uid=ada2", &["uid: ada2"])),
                Operation::Delete { key: key(5) },
            ],
        ),
        change(5, vec![put(schema, &Row(20, 2, "uid=new", &["uid: new"]))]),
    ];
    let new = old.apply(&changes, schema).unwrap();
    assert_eq!((old.len(), old.revision(), old.next_id().0), (8, Revision(1), 9));
    assert_eq!((new.len(), new.revision(), new.next_id().0), (8, Revision(5), 21));
    let uids = ["ada", "ada2", "grace", "new"];
    let ids =
        |snapshot: &Snapshot| uids.map(|uid| snapshot.entry_by_uid(uid, schema).map(|entry| entry.id().0));
    assert_eq!(ids(&old), [Some(4), None, Some(5), None]);
    assert_eq!(ids(&new), [None, Some(4), None, Some(20)]);
    let revisions = [4, 6, 20].map(|id| new.entry_by_id(EntryId(id)).unwrap().revision());
    assert_eq!(revisions, [Revision(2), Revision(1), Revision(5)]);
}

#[test]
fn renaming_a_container_renames_all_below_it() {
    let schema = schema();
    let renamed = Row(
        2,
        1,
        "ou=Members",
        &["objectClass: organizationalUnit", "ou: Members"],
    );
    let new = snapshot(schema, UNIVERSITY)
        .apply(&[change(2, vec![put(schema, &renamed)])], schema)
        .unwrap();
    let found = |text: &str| new.entry_by_dn(&dn(text), schema).map(|entry| entry.id().0);
    assert_eq!(found("uid=ada,ou=members,dc=uni,dc=example"), Some(4));
    assert_eq!(found("uid=ada,ou=people,dc=uni,dc=example"), None);
    assert_eq!(
        new.entry_by_id(EntryId(4)).unwrap().dn_text(),
        "uid=ada,ou=Members,dc=uni,dc=example"
    );
}

#[test]
fn a_child_may_come_before_its_parent_within_one_commit() {
    let schema = schema();
    let rows = [
        Row(21, 20, "cn=x", &["cn: x"]),
        Row(20, 1, "ou=new", &["ou: new"]),
    ];
    let both = change(2, rows.iter().map(|row| put(schema, row)).collect());
    let new = snapshot(schema, UNIVERSITY).apply(&[both], schema).unwrap();
    assert_eq!(
        new.entry_by_id(EntryId(21)).unwrap().dn_text(),
        "cn=x,ou=new,dc=uni,dc=example"
    );
}

#[test]
fn two_records_of_one_entry_are_refused() {
    let schema = schema();
    let twice = [1, 1].map(|_| record(schema, &UNIVERSITY[0]));
    assert_eq!(built(schema, twice).err(), Some(BuildError::Twice(EntryId(1))));
}

#[test]
fn nothing_is_built_under_a_base_that_the_schema_cannot_read() {
    let schema = schema();
    let base = dn("dc=uni,nosuch=x");
    let builder = Builder::new(schema, &IndexSettings::usual(schema), &base, 7, Sets::default());
    assert_eq!(builder.err(), Some(BuildError::Base("dc=uni,nosuch=x".into())));
}

#[test]
fn side_records_are_kept_through_changes_and_folding() {
    let schema = schema();
    let lock = Key::new(Kind::Lockout, &4u64.to_be_bytes());
    let moment = Timestamp::from_unix_ms;
    let locked = Operation::Put {
        key: lock.clone(),
        value: b"locked"[..].into(),
        expires: Some(moment(100)),
    };
    let new = snapshot(schema, UNIVERSITY)
        .apply(&[change(2, vec![locked])], schema)
        .unwrap();
    let folded = new.folded(schema, NonZeroUsize::MIN).unwrap();
    for snapshot in [&new, &folded] {
        assert_eq!(snapshot.side_record(&lock, moment(99)), Some(&b"locked"[..]));
        assert_eq!(snapshot.side_record(&lock, moment(100)), None);
    }
    let unlock = Operation::Delete { key: lock.clone() };
    let unlocked = folded.apply(&[change(3, vec![unlock])], schema).unwrap();
    assert_eq!(unlocked.side_record(&lock, moment(99)), None);
}

#[test]
fn an_entry_goes_back_to_its_record_whole() {
    let schema = schema();
    let snapshot = snapshot(schema, UNIVERSITY);
    for row in UNIVERSITY {
        let entry = snapshot.entry_by_id(EntryId(row.0)).unwrap();
        assert_eq!(entry.to_stored(schema).unwrap().encode(), stored(schema, row));
    }
}

/// What random changes to random ids lead to, as a snapshot and as the rows it should hold.
struct History {
    schema: &'static Schema,
    entropy: SeededEntropy,
    rows: BTreeMap<u64, OwnedRow>,
    revision: u64,
}

impl History {
    fn new(seed: u64) -> History {
        History {
            schema: schema(),
            entropy: SeededEntropy::new(seed),
            rows: BTreeMap::new(),
            revision: 1,
        }
    }

    fn change(&mut self) -> crate::record::Change {
        self.revision += 1;
        let count = 1 + self.entropy.next_u64() % 5;
        let operations = (0..count).map(|_| self.operation()).collect();
        change(self.revision, operations)
    }

    fn operation(&mut self) -> Operation {
        let id = 9 + self.entropy.next_u64() % 60;
        if self.entropy.next_u64().is_multiple_of(4) {
            self.rows.remove(&id);
            return Operation::Delete { key: key(id) };
        }
        let row = random_row(&mut self.entropy, id);
        let operation = put_owned(self.schema, id, &row);
        self.rows.insert(id, row);
        operation
    }

    /// Built from the rows alone.
    fn rebuilt(&self) -> Snapshot {
        let base = snapshot(self.schema, UNIVERSITY);
        let all = self
            .rows
            .iter()
            .map(|(id, row)| put_owned(self.schema, *id, row))
            .collect();
        let next = base.apply(&[change(self.revision, all)], self.schema).unwrap();
        next.folded(self.schema, NonZeroUsize::MIN.saturating_add(2))
            .unwrap()
    }
}

/// The ids behind the candidates, after what a filter would verify.
fn equal_ids(snapshot: &Snapshot, schema: &Schema, name: &str, value: &str) -> Vec<u64> {
    let kind = schema.attribute(name.as_bytes()).unwrap();
    let rule = schema.definition(kind).equality.unwrap();
    let normal = rule.normalize_assertion(schema, value.as_bytes()).unwrap();
    let Candidates::Among(slots) = snapshot.equality(kind, &normal) else {
        panic!("{name} is indexed");
    };
    let has = |entry: &EntryRef<'_>| {
        let mut values = entry
            .packed()
            .filter(|view| view.kind == kind)
            .flat_map(|view| view.values());
        values.any(|other| rule.normalize_assertion(schema, other).as_ref() == Ok(&normal))
    };
    let entries = slots.into_iter().filter_map(|slot| snapshot.entry(slot));
    let mut ids: Vec<u64> = entries.filter(has).map(|entry| entry.id().0).collect();
    ids.sort_unstable();
    ids
}

fn same(a: &Snapshot, b: &Snapshot, schema: &Schema) {
    assert_eq!(contents(a), contents(b));
    assert_eq!(a.len(), b.len());
    for at in 0..30 {
        for (name, value) in [
            ("uid", format!("U{at}")),
            ("sn", format!("s{}", at % 5)),
            ("mail", format!("m{at}@uni.example")),
            (
                "member",
                format!("cn=p{},ou=people,dc=uni,dc=example", 9 + 2 * at),
            ),
        ] {
            assert_eq!(
                equal_ids(a, schema, name, &value),
                equal_ids(b, schema, name, &value),
                "{name}={value}"
            );
        }
        for parent in ["people", "groups"] {
            let name = dn(&format!("cn=p{},ou={parent},dc=uni,dc=example", 9 + 2 * at));
            let id = |snapshot: &Snapshot| snapshot.entry_by_dn(&name, schema).map(|entry| entry.id().0);
            assert_eq!(id(a), id(b), "{name}");
        }
    }
    let children = |snapshot: &Snapshot| {
        let parent = snapshot.entry_by_id(EntryId(2)).unwrap();
        let mut ids: Vec<u64> = snapshot
            .children(parent.slot())
            .map(|entry| entry.id().0)
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(children(a), children(b));
}

#[test]
fn random_changes_lead_where_building_anew_leads() {
    for seed in 0..4 {
        let mut history = History::new(seed);
        let mut current = snapshot(history.schema, UNIVERSITY);
        for step in 0..60 {
            current = current.apply(&[history.change()], history.schema).unwrap();
            if step % 20 == 13 {
                current = current.folded(history.schema, NonZeroUsize::MIN).unwrap();
            }
        }
        same(&current, &history.rebuilt(), history.schema);
        assert_eq!(current.revision(), Revision(history.revision));
    }
}

#[test]
fn records_may_come_in_any_order() {
    let schema = schema();
    let backwards = UNIVERSITY.iter().rev().map(|row| record(schema, row));
    let backwards = built(schema, backwards).unwrap();
    same(&backwards, &snapshot(schema, UNIVERSITY), schema);
}

#[test]
fn a_writer_publishes_changes_and_survives_a_folding_in_between() {
    let schema = schema();
    let handle = std::sync::Arc::new(IndexHandle::new(snapshot(schema, UNIVERSITY)));
    let mut writer = IndexWriter::new(handle.clone(), schema.clone());
    assert!(writer.start_folding().is_none(), "nothing to fold");
    let people = |ids: std::ops::Range<u64>, revision| {
        let row = |id| {
            put_owned(
                schema,
                id,
                &(2, format!("uid=n{id}"), vec![format!("uid: n{id}")]),
            )
        };
        change(revision, ids.map(row).collect())
    };
    writer.apply(vec![people(10..5_000, 2)]).unwrap();
    let old = writer.start_folding().unwrap();
    assert!(writer.start_folding().is_none(), "one at a time");
    let folded = old.folded(schema, NonZeroUsize::MIN).unwrap();
    writer
        .apply(vec![people(10..5_000, 2), people(5_000..5_002, 3)])
        .unwrap();
    writer.finish_folding(folded).unwrap();
    let current = handle.load();
    assert_eq!((current.len(), current.revision()), (5_000, Revision(3)));
    assert!(current.entry_by_uid("n5001", schema).is_some() && current.entry_by_uid("n10", schema).is_some());
    assert!(!current.wants_folding());
    let orphan = put_owned(schema, 9, &(99_999, "cn=x".into(), Vec::new()));
    writer.apply(vec![change(4, vec![orphan])]).unwrap();
    let current = handle.load();
    assert_eq!((current.len(), current.revision()), (5_000, Revision(4)));
    assert_eq!(current.quarantine().len(), 1, "set aside, and the rest goes on");
}

#[test]
fn classes_are_known_without_reading_them() {
    let schema = schema();
    let folded = snapshot(schema, UNIVERSITY);
    let class = |name: &str| schema.class(name.as_bytes()).unwrap().position;
    let ada = folded.entry_by_id(EntryId(4)).unwrap();
    assert_eq!(ada.has_class(class("person")), Some(true));
    assert_eq!(ada.has_class(class("groupOfNames")), Some(false));
    let changed = folded
        .apply(&[change(2, vec![put(schema, &UNIVERSITY[3])])], schema)
        .unwrap();
    let ada = changed.entry_by_id(EntryId(4)).unwrap();
    assert_eq!(
        ada.has_class(class("person")),
        None,
        "an entry of the delta shares no runs"
    );
}
