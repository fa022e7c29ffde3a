//! Nested groups in filters.

use std::sync::Arc;

use super::*;
use crate::directory::ask::search::tests::{Kept, selection};
use crate::directory::request::SearchControls;
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::index::testing::{BASE, Row, UNIVERSITY, change, put, snapshot};

const CHAIN: &str = "1.2.840.113556.1.4.1941";
const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";

/// Inner is in outer and outer in all, which is in inner again; ada is in inner.
const GROUPS: &[Row<'_>] = &[
    Row(
        200,
        3,
        "cn=inner",
        &[
            "objectClass: groupOfNames",
            "cn: inner",
            "member: uid=ada,ou=people,dc=uni,dc=example",
            "member: cn=all,ou=groups,dc=uni,dc=example",
        ],
    ),
    Row(
        201,
        3,
        "cn=outer",
        &[
            "objectClass: groupOfUniqueNames",
            "cn: outer",
            "uniqueMember: CN=inner,ou=groups,dc=uni,dc=example",
        ],
    ),
    Row(
        202,
        3,
        "cn=all",
        &[
            "objectClass: groupOfNames",
            "cn: all",
            "member: cn=outer,ou=groups,dc=uni,dc=example",
            "member: uid=grace,ou=people,dc=uni,dc=example",
        ],
    ),
];

fn found(asker: &Asker, filter: &str) -> Vec<String> {
    let directory = Arc::new(directory(UNLIMITED));
    let schema = directory.schema();
    let writes = GROUPS.iter().map(|row| put(schema, row)).collect();
    let snapshot = snapshot(schema, UNIVERSITY)
        .apply(&[change(2, writes)], schema)
        .unwrap();
    let search = Search {
        base: Arc::new(Dn::parse(BASE).unwrap().into()),
        scope: Scope::Subtree,
        filter: Filter::parse(schema, filter).unwrap(),
        selection: selection(&["1.1"], &directory),
        entries_max: 0,
        time_limit_s: 0,
        controls: SearchControls::default(),
    };
    let (now, mut kept) = (Timestamp::default(), Kept::default());
    let mut cursor = SearchCursor::new(directory, snapshot.into(), asker.clone(), search, now);
    let TurnEnd::Done(Answer::Success) = cursor.run(&mut kept, usize::MAX, now) else {
        panic!("a search that ends well");
    };
    let names = kept.entries.into_iter();
    names
        .map(|(dn, _)| dn.split(',').next().unwrap().to_owned())
        .collect()
}

#[test]
fn members_of_groups_inside_are_members() {
    let check = |group: &str, expected: &[&str]| {
        let filter = format!("(memberOf:{CHAIN}:=cn={group},ou=groups,dc=uni,dc=example)");
        assert_eq!(found(&Asker::Root, &filter), expected, "{group}");
        let people = format!("(&(objectClass=person)(!{filter}))");
        let mut others = vec!["uid=ada", "uid=Grace", "uid=shy"];
        others.retain(|name| !expected.contains(name));
        assert_eq!(found(&Asker::Root, &people), others, "not {group}");
    };
    for group in ["inner", "OUTER", "all"] {
        check(group, &["uid=ada", "uid=Grace", "cn=inner", "cn=outer", "cn=all"]);
    }
    check("nosuch", &[]);
}

#[test]
fn groups_around_groups_have_their_members() {
    let found_by = |kind: &str| found(&Asker::Root, &format!("({kind}:{CHAIN}:={ADA})"));
    let direct = found(&Asker::Root, &format!("(member={ADA})"));
    assert!(direct.contains(&"cn=inner".to_owned()) && !direct.contains(&"cn=all".to_owned()));
    let members = found_by("member");
    assert!(members.contains(&"cn=inner".to_owned()) && members.contains(&"cn=all".to_owned()));
    assert!(found_by("uniqueMember").contains(&"cn=outer".to_owned()));
}

#[test]
fn chains_are_followed_only_where_the_asker_may_look() {
    let filters = [
        format!("(memberOf:{CHAIN}:=cn=all,ou=groups,dc=uni,dc=example)"),
        format!("(!(memberOf:{CHAIN}:=cn=all,ou=groups,dc=uni,dc=example))"),
        format!("(member:{CHAIN}:={ADA})"),
        format!("(!(member:{CHAIN}:={ADA}))"),
    ];
    for filter in &filters {
        assert_eq!(found(&Asker::Public, filter), [""; 0], "{filter}");
    }
}

#[test]
fn a_chain_of_anything_else_is_undefined() {
    for filter in [
        format!("(manager:{CHAIN}:={ADA})"),
        format!("(!(manager:{CHAIN}:={ADA}))"),
        format!("(!(cn:{CHAIN}:={ADA}))"),
        format!("(!(:{CHAIN}:={ADA}))"),
        format!("(!(member:{CHAIN}:=nonsense))"),
    ] {
        assert_eq!(found(&Asker::Root, &filter), [""; 0], "{filter}");
    }
}
