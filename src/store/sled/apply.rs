//! What the one writer does with one batch: guards, revision, trees, log.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::record::{Batch, Change, Guard, Key, Operation, Revision};
use crate::store::LogBounds;
use crate::store::deletions::Deletions;
use crate::store::sled::codec::{decode_expiry, encode_expiry, encode_record};
use crate::store::sled::files::DatabaseFile;
use crate::store::sled::log::LogIndex;
use crate::store::sled::scan::Overlay;
use crate::store::sled::space::{LiveBytes, Mark};
use crate::store::sled::trees::{Trees, Writes, fault, undecodable};
use crate::store::{CommitError, Fault, PIECE_OPERATIONS};
use crate::types::Timestamp;

/// How many operations of several batches are written in one go, about. Small ones travel together, as a
/// transaction of the engine costs it two writes and two syncs of a file range; big ones cost it memory.
const TOGETHER_MAX: usize = 100;
/// How many records one call of `sweep` deletes at most: one batch.
const SWEEP_MAX: usize = PIECE_OPERATIONS;

/// The state of the one writer.
pub(super) struct Applier {
    trees: Trees,
    database: DatabaseFile,
    log: LogIndex,
    live: LiveBytes,
    deletions: Deletions,
    revision: Revision,
    /// The last revision that the trees have.
    written: Revision,
    overlays: Vec<Weak<Overlay>>,
    unwritten: Unwritten,
}

/// Batches that have their revisions and wait to be written in one go.
#[derive(Default)]
struct Unwritten {
    writes: Writes,
    operations: usize,
    /// The revision and expiry of every record in there; `None` if it is deleted.
    records: HashMap<Key, Option<(Revision, Option<Timestamp>)>>,
}

/// What a batch comes to, short of a [`Fault`].
pub(super) enum Applied {
    /// It has a revision. Not written and durable before [`Applier::make_durable`].
    Written(Arc<Change>),
    /// There was nothing to write and every guard holds.
    Nothing(Revision),
    /// A guard does not hold.
    Refused(CommitError),
}

impl Applier {
    /// A writer that continues what `trees` hold, whose file is `database`, and counts in `live`.
    pub(super) fn new(
        trees: Trees,
        database: DatabaseFile,
        bounds: LogBounds,
        live: LiveBytes,
    ) -> Result<Applier, Fault> {
        let revision = trees.revision()?;
        let log = LogIndex::load(&trees, bounds)?;
        live.grow(0, log.bytes());
        let deletions = Deletions::since(revision);
        Ok(Applier {
            trees,
            database,
            log,
            live,
            deletions,
            revision,
            written: revision,
            overlays: Vec::new(),
            unwritten: Unwritten::default(),
        })
    }

    /// The revision of the last batch that was written, durable or not.
    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Begins a count of every record there is now.
    pub(super) fn mark(&self) -> Mark {
        self.live.mark()
    }

    /// The trees it writes.
    pub(super) fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The start of a snapshot of everything under `prefix` at the present revision.
    pub(super) fn overlay(&mut self, prefix: &[u8]) -> Arc<Overlay> {
        let overlay = Arc::new(Overlay::new(prefix, self.revision));
        self.overlays.push(Arc::downgrade(&overlay));
        overlay
    }

    /// Gives `batch` a revision if its guards hold, and writes it now or with the next ones.
    pub(super) fn apply(&mut self, batch: Batch) -> Result<Applied, Fault> {
        if let Some(at) = self.broken(&batch.guards)? {
            return Ok(Applied::Refused(CommitError::Conflict { at }));
        }
        if batch.is_empty() {
            return Ok(Applied::Nothing(self.revision));
        }
        if self.unwritten.operations + batch.operations.len() > TOGETHER_MAX {
            self.settle()?;
        }
        let change = Change {
            revision: Revision(self.revision.0 + 1),
            operations: batch.operations,
        };
        change
            .operations
            .iter()
            .try_for_each(|operation| self.write(operation, change.revision))?;
        self.log.append(&change, &mut self.unwritten.writes);
        self.unwritten.operations += change.operations.len();
        self.revision = change.revision;
        Ok(Applied::Written(Arc::new(change)))
    }

