//! Keeps the index current: builds it from the store at start and follows the change feed from there.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::domain::schema::Schema;
use crate::index::{
    BuildError, Builder, IndexHandle, IndexSettings, IndexWriter, Packer, Quarantine, Sets, Snapshot,
};
use crate::record::{Change, Record, Revision};
use crate::server::index::base_name::{self, OtherBase};
use crate::server::index::hearing::{Hear, Heard};
use crate::server::index::quarantined;
use crate::store::{self, Feed, FeedError, Store, StoreError};
use crate::types::Dn;

/// Why the index could not be built from the store.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds is more than an index can, or `base_dn` is no name.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The directory is another one.
    #[error(transparent)]
    Other(#[from] OtherBase),
}

/// What an index is built with.
#[derive(Clone)]
pub struct IndexPlan {
    /// Names and matching rules.
    pub schema: Arc<Schema>,
    /// The name of the entry without a parent.
    pub base: Dn,
    /// Which attributes are indexed.
    pub settings: IndexSettings,
    /// The sets of entries that access rules speak of.
    pub sets: Sets,
    /// Random and secret, so that nobody can make values collide.
    pub seed: u64,
}

/// Reads the whole store and builds the index, on the calling task and short-lived threads. What no directory writes
/// is set aside. Errors: [`LoadError`].
pub async fn load(store: &dyn Store, plan: &IndexPlan) -> Result<Snapshot, LoadError> {
    let (revision, mut records) = store.snapshot(b"").await?;
    let mut builder = Builder::new(
        &plan.schema,
        &plan.settings,
        &plan.base,
        plan.seed,
        plan.sets.clone(),
    )?;
    let packing = Packing::start(&builder, &plan.schema);
    while let Some(piece) = store::next(&mut records).await {
        if packing.pieces.send(piece?).is_err() {
            break;
        }
    }
    for packer in packing.end()? {
        builder.add(packer);
    }
    Ok(builder.finish(revision, threads())?)
}

/// Threads that pack pieces of records.
struct Packing {
    pieces: SyncSender<Vec<Record>>,
    threads: Vec<std::thread::JoinHandle<Result<Packer, BuildError>>>,
}

/// How many pieces wait for a packer. The store reads ahead by itself.
const PIECES_WAITING_MAX: usize = 4;

