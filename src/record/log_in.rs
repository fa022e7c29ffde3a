//! The bytes of what is stored of an account's good log-ins.
//!
//! Version 1 is the version octet, the moment of the last log-in, then for each source its group and the moment
//! of the last log-in from it. The fields are as `record::fields` has them.
//!
//! Addresses are in no export and in no answer: exports hold entries, and this is no part of one.

use thiserror::Error;

use super::fields::{push_group, push_moment, take_group, take_moment};
use crate::domain::log_ins::{KnownSource, LogInHistory, TRUSTED_SOURCES_MAX};
use crate::record::{Key, Kind, Operation};
use crate::types::EntryId;

const VERSION: u8 = 1;
/// How long the record outlives the last log-in, in seconds: 400 days. Longer than a source is trusted, so that
/// a review once a year still tells an account that rests from one that nobody uses; and not for ever, so
/// that an account's record goes after it.
pub const KEPT_S: u64 = 400 * 24 * 60 * 60;

/// What is stored of the good log-ins of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInRecord(pub LogInHistory);

/// Why bytes are no log-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LogInRecordError {
    /// A later Beadle wrote them.
    #[error("log-in record of version {0}, which this version does not know")]
    Newer(u8),
    /// Nobody did.
    #[error("log-in record is damaged")]
    Malformed,
}

impl LogInRecord {
    /// The key of the log-ins of the account `entry`.
    pub fn key(entry: EntryId) -> Key {
        Key::new(Kind::LogIn, &entry.to_bytes())
    }

    /// The account a key is about; `None` if it is no log-in record's.
    pub fn entry(key: &Key) -> Option<EntryId> {
        key.entry_of(Kind::LogIn)
    }

    /// The operation that stores the log-ins of `entry`, for [`KEPT_S`].
    pub fn put(&self, entry: EntryId) -> Operation {
        Operation::Put {
            key: LogInRecord::key(entry),
            value: self.encode(),
            expires: Some(self.0.last.plus_s(KEPT_S)),
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Box<[u8]> {
        let mut bytes = vec![VERSION];
        push_moment(self.0.last, &mut bytes);
        for source in self.0.sources.iter().take(TRUSTED_SOURCES_MAX) {
            push_group(source.group, &mut bytes);
            push_moment(source.at, &mut bytes);
        }
        bytes.into()
    }

    /// Reads its bytes. Errors: [`LogInRecordError`].
    pub fn decode(bytes: &[u8]) -> Result<LogInRecord, LogInRecordError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => history(rest).map(LogInRecord).ok_or(LogInRecordError::Malformed),
            Some((&version, _)) if version > VERSION => Err(LogInRecordError::Newer(version)),
            _ => Err(LogInRecordError::Malformed),
        }
    }
}

fn history(mut bytes: &[u8]) -> Option<LogInHistory> {
    let last = take_moment(&mut bytes)?;
    let mut sources = Vec::new();
    while !bytes.is_empty() {
        let group = take_group(&mut bytes)?;
        let at = take_moment(&mut bytes)?;
        sources.push(KnownSource { group, at });
    }
    (sources.len() <= TRUSTED_SOURCES_MAX).then_some(LogInHistory { last, sources })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{SourceGroup, Timestamp};

    const MOMENT: Timestamp = Timestamp::from_unix_ms(1_795_339_800_123);

    fn record() -> LogInRecord {
        let groups = [
            SourceGroup::Local,
            SourceGroup::V4([192, 0, 2]),
            SourceGroup::V6([0x20, 1, 0xd, 0xb8, 0, 0, 1]),
            SourceGroup::Mac(*b"\0\x01\x02abc"),
        ];
        let known = |group| KnownSource { group, at: MOMENT };
        LogInRecord(LogInHistory {
            last: MOMENT,
            sources: groups.map(known).to_vec(),
        })
    }

    #[test]
    fn log_ins_read_as_they_were_written() {
        assert_eq!(LogInRecord::decode(&record().encode()), Ok(record()));
        let moment = b"\0\0\x01\xa2\x02\x97\x4e\x3b";
        let groups: [&[u8]; 4] = [
            b"\0",
            b"\x04\xc0\0\x02",
            b"\x06\x20\x01\x0d\xb8\0\0\x01",
            b"\x30\0\x01\x02abc",
        ];
        let sources = groups.map(|group| [group, moment].concat()).concat();
        let expected = [b"\x01", moment.as_slice(), &sources].concat();
        assert_eq!(&*record().encode(), expected, "version 1 never changes");
    }

    #[test]
    fn newer_and_damaged_log_ins_are_refused() {
        let good = record().encode();
        assert_eq!(
            LogInRecord::decode(b"\x02whatever"),
            Err(LogInRecordError::Newer(2))
        );
        // Whole after the last log-in and after each source.
        for length in (0..good.len()).filter(|length| ![9, 18, 30, 46].contains(length)) {
            assert_eq!(
                LogInRecord::decode(&good[..length]),
                Err(LogInRecordError::Malformed),
                "{length}"
            );
        }
        let unknown_group = [&good[..9], b"\x05\0\0\0\0\0\0\0\0"].concat();
        let too_many = [&good[..9], &good[9..18].repeat(TRUSTED_SOURCES_MAX + 1)].concat();
        for damaged in [unknown_group, too_many] {
            assert_eq!(LogInRecord::decode(&damaged), Err(LogInRecordError::Malformed));
        }
    }

    #[test]
    fn log_ins_are_kept_for_400_days_and_under_their_account() {
        let Operation::Put { key, expires, .. } = record().put(EntryId(7)) else {
            panic!("a record is put");
        };
        assert_eq!(expires, Some(MOMENT.plus_s(400 * 86_400)));
        assert_eq!(LogInRecord::entry(&key), Some(EntryId(7)));
        assert_eq!(
            LogInRecord::entry(&Key::new(Kind::Lockout, &EntryId(7).to_bytes())),
            None
        );
    }
}
