//! Is everything in the store sound, and how much of the disk does it waste?

use std::collections::HashMap;

use thiserror::Error;

use crate::record::{Key, Operation, Record, Revision};
use crate::store::sled::codec::{decode_expiry, decode_record, decode_revision};
use crate::store::sled::files::Files;
use crate::store::sled::log::LoggedChanges;
use crate::store::sled::open::{Absent, open};
use crate::store::sled::trees::{Trees, disk_fault, fault, undecodable};
use crate::store::sled::writer::guarded;
use crate::store::sled::{SledSettings, SledStore};
use crate::store::{Digest, Fault, OpenError, Space, StoreError, StoreId};
use crate::types::SeededEntropy;

/// What a store holds and takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Which store.
    pub id: StoreId,
    /// Count and hash of every record, and the revision.
    pub digest: Digest,
    /// Bytes of keys and values.
    pub live_bytes: u64,
    /// Commits in the change log.
    pub logged_commits: u64,
    /// Bytes of keys and values in the change log.
    pub logged_bytes: u64,
    /// Bytes the engine takes on the disk.
    pub disk_bytes: u64,
}

impl Stats {
    /// What it takes and what it needs of that.
    pub fn space(&self) -> Space {
        Space {
            disk_bytes: self.disk_bytes,
            live_bytes: self.live_bytes,
            logged_bytes: self.logged_bytes,
        }
    }
}

/// Why a store is not sound.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something in it cannot be read or decoded.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The log says other than the records do.
    #[error("the log and the record {key} do not agree")]
    Disagree {
        /// The record's key in hexadecimal.
        key: String,
    },
    /// A record, or the log, is of a commit that never was.
    #[error("revision {} is in use, but the last commit was {}", .found.0, .last.0)]
    FromTheFuture {
        /// The revision met.
        found: Revision,
        /// The last one there should be.
        last: Revision,
    },
    /// A record expires and no expiry says so, so that it would never be swept.
    #[error("the record {key} expires, but would never be swept")]
    Unswept {
        /// The record's key in hexadecimal.
        key: String,
    },
}

/// Opens the store in `settings.path`, which nobody else may have open, and reads all of it: every
/// record decodes, log and records agree, no revision is from the future, every expiry is known to the
/// sweep. Makes no store. Errors: [`VerifyError`], about the first thing found.
pub fn verify(settings: &SledSettings) -> Result<Stats, VerifyError> {
    verify_each(settings, &mut |_| {})
}

/// As [`verify`], and hands every record to `each`, in the order of keys.
pub fn verify_each(settings: &SledSettings, each: &mut dyn FnMut(&Record)) -> Result<Stats, VerifyError> {
    // No store is made, so no identity is needed.
    let opened = open(settings, Absent::Refuse, &mut SeededEntropy::new(0))?;
    check(&opened.trees, &Files::of(&settings.path), each)
}

/// As [`verify_each`], of the engine that `files` hold and `trees` have open.
pub(super) fn check(
    trees: &Trees,
    files: &Files,
    each: &mut dyn FnMut(&Record),
) -> Result<Stats, VerifyError> {
    check_log(trees)?;
    check_expiries(trees)?;
    let disk_bytes = files.engine_bytes().map_err(|cause| disk_fault(&cause))?;
    Ok(stats(trees, trees.id()?, disk_bytes, each)?)
}

impl SledStore {
    /// What the store holds and takes. Reads every record: seconds for a million, on the caller's
    /// thread. Next to writes the numbers are of no exact moment.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let disk_bytes = self.files().engine_bytes();
        let disk_bytes = disk_bytes.map_err(|cause| StoreError::Fatal(disk_fault(&cause)))?;
        let read = guarded(|| {
            stats(
                self.trees(),
                crate::store::Store::id(self),
                disk_bytes,
                &mut |_| {},
            )
        });
        read.map_err(StoreError::Fatal)
    }
}

fn stats(trees: &Trees, id: StoreId, disk_bytes: u64, each: &mut dyn FnMut(&Record)) -> Result<Stats, Fault> {
    let mut digest = Digest::empty(trees.revision()?);
    let mut live_bytes = 0;
    for item in trees.kv.iter() {
        let (key, value) = item.map_err(fault)?;
        let record = decode_record(&key, &value).ok_or_else(|| undecodable("a record"))?;
        digest.add(&record);
        each(&record);
        live_bytes += (key.len() + value.len()) as u64;
    }
    let (mut logged_commits, mut logged_bytes) = (0, 0);
    for item in trees.log.iter() {
        let (key, value) = item.map_err(fault)?;
        logged_commits += u64::from(key.ends_with(&[0, 0]));
        logged_bytes += (key.len() + value.len()) as u64;
    }
    Ok(Stats {
        id,
        digest,
        live_bytes,
        logged_commits,
        logged_bytes,
        disk_bytes,
    })
}

/// What the log says last of each record is what the record is.
fn check_log(trees: &Trees) -> Result<(), VerifyError> {
    let last = trees.revision()?;
    let mut says: HashMap<Key, Option<Revision>> = HashMap::new();
    for change in LoggedChanges::after(trees, Revision(0)) {
        let change = change?;
        check_revision(change.revision, last)?;
        for operation in &change.operations {
            let there = matches!(operation, Operation::Put { .. }).then_some(change.revision);
            says.insert(operation.key().clone(), there);
        }
    }
    for (key, revision) in says {
        if trees.revision_of(&key)? != revision {
            return Err(VerifyError::Disagree { key: key.to_string() });
        }
    }
    Ok(())
}

fn check_expiries(trees: &Trees) -> Result<(), VerifyError> {
    let last = trees.revision()?;
    for key in trees.exp.iter().keys() {
        decode_expiry(&key.map_err(fault)?).ok_or_else(|| undecodable("an expiry"))?;
    }
    for item in trees.kv.iter() {
        let (key, value) = item.map_err(fault)?;
        check_revision(
            decode_revision(&value).ok_or_else(|| undecodable("a record"))?,
            last,
        )?;
        let record = decode_record(&key, &value).ok_or_else(|| undecodable("a record"))?;
        let Some(expires) = record.expires else { continue };
        let expiry = crate::store::sled::codec::encode_expiry(expires, &record.key);
        if !trees.exp.contains_key(expiry).map_err(fault)? {
            return Err(VerifyError::Unswept {
                key: record.key.to_string(),
            });
        }
    }
    Ok(())
}

fn check_revision(found: Revision, last: Revision) -> Result<(), VerifyError> {
    if found > last {
        Err(VerifyError::FromTheFuture { found, last })
    } else {
        Ok(())
    }
}
