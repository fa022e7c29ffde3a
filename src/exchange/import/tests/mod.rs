mod csv;
mod rivals;
mod town;

use super::*;
use crate::domain::entry::Entry;
use crate::exchange::export::Secrets;
use crate::exchange::import::tests::town::{BASE, BASE_ROWS, Told, Town};
use crate::record::{Key, Operation};
use crate::types::EntryId;

const SSHA: &str = "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ7nJfz";
const OTHER_SSHA: &str = "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0";
const UPGRADED: &str = "{ARGON2}$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$2PENBsBUwtYmfXnQlgoW3g";

/// The row of a person with `lines` besides what every person has.
fn person(uid: &str, lines: &str) -> String {
    let lines = if lines.is_empty() {
        String::new()
    } else {
        format!("{lines}\n")
    };
    format!(
        "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n{lines}\n"
    )
}

fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

fn problems(told: &Told) -> Vec<&str> {
    told.refused.iter().map(|(problem, _)| problem.as_str()).collect()
}

/// `text`, imported into a directory with ada in it, is refused with `expected`, and nothing is applied.
fn refuse(text: &str, expected: &[&str]) {
    let mut town = Town::with_base();
    town.import(&person(
        "ada",
        "mail: ada@uni.example\nuidNumber: 7\nobjectClass: posixAccount\ngidNumber: 7\nhomeDirectory: /h",
    ));
    let before = town.export(Secrets::Included);
    let told = town.import(text);
    assert_eq!(problems(&told), expected, "{text}");
    assert_eq!(told.result.unwrap().applied, Applied::No);
    assert_eq!(town.export(Secrets::Included), before);
}

#[test]
fn what_is_imported_is_there_with_times_and_author() {
    let mut town = Town::with_base();
    assert_eq!(
        town.import(&person("ada", "mail: ada@uni.example")).counts(),
        (1, 0, 0, 0)
    );
    assert_eq!(town.value(&dn("ada"), "mail").as_deref(), Some("ada@uni.example"));
    assert_eq!(
        town.value(&dn("ada"), "createTimestamp").as_deref(),
        Some("20261122093000Z")
    );
    assert_eq!(
        town.value(&dn("ada"), "modifiersName").as_deref(),
        Some("cn=admin,dc=uni,dc=example")
    );
    let uuid = town.value(&dn("ada"), "entryUUID").unwrap();
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
}

#[test]
fn without_the_next_id_nothing_is_imported() {
    let mut town = Town::with_base();
    town.write(vec![Operation::put(Key::next_entry_id(), *b"7 bytes")]);
    let error = town.import(&person("ada", "")).result.unwrap_err();
    assert!(error.contains("the next entry id is damaged"), "{error}");
    assert_eq!(town.entries().snapshot.len(), 2);
}

#[test]
fn the_same_file_twice_changes_nothing() {
    let mut town = Town::new();
    let file = format!(
        "{BASE_ROWS}{}{}",
        person("ada", &format!("userPassword: {SSHA}\ncn;lang-en: Ada")),
        person("bob", "")
    );
    assert_eq!(town.import(&file).counts(), (4, 0, 0, 0));
    let revision = town.entries().revision();
    town.now = town.now.plus_s(3600);
    assert_eq!(town.import(&file).counts(), (0, 0, 4, 0));
    assert_eq!(town.entries().revision(), revision);
}

#[test]
fn names_above_may_be_spelt_differently() {
    let mut town = Town::with_base();
    let file = person("ada", "").replace("ou=people,dc=uni", "OU = People , DC=UNI");
    assert_eq!(town.import(&file).counts(), (1, 0, 0, 0));
    assert_eq!(town.import(&file).counts(), (0, 0, 1, 0));
    assert_eq!(
        town.import(&file.replace("dn: uid=ada", "dn: uid=Ada")).counts(),
        (0, 1, 0, 0)
    );
}

