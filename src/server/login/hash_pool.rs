//! The threads that hash PINs (DESIGN invariant 8): few, with a bounded queue and memory of their own,
//! so that a storm of log-ins never delays a search, and a storm from one source none of the others' log-ins.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use thiserror::Error;
use tokio::sync::oneshot;

use crate::domain::pin::{HashMemory, Hashing};
use crate::server::login::fair_queue::FairQueue;
use crate::types::SourceGroup;

/// The most hashes that wait to be replaced; beyond it one is left for the account's next log-in.
pub const UPGRADES_QUEUED_MAX: usize = 1024;

/// How the pool is made: `[hashing]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// How many threads; 0 is one per core.
    pub threads: usize,
    /// How many log-ins may wait; of one more, or of one whose source has most of them waiting, it is [`Busy`].
    /// With 13 ms a hash and two threads 256 wait at most 1.7 s, which is less than a RADIUS client's time-out.
    pub queue_max: usize,
    /// The parameters whose memory each thread keeps.
    pub hashing: Hashing,
}

impl Default for PoolSettings {
    fn default() -> PoolSettings {
        PoolSettings {
            threads: 0,
            queue_max: 256,
            hashing: Hashing::DEFAULT,
        }
    }
}

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for the answer. Peers are served in turn, and of one peer its callers.
    LogIn {
        /// Who asks: behind one VPN concentrator are many.
        peer: SourceGroup,
        /// On whose behalf; of who asks for itself, itself.
        caller: SourceGroup,
    },
    /// Nobody does: done only when no log-in waits.
    Upgrade,
}

impl Urgency {
    /// A log-in of somebody who asks for themselves.
    pub const fn from_peer(peer: SourceGroup) -> Urgency {
        Urgency::LogIn { peer, caller: peer }
    }
}

/// The queue is full: try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many log-ins wait to be checked")]
pub struct Busy;

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// The pool. Dropping it ends the threads after the hash each is at; what waits is given up.
pub struct HashPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
    hashing: Hashing,
    panics: AtomicU64,
}

struct Queues {
    log_ins: FairQueue<Job>,
    upgrades: VecDeque<Job>,
    running: Running,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Running {
    Yes,
    No,
}

impl HashPool {
    /// Starts the threads. Errors: the system has none to give.
    pub fn start(settings: PoolSettings) -> io::Result<HashPool> {
        let count = match settings.threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            count => count,
        };
        let shared = Arc::new(Shared {
            queues: Mutex::new(Queues {
                log_ins: FairQueue::new(settings.queue_max),
                upgrades: VecDeque::new(),
                running: Running::Yes,
            }),
            work: Condvar::new(),
            hashing: settings.hashing,
            panics: AtomicU64::new(0),
        });
        let mut pool = HashPool {
            shared,
            threads: Vec::with_capacity(count),
        };
        for number in 0..count {
            let shared = pool.shared.clone();
            let thread = thread::Builder::new().name(format!("beadle-hash-{number}"));
            pool.threads
                .push(thread.spawn(move || shared.work_until_closed())?);
        }
        Ok(pool)
    }

    /// Has `work` done; the receiver hears what it comes to, or nothing if the pool ends, the work panics, or
    /// it gives way to a log-in from where fewer wait. Work whose receiver is dropped is skipped.
    /// Errors: [`Busy`], at once.
    pub fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Busy> {
        let (sender, receiver) = oneshot::channel();
        self.post(urgency, move |memory| {
            if !sender.is_closed() {
                // Whoever has stopped to listen meanwhile has lost nothing.
                let _ = sender.send(work(memory));
            }
        })?;
        Ok(receiver)
    }

    /// Has `work` done, with nobody to hear of it. Errors: [`Busy`], at once.
    pub fn post(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&mut HashMemory) + Send + 'static,
    ) -> Result<(), Busy> {
        let placed = self.shared.queues().place(urgency, Box::new(work));
        // What has no place is dropped outside the lock: whoever waits for it hears so.
        drop(placed.map_err(|_| Busy)?);
        self.shared.work.notify_one();
        Ok(())
    }

    /// How many log-ins wait, for the metrics.
    pub fn waiting(&self) -> usize {
        self.shared.queues().log_ins.len()
    }

    /// How many jobs have panicked since the start, for the metrics: each is a fault of this program.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let given_up = {
            let mut queues = self.shared.queues();
            queues.running = Running::No;
            (
                std::mem::replace(&mut queues.log_ins, FairQueue::new(0)),
                std::mem::take(&mut queues.upgrades),
            )
        };
        drop(given_up);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // Only a job could have panicked, and that is caught.
            let _ = thread.join();
        }
    }
}

impl Queues {
    /// Puts `job` into its queue; what had to give way to it. Errors: `job`, if it has no place.
    fn place(&mut self, urgency: Urgency, job: Job) -> Result<Option<Job>, Job> {
        match urgency {
            Urgency::LogIn { peer, caller } => self.log_ins.push(peer, caller, job),
            Urgency::Upgrade if self.upgrades.len() >= UPGRADES_QUEUED_MAX => Err(job),
            Urgency::Upgrade => {
                self.upgrades.push_back(job);
                Ok(None)
            }
        }
    }
}

