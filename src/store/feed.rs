//! The change feed: the newest commits in memory, older ones from wherever the engine logs them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;

use crate::record::{Change, Operation, Revision};
use crate::store::{BoxStream, Feed, FeedError};

/// Commits as a log yields them.
pub(super) type Changes = BoxStream<'static, Result<Arc<Change>, FeedError>>;

/// Where commits are found that the ring no longer has.
pub(super) trait Backlog: Send + Sync {
    /// Every commit after `after` up to `last`, which is durable; or `Compacted`.
    fn read(&self, after: Revision, last: Revision) -> Changes;
}

/// The newest commits, shared by the writer and all followers. Revisions in it have no holes.
pub(super) struct Ring {
    state: Mutex<State>,
    changes_max: usize,
    bytes_max: usize,
}

struct State {
    changes: VecDeque<Arc<Change>>,
    bytes: usize,
    published: Revision,
    wakers: Vec<Waker>,
    closed: bool,
}

/// What the ring has for a follower.
enum RingAnswer {
    Change(Arc<Change>),
    Nothing(Revision),
    Older { last: Revision },
    Ahead,
    Closed,
}

impl Ring {
    /// An empty ring behind a store at revision `published`. Keeps at most `changes_max` commits of
    /// `bytes_max` bytes; the oldest go first.
    pub(super) fn new(published: Revision, changes_max: usize, bytes_max: usize) -> Ring {
        let state = State {
            changes: VecDeque::new(),
            bytes: 0,
            published,
            wakers: Vec::new(),
            closed: false,
        };
        Ring {
            state: Mutex::new(state),
            changes_max,
            bytes_max,
        }
    }

    /// Tells everybody of `changes`, which are durable now and continue the ring without a hole.
    pub(super) fn publish(&self, changes: Vec<Arc<Change>>) {
        let mut state = self.lock();
        for change in changes {
            state.published = change.revision;
            state.bytes += weight_bytes(&change);
            state.changes.push_back(change);
        }
        while state.changes.len() > self.changes_max || state.bytes > self.bytes_max {
            let Some(oldest) = state.changes.pop_front() else {
                break;
            };
            state.bytes -= weight_bytes(&oldest);
        }
        wake(state);
    }

    /// The last durable revision.
    pub(super) fn published(&self) -> Revision {
        self.lock().published
    }

    /// Ends every feed.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// What follows `after`; with nothing to tell, `cx` is woken when there is.
    fn after(&self, after: Revision, cx: &mut Context<'_>) -> RingAnswer {
        let mut state = self.lock();
        if after > state.published {
            return RingAnswer::Ahead;
        }
        if after < state.published {
            return match state.first_after(after) {
                Some(change) => RingAnswer::Change(change),
                None => RingAnswer::Older {
                    last: state.published,
                },
            };
        }
        if state.closed {
            return RingAnswer::Closed;
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        RingAnswer::Nothing(state.published)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first_after(&self, after: Revision) -> Option<Arc<Change>> {
        let at = self.changes.partition_point(|change| change.revision <= after);
        let change = self.changes.get(at)?;
        (change.revision.0 == after.0 + 1).then(|| change.clone())
    }
}

/// Wakes after the lock is gone, so that nobody wakes up only to wait for it.
fn wake(mut state: MutexGuard<'_, State>) {
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

fn weight_bytes(change: &Change) -> usize {
    change.operations.iter().map(Operation::weight_bytes).sum()
}

/// One follower of a [`Ring`] and its [`Backlog`].
pub(super) struct Follower {
    ring: Arc<Ring>,
    backlog: Option<Arc<dyn Backlog>>,
    after: Revision,
    catching_up: Option<Changes>,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    Untold,
    Told,
    Over,
}

impl Follower {
    /// The feed after `after`. Without a backlog, what the ring has lost is `Compacted`.
    pub(super) fn new(ring: Arc<Ring>, backlog: Option<Arc<dyn Backlog>>, after: Revision) -> Follower {
        Follower {
            ring,
            backlog,
            after,
            catching_up: None,
            stage: Stage::Untold,
        }
    }

    fn tell(&mut self, change: Arc<Change>) -> Poll<Option<Result<Feed, FeedError>>> {
        self.after = change.revision;
        Poll::Ready(Some(Ok(Feed::Change(change))))
    }

    fn fail(&mut self, error: FeedError) -> Poll<Option<Result<Feed, FeedError>>> {
        self.end();
        Poll::Ready(Some(Err(error)))
    }

    fn end(&mut self) {
        self.stage = Stage::Over;
        self.catching_up = None;
        self.backlog = None;
    }

    fn poll_ring(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Feed, FeedError>>> {
        match self.ring.after(self.after, cx) {
            RingAnswer::Change(change) => self.tell(change),
            RingAnswer::Nothing(revision) if self.stage == Stage::Untold => {
                self.stage = Stage::Told;
                Poll::Ready(Some(Ok(Feed::Progress(revision))))
            }
            RingAnswer::Nothing(_) => Poll::Pending,
            RingAnswer::Ahead => self.fail(FeedError::Compacted),
            RingAnswer::Closed => {
                self.end();
                Poll::Ready(None)
            }
            RingAnswer::Older { last } => match &self.backlog {
                None => self.fail(FeedError::Compacted),
                Some(backlog) => {
                    self.catching_up = Some(backlog.read(self.after, last));
                    self.poll_backlog(cx)
                }
            },
        }
    }

    fn poll_backlog(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Feed, FeedError>>> {
        let Some(changes) = &mut self.catching_up else {
            return self.poll_ring(cx);
        };
        match ready!(changes.as_mut().poll_next(cx)) {
            Some(Ok(change)) => self.tell(change),
            Some(Err(error)) => self.fail(error),
            None => {
                self.catching_up = None;
                self.poll_ring(cx)
            }
        }
    }
}

impl Stream for Follower {
    type Item = Result<Feed, FeedError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stage == Stage::Over {
            return Poll::Ready(None);
        }
        self.poll_backlog(cx)
    }
}