#[test]
fn a_row_says_what_the_user_attributes_shall_be() {
    let mut town = Town::with_base();
    town.import(&person(
        "ada",
        "mail: ada@uni.example\ntitle: Ms\nbeadleClass: student",
    ));
    let uuid = town.value(&dn("ada"), "entryUUID");
    town.now = town.now.plus_s(3600);
    let told = town.import(&person("ada", "mail: countess@uni.example"));
    let Effect::Changed { set, removed } = told.effects[0].1.clone() else {
        panic!()
    };
    assert_eq!(set, ["mail"], "the stamp goes without saying");
    assert_eq!(removed, ["title"]);
    assert_eq!(town.value(&dn("ada"), "title"), None);
    assert_eq!(
        town.value(&dn("ada"), "beadleClass").as_deref(),
        Some("student"),
        "operational: the file says nothing"
    );
    assert_eq!(town.value(&dn("ada"), "entryUUID"), uuid);
    assert_eq!(
        town.value(&dn("ada"), "createTimestamp").as_deref(),
        Some("20261122093000Z")
    );
    assert_eq!(
        town.value(&dn("ada"), "modifyTimestamp").as_deref(),
        Some("20261122103000Z")
    );
}

#[test]
fn an_upgraded_hash_survives_the_file_it_came_from() {
    let mut town = Town::with_base();
    let file = person("ada", &format!("userPassword: {SSHA}"));
    town.import(&file);
    town.upgrade(&dn("ada"), UPGRADED);
    assert_eq!(town.import(&file).counts(), (0, 0, 1, 0));
    let and_more = person("ada", &format!("userPassword: {SSHA}\ntitle: Ms"));
    assert_eq!(town.import(&and_more).counts(), (0, 1, 0, 0));
    assert_eq!(town.value(&dn("ada"), "userPassword").as_deref(), Some(UPGRADED));
    assert_eq!(town.import(&person("ada", "title: Dr")).counts(), (0, 1, 0, 0));
    assert_eq!(
        town.value(&dn("ada"), "userPassword").as_deref(),
        Some(UPGRADED),
        "the file says nothing"
    );
    assert_eq!(
        town.import(&person("ada", &format!("title: Dr\nuserPassword: {OTHER_SSHA}")))
            .counts(),
        (0, 1, 0, 0)
    );
    assert_eq!(
        town.value(&dn("ada"), "userPassword").as_deref(),
        Some(OTHER_SSHA),
        "the file says another"
    );
}

#[test]
fn an_export_imports_to_the_same_directory() {
    let mut town = Town::new();
    town.import(&format!(
        "{BASE_ROWS}{}{}",
        person("ada", &format!("userPassword: {SSHA}")),
        person("bob", "cn: Bob; \u{e9}")
    ));
    town.import(&person("eve", "jpegPhoto:: AAEC/w==\ncn;lang-fr;x-a: \u{c8}ve"));
    town.upgrade(&dn("ada"), UPGRADED);
    let exported = town.export(Secrets::Included);
    let mut other = Town::new();
    other.now = other.now.plus_s(9999);
    assert_eq!(other.import(&exported).counts(), (5, 0, 0, 0));
    assert_eq!(other.export(Secrets::Included), exported);
    assert_eq!(
        town.import(&exported).counts(),
        (0, 0, 5, 0),
        "and changes nothing where it came from"
    );
}

#[test]
fn an_export_of_a_pin_that_was_never_imported_says_so() {
    let mut town = Town::with_base();
    town.import(&person("ada", ""));
    town.upgrade(&dn("ada"), UPGRADED);
    let exported = town.export(Secrets::Included);
    assert!(exported.contains("\nbeadleImportedHash: none\n"), "{exported}");
    let mut other = Town::new();
    other.import(&exported);
    assert_eq!(other.value(&dn("ada"), "beadleImportedHash"), None);
    assert_eq!(other.export(Secrets::Included), exported);
}

