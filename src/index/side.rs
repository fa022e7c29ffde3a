//! Records that are no entries and yet asked for by the directory: lock-out states and single values.
//! Their bytes are for others to read. Log-ins are none of them: every account has some, and nobody asks here.

use std::sync::Arc;

use foldhash::fast::FixedState;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

use crate::record::{Key, Kind};
use crate::types::Timestamp;

type Records = GenericHashMap<Key, Side, FixedState, DefaultSharedPtr>;

#[derive(Clone)]
struct Side {
    value: Arc<[u8]>,
    expires: Option<Timestamp>,
}

/// The side records of a snapshot; copying it is cheap.
#[derive(Clone, Default)]
pub(super) struct SideRecords(Records);

impl SideRecords {
    pub(super) fn put(&mut self, key: &Key, value: &[u8], expires: Option<Timestamp>) {
        if wanted(key) {
            let value = value.into();
            self.0.insert(key.clone(), Side { value, expires });
        }
    }

    /// Adds `more`, which has none of the same keys.
    pub(super) fn add(&mut self, more: SideRecords) {
        self.0 = std::mem::take(&mut self.0).union(more.0);
    }

    pub(super) fn delete(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// The records of this kind, expired ones too, in no order.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&Key, &[u8])> {
        let all = self.0.iter().filter(move |(key, _)| key.is_of(kind));
        all.map(|(key, side)| (key, &*side.value))
    }

    /// The record's value unless it has expired by `now`.
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Option<&[u8]> {
        let side = self.0.get(key)?;
        let current = side.expires.is_none_or(|expires| now < expires);
        current.then_some(&*side.value)
    }
}

fn wanted(key: &Key) -> bool {
    key.is_of(Kind::Lockout) || key.is_of(Kind::Meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_record_is_absent() {
        let key = Key::new(Kind::Lockout, &7u64.to_be_bytes());
        let moment = Timestamp::from_unix_ms;
        let mut side = SideRecords::default();
        side.put(&key, b"locked", Some(moment(100)));
        assert_eq!(side.find(&key, moment(99)), Some(&b"locked"[..]));
        assert_eq!(side.find(&key, moment(100)), None);
        side.delete(&key);
        assert_eq!(side.find(&key, moment(99)), None);
    }

    #[test]
    fn buckets_and_log_ins_are_not_kept() {
        for kind in [Kind::Bucket, Kind::LogIn] {
            let key = Key::new(kind, b"x");
            let mut side = SideRecords::default();
            side.put(&key, b"", None);
            assert_eq!(side.find(&key, Timestamp::default()), None);
        }
    }
}
