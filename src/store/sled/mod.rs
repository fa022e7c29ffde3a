//! The embedded store: sled 0.34.7, kept to what it does well and wrapped where it does not.
//!
//! No file outside this folder names the engine.

mod apply;
mod blobs;
mod codec;
mod compact;
mod files;
mod log;
mod open;
mod replay;
mod scan;
mod space;
mod swap;
mod trees;
mod verify;
mod writer;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::record::{Batch, Guard, Key, Operation, Record, Revision};
use crate::store::feed::{Follower, Ring};
use crate::store::sled::apply::Applier;
use crate::store::sled::files::{Files, Lock};
use crate::store::sled::log::LogBacklog;
use crate::store::sled::open::{Absent, Opened, open, refused};
use crate::store::sled::space::{LiveBytes, space};
use crate::store::sled::trees::Trees;
use crate::store::sled::writer::{CommitJob, Job, ReadJob, Waits, Writer};
use crate::store::ticket::Committed;
use crate::store::{
    BoxStream, CommitError, Fault, Feed, FeedError, Limits, LogBounds, OpenError, Records, Space, Store,
    StoreError, StoreId, Ticket,
};
use crate::types::{Entropy, Timestamp};

pub use compact::{CompactError, Compacted, compact};
pub use verify::{Stats, VerifyError, verify, verify_each};

/// How a [`SledStore`] is opened.
#[derive(Clone, Debug)]
pub struct SledSettings {
    /// Its folder; made if it is not there, for its owner only. The engine's files are in `sled/` below.
    pub path: PathBuf,
    /// Bytes of the engine's page cache. The index is in memory, so a small one does.
    pub cache_bytes: u64,
    /// Bytes of batches that may wait for the writer; whoever submits more waits for room.
    pub queue_bytes_max: usize,
    /// How long a flush waits for the next of those who shared the last one (0 to 2 ms). 0: it takes along
    /// those that wait already. A writer that is alone never waits.
    pub group_window: Duration,
    /// How long a *soon* commit waits for another one's flush, at most.
    pub soon_delay: Duration,
    /// How long opening may take. Recovery reads the whole log: minutes on a bad day, not hours.
    pub open_timeout: Duration,
    /// How much of the past the change feed keeps on disk.
    pub log: LogBounds,
    /// Bytes kept aside, so that a store on a full disk can still open. Without room for it the store
    /// opens for reading only. 0: none.
    pub reserve_bytes: u64,
}

impl SledSettings {
    /// The defaults, for a store in `path`.
    pub fn at(path: impl Into<PathBuf>) -> SledSettings {
        SledSettings {
            path: path.into(),
            cache_bytes: 64 * 1024 * 1024,
            queue_bytes_max: 64 * 1024 * 1024,
            group_window: Duration::from_micros(200),
            soon_delay: Duration::from_millis(200),
            open_timeout: Duration::from_secs(600),
            log: LogBounds::default(),
            reserve_bytes: 16 * 1024 * 1024,
        }
    }
}

/// A store on this machine's disk. Dropping it commits what is queued and waits for that; feeds end.
pub struct SledStore {
    files: Files,
    id: StoreId,
    trees: Trees,
    live: LiveBytes,
    ring: Arc<Ring>,
    fault: Arc<OnceLock<Fault>>,
    room: Arc<Semaphore>,
    room_places: u32,
    writer: Option<(Sender<Job>, JoinHandle<()>)>,
    _lock: Lock,
}

/// What a place in the queue stands for.
const PLACE_BYTES: usize = 1024;
/// How many commits the feed keeps in memory, and of how many bytes; older ones come from the disk.
const RING_CHANGES_MAX: usize = 4096;
const RING_BYTES_MAX: usize = 8 * 1024 * 1024;

impl SledStore {
    /// Opens the store in `settings.path`, or makes one, whose identity is taken from `entropy`. Blocks.
    /// A store that opens with [`Store::fault`] set can be read only. Errors: [`OpenError`].
    pub fn open(settings: &SledSettings, entropy: &mut dyn Entropy) -> Result<SledStore, OpenError> {
        SledStore::start(settings, open(settings, Absent::Make, entropy)?)
    }

