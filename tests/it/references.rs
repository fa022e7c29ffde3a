//! Values that name an entry, when that is renamed, moved or deleted.

use crate::harness::BASE;
use crate::ldap_commands::{as_root, campus, dn, expect, modify, values};

fn group(members: &str) -> String {
    format!("dn: cn=staff,{BASE}\nchangetype: add\nobjectClass: groupOfNames\ncn: staff\n{members}")
}

#[test]
fn groups_follow_a_member_who_is_renamed_or_moved_and_forget_one_who_is_deleted() {
    let daemon = campus();
    let members = format!("member: {}\nmember: {}\n", dn("ada"), dn("bob"));
    expect(&daemon, &group(&members), 0, "");
    let staff = format!("cn=staff,{BASE}");
    let members = |expected: &[&str]| {
        let mut members = values(&daemon, &staff, "member");
        members.sort_unstable();
        assert_eq!(members, expected);
    };
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &dn("ada"), "uid=lovelace"], "").0,
        0
    );
    members(&[&dn("bob"), &dn("lovelace")]);
    let folk = format!("ou=folk,{BASE}");
    let people = format!("ou=people,{BASE}");
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &people, "ou=folk"], "").0,
        0
    );
    members(&[&format!("uid=bob,{folk}"), &format!("uid=lovelace,{folk}")]);
    assert_eq!(
        values(&daemon, &format!("uid=bob,{folk}"), "memberOf"),
        [staff.as_str()]
    );
    assert_eq!(
        as_root(&daemon, "ldapdelete", &[&format!("uid=bob,{folk}")], "").0,
        0
    );
    members(&[&format!("uid=lovelace,{folk}")]);
    assert_eq!(
        as_root(&daemon, "ldapdelete", &[&format!("uid=lovelace,{folk}")], "").0,
        0
    );
    members(&[]);
    // It stands without members, and can be changed all the same.
    expect(
        &daemon,
        &modify(&staff, "add: description\ndescription: empty\n"),
        0,
        "",
    );
}

/// Every attribute of the schema that names people and is no membership, each in an entry that may have it.
#[test]
fn whoever_refers_to_somebody_follows_a_rename_a_move_of_a_subtree_and_a_deletion() {
    let daemon = campus();
    let (ada, bob, people) = (dn("ada"), dn("bob"), format!("ou=people,{BASE}"));
    let office = format!("cn=office,{BASE}");
    let lines = format!("objectClass: organizationalRole\ncn: office\nroleOccupant: {ada}\nseeAlso: {ada}\n");
    expect(&daemon, &format!("dn: {office}\nchangetype: add\n{lines}"), 0, "");
    let lines =
        format!("objectClass: groupOfNames\ncn: staff\nmember: {bob}\nowner: UID=Ada, ou=People,{BASE}\n");
    expect(
        &daemon,
        &format!("dn: cn=staff,{BASE}\nchangetype: add\n{lines}"),
        0,
        "",
    );
    let steps =
        format!("add: manager\nmanager: {ada}\n-\nadd: secretary\nsecretary: {ada}\nsecretary: {bob}\n");
    expect(&daemon, &modify(&bob, &steps), 0, "");
    // What is renamed may itself refer to somebody below it.
    expect(
        &daemon,
        &modify(&people, &format!("add: seeAlso\nseeAlso: {ada}\n")),
        0,
        "",
    );

    let folk = format!("ou=folk,{BASE}");
    let bob_of = |people: &str| format!("uid=bob,{people}");
    let refer = |people: &str, expected: &[&str]| {
        let bob = bob_of(people);
        let staff = format!("cn=staff,{BASE}");
        let places = [
            (&office, "roleOccupant"),
            (&office, "seeAlso"),
            (&staff, "owner"),
            (&bob, "manager"),
            (&bob, "secretary"),
            (&people.to_owned(), "seeAlso"),
        ];
        for (dn, attribute) in places {
            let mut named = values(&daemon, dn, attribute);
            named.retain(|name| *name != bob);
            assert_eq!(named, expected, "{attribute} of {dn}");
        }
        assert!(values(&daemon, &bob, "secretary").contains(&bob));
    };
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &ada, "uid=lovelace"], "").0,
        0
    );
    refer(&people, &[&dn("lovelace")]);
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &people, "ou=folk"], "").0,
        0
    );
    refer(&folk, &[&format!("uid=lovelace,{folk}")]);
    assert_eq!(
        as_root(&daemon, "ldapdelete", &[&format!("uid=lovelace,{folk}")], "").0,
        0
    );
    refer(&folk, &[]);
}