#[test]
fn an_export_without_secrets_has_none_and_leaves_those_that_are_there() {
    let mut town = Town::with_base();
    town.import(&person("ada", &format!("userPassword: {SSHA}")));
    let exported = town.export(Secrets::LeftOut);
    assert!(
        !exported.contains("SSHA") && !exported.contains("Hash"),
        "{exported}"
    );
    assert_eq!(town.import(&exported).counts(), (0, 0, 3, 0));
    assert_eq!(town.value(&dn("ada"), "userPassword").as_deref(), Some(SSHA));
}

#[test]
fn an_export_is_sorted_with_parents_first() {
    let mut town = Town::with_base();
    town.import(&(person("Zoe", "") + &person("bob", "") + &person("ada", "")));
    let exported = town.export(Secrets::Included);
    let names: Vec<&str> = exported
        .lines()
        .filter_map(|line| line.strip_prefix("dn: "))
        .collect();
    let people = format!("ou=people,{BASE}");
    assert_eq!(names, [BASE, &people, &dn("ada"), &dn("bob"), &dn("Zoe")]);
}

#[test]
fn rows_may_come_in_any_order() {
    let mut town = Town::new();
    let people: String = (0..500).map(|at| person(&format!("p{at}"), "")).collect();
    let (base, units) = BASE_ROWS.split_once("\n\n").unwrap();
    let below = format!("dn: cn=phone,uid=p7,ou=people,{BASE}\nobjectClass: device\ncn: phone\n\n");
    assert_eq!(
        town.import(&format!("{below}{people}{units}{base}\n")).counts(),
        (503, 0, 0, 0)
    );
    assert!(
        town.batches
            .iter()
            .all(|batch| batch.operations.len() <= BATCH_OPERATIONS_MAX)
    );
    assert_eq!(town.batches.len(), 3);
    assert_eq!(town.entries().snapshot.len(), 503);
}

#[test]
fn an_entry_without_one_above_is_refused() {
    let above = "add a row for it, or correct the name";
    refuse(
        &format!("dn: uid=bob,ou=nosuch,{BASE}\nobjectClass: account\nuid: bob\n"),
        &[&format!(
            "1: dn: there is no entry ou=nosuch,{BASE} above this one, neither in the directory nor in the file; {above}"
        )],
    );
    refuse(
        &format!(
            "dn: cn=x,cn=y,{BASE}\nobjectClass: device\ncn: x\n\ndn: cn=y,{BASE}\nobjectClass: device\ncn: y\nsn: y\n"
        ),
        &[
            "8: sn: no object class of the entry allows it; remove it, or add an auxiliary `objectClass` that allows it",
            "1: dn: the entry above this one is refused, on line 5; correct that row first",
        ],
    );
    refuse(
        &format!(
            "dn: cn=x,cn=y,cn=z,{BASE}\nobjectClass: device\ncn: x\n\ndn: cn=y,cn=z,{BASE}\nobjectClass: device\ncn: y\n"
        ),
        &[
            &format!(
                "5: dn: there is no entry cn=z,{BASE} above this one, neither in the directory nor in the file; {above}"
            ),
            "1: dn: the entry above this one is refused, on line 5; correct that row first",
        ],
    );
}