impl Packing {
    fn start(builder: &Builder<'_>, schema: &Arc<Schema>) -> Packing {
        let (pieces, waiting) = sync_channel(PIECES_WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let pack = |_| {
            let (packer, schema, waiting) = (builder.packer(), schema.clone(), waiting.clone());
            std::thread::spawn(move || pack(packer, &schema, &waiting))
        };
        Packing {
            pieces,
            threads: (0..threads().get()).map(pack).collect(),
        }
    }

    /// Waits for what is under way. Errors: [`BuildError`], of the first packer that failed.
    fn end(self) -> Result<Vec<Packer>, BuildError> {
        drop(self.pieces);
        let join = |thread: std::thread::JoinHandle<_>| match thread.join() {
            Ok(packed) => packed,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        self.threads.into_iter().map(join).collect()
    }
}

/// Packs until there are no more pieces.
fn pack(
    mut packer: Packer,
    schema: &Schema,
    waiting: &Mutex<Receiver<Vec<Record>>>,
) -> Result<Packer, BuildError> {
    loop {
        // Nothing panics with the lock in hand.
        let piece = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(piece) = piece else { return Ok(packer) };
        piece.iter().try_for_each(|record| packer.push(record, schema))?;
    }
}

/// As [`load`], of a directory that is this one; the second says whether its store remembers so. The log tells what
/// is set aside. Errors: [`LoadError`], also if it was filled under another name.
pub async fn load_own(store: &dyn Store, plan: &IndexPlan) -> Result<(Snapshot, bool), LoadError> {
    let snapshot = load(store, plan).await?;
    quarantined::report(&Quarantine::default(), snapshot.quarantine());
    let is_kept = base_name::is_kept(&snapshot, &plan.schema, &plan.base)?;
    Ok((snapshot, is_kept))
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Follows one store's feed into one index.
pub struct Follower {
    store: Arc<dyn Store>,
    plan: IndexPlan,
    handle: Arc<IndexHandle>,
    writer: IndexWriter,
    hear: Arc<Hear>,
    /// The revision the index has reached, for those who wait to see their own write.
    reached: watch::Sender<Revision>,
    folding: Option<JoinHandle<Result<Snapshot, BuildError>>>,
}

impl Follower {
    /// A follower that will bring `handle` up to date; the receiver tells how far it has come.
    pub fn new(
        store: Arc<dyn Store>,
        plan: IndexPlan,
        handle: Arc<IndexHandle>,
        hear: Arc<Hear>,
    ) -> (Follower, watch::Receiver<Revision>) {
        let (reached, receiver) = watch::channel(handle.load().revision());
        let writer = IndexWriter::new(handle.clone(), plan.schema.clone());
        (
            Follower {
                store,
                plan,
                handle,
                writer,
                hear,
                reached,
                folding: None,
            },
            receiver,
        )
    }

    /// Follows the feed until `stop` or until the store is closed. Computes for long at times (a folded index is
    /// brought up to date, an index is built anew, an old one is freed): not for a thread of the runtime.
    pub async fn run(mut self, stop: CancellationToken) {
        self.add_trigrams();
        let mut feed = self.store.changes(self.handle.load().revision());
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                folded = finished(&mut self.folding) => { self.finish_folding(folded); continue }
                next = store::next(&mut feed) => next,
            };
            let applied = match next {
                None => return,
                Some(Ok(Feed::Progress(_))) => true,
                Some(Ok(Feed::Change(change))) => self.apply(&change),
                Some(Err(error)) => self.feed_failed(&error),
            };
            if !applied {
                self.rebuild(&stop).await;
                self.add_trigrams();
                feed = self.store.changes(self.handle.load().revision());
            }
        }
    }

    /// Finishes an index that was built in a hurry; it answers already.
    fn add_trigrams(&self) {
        let snapshot = self.handle.load();
        tokio::task::spawn_blocking(move || snapshot.add_trigrams());
    }

    /// Applies one commit; false if the index must be built anew.
    fn apply(&mut self, change: &Arc<Change>) -> bool {
        let before = self.handle.load();
        if let Err(error) = self.writer.apply(vec![Change::clone(change)]) {
            tracing::error!(%error, revision = change.revision.0, "index: a commit cannot be applied");
            return false;
        }
        let after = self.handle.load();
        quarantined::report(before.quarantine(), after.quarantine());
        (self.hear)(Heard::Commit {
            before: &before,
            after: &after,
            change,
        });
        tracing::trace!(target: "beadle", revision = change.revision.0, operations = change.operations.len(), "index: applied");
        self.reached.send_replace(change.revision);
        if let Some(snapshot) = self.writer.start_folding() {
            let schema = self.plan.schema.clone();
            self.folding = Some(tokio::task::spawn_blocking(move || {
                let folded = snapshot.folded(&schema, threads())?;
                folded.add_trigrams();
                Ok(folded)
            }));
        }
        true
    }

    fn finish_folding(&mut self, folded: Option<Snapshot>) {
        self.folding = None;
        let Some(folded) = folded else {
            return self.writer.abandon_folding();
        };
        if let Err(error) = self.writer.finish_folding(folded) {
            tracing::error!(%error, "index: the folded index cannot be brought up to date");
            self.writer.abandon_folding();
        }
    }

    fn feed_failed(&self, error: &FeedError) -> bool {
        tracing::warn!(%error, "index: the change feed ended; building the index anew");
        false
    }

    /// Builds the index from the store until that succeeds; readers keep the old one meanwhile.
    async fn rebuild(&mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match load(&*self.store, &self.plan).await {
                Ok(snapshot) => {
                    let (before, revision) = (self.handle.load(), snapshot.revision());
                    quarantined::report(before.quarantine(), snapshot.quarantine());
                    (self.hear)(Heard::Built {
                        before: Some(&before),
                        after: &snapshot,
                    });
                    self.handle.publish(snapshot);
                    // Only now: who waits for it reads the index at once.
                    self.reached.send_replace(revision);
                    self.writer.abandon_folding();
                    self.folding = None;
                    return;
                }
                Err(error) => tracing::error!(%error, "index: cannot be built from the store"),
            }
            tokio::time::sleep(REBUILD_PAUSE).await;
        }
    }
}

/// Between two attempts to build the index from a store that cannot be read.
const REBUILD_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Waits for a folding; for ever if there is none. `None` if it failed.
async fn finished(folding: &mut Option<JoinHandle<Result<Snapshot, BuildError>>>) -> Option<Snapshot> {
    match folding {
        None => std::future::pending().await,
        Some(running) => match running.await {
            Ok(Ok(snapshot)) => Some(snapshot),
            Ok(Err(error)) => {
                tracing::error!(%error, "index: folding failed");
                None
            }
            Err(error) => {
                tracing::error!(%error, "index: folding died");
                None
            }
        },
    }
}
