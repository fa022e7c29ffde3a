//! What a listener needs from the rest of the daemon.

use std::future::Future;

use crate::directory::request::{Answer, Asker, Authenticate, Compare, EntrySink, Search, Verdict};
use crate::types::Timestamp;

/// Whoever answers requests: in the daemon the runner, in a listener's tests a made-up directory.
///
/// `search`, `compare` and `identify` are called on the connection's own task and must not block; `authenticate` may
/// wait, and is dropped if the daemon stops in the meantime.
pub trait Answers: Send + Sync + 'static {
    /// A search under way.
    type Search: SearchRun;

    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The verdict on a log-in if it can be had in microseconds: a PIN verified a moment ago, or a right
    /// one whose hash costs nothing to check. `None`: ask [`Answers::authenticate`].
    fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict>;

    /// Checks a PIN; waits for hashing and until what it writes is durable. `now` is when it was asked.
    fn authenticate(&self, request: Authenticate, now: Timestamp) -> impl Future<Output = Verdict> + Send;

    /// Begins a search on the directory as it is now; later changes are not seen by it.
    fn search(&self, asker: &Asker, search: Search) -> Self::Search;

    /// Compares a value.
    fn compare(&self, asker: &Asker, compare: Compare) -> Answer;

    /// Who `asker`, who has logged in as such, is by now.
    fn identify(&self, asker: &Asker) -> Asker;
}

/// A search under way: it can pause and go on. Dropping it abandons it.
pub trait SearchRun: Send {
    /// Goes on until all is found, the sink says `Break`, or a slice of work is done. At the moment `now`
    /// time limits are looked at. Not to be called again after [`Progress::Done`].
    fn run(&mut self, sink: &mut dyn EntrySink, now: Timestamp) -> Progress;
}

/// How far a search has come.
#[derive(Clone, Debug)]
pub enum Progress {
    /// There may be more: write what there is, see to others, call again.
    More,
    /// That was all.
    Done(Answer),
}
