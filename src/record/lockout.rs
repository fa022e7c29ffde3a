//! The bytes of a stored lock: version 1 is the version octet and the moment it ends, in milliseconds
//! since 1970, eight octets, most significant first.

use thiserror::Error;

use crate::record::{Key, Kind, Operation};
use crate::types::Timestamp;

const VERSION: u8 = 1;

/// A lock of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutRecord {
    /// When it ends. The record expires at the same moment.
    pub until: Timestamp,
}

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
    pub fn key(entry: u64) -> Key {
        Key::new(Kind::Lockout, &entry.to_be_bytes())
    }

    /// The account a lock's key is about; `None` if it is no lock's key.
    pub fn entry(key: &Key) -> Option<u64> {
        key.entry_of(Kind::Lockout)
    }

    /// The operation that stores the lock of `entry`.
    pub fn put(self, entry: u64) -> Operation {
        Operation::Put {
            key: LockoutRecord::key(entry),
            value: self.encode(),
            expires: Some(self.until),
        }
    }

    /// Its bytes.
    pub fn encode(self) -> Box<[u8]> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.until.unix_ms().to_be_bytes());
        bytes.into()
    }

    /// Reads its bytes. Errors: [`LockoutRecordError`].
    pub fn decode(bytes: &[u8]) -> Result<LockoutRecord, LockoutRecordError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                let until = rest.try_into().map_err(|_| LockoutRecordError::Malformed)?;
                Ok(LockoutRecord {
                    until: Timestamp::from_unix_ms(u64::from_be_bytes(until)),
                })
            }
            Some((&version, _)) if version > VERSION => Err(LockoutRecordError::Newer(version)),
            _ => Err(LockoutRecordError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: LockoutRecord = LockoutRecord {
        until: Timestamp::from_unix_ms(1_795_339_800_123),
    };

    #[test]
    fn a_lock_reads_as_it_was_written() {
        assert_eq!(LockoutRecord::decode(&LOCK.encode()), Ok(LOCK));
        assert_eq!(
            &*LOCK.encode(),
            b"\x01\0\0\x01\xa2\x02\x97\x4e\x3b".as_slice(),
            "version 1 never changes"
        );
    }

    #[test]
    fn a_newer_or_damaged_lock_is_refused() {
        assert_eq!(
            LockoutRecord::decode(b"\x02whatever"),
            Err(LockoutRecordError::Newer(2))
        );
        for damaged in [
            &b""[..],
            b"\x00",
            b"\x01",
            b"\x01\0\0\0\0\0\0\0",
            b"\x01\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(LockoutRecord::decode(damaged), Err(LockoutRecordError::Malformed));
        }
    }

    #[test]
    fn a_lock_stops_to_count_when_it_ends() {
        let Operation::Put { key, expires, .. } = LOCK.put(7) else {
            panic!("a lock is put");
        };
        assert_eq!(expires, Some(LOCK.until));
        assert_eq!(LockoutRecord::entry(&key), Some(7));
        assert_eq!(
            LockoutRecord::entry(&Key::new(Kind::Entry, &7u64.to_be_bytes())),
            None
        );
        assert_eq!(LockoutRecord::entry(&Key::new(Kind::Lockout, b"short")), None);
    }
}