impl Shared {
    /// No job runs under the lock, so a poisoned one guards whole queues all the same.
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_until_closed(&self) {
        let mut memory = HashMemory::for_hashing(self.hashing);
        while let Some(job) = self.next_job() {
            if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
                self.panics.fetch_add(1, Ordering::Relaxed);
                memory = HashMemory::for_hashing(self.hashing);
            }
        }
    }

    /// Waits for a job; `None` once the pool is closed.
    fn next_job(&self) -> Option<Job> {
        let mut queues = self.queues();
        loop {
            if queues.running == Running::No {
                return None;
            }
            let job = queues.log_ins.pop();
            if let Some(job) = job.or_else(|| queues.upgrades.pop_front()) {
                return Some(job);
            }
            queues = self.work.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const HERE: Urgency = Urgency::from_peer(SourceGroup::V4([192, 0, 2]));
    const ELSEWHERE: Urgency = Urgency::from_peer(SourceGroup::V4([203, 0, 113]));

    /// One thread, which is held until the sender is dropped, and `queue_max` places behind it.
    fn held_pool(queue_max: usize) -> (HashPool, mpsc::Sender<()>) {
        let pool = HashPool::start(PoolSettings {
            threads: 1,
            queue_max: queue_max.max(1),
            hashing: Hashing::new(8, 1, 1).unwrap(),
        })
        .unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (started, begun) = mpsc::channel();
        pool.post(HERE, move |_| {
            started.send(()).unwrap();
            let _ = held.recv();
        })
        .unwrap();
        begun.recv().unwrap();
        (pool, release)
    }

    #[test]
    fn work_comes_back_with_its_result() {
        let pool = HashPool::start(PoolSettings::default()).unwrap();
        let receiver = pool.run(HERE, |_| 6 * 7).unwrap();
        assert_eq!(receiver.blocking_recv(), Ok(42));
    }

    #[test]
    fn a_full_queue_is_busy_at_once() {
        let (pool, release) = held_pool(2);
        let first = pool.run(HERE, |_| 1).unwrap();
        let second = pool.run(HERE, |_| 2).unwrap();
        assert_eq!(pool.run(HERE, |_| 3).err(), Some(Busy));
        assert_eq!(pool.waiting(), 2);
        drop(release);
        assert_eq!((first.blocking_recv(), second.blocking_recv()), (Ok(1), Ok(2)));
        assert!(pool.run(HERE, |_| 3).is_ok(), "there is room again");
    }

    #[test]
    fn a_log_in_from_elsewhere_finds_a_place_in_a_queue_that_one_source_has_filled() {
        let (pool, release) = held_pool(2);
        let first = pool.run(HERE, |_| 1).unwrap();
        let second = pool.run(HERE, |_| 2).unwrap();
        let third = pool.run(ELSEWHERE, |_| 3).unwrap();
        assert!(
            second.blocking_recv().is_err(),
            "it has given way before anything is done"
        );
        assert_eq!(pool.waiting(), 2);
        drop(release);
        assert_eq!((first.blocking_recv(), third.blocking_recv()), (Ok(1), Ok(3)));
    }

    #[test]
    fn log_ins_go_before_upgrades() {
        let (pool, release) = held_pool(2);
        let (order, seen) = mpsc::channel();
        for (urgency, name) in [(Urgency::Upgrade, "upgrade"), (HERE, "first"), (HERE, "second")] {
            let order = order.clone();
            pool.post(urgency, move |_| order.send(name).unwrap()).unwrap();
        }
        drop((release, order));
        assert_eq!(seen.iter().collect::<Vec<_>>(), ["first", "second", "upgrade"]);
    }

    #[test]
    fn upgrades_that_wait_are_bounded() {
        let (pool, _release) = held_pool(1);
        for _ in 0..UPGRADES_QUEUED_MAX {
            pool.post(Urgency::Upgrade, |_| {}).unwrap();
        }
        assert_eq!(pool.post(Urgency::Upgrade, |_| {}), Err(Busy));
        assert_eq!(pool.waiting(), 0, "they take no log-in's place");
    }

    #[test]
    fn a_panic_ends_one_job_and_no_thread() {
        let (pool, release) = held_pool(2);
        let broken = pool.run(HERE, |_| std::panic::resume_unwind(Box::new("broken")));
        let after = pool.run(HERE, |_| 7).unwrap();
        drop(release);
        assert_eq!(
            broken.map(|receiver: oneshot::Receiver<u8>| receiver.blocking_recv().is_err()),
            Ok(true)
        );
        assert_eq!(after.blocking_recv(), Ok(7));
        assert_eq!(pool.panics(), 1);
    }

    #[test]
    fn work_nobody_waits_for_is_skipped() {
        let (pool, release) = held_pool(2);
        let (done, seen) = mpsc::channel();
        drop(pool.run(HERE, move |_| done.send(()).unwrap()).unwrap());
        drop(release);
        drop(pool);
        assert!(seen.recv().is_err());
    }

    #[test]
    fn closing_gives_up_what_waits() {
        let (pool, release) = held_pool(1);
        let waiting = pool.run(HERE, |_| 1).unwrap();
        let closing = std::thread::spawn(move || drop(pool));
        assert!(waiting.blocking_recv().is_err());
        drop(release);
        closing.join().unwrap();
    }
}
