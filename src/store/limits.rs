//! The most one batch may hold, and how much of the past is kept.

use std::collections::HashSet;
use std::fmt;

use crate::record::key::KEY_BYTES_MAX;
use crate::record::{Batch, Key, Operation};
use crate::store::CommitError;

/// The most one batch may hold; a batch past any of these is refused whole with
/// [`CommitError::TooLarge`]. Keys are limited by [`KEY_BYTES_MAX`] everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations in a batch.
    pub operations_max: usize,
    /// Guards in a batch.
    pub guards_max: usize,
    /// Bytes of one value.
    pub value_bytes_max: usize,
    /// Bytes of all keys and values of a batch ([`Batch::weight_bytes`]).
    pub batch_bytes_max: usize,
}

/// The most that whoever may cut the work where it likes (a load, a sweep, a copy) puts into one batch or transaction.
/// Loads in transactions of thousands made sled keep gigabytes in memory and stall every reader.
pub const PIECE_OPERATIONS: usize = 200;
/// The same in bytes of keys and values.
pub const PIECE_BYTES: usize = 1024 * 1024;

impl Limits {
    /// The limits of the engines on this machine. 20,000 operations: a change of everything that refers to an entry
    /// cannot be cut, and who is in thousands of groups can be deleted. 16 MiB: half of what the change log keeps
    /// ([`LogBounds`]); a batch that it cannot keep costs a transaction. 256 KiB: sled writes pages past a quarter of a
    /// segment to files of their own, which it neither syncs nor always removes, and a page may hold several values.
    pub const LOCAL: Limits = Limits {
        operations_max: 20_000,
        guards_max: 40_000,
        value_bytes_max: 256 * 1024,
        batch_bytes_max: 16 * 1024 * 1024,
    };

    /// Whether `batch` may be tried at all. Errors: `TooLarge`, `Malformed`.
    pub(super) fn check(&self, batch: &Batch) -> Result<(), CommitError> {
        if !self.hold(batch) {
            return Err(CommitError::TooLarge(*self));
        }
        let mut seen = HashSet::with_capacity(batch.operations.len());
        let written = batch.operations.iter().map(Operation::key);
        let guarded = batch.guards.iter().map(|guard| guard.key());
        let repeated = written.clone().any(|key| !seen.insert(key));
        let empty = written.chain(guarded).any(|key| key.as_bytes().is_empty());
        if repeated || empty {
            Err(CommitError::Malformed)
        } else {
            Ok(())
        }
    }

    fn hold(&self, batch: &Batch) -> bool {
        let fits = |key: &Key| key.as_bytes().len() <= KEY_BYTES_MAX;
        batch.operations.len() <= self.operations_max
            && batch.guards.len() <= self.guards_max
            && batch.weight_bytes() <= self.batch_bytes_max
            && batch.guards.iter().all(|guard| fits(guard.key()))
            && batch
                .operations
                .iter()
                .all(|operation| fits(operation.key()) && self.hold_value(operation))
    }

    fn hold_value(&self, operation: &Operation) -> bool {
        match operation {
            Operation::Put { value, .. } => value.len() <= self.value_bytes_max,
            Operation::Delete { .. } => true,
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations, {} guards, {} bytes a value, {} bytes in all, {KEY_BYTES_MAX} bytes a key",
            self.operations_max, self.guards_max, self.value_bytes_max, self.batch_bytes_max
        )
    }
}
/// How much of the past the change feed keeps. What is older is forgotten, oldest first, and a follower
/// that far behind hears `Compacted`. By count and size, not by age: a store has no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// The most commits.
    pub commits_max: usize,
    /// The most bytes. 0 keeps nothing: for a bulk load that nobody follows, which then writes
    /// everything once instead of twice.
    pub bytes_max: usize,
}

impl Default for LogBounds {
    fn default() -> LogBounds {
        LogBounds {
            commits_max: 65_536,
            bytes_max: 32 * 1024 * 1024,
        }
    }
}
