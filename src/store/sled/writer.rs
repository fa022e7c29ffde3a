//! The one thread that writes: queue, guards, trees, flush, sync, feed, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::record::{Batch, Change, Key, Record, Revision};
use crate::store::feed::Ring;
use crate::store::sled::apply::{Applied, Applier};
use crate::store::sled::open::UNSYNCED_BYTES_MAX;
use crate::store::sled::scan::scan;
use crate::store::ticket::Committed;
use crate::store::{CommitError, Fault, Records, StoreError};
use crate::types::Timestamp;

/// How many commits, and operations in them, share one flush at most.
const GROUP_COMMITS_MAX: usize = 1024;
const GROUP_OPERATIONS_MAX: usize = 2048;
/// For how many companions of the last flush the next one waits at most.
const COMPANIONS_MAX: usize = 64;
/// In how many steps the delay of *soon* commits is waited out.
const SOON_STEPS: u32 = 8;

/// What the writer is asked for.
pub(super) enum Job {
    /// To commit.
    Commit(CommitJob),
    /// To read, after everything that was asked for before.
    Read(ReadJob),
}

/// A batch on its way.
pub(super) struct CommitJob {
    /// The batch, within the limits.
    pub(super) batch: Batch,
    /// Its weight.
    pub(super) bytes: usize,
    /// Who waits for it; `None` for *soon*.
    pub(super) answer: Option<oneshot::Sender<Committed>>,
    /// Its place in the queue, given back when it is done.
    pub(super) place: OwnedSemaphorePermit,
}

/// A read that must be linearizable: it is done between two groups, when all that is written is durable.
pub(super) enum ReadJob {
    /// Of some records.
    Get(Vec<Key>, Answer<(Revision, Vec<Option<Record>>), StoreError>),
    /// Of all under a prefix.
    Snapshot(Vec<u8>, Answer<(Revision, Records), StoreError>),
    /// Of some that have expired.
    Expired(Timestamp, Answer<Vec<(Key, Revision)>, Fault>),
}

type Answer<T, E> = oneshot::Sender<Result<T, E>>;

/// How long the writer waits for company.
#[derive(Clone, Copy)]
pub(super) struct Waits {
    /// A commit somebody waits for: from one arrival to the next.
    pub(super) group: Duration,
    /// A commit nobody waits for.
    pub(super) soon: Duration,
}

/// The writer.
pub(super) struct Writer {
    pub(super) jobs: Receiver<Job>,
    pub(super) waits: Waits,
    pub(super) applier: Applier,
    pub(super) ring: Arc<Ring>,
    pub(super) fault: Arc<std::sync::OnceLock<Fault>>,
    /// Set once a write has failed: the trees may then hold what is not durable and never will be, so
    /// that nothing may be read from them any more.
    pub(super) tainted: bool,
    /// How many commits shared the last flush.
    pub(super) companions: usize,
}

/// What waiting came to.
#[derive(PartialEq)]
enum Came {
    /// One or more jobs.
    Some,
    /// No job in that time.
    None,
    /// No job, and there will never be another.
    Never,
}

/// Jobs that share a flush.
#[derive(Default)]
struct Group {
    commits: Vec<CommitJob>,
    reads: Vec<ReadJob>,
    operations: usize,
    bytes: usize,
}

impl Group {
    fn push(&mut self, job: Job) {
        match job {
            Job::Commit(commit) => {
                self.operations += commit.batch.operations.len();
                self.bytes += commit.bytes;
                self.commits.push(commit);
            }
            Job::Read(read) => self.reads.push(read),
        }
    }

    fn is_full(&self) -> bool {
        self.commits.len() >= GROUP_COMMITS_MAX
            || self.operations >= GROUP_OPERATIONS_MAX
            || self.bytes >= UNSYNCED_BYTES_MAX
    }

    /// Whether nobody waits for any of it.
    fn can_wait(&self) -> bool {
        self.reads.is_empty() && self.commits.iter().all(|commit| commit.answer.is_none())
    }
}

impl Writer {
    /// Works until every sender of jobs is gone and the queue is empty.
    pub(super) fn run(mut self) {
        while let Some(group) = self.next_group() {
            self.serve(group);
        }
    }

    fn next_group(&self) -> Option<Group> {
        let mut group = Group::default();
        group.push(self.jobs.recv().ok()?);
        self.drain(&mut group);
        self.wait_soon(&mut group);
        self.wait_group(&mut group);
        Some(group)
    }

    /// Waits for somebody in a hurry, at most `waits.soon` in all: so many steps of a fraction each, as
    /// the time that has passed cannot be asked for here.
    fn wait_soon(&self, group: &mut Group) {
        for _ in 0..SOON_STEPS {
            if !group.can_wait() || group.is_full() {
                return;
            }
            if self.wait(group, self.waits.soon / SOON_STEPS) == Came::Never {
                return;
            }
        }
    }