#[test]
fn each_bad_row_names_line_attribute_reason_and_remedy() {
    let bad = |lines: &str, expected: &str| refuse(&person("bob", lines), &[expected]);
    bad(
        "nosuch: 1",
        "6: nosuch: the schema knows no such attribute; correct the name, add its schema, or leave it out with --ignore",
    );
    bad(
        "memberOf: cn=x",
        "6: memberOf: the directory sets this attribute itself; remove it from the file, or leave it out with --ignore",
    );
    bad(
        "title:",
        "6: title: the value is empty; remove the line, or fill the value in",
    );
    bad("manager: bob", "6: manager: `bob` is no DN; correct the value");
    bad(
        "title: a\ntitle:   A",
        "7: title: the value is there twice; leave it once",
    );
    bad(
        "displayName: a\ndisplayName: b",
        "7: displayName: it may have one value only; leave one value",
    );
    bad(
        "objectClass: nosuch",
        "6: objectClass: `nosuch` is an object class that no schema file defines; correct the name, or add its schema",
    );
    bad(
        "userPassword: secret",
        "6: userPassword: a PIN in clear text is never accepted; give its hash: {ARGON2}, {SSHA}, {SHA}, {SSHA256}, {SHA256}, {SSHA512}, {SHA512}, {CRYPT} with $5$, $6$, $2a$, $2b$ or $2y$, {PBKDF2}, {PBKDF2-SHA256}, {PBKDF2-SHA512}; put a hash there, such as `beadle hash` prints",
    );
    bad(
        &format!("userPassword: {SSHA}\nuserPassword: {SSHA}"),
        "7: userPassword: an account has one PIN; leave one `userPassword` line, without options",
    );
    bad(
        "mail: ADA@uni.example",
        &format!(
            "6: mail: `ADA@uni.example` already belongs to {}; give each entry a value of its own",
            dn("ada")
        ),
    );
    refuse(
        &person("ada", "entryUUID: 00000000-0000-4000-8000-000000000000"),
        &[
            "1: dn: the directory knows this entry under another entryUUID; remove the entryUUID line to keep the one it has",
        ],
    );
    refuse(
        "dn: nonsense\nobjectClass: device\n",
        &[
            "1: dn: `nonsense` is not a distinguished name; write it as RFC 4514 says, such as `uid=u3001234,ou=people,dc=uni,dc=example`",
        ],
    );
    refuse(
        "dn: cn=a,dc=elsewhere\nobjectClass: device\n",
        &[
            "1: dn: the entry is not under dc=uni,dc=example; correct the name, or `base_dn` in the configuration",
        ],
    );
    refuse(
        &(person("bob", "mail: b@x") + &person("eve", "mail: B@x")),
        &["13: mail: `B@x` is already on line 1; give each entry a value of its own"],
    );
    refuse(
        &(person("bob", "") + &person("BOB", "")),
        &["7: dn: the same name as on line 1; leave one of the two rows"],
    );
    refuse(
        &format!("dn: cn=a,{BASE}\nobjectClass: groupOfNames\ncn: a\n"),
        &["1: member: the object class `groupOfNames` demands it; add it"],
    );
}

#[test]
fn a_group_that_was_emptied_may_stay_so_and_come_back_so() {
    let mut town = Town::with_base();
    let group = format!("cn=a,{BASE}");
    let row = |lines: &str| format!("dn: {group}\nobjectClass: groupOfNames\ncn: a\n{lines}\n");
    town.import(&row(&format!("member: {BASE}")));
    let (id, above, mut entry) = town.entry(&group).unwrap();
    entry.set(town.schema.well_known().member, Vec::new());
    let emptied = town.put(id, above, &entry);
    town.write(vec![emptied]);
    let exported = town.export(Secrets::Included);
    let mut other = Town::new();
    assert_eq!(other.import(&exported).counts(), (3, 0, 0, 0));
    assert_eq!(other.export(Secrets::Included), exported);
    assert_eq!(town.import(&row("description: x")).counts(), (0, 1, 0, 0));
    let csv = format!("dn,description\n\"{group}\",y\n");
    let told = town.import_as(Format::Csv, &csv, KeepGoing::No, Mode::Apply);
    assert_eq!(told.counts(), (0, 1, 0, 0));
}

#[test]
fn a_changed_entry_that_has_a_change_number_gets_another() {
    let mut town = Town::with_base();
    town.import(&(person("ada", "") + &person("bob", "")));
    let old = "20260101000000.000000Z#000001#000#000000";
    let numbered = town.set(&dn("ada"), "entryCSN", old);
    town.write(vec![numbered]);
    let told = town.import(&(person("ada", "") + &person("bob", "title: Mr")));
    assert_eq!(told.counts(), (0, 1, 1, 0));
    assert_eq!(town.value(&dn("ada"), "entryCSN").as_deref(), Some(old));
    town.import(&person("ada", "title: Ms"));
    let new = town.value(&dn("ada"), "entryCSN").unwrap();
    assert!(new.starts_with("20261122093000.000000Z#"), "{new}");
    assert_eq!(town.value(&dn("bob"), "entryCSN"), None);
}

