use std::ops::ControlFlow;
use std::sync::Arc;

use super::*;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::request::{FoundEntry, SearchControls, Selection};
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::index::testing::{BASE, UNIVERSITY, snapshot};
use crate::types::EntryId;

/// Keeps what it is given: the DN, and a line for every value.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) entries: Vec<(String, Vec<String>)>,
    break_after: Option<usize>,
}

impl EntrySink for Kept {
    fn entry(&mut self, entry: &dyn FoundEntry) -> ControlFlow<()> {
        let mut dn = Vec::new();
        entry.write_dn(&mut |part| dn.extend_from_slice(part));
        assert_eq!(dn.len(), entry.dn_len());
        let mut lines = Vec::new();
        entry.each_attribute(&mut |attribute| {
            let name = entry.name(attribute.kind);
            let options = attribute.options;
            let name = if options.is_empty() {
                name.to_owned()
            } else {
                format!("{name};{options}")
            };
            for value in attribute.values() {
                lines.push(format!("{name}: {}", String::from_utf8_lossy(value)));
            }
        });
        self.entries.push((String::from_utf8(dn).unwrap(), lines));
        match self.break_after {
            Some(count) if self.entries.len().is_multiple_of(count) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

struct Ask<'a> {
    asker: Asker,
    base: &'a str,
    scope: Scope,
    filter: &'a str,
    attributes: &'a [&'a str],
    entries_max: u32,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Ask {
            asker: Asker::Root,
            base: BASE,
            scope: Scope::Subtree,
            filter: "(objectClass=*)",
            attributes: &["1.1"],
            entries_max: 0,
        }
    }
}

pub(super) fn selection(attributes: &[&str], directory: &Directory) -> Selection {
    let mut selection = Selection::default();
    for attribute in attributes {
        match *attribute {
            "*" => selection.all_user = true,
            "+" => selection.all_operational = true,
            "1.1" => {}
            name => {
                let described = directory.schema().describe(name.as_bytes()).unwrap();
                selection.named.push((described.kind, described.options));
            }
        }
    }
    selection
}

fn cursor(ask: &Ask<'_>, limits: SearchLimits) -> SearchCursor {
    let directory = Arc::new(directory(limits));
    let search = Search {
        base: Arc::new(Dn::parse(ask.base).unwrap().into()),
        scope: ask.scope,
        filter: Filter::parse(directory.schema(), ask.filter).unwrap(),
        selection: selection(ask.attributes, &directory),
        entries_max: ask.entries_max,
        time_limit_s: 0,
        controls: SearchControls::default(),
    };
    let snapshot = Arc::new(snapshot(directory.schema(), UNIVERSITY));
    SearchCursor::new(
        directory,
        snapshot,
        ask.asker.clone(),
        search,
        Timestamp::default(),
    )
}

fn run(ask: Ask<'_>) -> (Vec<(String, Vec<String>)>, Answer) {
    let mut kept = Kept::default();
    match cursor(&ask, UNLIMITED).run(&mut kept, usize::MAX, Timestamp::default()) {
        TurnEnd::Done(answer) => (kept.entries, answer),
        TurnEnd::More => panic!("no reason to pause"),
    }
}

/// The first RDN of each entry found.
fn names(ask: Ask<'_>) -> Vec<String> {
    let (entries, answer) = run(ask);
    assert!(matches!(answer, Answer::Success), "{answer:?}");
    entries
        .iter()
        .map(|(dn, _)| dn.split(',').next().unwrap().to_owned())
        .collect()
}

fn check(filter: &str, expected: &[&str]) {
    check_as(Asker::Root, filter, expected);
}

fn check_as(asker: Asker, filter: &str, expected: &[&str]) {
    let ask = Ask {
        asker,
        filter,
        ..Ask::default()
    };
    assert_eq!(names(ask), expected, "{filter}");
}