    /// Waits until as many have come as shared the last flush: they have been answered a moment ago and
    /// many will be back. A writer that is alone waits for nobody.
    fn wait_group(&self, group: &mut Group) {
        while group.commits.len() < self.companions.min(COMPANIONS_MAX) && !group.is_full() {
            if self.wait(group, self.waits.group) != Came::Some {
                return;
            }
        }
    }

    /// Waits for one job, then takes what has come with it.
    fn wait(&self, group: &mut Group, at_most: Duration) -> Came {
        match self.jobs.recv_timeout(at_most) {
            Ok(job) => group.push(job),
            Err(RecvTimeoutError::Timeout) => return Came::None,
            Err(RecvTimeoutError::Disconnected) => return Came::Never,
        }
        self.drain(group);
        Came::Some
    }

    fn drain(&self, group: &mut Group) {
        while !group.is_full() {
            let Ok(job) = self.jobs.try_recv() else { return };
            group.push(job);
        }
    }

    fn serve(&mut self, group: Group) {
        self.companions = group.commits.len();
        let mut answers = Vec::with_capacity(group.commits.len());
        let mut changes = Vec::new();
        let mut places = Vec::with_capacity(group.commits.len());
        for commit in group.commits {
            let committed = self.apply(commit.batch, &mut changes);
            answers.push((commit.answer, committed));
            places.push(commit.place);
        }
        self.make_durable(changes);
        for (answer, committed) in answers {
            self.answer(answer, committed);
        }
        group.reads.into_iter().for_each(|read| self.read(read));
    }

    fn apply(&mut self, batch: Batch, changes: &mut Vec<Arc<Change>>) -> Committed {
        if let Some(fault) = self.fault.get() {
            return Err(CommitError::Fatal(fault.clone()));
        }
        match guarded(|| self.applier.apply(batch)) {
            Ok(Applied::Written(change)) => {
                let revision = change.revision;
                changes.push(change);
                Ok(revision)
            }
            Ok(Applied::Nothing(revision)) => Ok(revision),
            Ok(Applied::Refused(error)) => Err(error),
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Write, flush, our own sync, then the feed: in this order, and before anybody is answered.
    fn make_durable(&mut self, changes: Vec<Arc<Change>>) {
        if changes.is_empty() || self.fault.get().is_some() {
            return;
        }
        match guarded(|| self.applier.make_durable()) {
            Ok(()) => self.ring.publish(changes),
            Err(fault) => drop(self.fail(fault)),
        }
    }

    /// A batch that was written in a group that could not be made durable is not committed.
    fn answer(&self, answer: Option<oneshot::Sender<Committed>>, committed: Committed) {
        let Some(answer) = answer else { return };
        let committed = match self.fault.get() {
            Some(fault) => Err(CommitError::Fatal(fault.clone())),
            None => committed,
        };
        // Whoever dropped the ticket does not want to know.
        let _ = answer.send(committed);
    }

    fn fail(&mut self, fault: Fault) -> CommitError {
        self.tainted = true;
        let fault = self.fault.get_or_init(|| fault);
        CommitError::Fatal(fault.clone())
    }

    fn read(&mut self, read: ReadJob) {
        // Whoever dropped the receiver does not want to know.
        match read {
            ReadJob::Get(keys, answer) => drop(answer.send(self.get(&keys))),
            ReadJob::Snapshot(prefix, answer) => drop(answer.send(self.snapshot(&prefix))),
            ReadJob::Expired(now, answer) => {
                let expired = self
                    .readable()
                    .and_then(|()| guarded(|| self.applier.expired(now)));
                drop(answer.send(expired));
            }
        }
    }

    fn get(&self, keys: &[Key]) -> Result<(Revision, Vec<Option<Record>>), StoreError> {
        let read = || keys.iter().map(|key| self.applier.trees().record(key)).collect();
        let records = self
            .readable()
            .and_then(|()| guarded(read))
            .map_err(StoreError::Fatal)?;
        Ok((self.applier.revision(), records))
    }

    fn snapshot(&mut self, prefix: &[u8]) -> Result<(Revision, Records), StoreError> {
        self.readable().map_err(StoreError::Fatal)?;
        let overlay = self.applier.overlay(prefix);
        let records = scan(self.applier.trees().clone(), overlay, self.applier.mark())?;
        Ok((self.applier.revision(), records))
    }

    fn readable(&self) -> Result<(), Fault> {
        match self.fault.get() {
            Some(fault) if self.tainted => Err(fault.clone()),
            _ => Ok(()),
        }
    }
}

/// Runs `work` of the engine, whose panics on bad data must not take the writer with them.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Fault::Damaged(panic_text(&*panic))))
}

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Arc::from(text.unwrap_or_else(|| "the engine gave up".to_owned()))
}
