//! Groups in sentences: whom they list, by name and by UID, and whom the groups in them do.

use std::ops::ControlFlow;

use ldap3_proto::proto::{LdapModify, LdapModifyRequest, LdapModifyType, LdapOp, LdapPartialAttribute};

use crate::harness::{BASE, Campus, Daemon, base, person};
use crate::ldap_client::{Client, request};
use crate::ldap_commands::{PIN, change, dn, modify, values};

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

/// Whether eve, who has logged in by `client`, may write a title.
fn may_write(client: &mut Client, title: &str) -> bool {
    let change = LdapModify {
        operation: LdapModifyType::Replace,
        modification: LdapPartialAttribute {
            atype: "title".to_owned(),
            vals: vec![title.as_bytes().to_vec()],
        },
    };
    let modify = LdapModifyRequest {
        dn: dn("eve"),
        changes: vec![change],
    };
    assert!(
        client
            .ask(&request(2, LdapOp::ModifyRequest(modify)))
            .is_continue()
    );
    match client.answer() {
        ControlFlow::Continue(("modify", code @ (0 | 50))) => code == 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sentence_for_a_group_follows_its_members_from_one_request_to_the_next() {
    let daemon = campus();
    let mut eve = Client::of(daemon.address("ldap"));
    assert_eq!(eve.log_in(&dn("eve"), PIN), ControlFlow::Continue(("bind", 0)));
    let steps = [
        (group("law"), "uniqueMember", dn("eve")),
        (group("desk"), "memberUid", "eve".to_owned()),
        (group("desk"), "member", dn("eve")),
    ];
    for (group, attribute, value) in steps {
        assert!(!may_write(&mut eve, "Clerk"));
        let change_by = |verb: &str| {
            let ldif = modify(&group, &format!("{verb}: {attribute}\n{attribute}: {value}\n"));
            let (code, said) = change(&daemon, &ldif);
            assert_eq!(code, 0, "{said}");
        };
        change_by("add");
        assert!(may_write(&mut eve, "Clerk"), "{attribute} of {group}");
        // Whoever uses memberUid asks for it themselves.
        let shown = values(&daemon, &dn("eve"), "memberOf") == [group.as_str()];
        assert_eq!(shown, attribute != "memberUid");
        change_by("delete");
    }
    assert!(!may_write(&mut eve, "Clerk"));
}
