//! What can go wrong with a store, by what the caller could do about it.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::record::Revision;
use crate::store::Limits;

/// Why a batch was not committed.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// A guard does not hold; nothing was written. Catch up to `at` and decide again.
    #[error("a guard does not hold; the record changed at revision {}", at.0)]
    Conflict {
        /// The revision to catch up to.
        at: Revision,
    },
    /// The batch is past the store's limits; nothing was written. Split it.
    #[error("the batch is past the limits of the store: {0}")]
    TooLarge(Limits),
    /// A key is empty, or written twice in one batch; nothing was written. A fault of the caller.
    #[error("the batch has an empty or a repeated key")]
    Malformed,
    /// The store cannot be reached or is closing; nothing was written. Try again later.
    #[error("the store is not available")]
    Unavailable,
    /// The store is full or damaged: stop writing, keep reading, raise the alarm. Whether this batch is
    /// found after a restart is not known.
    #[error("the store refuses writes: {0}")]
    Fatal(Fault),
}

/// Why a store refuses every write from now on.
#[derive(Clone, Debug, Error)]
pub enum Fault {
    /// The disk is full. Make room and restart.
    #[error("no space left on the disk")]
    Full,
    /// The disk failed to read, write or sync.
    #[error("the disk failed: {0}")]
    Disk(Arc<str>),
    /// The engine found its own data wrong.
    #[error("the data are damaged: {0}")]
    Damaged(Arc<str>),
}

/// Why a read failed.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The store is closing, cannot be reached, or has no thread left to read with. Try again later.
    #[error("the store is not available")]
    Unavailable,
    /// So much was written while the snapshot was read that it could not be held. Take it again.
    #[error("the snapshot was overtaken by too many writes")]
    Overtaken,
    /// The store cannot read its data.
    #[error("the store cannot read: {0}")]
    Fatal(Fault),
}

/// Why a change feed ended.
#[derive(Clone, Debug, Error)]
pub enum FeedError {
    /// The commits asked for are gone or never were in this store: take a snapshot again.
    #[error("the changes asked for are no longer kept")]
    Compacted,
    /// The engine cannot read its log; a snapshot may still work.
    #[error("the change log cannot be read: {0}")]
    Unreadable(StoreError),
}

/// Why a store did not open. Each prints as one sentence that names the path.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has the store open.
    #[error("the store {path} is in use by another process")]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// The store was written by a newer version.
    #[error("the store {path} has format {found}; this version knows formats up to {known}")]
    NewerFormat {
        /// The store's folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this version knows.
        known: u32,
    },
    /// There is no store, and none was to be made.
    #[error("there is no store at {path}")]
    Missing {
        /// The folder looked in.
        path: PathBuf,
    },
    /// No room on the disk, even after the reserve was given up.
    #[error("the store {path} cannot open: no space left on the disk")]
    Full {
        /// The store's folder.
        path: PathBuf,
    },
    /// A file or folder cannot be made, read or synced.
    #[error("the store cannot use {path}: {cause}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// The engine cannot make sense of its files.
    #[error("the store {path} is damaged: {detail}")]
    Damaged {
        /// The store's folder.
        path: PathBuf,
        /// What the engine said.
        detail: Arc<str>,
    },
    /// Opening took longer than allowed. The process should end: the engine may still be trying.
    #[error("the store {path} did not open within {seconds} s")]
    TooSlow {
        /// The store's folder.
        path: PathBuf,
        /// How long it was given.
        seconds: u64,
    },
}
