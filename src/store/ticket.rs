//! The fate of a submitted batch.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::record::Revision;
use crate::store::{CommitError, Fault};

/// What a commit comes to.
pub(super) type Committed = Result<Revision, CommitError>;

/// Resolves to what a submitted batch came to: its revision once it is durable, or why not. Not to be
/// polled again after that. Dropping it does not call the batch back.
pub struct Ticket(State);

enum State {
    Known(Option<Committed>),
    Waiting(oneshot::Receiver<Committed>),
}

impl Ticket {
    /// Of a batch whose fate is known already.
    pub(super) fn known(committed: Committed) -> Ticket {
        Ticket(State::Known(Some(committed)))
    }

    /// Of a batch that will be answered through `receiver`. If that never happens the
    /// writer has died half-way, and whether the batch is found after a restart is not known.
    pub(super) fn waiting(receiver: oneshot::Receiver<Committed>) -> Ticket {
        Ticket(State::Waiting(receiver))
    }
}

impl Future for Ticket {
    type Output = Committed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Committed> {
        Poll::Ready(match &mut self.0 {
            State::Known(committed) => committed.take().unwrap_or(Err(CommitError::Unavailable)),
            State::Waiting(receiver) => {
                let died = |_| Err(CommitError::Fatal(Fault::Damaged("the writer has died".into())));
                ready!(Pin::new(receiver).poll(cx)).unwrap_or_else(died)
            }
        })
    }
}
