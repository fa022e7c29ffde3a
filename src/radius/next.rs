//! What comes out of a session: an answer, a log-in to verify, or silence with a reason.

use std::sync::Arc;

use super::client::Client;
use super::duplicate::{Claim, Key};
use super::reason::{DropReason, RejectReason};
use super::reply::Echo;
use crate::directory::request::Authenticate;
use crate::types::{Caller, Timestamp};

/// What to do with a packet.
pub enum Next {
    /// Nothing. The reason is for the log and the counters.
    Drop(Dropped),
    /// Send this.
    Reply(Reply),
    /// Ask the directory and bring its verdict to [`Session::on_verdict`](super::session::Session::on_verdict).
    Run(Pending, Authenticate),
}

/// A log-in being verified. Not `Clone`: it is answered once. The session remembers it until then.
pub struct Pending {
    pub(super) client: Arc<Client>,
    pub(super) key: Key,
    pub(super) claim: Claim,
    pub(super) received: Timestamp,
    pub(super) echo: Echo,
    pub(super) caller: Option<Caller>,
}

impl Pending {
    /// Who sent the request.
    pub fn client(&self) -> &Arc<str> {
        self.client.name()
    }

    /// The number of the request; no other of the same session has it.
    pub fn number(&self) -> u64 {
        self.claim.number()
    }
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
    /// On whose behalf the client asked, if it said so.
    pub caller: Option<Caller>,
    /// What it says.
    pub kind: ReplyKind,
    /// The request that was carried out for it; `None` if nothing was.
    pub(super) request: Option<(Key, Claim)>,
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

/// Something that whoever runs a session has to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client no longer waits for the request with this [`Pending::number`]: its verdict is wanted no more.
    GivenUp(u64),
    /// To be remembered beyond this process: this client has shown that it can send a Message-Authenticator and must from now on. At the next
    /// start, [`Client::latch`](super::client::Client::latch) it.
    Latched(Arc<str>),
}
