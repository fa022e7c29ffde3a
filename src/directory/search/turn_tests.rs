//! How much of a search is done in one turn.

use std::sync::Arc;

use super::tests::Kept;
use super::*;
use crate::directory::request::Selection;
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::index::testing::{BASE, UNIVERSITY, snapshot};

#[test]
fn a_long_filter_is_given_shorter_turns() {
    let turns = |filter: &str| {
        let directory = Arc::new(directory(UNLIMITED));
        let search = Search {
            base: Dn::parse(BASE).unwrap(),
            scope: Scope::Subtree,
            filter: Filter::parse(directory.schema(), filter).unwrap(),
            selection: Selection::default(),
            entries_max: 0,
            time_limit_s: 0,
        };
        let (now, mut sink) = (Timestamp::default(), Kept::default());
        let all = snapshot(directory.schema(), UNIVERSITY).into();
        let mut cursor = SearchCursor::new(directory, all, Asker::Root, search, now);
        let more = std::iter::from_fn(|| match cursor.run(&mut sink, 100, now) {
            Progress::More => Some(()),
            Progress::Done(_) => None,
        });
        more.count()
    };
    assert_eq!(turns("(!(cn=a))"), 0);
    let long = format!("(!(|{}))", "(cn=a)".repeat(16 * 99));
    assert!(turns(&long) > 3, "few entries a turn");
    let pieces = format!("(!(cn=*{}))", "a*".repeat(16 * 99));
    assert!(turns(&pieces) > 3, "few entries a turn");
}
