//! How long an LDAP connection is waited for.

use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::server::ldap::end::End;

/// How long a connection is waited for. One timer for its whole life, moved on only when it fires: a request
/// costs no timer.
pub(super) struct Patience {
    stop: CancellationToken,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    timer: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Patience {
    /// Waits for `limit` at first.
    pub(super) fn new(stop: CancellationToken, limit: Duration) -> Patience {
        let deadline = Instant::now() + limit;
        Patience {
            stopped: Box::pin(stop.clone().cancelled_owned()),
            stop,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
            deadline,
        }
    }

    /// Waits from now on for `limit`.
    pub(super) fn until(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
    }

    /// Whether the daemon stops.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns when it is over, and why.
    pub(super) async fn over(&mut self) -> End {
        loop {
            tokio::select! {
                biased;
                () = &mut self.stopped => return End::Shutdown,
                () = &mut self.timer => {}
            }
            if Instant::now() >= self.deadline {
                return End::Idle;
            }
            self.timer.as_mut().reset(self.deadline);
        }
    }
}

/// What `work` comes to if it is done within `limit`. What is done at once, as most writes are, costs no timer.
pub(super) async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    match at_once(work.as_mut()).await {
        Some(done) => Some(done),
        None => tokio::time::timeout(limit, work).await.ok(),
    }
}

/// What `work` comes to if it need not wait at all.
pub(super) async fn at_once<F: Future>(work: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = future::ready(()) => None,
    }
}
