//! Pages of a search are the search: one entry in one of them, whatever happens between two.

use std::num::NonZeroU32;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::ask::search::tests::Kept;
use crate::directory::request::{Page, SearchControls, Selection, Sort};
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::filter::Filter;
use crate::domain::sort::{Direction, SortKey};
use crate::index::testing::{BASE, Row, UNIVERSITY, change, key, put, snapshot};
use crate::record::Operation;
use crate::types::EntryId;

/// A directory that changes between pages.
struct Changing {
    directory: Arc<Directory>,
    snapshot: Arc<Snapshot>,
    revision: u64,
}

impl Changing {
    fn new(limits: SearchLimits, people: u64) -> Changing {
        let directory = Arc::new(directory(limits));
        let snapshot = Arc::new(snapshot(directory.schema(), UNIVERSITY));
        let mut changing = Changing {
            directory,
            snapshot,
            revision: 1,
        };
        (100..100 + people).for_each(|id| changing.write(id));
        changing.fold();
        changing
    }

    fn commit(&mut self, operation: Operation) {
        self.revision += 1;
        let changes = [change(self.revision, vec![operation])];
        self.snapshot = Arc::new(self.snapshot.apply(&changes, self.directory.schema()).unwrap());
    }

    fn write(&mut self, id: u64) {
        let name = format!("cn=p{id}");
        let cn = format!("cn: p{id}");
        let row = Row(id, 2, &name, &["objectClass: person", &cn, "sn: S"]);
        let operation = put(self.directory.schema(), &row);
        self.commit(operation);
    }

    fn remove(&mut self, id: u64) {
        if self.snapshot.entry_by_id(EntryId(id)).is_some() {
            self.commit(Operation::Delete { key: key(id) });
        }
    }

    fn fold(&mut self) {
        let folded = self
            .snapshot
            .folded(self.directory.schema(), std::num::NonZeroUsize::MIN);
        self.snapshot = Arc::new(folded.unwrap());
    }

    fn sort(&self, keys: &[(&str, Direction)]) -> Option<Box<Sort>> {
        let key = |(name, direction): &(&str, Direction)| {
            SortKey::new(self.directory.schema(), name.as_bytes(), None, *direction).unwrap()
        };
        (!keys.is_empty()).then(|| {
            Box::new(Sort {
                keys: keys.iter().map(key).collect(),
                is_critical: true,
            })
        })
    }