#[test]
fn a_uid_that_only_looks_different_is_the_same() {
    let expected = format!(
        "4: uid: `\u{ff21}da` already belongs to {}; give each entry a value of its own",
        dn("ada")
    );
    refuse(
        &format!("dn: ou=x,{BASE}\nobjectClass: account\nou: x\nuid: \u{ff21}da\n"),
        &[&expected],
    );
    refuse(
        &(person("zoe\u{308}", "") + &person("ZO\u{cb}", "")),
        &["7: dn: the same name as on line 1; leave one of the two rows"],
    );
}

#[test]
fn attributes_that_are_ignored_may_be_unknown_or_nobodys_to_set() {
    let mut town = Town::with_base();
    let told = town.import(&person(
        "ada",
        "entryCSN: 2026#0\nstructuralObjectClass: inetOrgPerson",
    ));
    assert_eq!(told.counts(), (1, 0, 0, 0));
}

#[test]
fn a_value_can_move_from_one_entry_to_another_in_one_file() {
    let mut town = Town::with_base();
    town.import(&(person("ada", "mail: a@x") + &person("bob", "mail: b@x")));
    let swapped = person("ada", "mail: b@x") + &person("bob", "mail: a@x");
    assert_eq!(town.import(&swapped).counts(), (0, 2, 0, 0));
    let taken = town.import(&person("ada", "mail: a@x"));
    let expected = format!(
        "6: mail: `a@x` already belongs to {}; give each entry a value of its own",
        dn("bob")
    );
    assert_eq!(problems(&taken), [expected]);
}

#[test]
fn keep_going_applies_the_good_rows_and_gives_back_the_bad_ones() {
    let mut town = Town::with_base();
    let bad = person("eve", "nosuch: 1");
    let orphan = format!("dn: cn=x,cn=y,{BASE}\nobjectClass: device\ncn: x\n\n");
    let file = format!("{}{bad}{orphan}{}", person("ada", ""), person("bob", ""));
    let told = town.import_as(Format::Ldif, &file, KeepGoing::Yes, Mode::Apply);
    assert_eq!(told.counts(), (2, 0, 0, 2));
    let rows: String = told.refused.iter().map(|(_, text)| format!("{text}\n")).collect();
    assert_eq!(rows, format!("{bad}{orphan}"));
    let fixed = rows.replace("nosuch: 1\n", "").replace("cn=x,cn=y,", "cn=x,");
    assert_eq!(town.import(&fixed).counts(), (2, 0, 0, 0));
    assert_eq!(town.entries().snapshot.len(), 6);
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let mut town = Town::with_base();
    let told = town.import_as(Format::Ldif, &person("ada", ""), KeepGoing::No, Mode::DryRun);
    assert_eq!(told.effects, [(dn("ada"), Effect::New)]);
    assert_eq!(
        (told.result.unwrap().applied, town.entries().snapshot.len()),
        (Applied::No, 2)
    );
}

#[test]
fn written_is_said_of_what_is_durable_and_at_the_end_of_all() {
    let text: String = (0..700).map(|number| person(&format!("p{number}"), "")).collect();
    let told_by = |under_way_max| {
        let mut town = Town::with_base();
        town.batches.clear();
        town.under_way_max = under_way_max;
        let told = town.import(&text);
        (town.batches.len(), told.written)
    };
    let (batches, at_once) = told_by(0);
    assert!(batches > 3 && at_once.len() == batches, "{at_once:?}");
    assert_eq!(at_once.last(), Some(&(700, 700)));
    let (_, late) = told_by(2);
    assert_eq!(late[..2], [(0, 700), (0, 700)]);
    assert_eq!(late[2..batches], at_once[..batches - 2]);
    assert_eq!(late[batches..], [(700, 700)], "once more when all is durable");
}
