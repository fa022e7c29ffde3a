//! Layer 3: the durable truth, behind one trait. Policy and protocols are unknown here.
//!
//! An engine may be on this machine ([`sled`], [`memory`]) or across a network, so the trait
//! is async; but no engine here needs a runtime. Of tokio only `sync` is used (one-shot answers, a
//! semaphore as the bound of the queue, a channel from scan threads): these park a task, they do no
//! input or output and run under any executor.

mod backup;
mod deletions;
mod digest;
mod error;
mod feed;
mod limits;
pub mod memory;
pub mod sled;
mod space;
mod stream;
mod ticket;

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;

use crate::record::{Batch, Change, Key, Record, Revision};
use crate::types::Timestamp;

pub use backup::{BackupError, BackupReader};
pub use digest::Digest;
pub use error::{CommitError, Fault, FeedError, OpenError, StoreError};
pub use limits::{Limits, LogBounds, PIECE_BYTES, PIECE_OPERATIONS};
pub use space::Space;
pub use stream::{BoxStream, next};
pub use ticket::Ticket;

/// The identity of one store: revisions compare only within it. Random, made at creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(pub u128);

/// What the change feed tells.
#[derive(Clone)]
pub enum Feed {
    /// One whole commit.
    Change(Arc<Change>),
    /// Everything up to this revision has been told. Sent once when the feed first has nothing more to
    /// tell, so that a follower knows when it has caught up; an engine may send more.
    Progress(Revision),
}

/// Every record under a prefix at one revision, in pieces and in any order.
pub type Records = BoxStream<'static, Result<Vec<Record>, StoreError>>;

/// Where records live. The contract, which one battery of tests holds every engine to:
///
/// * A **commit** is atomic, linearizable and durable: once it is answered with a revision, every
///   later `get`, `snapshot`, `current` and feed shows it, and no crash or power cut undoes it. Nothing
///   is shown before it is durable.
/// * **Revisions** grow with every commit and are totally ordered within one [`StoreId`].
/// * **Guards** are checked against everything committed before, in the same order.
/// * **Expiry**: the store keeps a record's expiry beside it and never judges it, for it has no clock.
///   Whoever reads drops what [`Record::is_live`] says no to; [`Store::sweep`] tidies with ordinary
///   commits, which the feed tells like any other.
/// * After a **fault** every write is refused, so that the daemon goes on reading from its index. What
///   was published stays in the feed. Whether the engine itself can still be read is not promised: its
///   trees may hold what never became durable.
/// * Misuse that is refused: a batch past [`Store::limits`], an empty or repeated key.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The most one batch may hold; more is refused with [`CommitError::TooLarge`].
    fn limits(&self) -> Limits;

    /// Which store this is. A follower that meets another id than before takes a new snapshot.
    fn id(&self) -> StoreId;

    /// Why writes are refused, if they are; for the alarm metric. Never goes back to `None` while open.
    fn fault(&self) -> Option<Fault>;

    /// Queues `batch` and returns once it has its place; the [`Ticket`] tells its fate. Batches take
    /// effect in the order in which they were submitted, and those that wait together share a flush, so
    /// a loader keeps many tickets in flight. Waits while the queue is full. Dropping a ticket does not
    /// call the batch back. Errors: as [`Store::commit`], as far as they are known without trying.
    async fn submit(&self, batch: Batch) -> Result<Ticket, CommitError>;

    /// *Acknowledged* durability (PIN, account, contact, lock transitions, recovery): commits `batch`
    /// and returns once it is durable. A batch without operations only has its guards checked and is
    /// answered with the current revision. Errors: [`CommitError`]; after [`CommitError::Conflict`]
    /// nothing was written.
    async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        self.submit(batch).await?.await
    }

    /// *Soon* durability (failure counters, last log-in): queues `batch` for the next flush, at most
    /// the engine's delay (200 ms unless set) away. Nobody hears how it went, so it should carry no
    /// guards; a crash before the flush loses it. Errors: as [`Store::submit`].
    async fn commit_soon(&self, batch: Batch) -> Result<(), CommitError>;

    /// The records under `keys`, in the order of `keys`, all at the returned revision. Expired ones are
    /// returned too.
    async fn get(&self, keys: &[Key]) -> Result<(Revision, Vec<Option<Record>>), StoreError>;

    /// The revision of the last commit: whoever has followed the feed this far has seen every commit
    /// answered before the call.
    async fn current(&self) -> Result<Revision, StoreError>;

    /// Every record whose key starts with `prefix`, all at the returned revision, while commits go on.
    /// Continue with `changes(revision)`. Expired ones are returned too.
    async fn snapshot(&self, prefix: &[u8]) -> Result<(Revision, Records), StoreError>;

    /// Every commit after `after`, whole, in order, without gap or repeat, for ever; ends when the store
    /// is closed. After an error it ends: [`FeedError::Compacted`] means that the engine no longer has
    /// these commits (or never had them): take a snapshot again. A slow reader delays nobody.
    fn changes(&self, after: Revision) -> BoxStream<'static, Result<Feed, FeedError>>;

    /// Deletes some of the records that have expired at `now`, through ordinary commits. Returns how
    /// many; 0 means that none is left. Errors: as [`Store::commit`].
    async fn sweep(&self, now: Timestamp) -> Result<usize, CommitError>;

    /// Count and hash of every record under `prefix`. Two stores with equal digests at equal revisions
    /// hold the same records.
    async fn digest(&self, prefix: &[u8]) -> Result<Digest, StoreError> {
        let (revision, mut records) = self.snapshot(prefix).await?;
        let mut digest = Digest::empty(revision);
        while let Some(piece) = next(&mut records).await {
            piece?.iter().for_each(|record| digest.add(record));
        }
        Ok(digest)
    }

    /// What it takes of its disk and what it holds, for monitoring; looks at a few files, reads no record. `None`:
    /// not known before the first snapshot of everything was read to its end, or nowhere to be had for an engine
    /// without a disk of its own.
    fn space(&self) -> Option<Space> {
        None
    }

    /// Writes every record at one revision to `out`, checksummed, for [`BackupReader`]. Returns the
    /// revision. `out` is not flushed to a disk here.
    async fn backup(&self, out: &mut (dyn Write + Send)) -> Result<Revision, BackupError> {
        let (revision, mut records) = self.snapshot(b"").await?;
        let mut writer = backup::BackupWriter::start(out, self.id(), revision)?;
        while let Some(piece) = next(&mut records).await {
            piece?.iter().try_for_each(|record| writer.add(record))?;
        }
        writer.finish()?;
        Ok(revision)
    }
}
