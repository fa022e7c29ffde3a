//! The unit of change: a batch of operations that happens whole or not at all, if its guards hold.

use crate::record::Key;
use crate::types::Timestamp;

/// The number of a commit. Totally ordered within one store identity; not dense; 0 is before every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// Names one attempt to commit, so that its fate can be asked for after an outage. Random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchId(pub u128);

/// A condition under which a batch may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No record has this key (an expired one counts as none).
    Absent(Key),
    /// No commit after this revision has written or deleted this key. An absent key that never was
    /// counts as written at revision 0.
    UnchangedSince(Key, Revision),
}

/// One change to one record. Has no `Debug`: a value may hold a PIN's hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Operation {
    /// Writes the record, over what was there. `expires`: readers treat it as absent from then on.
    Put {
        /// The record's key.
        key: Key,
        /// Its bytes.
        value: Box<[u8]>,
        /// When it stops to count, if ever.
        expires: Option<Timestamp>,
    },
    /// Removes the record; a key that is not there is no error.
    Delete {
        /// The record's key.
        key: Key,
    },
}

/// Guards and operations that are committed together.
#[derive(Clone, Default)]
pub struct Batch {
    /// All must hold, or nothing is written.
    pub guards: Vec<Guard>,
    /// What is written. Each key at most once.
    pub operations: Vec<Operation>,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// A stored record with the revision of the commit that wrote it.
#[derive(Clone)]
pub struct Record {
    /// Its key.
    pub key: Key,
    /// Its bytes.
    pub value: Box<[u8]>,
    /// The commit that wrote it.
    pub revision: Revision,
    /// When it stops to count, if ever.
    pub expires: Option<Timestamp>,
}

/// One whole commit, as the change feed tells it.
#[derive(Clone)]
pub struct Change {
    /// The commit.
    pub revision: Revision,
    /// What it wrote, in order.
    pub operations: Vec<Operation>,
}
