//! What a log-in reads of the directory: one account.

use crate::directory::request::Asker;
use crate::domain::audit::Subject;
use crate::record::Revision;
use crate::types::EntryId;

/// Whether an account may be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Enabled,
    /// It may not: `beadleDisabled` is `TRUE`.
    Disabled,
}

/// One account as a log-in sees it.
pub struct AccountView<'a> {
    /// Who somebody is who logs in with it. [`Asker::Public`] is nobody's account and never logs in.
    pub asker: Asker,
    /// The stored hash of its PIN, scheme in front; `None` if it has no PIN.
    pub hash: Option<&'a [u8]>,
    /// Whether it may be used.
    pub standing: Standing,
    /// The commit that last wrote its entry; 0 for accounts from the configuration.
    pub revision: Revision,
}

impl AccountView<'_> {
    /// The entry's id; `None` for accounts from the configuration, which are never locked and whose
    /// hashes are never replaced.
    pub fn entry(&self) -> Option<EntryId> {
        match &self.asker {
            Asker::Member(entry) => Some(*entry),
            Asker::Public | Asker::Service(_) | Asker::Root | Asker::Operator(_) => None,
        }
    }

    /// How the audit log names it.
    pub fn subject(&self) -> Subject {
        self.asker.subject()
    }
}
