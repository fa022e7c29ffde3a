//! What the listeners ask, whatever the protocol: the one way from a request to its outcome.

use std::future::Future;

use crate::directory::request::{Answer, Asker, Authenticate, Compare, EntrySink, Search, Verdict};
use crate::types::Timestamp;

/// Answers requests. Listeners are generic over it, so that they can be tested without a directory.
pub trait Answers: Send + Sync + 'static {
    /// A search on its way.
    type Search: SearchRun;

    /// The present moment. Read once per request.
    fn now(&self) -> Timestamp;

    /// The verdict on a log-in if it can be had in microseconds: a PIN verified a moment ago, or a hash
    /// that costs nothing to check. `None`: ask [`Answers::authenticate`].
    fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict>;

    /// The verdict on a log-in, after hashing and after what it writes is durable.
    fn authenticate(&self, request: Authenticate, now: Timestamp) -> impl Future<Output = Verdict> + Send;

    /// Begins a search on the directory as it is at this moment.
    fn search(&self, asker: &Asker, search: Search, now: Timestamp) -> Self::Search;

    /// Compares.
    fn compare(&self, asker: &Asker, compare: &Compare, now: Timestamp) -> Answer;
}

/// A search that gives its entries in pieces.
pub trait SearchRun: Send {
    /// Puts entries into `sink` until it breaks, the search ends, or a bounded amount of work is done.
    fn run(&mut self, sink: &mut dyn EntrySink, now: Timestamp) -> Progress;
}

/// How far a search has come.
#[derive(Debug)]
pub enum Progress {
    /// Ask again.
    More,
    /// It has ended so.
    Done(Answer),
}
