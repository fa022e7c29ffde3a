//! Rejections held back until their time (they slow guessing).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tokio::time::{Instant, sleep_until};

use crate::radius::next::Reply;
use crate::server::radius::listener::Way;

/// The most rejections held back on one socket. One more is not sent when due; the client's
/// retransmission gets it from the session's memory.
pub(in crate::server) const HELD_MAX: usize = 65_536;
/// The most octets of those rejections; only long Proxy-States that are echoed come near. One more is not sent either.
const HELD_OCTETS_MAX: usize = HELD_MAX * 256;

/// A rejection and when it leaves.
pub(in crate::server) struct HeldReply {
    pub(in crate::server) due: Instant,
    pub(in crate::server) way: Way,
    pub(in crate::server) reply: Reply,
}

/// So many are held back that there is no room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Full;

/// What is held back, the next one first.
#[derive(Default)]
pub(in crate::server) struct Held {
    replies: BinaryHeap<Reverse<HeldReply>>,
    octets: usize,
}

impl Held {
    /// Holds a reply back. Errors: [`Full`]; the reply is dropped.
    pub(in crate::server) fn push(&mut self, reply: HeldReply) -> Result<(), Full> {
        let octets = self.octets + reply.reply.octets.len();
        if self.replies.len() >= HELD_MAX || octets > HELD_OCTETS_MAX {
            return Err(Full);
        }
        self.octets = octets;
        self.replies.push(Reverse(reply));
        Ok(())
    }

    /// Waits until the next reply is due; for ever while there is none. Loses none when cancelled.
    pub(in crate::server) async fn due(&mut self) -> HeldReply {
        if let Some(Reverse(next)) = self.replies.peek() {
            sleep_until(next.due).await;
        }
        match self.replies.pop() {
            Some(Reverse(held)) => {
                self.octets -= held.reply.octets.len();
                held
            }
            None => std::future::pending().await,
        }
    }

    /// Whether nothing is held back.
    pub(in crate::server) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }
}

impl PartialEq for HeldReply {
    fn eq(&self, other: &HeldReply) -> bool {
        self.due == other.due
    }
}

impl Eq for HeldReply {}

impl PartialOrd for HeldReply {
    fn partial_cmp(&self, other: &HeldReply) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeldReply {
    fn cmp(&self, other: &HeldReply) -> Ordering {
        self.due.cmp(&other.due)
    }
}
