//! Compacting: a store that takes far more of the disk than it holds is written anew.
//!
//! The engine never gives back what it has once taken. So everything is copied into a fresh folder, in pieces and
//! in the order of the keys; the copy is closed, opened as any store is, and read to the end; and only if it is
//! the same to the last digest does it take the old one's place (`swap.rs`).
//!
//! Nobody notices but the disk: identity, revision, every record with its revision and expiry, and the whole
//! change log are kept, so a follower goes on where it was. Expiries that no record has any more are left out.

use thiserror::Error;

use crate::store::sled::SledSettings;
use crate::store::sled::codec::{decode_record, encode_expiry};
use crate::store::sled::files::{DatabaseFile, Files};
use crate::store::sled::open::{Absent, Opened, SEGMENT_BYTES, open, open_engine};
use crate::store::sled::trees::{Trees, Writes, fault, undecodable};
use crate::store::sled::verify::check;
use crate::store::sled::verify::{Stats, VerifyError};
use crate::store::sled::writer::guarded;
use crate::store::{Fault, OpenError, PIECE_BYTES, PIECE_OPERATIONS};
use crate::types::SeededEntropy;

/// What a copy takes at most beyond twice what it holds: the engine's files have a least size.
const ROOM_BYTES_MIN: u64 = 4 * SEGMENT_BYTES as u64;

/// What compacting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// What the store held and took before.
    pub before: Stats,
    /// What it holds and takes now: the same, in fewer bytes on the disk.
    pub after: Stats,
}

/// Why a store was not compacted. It is as it was, and opens.
#[derive(Debug, Error)]
pub enum CompactError {
    /// It does not open, or its files cannot be moved.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is not sound, so a copy would not be either.
    #[error(transparent)]
    Unsound(#[from] VerifyError),
    /// Reading it or writing the copy failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The copy would not fit beside it.
    #[error("there are {free} bytes free beside it, and a copy may need {needed}")]
    NoRoom {
        /// Bytes free on its file system.
        free: u64,
        /// Bytes a copy may take.
        needed: u64,
    },
    /// The copy is not the same.
    #[error("the copy is not the same as the store, and was thrown away")]
    Differs,
}

/// Writes the store in `settings.path` anew, which nobody else may have open. `hear` is told how many of all
/// records are copied. Makes no store. Errors: [`CompactError`]; the store is then as it was.
pub fn compact(settings: &SledSettings, hear: &mut dyn FnMut(u64, u64)) -> Result<Compacted, CompactError> {
    // No store is made, so no identity is needed.
    let Opened { trees, lock, .. } = open(settings, Absent::Refuse, &mut SeededEntropy::new(0))?;
    let files = Files::of(&settings.path);
    let before = check(&trees, &files, &mut |_| {})?;
    check_room(files.free_bytes()?, &before)?;
    let made = make_copy(&trees, &files, settings, before.digest.count, hear);
    drop(trees);
    match made {
        Ok(after) if is_same(&before, &after) => {
            files.swap()?;
            drop(lock);
            Ok(Compacted { before, after })
        }
        other => {
            files.finish_swap()?;
            Err(other.err().unwrap_or(CompactError::Differs))
        }
    }
}

fn check_room(free: u64, before: &Stats) -> Result<(), CompactError> {
    let needed = room_bytes(before);
    if free < needed {
        Err(CompactError::NoRoom { free, needed })
    } else {
        Ok(())
    }
}

/// What a copy may take. No more than the store itself takes, if that has been written in the order of its keys.
fn room_bytes(store: &Stats) -> u64 {
    let held = store.live_bytes + store.logged_bytes;
    held.saturating_mul(2) + ROOM_BYTES_MIN
}

fn is_same(before: &Stats, after: &Stats) -> bool {
    let disk_bytes = before.disk_bytes;
    *before == Stats { disk_bytes, ..*after }
}

/// Makes the copy, closes it, and reads it as it will be read from now on.
fn make_copy(
    from: &Trees,
    files: &Files,
    settings: &SledSettings,
    records: u64,
    hear: &mut dyn FnMut(u64, u64),
) -> Result<Stats, CompactError> {
    let copy = files.copy();
    copy.close_engine()?;
    let trees = open_engine(&copy, settings)?;
    let mut database = DatabaseFile::open(&copy)?;
    guarded(|| {
        trees.set_up(from.id()?)?;
        copy_log(from, &trees)?;
        copy_records(from, &trees, &mut |copied| hear(copied, records))?;
        database.make_durable(&trees)
    })?;
    drop(trees);
    let trees = open_engine(&copy, settings)?;
    Ok(check(&trees, &copy, &mut |_| {})?)
}

fn copy_log(from: &Trees, to: &Trees) -> Result<(), Fault> {
    let mut piece = Piece::of(from, to)?;
    for item in from.log.iter() {
        let (key, value) = item.map_err(fault)?;
        piece.make_room(key.len() + value.len())?;
        piece.writes.log.insert(key, value);
    }
    piece.write()
}

fn copy_records(from: &Trees, to: &Trees, hear: &mut dyn FnMut(u64)) -> Result<(), Fault> {
    let mut piece = Piece::of(from, to)?;
    for (copied, item) in (1..).zip(from.kv.iter()) {
        let (key, value) = item.map_err(fault)?;
        let record = decode_record(&key, &value).ok_or_else(|| undecodable("a record"))?;
        piece.make_room(key.len() + value.len())?;
        if let Some(expires) = record.expires {
            piece.make_room(key.len())?;
            piece.writes.exp.insert(encode_expiry(expires, &record.key), &[]);
        }
        piece.writes.kv.insert(key, value);
        hear(copied);
    }
    piece.write()
}

/// What is written to the copy in one go.
struct Piece<'a> {
    to: &'a Trees,
    revision: crate::record::Revision,
    writes: Writes,
    operations: usize,
    bytes: usize,
}

impl Piece<'_> {
    /// An empty one, for a copy of `from`.
    fn of<'a>(from: &Trees, to: &'a Trees) -> Result<Piece<'a>, Fault> {
        Ok(Piece {
            to,
            revision: from.revision()?,
            writes: Writes::default(),
            operations: 0,
            bytes: 0,
        })
    }

    /// Makes sure that one more operation of so many bytes has room.
    fn make_room(&mut self, bytes: usize) -> Result<(), Fault> {
        if self.operations >= PIECE_OPERATIONS || self.bytes + bytes > PIECE_BYTES {
            self.write()?;
        }
        self.operations += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Writes what there is, and the revision of the store whatever there is.
    fn write(&mut self) -> Result<(), Fault> {
        let writes = std::mem::take(&mut self.writes);
        (self.operations, self.bytes) = (0, 0);
        self.to.apply(self.revision, &writes).map(drop)
    }
}
