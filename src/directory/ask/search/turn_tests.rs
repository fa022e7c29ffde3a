//! How much of a search is done in one turn.

use std::sync::Arc;

use super::*;
use crate::directory::ask::search::tests::Kept;
use crate::directory::request::{SearchControls, Selection};
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::index::testing::{BASE, Row, UNIVERSITY, change, put, snapshot};
use crate::types::EntryId;

#[test]
fn a_long_filter_is_given_shorter_turns() {
    let turns = |filter: &str| {
        let directory = Arc::new(directory(UNLIMITED));
        let search = Search {
            base: Arc::new(Dn::parse(BASE).unwrap().into()),
            scope: Scope::Subtree,
            filter: Filter::parse(directory.schema(), filter).unwrap(),
            selection: Selection::default(),
            entries_max: 0,
            time_limit_s: 0,
            controls: SearchControls::default(),
        };
        let (now, mut sink) = (Timestamp::default(), Kept::default());
        let all = snapshot(directory.schema(), UNIVERSITY).into();
        let mut cursor = SearchCursor::new(directory, all, Asker::Root, search, now);
        let more = std::iter::from_fn(|| match cursor.run(&mut sink, 100, now) {
            TurnEnd::More => Some(()),
            TurnEnd::Done(_) => None,
        });
        more.count()
    };
    assert_eq!(turns("(!(cn=a))"), 0);
    let long = format!("(!(|{}))", "(cn=a)".repeat(16 * 99));
    assert!(turns(&long) > 3, "few entries a turn");
    for free in ["(objectClass=person)", "(nosuch=a)"] {
        let long = format!("(!(|{}))", free.repeat(16 * 99));
        assert!(turns(&long) > 3, "few entries a turn, though no value is read");
    }
    let pieces = format!("(!(cn=*{}))", "a*".repeat(16 * 99));
    assert!(turns(&pieces) > 3, "few entries a turn");
}

#[test]
fn a_filter_that_makes_too_much_work_of_one_entry_is_given_up() {
    let directory = Arc::new(directory(UNLIMITED));
    let lines: Vec<String> = (0..4000).map(|at| format!("description: line {at}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let lines = [&["objectClass: person", "cn: Bo", "sn: Bo"], lines.as_slice()].concat();
    let bo = put(directory.schema(), &Row(900, 1, "cn=Bo", &lines));
    let all = snapshot(directory.schema(), UNIVERSITY);
    let all: Arc<Snapshot> = Arc::new(all.apply(&[change(2, vec![bo])], directory.schema()).unwrap());
    let answer = |asker: &Asker, items: usize| {
        let search = Search {
            base: Arc::new(Dn::parse(&format!("cn=Bo,{BASE}")).unwrap().into()),
            scope: Scope::Base,
            filter: Filter::parse(
                directory.schema(),
                &format!("(|{})", "(description=*x*)".repeat(items)),
            )
            .unwrap(),
            selection: Selection::default(),
            entries_max: 0,
            time_limit_s: 0,
            controls: SearchControls::default(),
        };
        let (now, mut sink) = (Timestamp::default(), Kept::default());
        let mut cursor = SearchCursor::new(directory.clone(), all.clone(), asker.clone(), search, now);
        loop {
            if let TurnEnd::Done(answer) = cursor.run(&mut sink, 100, now) {
                return answer;
            }
        }
    };
    let member = Asker::Member(EntryId(4));
    assert!(matches!(answer(&member, 10), Answer::Success));
    assert!(matches!(answer(&member, 100), Answer::AdminLimitExceeded));
    assert!(matches!(answer(&Asker::Root, 100), Answer::Success));
}