    fn page(&self, asker: Asker, question: &Question, page: Option<Page>) -> (Kept, Answer, SearchEnd) {
        let Question {
            base,
            scope,
            filter,
            entries_max,
            sort,
        } = *question;
        let search = Search {
            base: Arc::new(Dn::parse(base).unwrap().into()),
            scope,
            filter: Filter::parse(self.directory.schema(), filter).unwrap(),
            selection: Selection::default(),
            entries_max,
            time_limit_s: 0,
            controls: SearchControls {
                page: page.map(Box::new),
                sort: self.sort(sort),
                assertion: None,
            },
        };
        let (now, mut kept) = (Timestamp::default(), Kept::default());
        let mut cursor = SearchCursor::new(self.directory.clone(), self.snapshot.clone(), asker, search, now);
        loop {
            if let TurnEnd::Done(answer) = cursor.run(&mut kept, 3, now) {
                return (kept, answer, cursor.into_end());
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Question {
    base: &'static str,
    scope: Scope,
    filter: &'static str,
    entries_max: u32,
    sort: &'static [(&'static str, Direction)],
}

const ALL: Question = Question {
    base: BASE,
    scope: Scope::Subtree,
    filter: "(objectClass=*)",
    entries_max: 0,
    sort: &[],
};

fn first(size: u32) -> Page {
    Page {
        entries_max: NonZeroU32::new(size).unwrap(),
        from: None,
    }
}

fn after(size: u32, end: &SearchEnd) -> Option<Page> {
    let from = end.more.clone()?;
    Some(Page {
        from: Some(from),
        ..first(size)
    })
}

fn names(kept: Kept) -> Vec<String> {
    kept.entries.into_iter().map(|(dn, _)| dn).collect()
}

/// All pages, `between` each two of which something may happen.
fn paged(
    changing: &mut Changing,
    question: &Question,
    size: u32,
    mut between: impl FnMut(&mut Changing),
) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = Some(first(size));
    while page.is_some() {
        let (kept, answer, end) = changing.page(Asker::Root, question, page);
        assert!(matches!(answer, Answer::Success), "{answer:?}");
        assert!(kept.entries.len() <= size as usize);
        assert!(end.more.is_none() || kept.entries.len() == size as usize);
        found.extend(names(kept));
        page = after(size, &end);
        between(changing);
    }
    found
}

const QUESTIONS: &[Question] = &[
    ALL,
    Question {
        scope: Scope::One,
        base: "ou=people,dc=uni,dc=example",
        ..ALL
    },
    Question {
        scope: Scope::Subordinate,
        base: "ou=people,dc=uni,dc=example",
        ..ALL
    },
    Question {
        filter: "(cn=p*)",
        ..ALL
    },
    Question {
        filter: "(|(cn=p101)(cn=p107)(cn=p150)(cn=p3))",
        ..ALL
    },
    Question {
        filter: "(!(cn=p1*))",
        ..ALL
    },
    Question {
        scope: Scope::Base,
        ..ALL
    },
    Question {
        sort: &[("cn", Direction::Descending)],
        ..ALL
    },
    Question {
        filter: "(cn=p*)",
        sort: &[("sn", Direction::Descending), ("cn", Direction::Ascending)],
        ..ALL
    },
    Question {
        filter: "(objectClass=person)",
        sort: &[("sn", Direction::Ascending)],
        ..ALL
    },
];

#[test]
fn pages_are_the_search_in_pieces() {
    let mut changing = Changing::new(UNLIMITED, 40);
    for question in QUESTIONS {
        let whole = names(changing.page(Asker::Root, question, None).0);
        for size in [1, 2, 7, 40, 1000] {
            assert_eq!(paged(&mut changing, question, size, |_| ()), whole, "{size}");
        }
    }
}

#[test]
fn the_last_page_says_that_it_is_the_last() {
    let changing = Changing::new(UNLIMITED, 10);
    let question = Question {
        filter: "(cn=p*)",
        ..ALL
    };
    let more = |size| {
        changing
            .page(Asker::Root, &question, Some(first(size)))
            .2
            .more
            .is_some()
    };
    assert!(more(9));
    assert!(!more(10), "it was not even asked for an eleventh");
}

#[test]
fn all_pages_together_have_one_size_limit() {
    let limits = SearchLimits {
        entries_max_member: 5,
        ..UNLIMITED
    };
    let changing = Changing::new(limits, 20);
    let taken = |entries_max| {
        let asker = Asker::Member(EntryId(4));
        let question = Question {
            filter: "(cn=p*)",
            entries_max,
            ..ALL
        };
        let (mut page, mut taken) = (Some(first(2)), 0);
        loop {
            let (kept, answer, end) = changing.page(asker.clone(), &question, page);
            taken += kept.entries.len();
            page = after(2, &end);
            if page.is_none() {
                return (taken, matches!(answer, Answer::SizeLimitExceeded));
            }
        }
    };
    assert_eq!(taken(0), (5, true));
    assert_eq!(taken(3), (3, true));
    assert_eq!(taken(1), (1, true));
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Write(u64),
    Remove(u64),
    Fold,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (90..180u64).prop_map(Event::Write),
        4 => (100..160u64).prop_map(Event::Remove),
        1 => Just(Event::Fold),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_there_all_the_time_is_found_once(
        size in 1..12u32,
        which in 0..QUESTIONS.len(),
        events in prop::collection::vec(event(), 0..80),
    ) {
        let mut changing = Changing::new(UNLIMITED, 30);
        let question = &QUESTIONS[which];
        let mut always = names(changing.page(Asker::Root, question, None).0);
        let mut ever = always.clone();
        let mut events = events.into_iter();
        let found = paged(&mut changing, question, size, |changing| {
            for event in events.by_ref().take(5) {
                match event {
                    Event::Write(id) => changing.write(id),
                    Event::Remove(id) => changing.remove(id),
                    Event::Fold => changing.fold(),
                }
                let now = names(changing.page(Asker::Root, question, None).0);
                always.retain(|name| now.contains(name));
                ever.extend(now);
            }
        });
        for name in &always {
            prop_assert_eq!(found.iter().filter(|found| *found == name).count(), 1, "{}", name);
        }
        prop_assert!(found.iter().all(|name| ever.contains(name)));
    }
}
