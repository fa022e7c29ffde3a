//! A directory in memory that holds every guard, for the tests of import and export.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::super::*;
use crate::domain::entry::Entry;
use crate::domain::schema::Schema;
use crate::exchange::entries::Entries;
use crate::exchange::export::{Form, Secrets, export};
use crate::exchange::row::RowError;
use crate::index::Snapshot;
use crate::index::testing::{built, schema};
use crate::record::entry::StoredEntry;
use crate::record::{Batch, Change, Key, Operation, Revision};
use crate::store::memory::MemoryStore;
use crate::store::{CommitError, LogBounds, Store, StoreId};
use crate::types::{Dn, EntryId, SeededEntropy};

pub(super) const BASE: &str = "dc=uni,dc=example";
pub(super) const BASE_ROWS: &str = "dn: dc=uni,dc=example\nobjectClass: dcObject\nobjectClass: organization\n\
    dc: uni\no: University\n\ndn: ou=people,dc=uni,dc=example\nobjectClass: organizationalUnit\nou: people\n\n";

/// What an import told.
pub(super) struct Told {
    pub result: Result<Outcome, String>,
    pub refused: Vec<(String, String)>,
    pub effects: Vec<(String, Effect)>,
    pub written: Vec<(u64, u64)>,
}

impl Told {
    /// New, changed, unchanged, refused.
    pub(super) fn counts(&self) -> (u64, u64, u64, u64) {
        let counts = self.result.as_ref().unwrap().counts;
        (counts.new, counts.changed, counts.unchanged, counts.refused)
    }
}

pub(super) struct Town {
    pub schema: Arc<Schema>,
    store: MemoryStore,
    snapshot: Arc<Snapshot>,
    pub batches: Vec<Batch>,
    /// What somebody else writes, one of them before each commit.
    pub rivals: Vec<Vec<Operation>>,
    /// How many batches are not durable before the next ones come.
    pub under_way_max: usize,
    pub now: Timestamp,
    entropy: SeededEntropy,
}

impl Town {
    /// An empty one.
    pub(super) fn new() -> Town {
        Town {
            schema: schema().clone(),
            store: MemoryStore::new(StoreId(1), LogBounds::default()),
            snapshot: Arc::new(built(schema(), []).unwrap()),
            batches: Vec::new(),
            rivals: Vec::new(),
            under_way_max: 0,
            now: Timestamp::from_unix_ms(1_795_339_800_000),
            entropy: SeededEntropy::new(1),
        }
    }

    /// One with the base and `ou=people`.
    pub(super) fn with_base() -> Town {
        let mut town = Town::new();
        assert_eq!(town.import(BASE_ROWS).counts(), (2, 0, 0, 0));
        town
    }

    pub(super) fn import(&mut self, text: &str) -> Told {
        self.import_as(Format::Ldif, text, KeepGoing::No, Mode::Apply)
    }

