//! What follows from a message.

use crate::directory::request::Request;
use crate::ldap::envelope::MessageId;
use crate::ldap::operation::Operation;
use crate::ldap::result::ResultCode;
use crate::ldap::search::SearchReply;
use crate::ldap::search_request::Values;

/// Whether bytes stand behind a message that the client has sent already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailing {
    /// None.
    Nothing,
    /// Some.
    Pipelined,
}

/// What to do after a message.
pub enum Next {
    /// The answer has been appended to the output.
    Answered(ResultCode),
    /// There is no answer to this.
    Unanswered,
    /// Have the directory answer, then call [`Session::on_outcome`](super::session::Session::on_outcome).
    Run(Pending, Request),
    /// The answer has been appended: write it, shake hands, then call [`Session::on_tls`](super::session::Session::on_tls).
    StartTls,
    /// Write what has been appended, if anything, and close.
    Close,
}

/// A request the directory works on. Cannot be cloned; used up by its outcome.
pub struct Pending {
    pub(super) id: MessageId,
    pub(super) purpose: Purpose,
    /// Whether the client wants to be told of its PIN.
    pub(super) password_policy: bool,
}

/// What becomes of the outcome.
pub(super) enum Purpose {
    /// An identity, if the PIN is right.
    Bind,
    /// Entries, as they were asked for.
    Search(SearchReply),
    /// A word.
    Compare,
    /// That it is done.
    Write(Operation),
    /// That it is done, and the PIN that was made up.
    PasswordModify,
    /// The client's own name.
    WhoAmI,
}

impl Pending {
    /// The id of the message that asked.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Whether a search wants values.
    pub fn values(&self) -> Values {
        match self.purpose {
            Purpose::Search(ref reply) => reply.values,
            _ => Values::Included,
        }
    }

    /// What was asked.
    pub fn operation(&self) -> Operation {
        match self.purpose {
            Purpose::Bind => Operation::Bind,
            Purpose::Search(_) => Operation::Search,
            Purpose::Compare => Operation::Compare,
            Purpose::Write(operation) => operation,
            Purpose::PasswordModify | Purpose::WhoAmI => Operation::Extended,
        }
    }
}