#[test]
fn filters_find_what_they_are_true_of() {
    check("(uid=ADA)", &["uid=ada"]);
    check("(&(objectClass=person)(employeeType=student))", &["uid=Grace"]);
    check(
        "(|(uid=ada)(cn=ada lovelace)(sn=hopper))",
        &["uid=ada", "uid=Grace"],
    );
    check("(cn;lang-en=countess)", &["uid=ada"]);
    check("(cn=countess)", &["uid=ada"]);
    check("(name=lovelace)", &["uid=ada"]);
    check("(cn=*love*)", &["uid=ada"]);
    check("(mail=g*example)", &["uid=Grace"]);
    check("(mail=*@uni.example)", &["uid=ada", "uid=Grace", "uid=shy"]);
    check("(modifyTimestamp>=20260101000000Z)", &["uid=ada"]);
    check("(uidNumber<=1000)", &["uid=ada"]);
    check("(nosuch=x)", &[]);
    check("(!(nosuch=x))", &[]);
    check("(&(uid=ada)(!(sn=hopper)))", &["uid=ada"]);
    check("(uid=nobody)", &[]);
    check("(&(uid=ada)(uid=grace))", &[]);
}

#[test]
fn scopes_reach_as_far_as_they_say() {
    let scoped = |base, scope| {
        names(Ask {
            base,
            scope,
            ..Ask::default()
        })
    };
    let people = "ou=people,dc=uni,dc=example";
    assert_eq!(scoped(people, Scope::Base), ["ou=people"]);
    assert_eq!(scoped(people, Scope::One), ["uid=ada", "uid=Grace", "uid=shy"]);
    assert_eq!(
        scoped(people, Scope::Subtree),
        ["ou=people", "uid=ada", "uid=Grace", "uid=shy"]
    );
    assert_eq!(
        scoped(people, Scope::Subordinate),
        ["uid=ada", "uid=Grace", "uid=shy"]
    );
    assert_eq!(scoped(BASE, Scope::One), ["ou=people", "ou=groups"]);
    let indexed = |scope| {
        names(Ask {
            base: "OU=Groups, dc=uni,DC=example",
            scope,
            filter: "(|(uid=ada)(cn=staff)(ou=groups))",
            ..Ask::default()
        })
    };
    assert_eq!(indexed(Scope::One), ["cn=staff"]);
    assert_eq!(indexed(Scope::Subtree), ["ou=groups", "cn=staff"]);
    assert_eq!(indexed(Scope::Subordinate), ["cn=staff"]);
    assert_eq!(indexed(Scope::Base), ["ou=groups"]);
}

