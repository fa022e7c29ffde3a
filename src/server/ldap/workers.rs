//! The threads that connections live on.

use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::task::TaskTracker;

/// One thread for each processor, each with a runtime of its own: a connection's request is read, answered and
/// written without waking another thread, which on a shared runtime costs more than the answer.
pub(super) struct Workers {
    first: Handle,
    others: Vec<Handle>,
    turns: AtomicUsize,
}

impl Workers {
    /// Starts them. They end when `tasks` is closed and empty. Errors: the system has no thread or no poller left.
    pub(super) fn start(tasks: &TaskTracker) -> io::Result<Workers> {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let others: io::Result<_> = (1..count).map(|number| start(number, tasks.clone())).collect();
        Ok(Workers {
            first: start(0, tasks.clone())?,
            others: others?,
            turns: AtomicUsize::new(0),
        })
    }

    /// Where the next connection shall live: each has its turn.
    pub(super) fn next(&self) -> &Handle {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        self.others.get(turn).unwrap_or(&self.first)
    }
}

fn start(number: usize, tasks: TaskTracker) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name(format!("ldap-{number}"));
    thread.spawn(move || runtime.block_on(tasks.wait()))?;
    Ok(handle)
}
