//! What the one writer does with one batch: guards, revision, trees, log.

use std::sync::{Arc, Weak};

use crate::record::{Batch, Change, Guard, Key, Operation, Record, Revision};
use crate::store::deletions::Deletions;
use crate::store::sled_codec::{decode_expiry, encode_expiry, encode_record};
use crate::store::sled_log::{LogBounds, LogIndex};
use crate::store::sled_scan::Overlay;
use crate::store::sled_trees::{Trees, Writes, fault, undecodable};
use crate::store::{CommitError, Fault, Limits};
use crate::types::Timestamp;

/// How many records one call of `sweep` deletes at most: one batch.
const SWEEP_MAX: usize = Limits::LOCAL.operations_max;

/// The state of the one writer.
pub(super) struct Applier {
    trees: Trees,
    log: LogIndex,
    deletions: Deletions,
    revision: Revision,
    overlays: Vec<Weak<Overlay>>,
}

/// What a batch comes to, short of a [`Fault`].
pub(super) enum Applied {
    /// It has a revision, and is not durable yet.
    Written(Arc<Change>),
    /// There was nothing to write and every guard holds.
    Nothing(Revision),
    /// A guard does not hold.
    Refused(CommitError),
}

impl Applier {
    /// A writer that continues what `trees` hold.
    pub(super) fn new(trees: Trees, bounds: LogBounds) -> Result<Applier, Fault> {
        let revision = trees.revision()?;
        let log = LogIndex::load(&trees, bounds)?;
        let deletions = Deletions::since(revision);
        Ok(Applier {
            trees,
            log,
            deletions,
            revision,
            overlays: Vec::new(),
        })
    }

    /// The revision of the last batch that was written, durable or not.
    pub(super) fn revision(&self) -> Revision {
        self.revision
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

    /// Writes `batch` if its guards hold.
    pub(super) fn apply(&mut self, batch: Batch) -> Result<Applied, Fault> {
        if let Some(at) = self.broken(&batch.guards)? {
            return Ok(Applied::Refused(CommitError::Conflict { at }));
        }
        if batch.is_empty() {
            return Ok(Applied::Nothing(self.revision));
        }
        let change = Change {
            revision: Revision(self.revision.0 + 1),
            operations: batch.operations,
        };
        let mut writes = Writes::default();
        change
            .operations
            .iter()
            .try_for_each(|operation| self.write(operation, change.revision, &mut writes))?;
        self.log.append(&change, &mut writes);
        self.trees.apply(change.revision, &writes)?;
        self.revision = change.revision;
        Ok(Applied::Written(Arc::new(change)))
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
            let record = self.trees.revision_of(guard.key())?;
            if let Some(at) = self.deletions.broken(guard, record) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn write(&mut self, operation: &Operation, revision: Revision, writes: &mut Writes) -> Result<(), Fault> {
        self.keep_before(operation.key())?;
        match operation {
            Operation::Put { key, value, expires } => {
                self.deletions.written(key);
                if let Some(expires) = expires {
                    self.forget_expiry(key, writes)?;
                    writes.exp.insert(encode_expiry(*expires, key), &[]);
                }
                writes
                    .kv
                    .insert(key.as_bytes(), encode_record(revision, *expires, value));
            }
            Operation::Delete { key } => {
                self.forget_expiry(key, writes)?;
                self.deletions.deleted(key, revision);
                writes.kv.remove(key.as_bytes());
            }
        }
        Ok(())
    }

    /// Removes the expiry of the record that is replaced. Not done for a record that no longer expires,
    /// which would cost every plain write a read: the sweep skips what is left over.
    fn forget_expiry(&self, key: &Key, writes: &mut Writes) -> Result<(), Fault> {
        if let Some(Record {
            expires: Some(expires),
            ..
        }) = self.trees.record(key)?
        {
            writes.exp.remove(encode_expiry(expires, key));
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