fn missing(asker: Asker, base: &str) -> Option<String> {
    let ask = Ask {
        asker,
        base,
        ..Ask::default()
    };
    match run(ask).1 {
        Answer::NoSuchEntry(matched) => matched.map(|dn| dn.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_base_names_the_ancestor_that_is_there() {
    let people = Some("ou=people,dc=uni,dc=example".to_owned());
    assert_eq!(missing(Asker::Root, "uid=x,ou=people,dc=uni,dc=example"), people);
    assert_eq!(
        missing(Asker::Root, "cn=a,uid=x,ou=people,dc=uni,dc=example"),
        people
    );
    assert_eq!(missing(Asker::Root, "dc=elsewhere"), None);
    assert_eq!(
        missing(Asker::Root, "nosuch=x,dc=uni,dc=example"),
        Some(BASE.to_owned())
    );
    assert_eq!(missing(Asker::Root, "dc=example"), None);
}

#[test]
fn a_hidden_base_is_answered_like_a_missing_one() {
    let people = Some("ou=people,dc=uni,dc=example".to_owned());
    for base in [
        "uid=shy,ou=people,dc=uni,dc=example",
        "uid=nobody,ou=people,dc=uni,dc=example",
    ] {
        assert_eq!(missing(Asker::Public, base), people);
    }
    assert_eq!(
        missing(Asker::Public, "cn=x,uid=shy,ou=people,dc=uni,dc=example"),
        people
    );
}

fn lines(asker: Asker, filter: &str, attributes: &[&str]) -> Vec<String> {
    let ask = Ask {
        asker,
        filter,
        attributes,
        ..Ask::default()
    };
    let (mut entries, _) = run(ask);
    assert_eq!(entries.len(), 1, "{filter}");
    entries.remove(0).1
}

#[test]
fn selections_cut_an_answer_down() {
    let ada = |attributes: &[&str]| lines(Asker::Root, "(uid=ada)", attributes);
    assert_eq!(ada(&["sn", "MAIL"]), ["sn: Lovelace", "mail: ada@uni.example"]);
    assert_eq!(ada(&["cn;lang-en"]), ["cn;lang-en: Countess"]);
    assert_eq!(ada(&["cn"]), ["cn: Ada Lovelace", "cn;lang-en: Countess"]);
    assert_eq!(
        ada(&["name"]),
        [
            "cn: Ada Lovelace",
            "cn;lang-en: Countess",
            "sn: Lovelace",
            "givenName: Ada"
        ]
    );
    assert_eq!(ada(&["1.1"]), [""; 0]);
    let user = ada(&["*"]);
    assert!(user.contains(&"uidNumber: 1000".to_owned()) && !user.iter().any(|line| line.contains("modify")));
    let operational = ada(&["+"]);
    assert!(operational.contains(&"modifyTimestamp: 20261122093000Z".to_owned()));
    assert!(operational.contains(&"entryDN: uid=ada,ou=people,dc=uni,dc=example".to_owned()));
    assert!(operational.iter().all(|line| !line.starts_with("uid:")));
}

#[test]
fn computed_attributes_are_returned_and_searched() {
    let groups = ["memberOf: cn=staff,ou=groups,dc=uni,dc=example"];
    assert_eq!(lines(Asker::Root, "(uid=grace)", &["memberOf"]), groups);
    check(
        "(memberOf=CN=Staff, ou=groups,dc=uni,dc=example)",
        &["uid=ada", "uid=Grace"],
    );
    check(
        "(&(uid=ada)(memberOf=cn=secret,ou=groups,dc=uni,dc=example))",
        &["uid=ada"],
    );
    check("(&(uid=shy)(memberOf=cn=staff,ou=groups,dc=uni,dc=example))", &[]);
    check("(member=uid=grace,ou=people,dc=uni,dc=example)", &["cn=staff"]);
    check("(member=uid=nobody,ou=people,dc=uni,dc=example)", &["cn=staff"]);
    check("(uniqueMember=uid=grace,ou=people,dc=uni,dc=example)", &[]);
    check("(entryDN=uid=ADA,ou=people,dc=uni,dc=example)", &["uid=ada"]);
    check("(hasSubordinates=TRUE)", &["dc=uni", "ou=people", "ou=groups"]);
    check("(numSubordinates=3)", &["ou=people"]);
    let base = lines(Asker::Root, "(dc=uni)", &["numSubordinates", "subschemaSubentry"]);
    assert_eq!(base, ["numSubordinates: 2", "subschemaSubentry: cn=Subschema"]);
}

#[test]
fn the_structural_class_is_the_lowest_one() {
    let class = ["structuralObjectClass: inetOrgPerson"];
    assert_eq!(lines(Asker::Root, "(uid=ada)", &["structuralObjectClass"]), class);
    assert!(lines(Asker::Public, "(uid=ada)", &["+"]).contains(&class[0].to_owned()));
    check("(structuralObjectClass=GROUPOFNAMES)", &["cn=staff"]);
    check("(structuralObjectClass=2.5.6.5)", &["ou=people", "ou=groups"]);
    check("(&(uid=*)(structuralObjectClass=person))", &[]);
    check("(!(structuralObjectClass=*))", &[]);
}

#[test]
fn a_hidden_child_is_no_subordinate() {
    check_as(Asker::Public, "(hasSubordinates=TRUE)", &["dc=uni", "ou=people"]);
    check_as(Asker::Public, "(&(ou=*)(hasSubordinates=FALSE))", &["ou=groups"]);
}

#[test]
fn strangers_see_what_is_open() {
    let seen = lines(Asker::Public, "(uid=ada)", &["*", "+"]);
    for open in [
        "cn: Ada Lovelace",
        "mobile: +852 6123 4567",
        "objectClass: inetOrgPerson",
    ] {
        assert!(seen.contains(&open.to_owned()), "{open}");
    }
    for hidden in [
        "mail",
        "userPassword",
        "beadleAlternateMail",
        "uidNumber",
        "memberOf",
        "beadle",
    ] {
        assert!(!seen.iter().any(|line| line.starts_with(hidden)), "{hidden}");
    }
    check_as(Asker::Public, "(objectClass=person)", &["uid=ada", "uid=Grace"]);
}

#[test]
fn a_hidden_value_is_hidden_in_filters_and_in_not() {
    let all = &["dc=uni", "ou=people", "ou=groups", "uid=ada", "uid=Grace"][..];
    check_as(Asker::Public, "(mail=ada@uni.example)", &[]);
    check_as(Asker::Public, "(mail=grace@uni.example)", &["uid=Grace"]);
    check_as(Asker::Public, "(mail=*)", &["uid=Grace"]);
    check_as(Asker::Public, "(mail=a*)", &[]);
    check_as(
        Asker::Public,
        "(&(objectClass=person)(!(mail=grace@uni.example)))",
        &["uid=ada"],
    );
    check_as(
        Asker::Public,
        "(&(objectClass=person)(!(mail=nobody)))",
        &["uid=ada", "uid=Grace"],
    );
    // What is closed looks like what is not there, and what is never public like nothing.
    check_as(Asker::Public, "(&(objectClass=person)(!(mail=*)))", &["uid=ada"]);
    check_as(Asker::Public, "(!(uidNumber=1))", &[]);
    check_as(Asker::Public, "(uid=shy)", &[]);
    check_as(Asker::Public, "(objectClass=*)", all);
    check_as(Asker::Root, "(userPassword=*)", &[]);
    check_as(Asker::Root, "(!(userPassword=x))", &[]);
    check_as(Asker::Root, "(beadleAlternateMail=ada@home.example)", &[]);
}

#[test]
fn members_see_more_and_their_own_entry_whole() {
    let ada = || Asker::Member(EntryId(4));
    let own = lines(ada(), "(uid=ada)", &["*", "+"]);
    assert!(own.contains(&"beadleAlternateMail: ada@home.example".to_owned()));
    assert!(own.contains(&"uidNumber: 1000".to_owned()));
    assert!(!own.iter().any(|line| line.starts_with("userPassword")));
    check_as(ada(), "(beadleAlternateMail=ada@home.example)", &["uid=ada"]);
    let other = Asker::Member(EntryId(5));
    let seen = lines(other.clone(), "(uid=ada)", &["*", "+"]);
    assert!(
        seen.contains(&"mail: ada@uni.example".to_owned()),
        "closed to the public only"
    );
    assert!(!seen.iter().any(|line| line.starts_with("beadleAlternateMail")));
    check_as(other.clone(), "(beadleAlternateMail=*)", &[]);
    check_as(other, "(uid=shy)", &[]);
    check_as(Asker::Member(EntryId(6)), "(uid=shy)", &["uid=shy"]);
}

#[test]
fn services_see_what_their_rules_say() {
    let lms = Asker::Service("lms".into());
    let seen = lines(lms.clone(), "(uid=ada)", &["*", "+"]);
    assert!(seen.contains(&"uidNumber: 1000".to_owned()));
    assert!(seen.contains(&"memberOf: cn=staff,ou=groups,dc=uni,dc=example".to_owned()));
    assert!(
        !seen.iter().any(|line| line.contains("cn=secret")),
        "a group it may not know of"
    );
    assert!(!seen.iter().any(|line| line.starts_with("userPassword")));
    check_as(lms.clone(), "(cn=secret)", &[]);
    check_as(lms, "(uid=shy)", &["uid=shy"]);
    let audit = Asker::Service("audit".into());
    check_as(audit.clone(), "(uid=shy)", &["uid=shy"]);
    check_as(audit, "(mail=shy@uni.example)", &["uid=shy"]);
}

#[test]
fn root_sees_all_but_secrets_and_what_is_its_owners() {
    let seen = lines(Asker::Root, "(uid=ada)", &["*", "+"]);
    assert!(
        seen.iter()
            .any(|line| line == "memberOf: cn=secret,ou=groups,dc=uni,dc=example")
    );
    assert!(
        !seen
            .iter()
            .any(|line| line.starts_with("userPassword") || line.contains("@home.example"))
    );
}

fn limited(asker: Asker, entries_max: u32, limits: SearchLimits) -> (usize, Answer) {
    let ask = Ask {
        asker,
        entries_max,
        ..Ask::default()
    };
    let mut kept = Kept::default();
    match cursor(&ask, limits).run(&mut kept, usize::MAX, Timestamp::default()) {
        TurnEnd::Done(answer) => (kept.entries.len(), answer),
        TurnEnd::More => panic!("no reason to pause"),
    }
}

#[test]
fn search_stops_at_its_limits() {
    let public = SearchLimits {
        entries_max_public: 3,
        ..UNLIMITED
    };
    assert!(matches!(
        limited(Asker::Public, 0, public),
        (3, Answer::SizeLimitExceeded)
    ));
    assert!(matches!(
        limited(Asker::Public, 2, public),
        (2, Answer::SizeLimitExceeded)
    ));
    assert!(matches!(
        limited(Asker::Public, 9, public),
        (3, Answer::SizeLimitExceeded)
    ));
    assert!(matches!(
        limited(Asker::Public, 5, UNLIMITED),
        (5, Answer::Success)
    ));
    assert!(matches!(limited(Asker::Root, 0, public), (8, Answer::Success)));
    assert!(matches!(
        limited(Asker::Root, 7, public),
        (7, Answer::SizeLimitExceeded)
    ));
    let few = SearchLimits {
        candidates_max: 2,
        ..UNLIMITED
    };
    assert!(matches!(
        limited(Asker::Public, 0, few),
        (_, Answer::AdminLimitExceeded)
    ));
    assert!(matches!(limited(Asker::Root, 0, few), (8, Answer::Success)));
}

#[test]
fn search_stops_when_its_time_is_over() {
    let limits = SearchLimits {
        time_limit_s: 10,
        ..UNLIMITED
    };
    let mut cursor = cursor(&Ask::default(), limits);
    let mut kept = Kept::default();
    let at = Timestamp::from_unix_ms;
    assert!(matches!(cursor.run(&mut kept, 2, at(10_000)), TurnEnd::More));
    let late = cursor.run(&mut kept, 2, at(10_001));
    assert!(matches!(late, TurnEnd::Done(Answer::TimeLimitExceeded)));
    assert_eq!(kept.entries.len(), 2);
    let again = cursor.run(&mut kept, 2, at(0));
    assert!(matches!(again, TurnEnd::Done(Answer::TimeLimitExceeded)));
}

#[test]
fn a_paused_search_goes_on_where_it_stopped() {
    let whole = names(Ask::default());
    for (budget, break_after) in [(1, None), (3, None), (100, Some(1)), (100, Some(3)), (2, Some(3))] {
        let mut cursor = cursor(&Ask::default(), UNLIMITED);
        let mut kept = Kept {
            break_after,
            ..Kept::default()
        };
        while matches!(cursor.run(&mut kept, budget, Timestamp::default()), TurnEnd::More) {}
        let found = kept.entries.iter().map(|(dn, _)| dn.split(',').next().unwrap());
        assert!(
            found.eq(whole.iter()),
            "budget {budget}, break after {break_after:?}"
        );
    }
}
