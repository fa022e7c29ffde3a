//! Other writers while an import is planned and written: whichever is stored first, the other hears of it.

use super::*;
use crate::directory::change::testing::{batch, renaming};
use crate::directory::change::unique;
use crate::directory::changes::Change;
use crate::directory::testing::{UNLIMITED, directory};
use crate::record::Batch;

/// What `change` comes to in `town` as it is.
fn decided(town: &Town, change: &Change) -> Batch {
    batch(&directory(UNLIMITED), &town.entries().snapshot, change)
}

fn rename(dn: &str, rdn: &str) -> Change {
    renaming(dn, rdn, None)
}

fn unit(dn: &str, ou: &str) -> String {
    format!("dn: {dn}\nobjectClass: organizationalUnit\nou: {ou}\n\n")
}

/// The row of a person below `ou=guests,ou=people`.
fn guest(uid: &str) -> String {
    person(uid, "").replace(",ou=people,", ",ou=guests,ou=people,")
}

fn people() -> String {
    format!("ou=people,{BASE}")
}

/// Where a guest is once the branch of people has another name.
fn renamed(uid: &str) -> String {
    format!("uid={uid},ou=guests,ou=members,{BASE}")
}

#[test]
fn a_change_is_decided_again_if_an_import_has_come_first() {
    let refuse = |change: &Change, file: &str| {
        let mut town = Town::with_base();
        town.import(&(person("ada", "") + &unit(&format!("ou=guests,{}", people()), "guests")));
        let batch = decided(&town, change);
        assert_eq!(town.import(file).counts().3, 0, "{file}");
        let committed = town.commit_now(batch);
        assert!(matches!(committed, Committed::Conflict(_)), "{file}");
    };
    let naming = person("bob", &format!("manager: {}", dn("ada")));
    refuse(&rename(&dn("ada"), "uid=lovelace"), &naming);
    refuse(&rename(&people(), "ou=members"), &naming);
    refuse(&Change::Remove(Dn::parse(&dn("ada")).unwrap()), &naming);
    let guests = Dn::parse(&format!("ou=guests,{}", people())).unwrap();
    refuse(&Change::Remove(guests), &guest("eve"));
}

#[test]
fn an_entry_is_planned_again_if_one_far_above_it_has_been_renamed() {
    let mut town = Town::with_base();
    town.import(&unit(&format!("ou=guests,{}", people()), "guests"));
    let rival = decided(&town, &rename(&people(), "ou=members"));
    town.rivals.push(rival.operations);
    let told = town.import(&guest("eve"));
    assert_eq!(told.refused.len(), 1, "there is nothing above it any more");
    assert_eq!(told.result.unwrap().applied, Applied::No);
    assert!(town.entry(&renamed("eve")).is_none());
}

#[test]
fn so_is_one_below_an_entry_that_the_import_itself_has_added() {
    let mut town = Town::with_base();
    let rival = decided(&town, &rename(&people(), "ou=members"));
    let harmless = vec![unique::touch(unique::numbered("nothing", 0))];
    town.rivals = vec![rival.operations, harmless];
    let guests: String = (0..300).map(|number| guest(&format!("g{number}"))).collect();
    let told = town.import(&(unit(&format!("ou=guests,{}", people()), "guests") + &guests));
    assert_eq!(told.result.unwrap().applied, Applied::Partly);
    assert!(town.entry(&renamed("g0")).is_some(), "of the first batch");
    assert!(town.entry(&renamed("g299")).is_none(), "of the second");
}

#[test]
fn an_import_is_not_in_its_own_way() {
    let mut town = Town::with_base();
    let guests: String = (0..300).map(|number| guest(&format!("g{number}"))).collect();
    let changed = unit(&people(), "people").replace("\n\n", "\ndescription: x\n\n");
    let file = changed + &unit(&format!("ou=guests,{}", people()), "guests") + &guests;
    town.batches.clear();
    assert_eq!(town.import(&file).counts(), (301, 1, 0, 0));
    assert_eq!(town.batches.len(), 2, "none was refused");
}

#[test]
fn another_writer_in_between_is_seen_and_the_rest_is_done() {
    let mut town = Town::with_base();
    town.import(&(person("ada", "") + &person("bob", "")));
    let rival = town.set(&dn("ada"), "beadleDisabled", "TRUE");
    town.rivals.push(vec![rival]);
    let told = town.import(&(person("ada", "title: Ms") + &person("bob", "title: Mr")));
    assert_eq!(told.counts(), (0, 2, 0, 0));
    assert_eq!(town.value(&dn("ada"), "title").as_deref(), Some("Ms"));
    assert_eq!(
        town.value(&dn("ada"), "beadleDisabled").as_deref(),
        Some("TRUE"),
        "the rival's write is kept"
    );
}

#[test]
fn a_unique_value_taken_in_between_is_seen() {
    let mut town = Town::with_base();
    let people = town.entry(&format!("ou=people,{BASE}")).unwrap();
    let kind = |name: &str| town.schema.attribute(name.as_bytes()).unwrap();
    let mut entry = Entry {
        dn: Dn::parse(&dn("rival")).unwrap(),
        attributes: Vec::new(),
    };
    entry.set(kind("mail"), vec![(*b"a@x").into()]);
    let rival = vec![
        unique::touch(unique::numbered("mail", unique::bucket_number(b"a@x"))),
        Operation::Put {
            key: Key::next_entry_id(),
            value: 100u64.to_be_bytes().into(),
            expires: None,
        },
        town.put(EntryId(99), Some(people.0), &entry),
    ];
    town.rivals.push(rival);
    let told = town.import(&person("ada", "mail: a@x"));
    let taken = format!(
        "6: mail: `a@x` already belongs to {}; give each entry a value of its own",
        dn("rival")
    );
    assert_eq!(problems(&told), [taken]);
    assert_eq!(told.result.unwrap().applied, Applied::No);
    assert_eq!(town.value(&dn("ada"), "mail"), None);
}
