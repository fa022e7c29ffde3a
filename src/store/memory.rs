//! A store in memory, for tests and for directories that need not last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::record::{Batch, Change, Guard, Key, Operation, Record, Revision};
use crate::store::deletions::{Deletions, revision_of};
use crate::store::feed::{Follower, Ring};
use crate::store::ticket::Committed;
use crate::store::{
    BoxStream, CommitError, Fault, Feed, FeedError, Limits, LogBounds, PIECE_OPERATIONS, Records, Store,
    StoreError, StoreId, Ticket,
};
use crate::types::Timestamp;

/// A store in memory: every promise of [`Store`] but durability. "Durable" here is "done".
pub struct MemoryStore {
    id: StoreId,
    ring: Arc<Ring>,
    state: Mutex<State>,
}

struct State {
    records: BTreeMap<Key, Record>,
    deletions: Deletions,
    revision: Revision,
}

/// How many records a piece of a snapshot has.
const PIECE_RECORDS: usize = 512;
/// How many records one call of `sweep` deletes at most.
const SWEEP_MAX: usize = PIECE_OPERATIONS;

impl MemoryStore {
    /// An empty store called `id`, whose feed keeps as many commits as `feed` says.
    pub fn new(id: StoreId, feed: LogBounds) -> MemoryStore {
        let state = State {
            records: BTreeMap::new(),
            deletions: Deletions::since(Revision(0)),
            revision: Revision(0),
        };
        let ring = Ring::new(Revision(0), feed.commits_max, feed.bytes_max);
        MemoryStore {
            id,
            ring: Arc::new(ring),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, batch: Batch) -> Committed {
        let mut state = self.lock();
        let broken = batch.guards.iter().find_map(|guard| state.broken(guard));
        if let Some(at) = broken {
            return Err(CommitError::Conflict { at });
        }
        if batch.is_empty() {
            return Ok(state.revision);
        }
        let revision = Revision(state.revision.0 + 1);
        state.revision = revision;
        batch
            .operations
            .iter()
            .for_each(|operation| state.apply(operation, revision));
        // Published under the lock, so that the feed has the order of the commits.
        self.ring.publish(vec![Arc::new(Change {
            revision,
            operations: batch.operations,
        })]);
        Ok(revision)
    }

    fn expired(&self, now: Timestamp) -> Vec<Record> {
        let state = self.lock();
        state
            .records
            .values()
            .filter(|record| !record.is_live(now))
            .take(SWEEP_MAX)
            .cloned()
            .collect()
    }
}

impl State {
    fn broken(&self, guard: &Guard) -> Option<Revision> {
        self.deletions
            .broken(guard, revision_of(self.records.get(guard.key())))
    }

    fn apply(&mut self, operation: &Operation, revision: Revision) {
        match operation.clone() {
            Operation::Put { key, value, expires } => {
                self.deletions.written(&key);
                self.records.insert(
                    key.clone(),
                    Record {
                        key,
                        value,
                        revision,
                        expires,
                    },
                );
            }
            Operation::Delete { key } => {
                self.records.remove(&key);
                self.deletions.deleted(&key, revision);
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn limits(&self) -> Limits {
        Limits::LOCAL
    }

    fn id(&self) -> StoreId {
        self.id
    }

    fn fault(&self) -> Option<Fault> {
        None
    }

    async fn submit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.limits().check(&batch)?;
        Ok(Ticket::known(self.apply(batch)))
    }

    async fn commit_soon(&self, batch: Batch) -> Result<(), CommitError> {
        self.submit(batch).await.map(drop)
    }

    async fn get(&self, keys: &[Key]) -> Result<(Revision, Vec<Option<Record>>), StoreError> {
        let state = self.lock();
        let records = keys.iter().map(|key| state.records.get(key).cloned()).collect();
        Ok((state.revision, records))
    }

    async fn current(&self) -> Result<Revision, StoreError> {
        Ok(self.ring.published())
    }

    async fn snapshot(&self, prefix: &[u8]) -> Result<(Revision, Records), StoreError> {
        let state = self.lock();
        let under = state.records.range(Key::from_bytes(prefix)..);
        let under = under
            .map(|(_, record)| record)
            .take_while(|record| record.key.as_bytes().starts_with(prefix));
        let records: Vec<Record> = under.cloned().collect();
        let pieces = records.chunks(PIECE_RECORDS).map(<[Record]>::to_vec).collect();
        Ok((state.revision, Box::pin(Pieces(pieces))))
    }

    fn changes(&self, after: Revision) -> BoxStream<'static, Result<Feed, FeedError>> {
        Box::pin(Follower::new(self.ring.clone(), None, after))
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, CommitError> {
        let expired = self.expired(now);
        let operations = expired
            .iter()
            .map(|record| Operation::Delete {
                key: record.key.clone(),
            })
            .collect();
        let guards = expired
            .iter()
            .map(|record| Guard::UnchangedSince(record.key.clone(), record.revision))
            .collect();
        self.commit(Batch { guards, operations }).await?;
        Ok(expired.len())
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.ring.close();
    }
}

/// A snapshot that is already in memory.
struct Pieces(std::collections::VecDeque<Vec<Record>>);

impl futures_core::Stream for Pieces {
    type Item = Result<Vec<Record>, StoreError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.pop_front().map(Ok))
    }
}