    pub(super) fn import_as(
        &mut self,
        format: Format,
        text: &str,
        keep_going: KeepGoing,
        mode: Mode,
    ) -> Told {
        let schema = self.schema.clone();
        let kinds = |names: &[&str]| {
            names
                .iter()
                .map(|name| schema.attribute(name.as_bytes()).unwrap())
                .collect()
        };
        let settings = ImportSettings {
            base: Dn::parse(BASE).unwrap(),
            unique: kinds(&["uid", "mail", "uidNumber", "entryUUID"]),
            ignored: vec!["structuralObjectClass".into(), "entryCSN".into()],
            creator: Some((*b"cn=admin,dc=uni,dc=example").into()),
            now: self.now,
        };
        let job = Job {
            schema: &schema,
            settings: &settings,
            keep_going,
            mode,
        };
        let (mut refused, mut effects, mut written) = (Vec::new(), Vec::new(), Vec::new());
        let mut events = |event: Event<'_>| {
            match event {
                Event::Refused(row) => {
                    refused.push((
                        row.problem.to_string(),
                        String::from_utf8(row.text.clone()).unwrap(),
                    ));
                }
                Event::Row { dn, effect, .. } => {
                    effects.push((String::from_utf8_lossy(dn).into_owned(), effect.clone()));
                }
                Event::Written(done, all) => written.push((done, all)),
            }
            ControlFlow::Continue(())
        };
        let mut open = || -> Result<_, RowError> { rows(format, text.as_bytes(), &settings.base) };
        let mut entropy = SeededEntropy::new(self.entropy.next_u64());
        let result = run(&job, self, &mut open, &mut entropy, &mut events).map_err(|error| error.to_string());
        Told {
            result,
            refused,
            effects,
            written,
        }
    }

    pub(super) fn export(&self, secrets: Secrets) -> String {
        self.export_as(&Form::Ldif, secrets)
    }

    pub(super) fn export_as(&self, form: &Form, secrets: Secrets) -> String {
        let mut out = Vec::new();
        export(
            &self.schema,
            &self.entries(),
            form,
            secrets,
            &mut out,
            &mut |_, _| {},
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The first value of an attribute of an entry.
    pub(super) fn value(&self, dn: &str, attribute: &str) -> Option<String> {
        let (_, _, entry) = self.entry(dn)?;
        let values = entry.values(self.schema.attribute(attribute.as_bytes()).unwrap());
        values
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The operation that gives an entry one value in an attribute.
    pub(super) fn set(&self, dn: &str, attribute: &str, value: &str) -> Operation {
        let (id, above, mut entry) = self.entry(dn).unwrap();
        let kind = self.schema.attribute(attribute.as_bytes()).unwrap();
        entry.set(kind, vec![value.as_bytes().into()]);
        self.put(id, above, &entry)
    }

    /// Replaces the hash of an entry, as a log-in does that upgrades it.
    pub(super) fn upgrade(&mut self, dn: &str, hash: &str) {
        let operation = self.set(dn, "userPassword", hash);
        self.write(vec![operation]);
    }

    /// The operation that writes an entry.
    pub(super) fn put(&self, id: EntryId, parent: Option<EntryId>, entry: &Entry) -> Operation {
        let value = StoredEntry::new(&self.schema, id, parent, entry)
            .unwrap()
            .encode()
            .into();
        Operation::Put {
            key: Key::entry(id),
            value,
            expires: None,
        }
    }

    pub(super) fn write(&mut self, operations: Vec<Operation>) {
        let committed = self.commit_now(Batch {
            guards: Vec::new(),
            operations,
        });
        assert!(matches!(committed, Committed::At(_)));
    }

    pub(super) fn commit_now(&mut self, batch: Batch) -> Committed {
        let operations = batch.operations.clone();
        match ready(self.store.commit(batch)) {
            Ok(revision) => {
                let change = Change { revision, operations };
                self.snapshot = Arc::new(self.snapshot.apply(&[change], &self.schema).unwrap());
                Committed::At(revision)
            }
            Err(CommitError::Conflict { at }) => Committed::Conflict(at),
            Err(error) => panic!("{error}"),
        }
    }

    /// The snapshot of now.
    pub(super) fn entries(&self) -> Entries {
        Entries {
            snapshot: self.snapshot.clone(),
            schema: self.schema.clone(),
        }
    }

    /// The entry of that name, if it is there, and the id of the one above it.
    pub(super) fn entry(&self, dn: &str) -> Option<(EntryId, Option<EntryId>, Entry)> {
        let normal = self.schema.normal_dn(&Dn::parse(dn).unwrap())?;
        let entry = self.snapshot.entry_by_normal_dn(normal.as_ref())?;
        let above = entry.parent().map(|parent| parent.id());
        Some((entry.id(), above, Entries::owned(entry)))
    }
}

/// What a store in memory answers at once.
fn ready<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits for something"),
    }
}

impl World for Town {
    type Error = String;

    fn existing(&mut self, revision: Revision) -> Result<Entries, String> {
        assert!(revision <= self.snapshot.revision());
        Ok(self.entries())
    }

    fn writers(&self) -> Writers {
        Writers::Several
    }

    fn under_way(&self) -> usize {
        self.under_way_max.min(self.batches.len())
    }

    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<Committed, String> {
        if let Some(operations) = self.rivals.pop() {
            self.write(operations);
        }
        self.batches.push(batch.clone());
        Ok(self.commit_now(batch))
    }
}
