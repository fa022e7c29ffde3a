//! When keys were deleted, for the guards: a deleted record leaves no revision behind.

use std::collections::HashMap;

use crate::record::{Guard, Key, Record, Revision};

/// The revisions of recent deletions. What is older than `floor` is forgotten, and an absent key then
/// counts as deleted at `floor`: a guard may refuse too often, never too seldom.
pub(super) struct Deletions {
    floor: Revision,
    at: HashMap<Key, Revision>,
}

/// How many deletions are remembered; at one more all are forgotten.
const DELETIONS_MAX: usize = 65_536;

impl Deletions {
    /// Nothing is known of deletions up to `floor`.
    pub(super) fn since(floor: Revision) -> Deletions {
        let at = HashMap::new();
        Deletions { floor, at }
    }

    /// `key` was deleted by the commit `revision`, the newest so far.
    pub(super) fn deleted(&mut self, key: &Key, revision: Revision) {
        if self.at.len() >= DELETIONS_MAX {
            self.at.clear();
            self.floor = revision;
        }
        self.at.insert(key.clone(), revision);
    }

    /// `key` was written again.
    pub(super) fn written(&mut self, key: &Key) {
        self.at.remove(key);
    }

    /// The revision at which `guard` was broken, if it was, given the record now under its key.
    pub(super) fn broken(&self, guard: &Guard, record: Option<Revision>) -> Option<Revision> {
        match guard {
            Guard::Absent(_) => record,
            Guard::UnchangedSince(key, since) => {
                let changed = record.unwrap_or_else(|| self.at.get(key).copied().unwrap_or(self.floor));
                (changed > *since).then_some(changed)
            }
        }
    }
}

/// The revision of a record, if there is one.
pub(super) fn revision_of(record: Option<&Record>) -> Option<Revision> {
    record.map(|record| record.revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn key(rest: &[u8]) -> Key {
        Key::new(Kind::Meta, rest)
    }

    #[test]
    fn a_deletion_breaks_the_guards_of_those_who_saw_the_record() {
        let mut deletions = Deletions::since(Revision(0));
        let guard = |since| Guard::UnchangedSince(key(b"x"), Revision(since));
        assert_eq!(deletions.broken(&guard(0), None), None, "never was there");
        deletions.deleted(&key(b"x"), Revision(7));
        assert_eq!(deletions.broken(&guard(6), None), Some(Revision(7)));
        assert_eq!(deletions.broken(&guard(7), None), None);
        deletions.written(&key(b"x"));
        assert_eq!(deletions.broken(&guard(7), Some(Revision(8))), Some(Revision(8)));
    }

    #[test]
    fn what_is_forgotten_counts_as_deleted() {
        let mut deletions = Deletions::since(Revision(3));
        assert_eq!(
            deletions.broken(&Guard::UnchangedSince(key(b"y"), Revision(2)), None),
            Some(Revision(3))
        );
        for number in 0..=DELETIONS_MAX as u64 {
            deletions.deleted(&key(&number.to_be_bytes()), Revision(4 + number));
        }
        let last = Revision(4 + DELETIONS_MAX as u64);
        assert_eq!(
            deletions.broken(&Guard::UnchangedSince(key(b"y"), Revision(10)), None),
            Some(last)
        );
        assert_eq!(deletions.at.len(), 1);
    }
}
