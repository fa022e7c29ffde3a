//! The unit of change: a batch of operations that happens whole or not at all, if its guards hold.

use crate::record::Key;
use crate::types::Timestamp;

/// The number of a commit. Totally ordered within one store identity; not dense; 0 is before every commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A condition under which a batch may be committed. Guards look at revisions, never at a clock: a
/// record that has expired but was not swept yet is still there for them, so whoever writes over an
/// expired record guards it with [`Guard::UnchangedSince`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No record has this key.
    Absent(Key),
    /// No commit after this revision has written or deleted this key. An absent key that never was
    /// counts as written at revision 0. A store may refuse too often for an absent key and a revision
    /// older than it remembers deletions for, never too seldom.
    UnchangedSince(Key, Revision),
}

impl Guard {
    /// The key it is about.
    pub fn key(&self) -> &Key {
        match self {
            Guard::Absent(key) | Guard::UnchangedSince(key, _) => key,
        }
    }
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

impl Operation {
    /// Writes `value` under `key` for good.
    pub fn put(key: Key, value: impl Into<Box<[u8]>>) -> Operation {
        let value = value.into();
        Operation::Put {
            key,
            value,
            expires: None,
        }
    }

    /// The key it is about.
    pub fn key(&self) -> &Key {
        match self {
            Operation::Put { key, .. } | Operation::Delete { key } => key,
        }
    }

    /// How much it counts against a store's limits: the bytes of its key and its value.
    pub fn weight_bytes(&self) -> usize {
        match self {
            Operation::Put { key, value, .. } => key.as_bytes().len() + value.len(),
            Operation::Delete { key } => key.as_bytes().len(),
        }
    }
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

    /// How much it counts against a store's limits: the bytes of all keys and values, guards included.
    pub fn weight_bytes(&self) -> usize {
        let guards: usize = self.guards.iter().map(|guard| guard.key().as_bytes().len()).sum();
        let operations: usize = self.operations.iter().map(Operation::weight_bytes).sum();
        guards + operations
    }
}

/// A stored record with the revision of the commit that wrote it.
#[derive(Clone, PartialEq, Eq)]
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

impl Record {
    /// Whether it counts at `now`. Every reader asks this: stores keep expired records until a sweep.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// One whole commit, as the change feed tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub revision: Revision,
    /// What it wrote, in order.
    pub operations: Vec<Operation>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    #[test]
    fn a_record_counts_until_the_moment_it_expires() {
        let record = |expires: Option<u64>| Record {
            key: Key::new(Kind::Meta, b"x"),
            value: (*b"v").into(),
            revision: Revision(1),
            expires: expires.map(Timestamp::from_unix_ms),
        };
        let now = Timestamp::from_unix_ms(1000);
        assert!(record(None).is_live(now));
        assert!(record(Some(1001)).is_live(now));
        assert!(!record(Some(1000)).is_live(now));
    }
}
