//! A planned search against looking at every entry: random filters on a random directory, part of it in the
//! delta, as strangers, members and root.

use std::sync::Arc;

use super::look::in_scope;
use super::*;
use crate::directory::ask::computed::WholeEntry;
use crate::directory::ask::search::tests::{Kept, selection};
use crate::directory::request::SearchControls;
use crate::directory::testing::{UNLIMITED, directory};
use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::index::testing::{BASE, UNIVERSITY, change, marked, put_owned, random_row};
use crate::types::{EntryId, SeededEntropy};

struct Oracle {
    directory: Arc<Directory>,
    snapshot: Arc<Snapshot>,
    filters: Filters,
}

/// Random filters.
pub(super) struct Filters(pub SeededEntropy);

impl Oracle {
    /// A hundred random people; the last thirty changes are not folded.
    fn new(seed: u64) -> Oracle {
        let directory = Arc::new(directory(UNLIMITED));
        let schema = directory.schema();
        let mut entropy = SeededEntropy::new(seed);
        let mut writes = |ids: std::ops::Range<u64>, revision| {
            let write = |id| put_owned(schema, id, &random_row(&mut entropy, id));
            change(revision, ids.map(write).collect())
        };
        let base = marked(schema, UNIVERSITY, directory.access().sets())
            .apply(&[writes(9..109, 2)], schema)
            .unwrap();
        let folded = base.folded(schema, std::num::NonZeroUsize::MIN).unwrap();
        let snapshot = folded.apply(&[writes(94..124, 3)], schema).unwrap();
        Oracle {
            snapshot: Arc::new(snapshot),
            filters: Filters(entropy),
            directory,
        }
    }

    /// What looking at every entry finds.
    fn scan(&self, asker: &Asker, base: &str, scope: Scope, filter: &Filter) -> Vec<String> {
        let (directory, snapshot) = (&self.directory, &self.snapshot);
        let view = directory.view(asker, snapshot);
        let base = snapshot
            .entry_by_dn(&Dn::parse(base).unwrap(), directory.schema())
            .unwrap()
            .slot();
        let mut computed = Computed::default();
        let matches = |entry: &EntryRef<'_>| {
            let Some(sight) = view.sight(entry.id(), entry) else {
                return false;
            };
            let all = directory.computed().all();
            computed.compute(*entry, all, directory.computed(), directory.schema(), &view);
            let whole = WholeEntry {
                schema: directory.schema(),
                stored: *entry,
                computed: &computed,
            };
            whole.truth(filter, &sight, &Effort::unlimited()) == Truth::True
        };
        let entries = snapshot.entries().filter(|entry| in_scope(entry, base, scope));
        let mut names: Vec<String> = entries.filter(matches).map(|entry| entry.dn_text()).collect();
        names.sort_unstable();
        names
    }

    fn planned(&self, asker: &Asker, base: &str, scope: Scope, filter: Filter) -> Vec<String> {
        let search = Search {
            base: Arc::new(Dn::parse(base).unwrap().into()),
            scope,
            filter,
            selection: selection(&["1.1"], &self.directory),
            entries_max: 0,
            time_limit_s: 0,
            controls: SearchControls::default(),
        };
        let (directory, snapshot) = (self.directory.clone(), self.snapshot.clone());
        let mut cursor = SearchCursor::new(directory, snapshot, asker.clone(), search, Timestamp::default());
        let mut kept = Kept::default();
        while let TurnEnd::More = cursor.run(&mut kept, 7, Timestamp::default()) {}
        let mut names: Vec<String> = kept.entries.into_iter().map(|(dn, _)| dn).collect();
        names.sort_unstable();
        names
    }
}

impl Filters {
    pub(super) fn pick(&mut self, count: u64) -> u64 {
        self.0.next_u64() % count
    }

    pub(super) fn filter(&mut self, depth: u32) -> String {
        if depth > 0 && self.pick(2) == 0 {
            let count = 1 + self.pick(3);
            let inner: String = (0..count).map(|_| self.filter(depth - 1)).collect();
            return match self.pick(3) {
                0 => format!("(&{inner})"),
                1 => format!("(|{inner})"),
                _ => format!("(!{})", self.filter(depth - 1)),
            };
        }
        self.item()
    }

    fn item(&mut self) -> String {
        let number = self.pick(70);
        match self.pick(18) {
            0 => format!("(uid=U{})", number % 32),
            1 => format!("(cn=ada {})", number % 10),
            2 => format!("(name=S{})", number % 6),
            3 => format!("(sn=s{})", number % 6),
            4 => format!("(cn=*a* {})", number % 9),
            5 => format!("(cn=g*{})", number % 9),
            6 => format!("(uid=*{})", number % 10),
            7 => format!("(mail=m{}*)", number % 4),
            8 => format!("(mail=m{}@UNI.example)", number % 32),
            9 => "(mail=*)".to_owned(),
            10 => format!("(uidNumber>={})", number * 30),
            11 => format!("(uidNumber<={})", number * 30),
            12 => format!("(modifyTimestamp>=202611220930{:02}Z)", number % 60),
            13 => format!("(member=cn=p{number},ou=people,dc=uni,dc=example)"),
            14 => format!("(memberOf=cn=p{number},ou=people,dc=uni,dc=example)"),
            15 => format!("(entryDN=cn=p{number},ou=groups,dc=uni,dc=example)"),
            16 => [
                "(objectClass=person)",
                "(objectClass=organizationalUnit)",
                "(nosuch=x)",
            ][number as usize % 3]
                .into(),
            _ => format!(
                "(employeeType:caseExactMatch:={})",
                ["staff", "hidden", "x"][number as usize % 3]
            ),
        }
    }
}

#[test]
fn a_planned_search_finds_what_looking_at_every_entry_finds() {
    let people = "ou=people,dc=uni,dc=example";
    let mut found = 0;
    for seed in 0..3 {
        let mut oracle = Oracle::new(seed);
        let askers = [Asker::Public, Asker::Root, Asker::Member(EntryId(12))];
        for at in 0..100 {
            let text = oracle.filters.filter(3);
            let asker = &askers[at % askers.len()];
            let base = [BASE, people][at % 2];
            let scope = [Scope::Subtree, Scope::One, Scope::Subordinate, Scope::Base][at % 4];
            let parse = || Filter::parse(oracle.directory.schema(), &text).unwrap();
            let expected = oracle.scan(asker, base, scope, &parse());
            let planned = oracle.planned(asker, base, scope, parse());
            assert_eq!(planned, expected, "{text} as {asker:?} {scope:?} {base}");
            found += expected.len();
        }
    }
    assert!(found > 300, "random filters that find nothing prove nothing");
}
