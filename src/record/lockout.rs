//! The bytes of a stored lock.
//!
//! Version 2 is the version octet and the moment the lock ends, then one octet: 0 if it holds for all sources,
//! 1 if it holds for those that caused it and all that are not trusted; the groups of the former follow.
//! Version 1 ended with the moment and held for all. The fields are as `record::fields` has them.

use thiserror::Error;

use super::fields::{push_group, push_moment, take_group, take_moment};
use crate::domain::lockout::{Holds, Lock};
use crate::record::{Key, Kind, Operation};
use crate::types::EntryId;

const VERSION: u8 = 2;

/// A lock of one account. Its record expires when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockoutRecord(pub Lock);

/// Why bytes are no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LockoutRecordError {
    /// A later Beadle wrote them.
    #[error("lock record of version {0}, which this version does not know")]
    Newer(u8),
    /// Nobody did.
    #[error("lock record is damaged")]
    Malformed,
}

impl LockoutRecord {
    /// The key of the lock of the account `entry`.
    pub fn key(entry: EntryId) -> Key {
        Key::new(Kind::Lockout, &entry.to_bytes())
    }

    /// The account a lock's key is about; `None` if it is no lock's key.
    pub fn entry(key: &Key) -> Option<EntryId> {
        key.entry_of(Kind::Lockout)
    }

    /// The operation that stores the lock of `entry`.
    pub fn put(&self, entry: EntryId) -> Operation {
        Operation::Put {
            key: LockoutRecord::key(entry),
            value: self.encode(),
            expires: Some(self.0.until),
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Box<[u8]> {
        let mut bytes = vec![VERSION];
        push_moment(self.0.until, &mut bytes);
        match &self.0.holds {
            Holds::ForAll => bytes.push(0),
            Holds::ForOffenders(groups) => {
                bytes.push(1);
                groups.iter().for_each(|group| push_group(*group, &mut bytes));
            }
        }
        bytes.into()
    }

    /// Reads its bytes. Errors: [`LockoutRecordError`].
    pub fn decode(bytes: &[u8]) -> Result<LockoutRecord, LockoutRecordError> {
        let lock = match bytes.split_first() {
            Some((1, rest)) => lock(rest, |rest| rest.is_empty().then_some(Holds::ForAll)),
            Some((&VERSION, rest)) => lock(rest, holds),
            Some((&version, _)) if version > VERSION => return Err(LockoutRecordError::Newer(version)),
            _ => None,
        };
        lock.map(LockoutRecord).ok_or(LockoutRecordError::Malformed)
    }
}

fn lock(mut bytes: &[u8], holds: impl FnOnce(&[u8]) -> Option<Holds>) -> Option<Lock> {
    let until = take_moment(&mut bytes)?;
    holds(bytes).map(|holds| Lock { until, holds })
}

fn holds(bytes: &[u8]) -> Option<Holds> {
    match bytes.split_first()? {
        (0, []) => Some(Holds::ForAll),
        (1, mut rest) => {
            let mut groups = Vec::new();
            while !rest.is_empty() {
                groups.push(take_group(&mut rest)?);
            }
            Holds::for_offenders(groups)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lockout::OFFENDERS_MAX;
    use crate::types::{SourceGroup, Timestamp};

    const UNTIL: Timestamp = Timestamp::from_unix_ms(1_795_339_800_123);
    const MOMENT: &[u8] = b"\0\0\x01\xa2\x02\x97\x4e\x3b";

    fn lock(holds: Holds) -> LockoutRecord {
        LockoutRecord(Lock { until: UNTIL, holds })
    }

    fn check(bytes: &[&[u8]], expected: LockoutRecord) {
        let bytes = bytes.concat();
        assert_eq!(LockoutRecord::decode(&bytes), Ok(expected.clone()));
        if bytes.starts_with(&[VERSION]) {
            assert_eq!(&*expected.encode(), bytes, "version 2 never changes");
        }
    }

    #[test]
    fn a_lock_reads_as_it_was_written_by_any_version() {
        check(&[b"\x01", MOMENT], lock(Holds::ForAll));
        check(&[b"\x02", MOMENT, b"\0"], lock(Holds::ForAll));
        check(&[b"\x02", MOMENT, b"\x01"], lock(Holds::ForOffenders(Vec::new())));
        let groups = vec![SourceGroup::Local, SourceGroup::V4([192, 0, 2])];
        let expected = lock(Holds::ForOffenders(groups));
        check(&[b"\x02", MOMENT, b"\x01\0\x04\xc0\0\x02"], expected);
        let caller = lock(Holds::ForOffenders(vec![SourceGroup::Mac(*b"\0\x01\x02abc")]));
        check(&[b"\x02", MOMENT, b"\x01\x30\0\x01\x02abc"], caller);
    }

    #[test]
    fn a_newer_or_damaged_lock_is_refused() {
        assert_eq!(
            LockoutRecord::decode(b"\x03whatever"),
            Err(LockoutRecordError::Newer(3))
        );
        let after = |moment: &[&[u8]]| [&[b"\x02", MOMENT], moment].concat().concat();
        for damaged in [
            b"".to_vec(),
            b"\x00".to_vec(),
            b"\x01".to_vec(),
            b"\x01\0\0\0\0\0\0\0".to_vec(),
            b"\x01\0\0\0\0\0\0\0\0\0".to_vec(),
            after(&[]),
            after(&[b"\x02"]),
            after(&[b"\0\0"]),
            after(&[b"\x01\x04\xc0\0"]),
            after(&[b"\x01", &[0; OFFENDERS_MAX + 1]]),
        ] {
            assert_eq!(
                LockoutRecord::decode(&damaged),
                Err(LockoutRecordError::Malformed),
                "{damaged:?}"
            );
        }
    }

    #[test]
    fn a_lock_stops_to_count_when_it_ends() {
        let Operation::Put { key, expires, .. } = lock(Holds::ForAll).put(EntryId(7)) else {
            panic!("a lock is put");
        };
        assert_eq!(expires, Some(UNTIL));
        assert_eq!(LockoutRecord::entry(&key), Some(EntryId(7)));
        assert_eq!(LockoutRecord::entry(&Key::entry(EntryId(7))), None);
        assert_eq!(LockoutRecord::entry(&Key::new(Kind::Lockout, b"short")), None);
    }
}
