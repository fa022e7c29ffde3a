//! Sorted searches: in which order, and what becomes of it when there is too much to sort.

use std::sync::Arc;

use super::*;
use crate::directory::ask::search::tests::{Kept, selection};
use crate::directory::request::{SearchControls, Sort};
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::domain::sort::{Direction, SortKey};
use crate::index::testing::{BASE, Row, UNIVERSITY, change, put, snapshot};
use crate::types::EntryId;

const PEOPLE: &[Row<'_>] = &[
    Row(
        100,
        2,
        "cn=Dora",
        &["objectClass: person", "cn: Dora", "sn: Zed", "title: b"],
    ),
    Row(
        101,
        2,
        "cn=carl",
        &["objectClass: person", "cn: carl", "sn: Able", "title: A"],
    ),
    Row(
        102,
        2,
        "cn=Beth",
        &[
            "objectClass: person",
            "cn: Beth",
            "cn: zoe",
            "sn: Zed",
            "title: c",
            "title: a",
        ],
    ),
    Row(103, 2, "cn=abe", &["objectClass: person", "cn: abe", "sn: Able"]),
];

struct Town {
    directory: Arc<Directory>,
    snapshot: Arc<Snapshot>,
}

impl Town {
    fn with(rows: &[Row<'_>]) -> Town {
        let directory = Arc::new(directory(UNLIMITED));
        let schema = directory.schema();
        let writes = rows.iter().map(|row| put(schema, row)).collect();
        let snapshot = snapshot(schema, UNIVERSITY)
            .apply(&[change(2, writes)], schema)
            .unwrap();
        Town {
            snapshot: Arc::new(snapshot),
            directory,
        }
    }

    fn search(
        &self,
        asker: &Asker,
        filter: &str,
        keys: &[(&str, Direction)],
        is_critical: bool,
    ) -> (Vec<String>, Answer, SearchEnd) {
        let schema = self.directory.schema();
        let key = |(name, direction): &(&str, Direction)| {
            SortKey::new(schema, name.as_bytes(), None, *direction).unwrap()
        };
        let search = Search {
            base: Arc::new(Dn::parse(BASE).unwrap().into()),
            scope: Scope::Subtree,
            filter: Filter::parse(schema, filter).unwrap(),
            selection: selection(&["1.1"], &self.directory),
            entries_max: 0,
            time_limit_s: 0,
            controls: SearchControls {
                sort: Some(Box::new(Sort {
                    keys: keys.iter().map(key).collect(),
                    is_critical,
                })),
                ..SearchControls::default()
            },
        };
        let (directory, snapshot) = (self.directory.clone(), self.snapshot.clone());
        let (mut kept, now) = (Kept::default(), Timestamp::default());
        let mut cursor = SearchCursor::new(directory, snapshot, asker.clone(), search, now);
        loop {
            if let TurnEnd::Done(answer) = cursor.run(&mut kept, 50, now) {
                let names = kept.entries.into_iter();
                let names = names.map(|(dn, _)| dn.split(',').next().unwrap().to_owned());
                return (names.collect(), answer, cursor.into_end());
            }
        }
    }

    fn sorted(&self, asker: &Asker, filter: &str, keys: &[(&str, Direction)]) -> Vec<String> {
        let (names, answer, end) = self.search(asker, filter, keys, true);
        assert!(matches!(answer, Answer::Success) && end.sort == Some(SortEnd::Sorted));
        names
    }
}

const UP: Direction = Direction::Ascending;
const DOWN: Direction = Direction::Descending;

#[test]
fn entries_come_in_the_order_of_the_keys() {
    let town = Town::with(PEOPLE);
    let check = |keys: &[(&str, Direction)], expected: &[&str]| {
        let filter = "(|(cn=abe)(cn=beth)(cn=carl)(cn=dora))";
        assert_eq!(town.sorted(&Asker::Root, filter, keys), expected, "{keys:?}");
    };
    check(&[("cn", UP)], &["cn=abe", "cn=Beth", "cn=carl", "cn=Dora"]);
    check(&[("cn", DOWN)], &["cn=Dora", "cn=carl", "cn=Beth", "cn=abe"]);
    check(
        &[("sn", UP), ("cn", DOWN)],
        &["cn=carl", "cn=abe", "cn=Dora", "cn=Beth"],
    );
    // The least value counts, no value comes last, and the id settles the rest.
    check(&[("title", UP)], &["cn=carl", "cn=Beth", "cn=Dora", "cn=abe"]);
    check(&[("title", DOWN)], &["cn=abe", "cn=Dora", "cn=carl", "cn=Beth"]);
    check(&[("mail", UP)], &["cn=Dora", "cn=carl", "cn=Beth", "cn=abe"]);
}

#[test]
fn what_may_not_be_read_does_not_order() {
    let filter = "(objectClass=person)";
    let in_order = |number: &str, other: &str| {
        let secret = |id, cn: &'static str, number: &str| {
            let number = format!("employeeNumber: {number}");
            let name = format!("cn: {cn}");
            let lines = ["objectClass: inetOrgPerson", &name, "sn: x", "uid: x", &number];
            (id, format!("cn={cn}"), lines.map(str::to_owned))
        };
        let people = [secret(100, "a", number), secret(101, "b", other)];
        let lines = people
            .each_ref()
            .map(|(.., lines)| lines.each_ref().map(|line| &**line));
        let rows = [
            Row(people[0].0, 2, &people[0].1, &lines[0]),
            Row(people[1].0, 2, &people[1].1, &lines[1]),
        ];
        let town = Town::with(&rows);
        [Asker::Public, Asker::Member(EntryId(4))].map(|asker| {
            [UP, DOWN].map(|direction| town.sorted(&asker, filter, &[("employeeNumber", direction)]))
        })
    };
    assert_eq!(
        in_order("1", "2"),
        in_order("2", "1"),
        "never public, and no grant of it"
    );
    let town = Town::with(&[]);
    let order = |asker| town.sorted(&asker, filter, &[("uidNumber", DOWN)]);
    assert_eq!(order(Asker::Public), ["uid=ada", "uid=Grace"]);
}

#[test]
fn too_much_to_sort_is_refused_or_left_as_it_is() {
    let town = Town::with(PEOPLE);
    let all = town.directory.sort_room();
    while all.take(1 << 20) {}
    let filter = "(|(cn=abe)(cn=carl))";
    let (names, answer, end) = town.search(&Asker::Root, filter, &[("cn", UP)], true);
    assert!(matches!(answer, Answer::NotSorted) && names.is_empty());
    assert_eq!(end.sort, Some(SortEnd::Busy));
    let (names, answer, end) = town.search(&Asker::Root, filter, &[("cn", UP)], false);
    assert!(matches!(answer, Answer::Success));
    assert_eq!(names, ["cn=carl", "cn=abe"]);
    assert_eq!(end.sort, Some(SortEnd::Busy));
    all.give_back(1 << 20);
    for _ in 0..1_000 {
        assert_eq!(
            town.sorted(&Asker::Root, filter, &[("cn", UP)]).len(),
            2,
            "room is given back"
        );
    }
}
