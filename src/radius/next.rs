//! What comes out of a session: an answer, a log-in to verify, or silence with a reason.

use std::sync::Arc;

use super::duplicate::{Key, Ticket};
use super::reason::{DropReason, RejectReason};
use super::session::Pending;
use crate::directory::request::Authenticate;
use crate::types::Timestamp;

/// What to do with a packet.
pub enum Next {
    /// Nothing. The reason is for the log and the counters.
    Drop(Dropped),
    /// Send this.
    Reply(Reply),
    /// Ask the directory and bring its verdict to [`Session::on_verdict`](super::session::Session::on_verdict).
    Run(Pending, Authenticate),
}

/// A packet without an answer.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// Who sent it, if that is a client.
    pub client: Option<Arc<str>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The sealed packet.
    pub octets: Arc<[u8]>,
    /// When it may leave; in the past for all but a rejection. Then
    /// [`Session::is_wanted`](super::session::Session::is_wanted) is to be asked.
    pub not_before: Timestamp,
    /// Whom it goes to.
    pub client: Arc<str>,
    /// What it says.
    pub kind: ReplyKind,
    /// The request that was carried out for it; `None` if nothing was.
    pub(super) request: Option<(Key, Ticket)>,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject(RejectReason),
    /// The answer to a Status-Server.
    Status,
    /// The same octets again, to a retransmission.
    Resent,
}

/// Something to be remembered beyond this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This client has shown that it can send a Message-Authenticator and must from now on. At the next
    /// start, [`Client::latch`](super::client::Client::latch) it.
    Latched(Arc<str>),
}
