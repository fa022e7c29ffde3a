//! What a log-in reads of the directory: one account, and where accounts are found.

use crate::directory::request::{Asker, LoginName};
use crate::domain::audit::Subject;
use crate::record::{Operation, Revision};
use crate::types::{EntryId, PinHash};

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
            Asker::Member(member) => Some(member.entry),
            Asker::Public | Asker::Service(_) | Asker::Root => None,
        }
    }

    /// How the audit log names it.
    pub fn subject(&self) -> Subject {
        match &self.asker {
            Asker::Member(member) => Subject::Entry(member.entry),
            Asker::Service(name) => Subject::Service(name.clone()),
            Asker::Root => Subject::Root,
            Asker::Public => Subject::Nobody,
        }
    }
}

/// Every account there is, at one moment: a snapshot of the directory and the configuration's accounts.
pub trait Accounts {
    /// The account with this name, whatever its state. A UID that more than one entry has, and a name of
    /// no entry, are `None`.
    fn find(&self, name: &LoginName) -> Option<AccountView<'_>>;

    /// Whether there certainly is no entry `entry`; false while entries are being loaded.
    fn is_gone(&self, entry: EntryId) -> bool;

    /// The operation that writes the entry `entry` as it stands in this snapshot, with its PIN's hash
    /// replaced and nothing else changed; `None` if there is no such entry.
    fn with_hash(&self, entry: EntryId, hash: &PinHash) -> Option<Operation>;
}