    /// Writes what waits to be written, and makes durable what is written.
    pub(super) fn make_durable(&mut self) -> Result<(), Fault> {
        self.settle()?;
        self.database.make_durable(&self.trees)
    }

    /// Writes what waits to be written. Not durable before [`Applier::make_durable`].
    fn settle(&mut self) -> Result<(), Fault> {
        if self.unwritten.operations == 0 {
            return Ok(());
        }
        let unwritten = std::mem::take(&mut self.unwritten);
        let (revision, writes) = (self.revision, &unwritten.writes);
        let grown = match self.log.holds(self.written, revision) {
            true => self.trees.apply_logged(revision, writes, &mut self.database)?,
            false => self.trees.apply(revision, writes)?,
        };
        self.written = revision;
        self.live.grow(grown, self.log.bytes());
        Ok(())
    }

    /// Some of the records that have expired at `now`, with the revision that gave them their expiry.
    /// Expiries that name a record which has another one by now, or none, are dropped on the way.
    pub(super) fn expired(&self, now: Timestamp) -> Result<Vec<(Key, Revision)>, Fault> {
        let mut found = Vec::new();
        let end = encode_expiry(now.plus_ms(1), &Key::from_bytes(b""));
        for item in self.trees.exp.range(..end) {
            let (bytes, _) = item.map_err(fault)?;
            let (expires, key) = decode_expiry(&bytes).ok_or_else(|| undecodable("an expiry"))?;
            match self.trees.record(&key)? {
                Some(record) if record.expires == Some(expires) => found.push((key, record.revision)),
                _ => drop(self.trees.exp.remove(&bytes).map_err(fault)?),
            }
            if found.len() >= SWEEP_MAX {
                break;
            }
        }
        Ok(found)
    }

    fn broken(&self, guards: &[Guard]) -> Result<Option<Revision>, Fault> {
        for guard in guards {
            let record = match self.unwritten.records.get(guard.key()) {
                Some(record) => record.map(|(revision, _)| revision),
                None => self.trees.revision_of(guard.key())?,
            };
            if let Some(at) = self.deletions.broken(guard, record) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn write(&mut self, operation: &Operation, revision: Revision) -> Result<(), Fault> {
        self.keep_before(operation.key())?;
        match operation {
            Operation::Put { key, value, expires } => {
                self.deletions.written(key);
                if let Some(expires) = expires {
                    self.forget_expiry(key)?;
                    self.unwritten
                        .writes
                        .exp
                        .insert(encode_expiry(*expires, key), &[]);
                }
                let record = encode_record(revision, *expires, value);
                self.unwritten.writes.kv.insert(key.as_bytes(), record);
                self.unwritten
                    .records
                    .insert(key.clone(), Some((revision, *expires)));
            }
            Operation::Delete { key } => {
                self.forget_expiry(key)?;
                self.deletions.deleted(key, revision);
                self.unwritten.writes.kv.remove(key.as_bytes());
                self.unwritten.records.insert(key.clone(), None);
            }
        }
        Ok(())
    }

    /// Removes the expiry of the record that is replaced. Not done for a record that no longer expires,
    /// which would cost every plain write a read: the sweep skips what is left over.
    fn forget_expiry(&mut self, key: &Key) -> Result<(), Fault> {
        let expires = match self.unwritten.records.get(key) {
            Some(record) => record.and_then(|(_, expires)| expires),
            None => self.trees.record(key)?.and_then(|record| record.expires),
        };
        if let Some(expires) = expires {
            self.unwritten.writes.exp.remove(encode_expiry(expires, key));
        }
        Ok(())
    }

    fn keep_before(&mut self, key: &Key) -> Result<(), Fault> {
        let mut over = false;
        for overlay in &self.overlays {
            match overlay.upgrade() {
                Some(overlay) => overlay.keep(key, || self.trees.record(key))?,
                None => over = true,
            }
        }
        if over {
            self.overlays.retain(|overlay| overlay.strong_count() > 0);
        }
        Ok(())
    }
}
