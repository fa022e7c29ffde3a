//! A store as one stream of bytes: a header, the records, an end that proves nothing is missing.
//!
//! Header: `BEADLE BACKUP 1\n`, store id (16 bytes), revision (8). Record: length of what follows up to
//! the checksum (4), revision (8), expiry in ms or 0 (8), key length (2), key, value; CRC-32 of all that
//! (4). End: length 0 (4), count (8), digest (16). All numbers big-endian.

use std::io::{self, Read, Write};

use thiserror::Error;

use crate::record::{Key, Record, Revision};
use crate::store::{Digest, StoreError, StoreId};
use crate::types::Timestamp;

const MAGIC: &[u8; 16] = b"BEADLE BACKUP 1\n";
const FIXED_BYTES: usize = 18;

/// The longest record a backup is believed to hold; a longer one is [`BackupError::Damaged`].
pub const BACKUP_RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a backup could not be written or read.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be written or read.
    #[error("the backup cannot be written or read: {0}")]
    Io(#[from] io::Error),
    /// These bytes are no backup that this version knows.
    #[error("this is not a backup")]
    NotABackup,
    /// The backup is damaged or its end is missing.
    #[error("the backup is damaged after {records} records")]
    Damaged {
        /// How many records before were good.
        records: u64,
    },
}

/// Writes a backup.
pub(super) struct BackupWriter<'a> {
    out: &'a mut (dyn Write + Send),
    digest: Digest,
}

impl<'a> BackupWriter<'a> {
    /// Writes the header.
    pub(super) fn start(
        out: &'a mut (dyn Write + Send),
        id: StoreId,
        revision: Revision,
    ) -> Result<BackupWriter<'a>, BackupError> {
        out.write_all(MAGIC)?;
        out.write_all(&id.0.to_be_bytes())?;
        out.write_all(&revision.0.to_be_bytes())?;
        let digest = Digest::empty(revision);
        Ok(BackupWriter { out, digest })
    }

    /// Writes one record.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), BackupError> {
        let key = record.key.as_bytes();
        let key_length =
            u16::try_from(key.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let expires = record.expires.map_or(0, Timestamp::unix_ms);
        let mut body = Vec::with_capacity(FIXED_BYTES + key.len() + record.value.len());
        body.extend_from_slice(&record.revision.0.to_be_bytes());
        body.extend_from_slice(&expires.to_be_bytes());
        body.extend_from_slice(&key_length.to_be_bytes());
        body.extend_from_slice(key);
        body.extend_from_slice(&record.value);
        let length = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&body)?;
        self.out.write_all(&crc32fast::hash(&body).to_be_bytes())?;
        self.digest.add(record);
        Ok(())
    }

    /// Writes the end.
    pub(super) fn finish(self) -> Result<(), BackupError> {
        self.out.write_all(&0u32.to_be_bytes())?;
        self.out.write_all(&self.digest.count.to_be_bytes())?;
        self.out.write_all(&self.digest.hash.to_be_bytes())?;
        Ok(())
    }
}

/// Reads a backup record by record. Only after the last `next` returned `None` is it known to be whole.
pub struct BackupReader<R> {
    from: R,
    id: StoreId,
    digest: Digest,
    over: bool,
}

impl<R: Read> BackupReader<R> {
    /// Reads the header. Errors: `NotABackup`, `Io`.
    pub fn start(mut from: R) -> Result<BackupReader<R>, BackupError> {
        if array::<16>(&mut from)? != *MAGIC {
            return Err(BackupError::NotABackup);
        }
        let id = StoreId(u128::from_be_bytes(array(&mut from)?));
        let digest = Digest::empty(Revision(u64::from_be_bytes(array(&mut from)?)));
        Ok(BackupReader {
            from,
            id,
            digest,
            over: false,
        })
    }

    /// The store it was made of.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The revision it was made at.
    pub fn revision(&self) -> Revision {
        self.digest.revision
    }

    fn damaged(&self) -> BackupError {
        BackupError::Damaged {
            records: self.digest.count,
        }
    }

    fn record(&mut self) -> Result<Option<Record>, BackupError> {
        let length = u32::from_be_bytes(array(&mut self.from)?) as usize;
        if length == 0 {
            return self.end().map(|()| None);
        }
        if !(FIXED_BYTES..=BACKUP_RECORD_BYTES_MAX).contains(&length) {
            return Err(self.damaged());
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body)?;
        let sum = u32::from_be_bytes(array(&mut self.from)?);
        let record = parse(&body).filter(|_| sum == crc32fast::hash(&body));
        let record = record.ok_or_else(|| self.damaged())?;
        self.digest.add(&record);
        Ok(Some(record))
    }

    fn end(&mut self) -> Result<(), BackupError> {
        let count = u64::from_be_bytes(array(&mut self.from)?);
        let hash = u128::from_be_bytes(array(&mut self.from)?);
        let whole = count == self.digest.count && hash == self.digest.hash;
        if whole { Ok(()) } else { Err(self.damaged()) }
    }
}

impl<R: Read> Iterator for BackupReader<R> {
    type Item = Result<Record, BackupError>;

    fn next(&mut self) -> Option<Result<Record, BackupError>> {
        if self.over {
            return None;
        }
        let record = match self.record() {
            Err(BackupError::Io(cause)) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged())
            }
            other => other,
        };
        self.over = !matches!(record, Ok(Some(_)));
        record.transpose()
    }
}

fn parse(body: &[u8]) -> Option<Record> {
    let (revision, rest) = body.split_first_chunk()?;
    let (expires, rest) = rest.split_first_chunk()?;
    let (key_length, rest) = rest.split_first_chunk()?;
    let (key, value) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_length)))?;
    let expires = u64::from_be_bytes(*expires);
    Some(Record {
        key: Key::from_bytes(key),
        value: value.into(),
        revision: Revision(u64::from_be_bytes(*revision)),
        expires: (expires != 0).then(|| Timestamp::from_unix_ms(expires)),
    })
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn record(key: &[u8], expires: Option<u64>) -> Record {
        Record {
            key: Key::new(Kind::Entry, key),
            value: key.repeat(3).into(),
            revision: Revision(7),
            expires: expires.map(Timestamp::from_unix_ms),
        }
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = BackupWriter::start(&mut bytes, StoreId(5), Revision(9)).unwrap();
        writer.add(&record(b"one", None)).unwrap();
        writer.add(&record(b"two", Some(1234))).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, BackupError> {
        BackupReader::start(bytes)?.collect()
    }

    #[test]
    fn a_backup_reads_back_as_it_was_written() {
        let bytes = written();
        let reader = BackupReader::start(&bytes[..]).unwrap();
        assert_eq!((reader.id(), reader.revision()), (StoreId(5), Revision(9)));
        let records = read(&bytes).unwrap();
        assert!(records == [record(b"one", None), record(b"two", Some(1234))]);
    }

    #[test]
    fn any_changed_or_missing_byte_is_found() {
        let good = written();
        let header = 16 + 16 + 8;
        for at in header..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(read(&bad).is_err(), "byte {at}");
            assert!(read(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(matches!(read(b"BEADLE BACKUP 2\n"), Err(BackupError::NotABackup)));
    }
}