    fn start(settings: &SledSettings, opened: Opened) -> Result<SledStore, OpenError> {
        let Opened {
            trees,
            database,
            id,
            fault,
            lock,
        } = opened;
        let because = |fault| refused(&settings.path, fault);
        let live = LiveBytes::default();
        let applier = Applier::new(trees.clone(), database, settings.log, live.clone()).map_err(because)?;
        let ring = Arc::new(Ring::new(applier.revision(), RING_CHANGES_MAX, RING_BYTES_MAX));
        let fault = Arc::new(fault.map_or_else(OnceLock::new, OnceLock::from));
        let (jobs, queue) = channel();
        let writer = Writer {
            jobs: queue,
            waits: Waits {
                group: settings.group_window,
                soon: settings.soon_delay,
            },
            applier,
            ring: ring.clone(),
            fault: fault.clone(),
            tainted: false,
            companions: 0,
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run());
        let thread = thread.map_err(|cause| OpenError::File {
            path: settings.path.clone(),
            cause,
        })?;
        let room_places = places(settings.queue_bytes_max.max(Limits::LOCAL.batch_bytes_max));
        Ok(SledStore {
            files: Files::of(&settings.path),
            id,
            trees,
            live,
            ring,
            fault,
            room: Arc::new(Semaphore::new(room_places as usize)),
            room_places,
            writer: Some((jobs, thread)),
            _lock: lock,
        })
    }

    /// The trees, for `stats`.
    fn trees(&self) -> &Trees {
        &self.trees
    }

    /// The files, for `stats`.
    fn files(&self) -> &Files {
        &self.files
    }

    async fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, CommitError> {
        let places = places(bytes).min(self.room_places);
        self.room
            .clone()
            .acquire_many_owned(places)
            .await
            .map_err(|_| CommitError::Unavailable)
    }

    async fn enqueue(
        &self,
        batch: Batch,
        answer: Option<oneshot::Sender<Committed>>,
    ) -> Result<(), CommitError> {
        self.limits().check(&batch)?;
        if let Some(fault) = self.fault() {
            return Err(CommitError::Fatal(fault));
        }
        let bytes = batch.weight_bytes();
        let place = self.place(bytes).await?;
        let job = Job::Commit(CommitJob {
            batch,
            bytes,
            answer,
            place,
        });
        self.send(job).map_err(|_| CommitError::Unavailable)
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let (jobs, _) = self.writer.as_ref().ok_or(StoreError::Unavailable)?;
        jobs.send(job).map_err(|_| StoreError::Unavailable)
    }
}

/// Places in the queue for so many bytes: at least one.
fn places(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PLACE_BYTES))
        .unwrap_or(u32::MAX)
        .clamp(1, Semaphore::MAX_PERMITS as u32)
}

#[async_trait]
impl Store for SledStore {
    fn limits(&self) -> Limits {
        Limits::LOCAL
    }

    fn id(&self) -> StoreId {
        self.id
    }

    fn fault(&self) -> Option<Fault> {
        self.fault.get().cloned()
    }

    async fn submit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        let (answer, ticket) = oneshot::channel();
        self.enqueue(batch, Some(answer)).await?;
        Ok(Ticket::waiting(ticket))
    }

    async fn commit_soon(&self, batch: Batch) -> Result<(), CommitError> {
        self.enqueue(batch, None).await
    }

    async fn get(&self, keys: &[Key]) -> Result<(Revision, Vec<Option<Record>>), StoreError> {
        let (answer, records) = oneshot::channel();
        self.send(Job::Read(ReadJob::Get(keys.to_vec(), answer)))?;
        records.await.unwrap_or(Err(StoreError::Unavailable))
    }

    async fn current(&self) -> Result<Revision, StoreError> {
        Ok(self.ring.published())
    }

    async fn snapshot(&self, prefix: &[u8]) -> Result<(Revision, Records), StoreError> {
        let (answer, records) = oneshot::channel();
        self.send(Job::Read(ReadJob::Snapshot(prefix.to_vec(), answer)))?;
        records.await.unwrap_or(Err(StoreError::Unavailable))
    }

    fn space(&self) -> Option<Space> {
        space(&self.files, &self.live)
    }

    fn changes(&self, after: Revision) -> BoxStream<'static, Result<Feed, FeedError>> {
        let backlog = Arc::new(LogBacklog(self.trees.clone()));
        Box::pin(Follower::new(self.ring.clone(), Some(backlog), after))
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, CommitError> {
        let (answer, expired) = oneshot::channel();
        self.send(Job::Read(ReadJob::Expired(now, answer)))
            .map_err(|_| CommitError::Unavailable)?;
        let expired = expired.await.map_err(|_| CommitError::Unavailable)?;
        let expired = expired.map_err(CommitError::Fatal)?;
        let mut batch = Batch::default();
        for (key, revision) in &expired {
            batch.guards.push(Guard::UnchangedSince(key.clone(), *revision));
            batch.operations.push(Operation::Delete { key: key.clone() });
        }
        self.commit(batch).await?;
        Ok(expired.len())
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        let Some((jobs, thread)) = self.writer.take() else {
            return;
        };
        drop(jobs);
        // A writer that panicked has answered nobody wrongly; there is nothing left to do about it.
        let _ = thread.join();
        self.ring.close();
    }
}
