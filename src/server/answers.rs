//! What the RADIUS listener needs from the rest of the daemon.

use std::future::Future;

use crate::directory::request::{Authenticate, Verdict};
use crate::types::Timestamp;

/// Whoever answers log-ins: in the daemon the runner, in a listener's tests a made-up directory.
pub trait Answers: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The verdict on a log-in if it can be had in microseconds: a PIN verified a moment ago, or a right
    /// one whose hash costs nothing to check. `None`: ask [`Answers::authenticate`].
    fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict>;

    /// Checks a PIN; waits for hashing and until what it writes is durable. `now` is when it was asked.
    fn authenticate(&self, request: Authenticate, now: Timestamp) -> impl Future<Output = Verdict> + Send;
}
