//! Groups in sentences: whom they list, by name and by UID, and whom the groups in them do.

use crate::harness::{BASE, Campus, Daemon, base, person};
use crate::ldap_commands::{PIN, as_one, change, dn, modify};

const RULES: &str = r#"
[access]
rules = [
  "members may read * of everything",
  "group cn=desk,ou=groups,dc=uni,dc=example may write title of people",
]
"#;

/// Eve is in no group, the desk has an empty group in it.
fn campus() -> Daemon {
    let campus = Campus::new(RULES);
    let (desk, law) = (group("desk"), group("law"));
    let groups = format!(
        "dn: {desk}\nobjectClass: groupOfNames\nobjectClass: posixGroup\ncn: desk\ngidNumber: 7\nmember: {law}\n\n\
         dn: {law}\nobjectClass: groupOfUniqueNames\ncn: law\nuniqueMember: {desk}\n\n"
    );
    campus.import(&(base() + &person("eve", PIN, "") + &groups));
    campus.serve()
}

fn group(name: &str) -> String {
    format!("cn={name},ou=groups,{BASE}")
}

/// Whether eve may write a title, on a connection of her own.
fn may_write(daemon: &Daemon, title: &str) -> bool {
    let ldif = modify(&dn("eve"), &format!("replace: title\ntitle: {title}\n"));
    let (code, said) = as_one(daemon, "ldapmodify", &["-D", &dn("eve"), "-w", PIN], &ldif);
    assert!(code == 0 || code == 50, "{code}: {said}");
    code == 0
}

#[test]
fn a_sentence_for_a_group_follows_its_members_from_one_request_to_the_next() {
    let daemon = campus();
    let steps = [
        (group("law"), "uniqueMember", dn("eve")),
        (group("desk"), "memberUid", "eve".to_owned()),
        (group("desk"), "member", dn("eve")),
    ];
    for (at, (group, attribute, value)) in steps.into_iter().enumerate() {
        assert!(!may_write(&daemon, "Clerk"));
        let change_by = |verb: &str| {
            let ldif = modify(&group, &format!("{verb}: {attribute}\n{attribute}: {value}\n"));
            let (code, said) = change(&daemon, &ldif);
            assert_eq!(code, 0, "{said}");
        };
        change_by("add");
        assert!(
            may_write(&daemon, &format!("Clerk {at}")),
            "{attribute} of {group}"
        );
        change_by("delete");
    }
    assert!(!may_write(&daemon, "Clerk"));
}
