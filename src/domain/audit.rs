//! What is worth keeping of what happened: typed events, made below, written by `server/`.
//!
//! No event holds a PIN, a hash or what a stranger typed as a name: people type their PIN there.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::pin::HashScheme;
use crate::types::{Caller, EntryId, Timestamp};

/// Whom an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The entry with this id.
    Entry(EntryId),
    /// A relying system, by its name.
    Service(Arc<str>),
    /// The emergency administrator.
    Root,
    /// Whoever used the administration socket, LDAP as a user of this machine, or the store itself: the system's number
    /// of that user.
    Operator(u32),
    /// No account has the name that was given.
    Nobody,
}

/// Where a log-in came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address of who asked: a relying system, an access point, a person's machine.
    pub source: IpAddr,
    /// On whose behalf that one asked, if it said so.
    pub caller: Option<Caller>,
    /// The service it asked for, if it named one.
    pub service: Option<Arc<str>>,
}

/// How a PIN was known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It was checked against the stored hash.
    Hash,
    /// It was checked a moment ago, and nothing has changed since.
    RecentLogin,
    /// There was none: the system says which of its users it is.
    PeerCredentials,
}

/// An enum of reasons, each with its word beside it.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $(($data:ty))? = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant $(($data))?,)*
        }

        impl $name {
            /// The word of every reason, in the order of [`Self::number`].
            pub const NAMES: [&'static str; [$($word),*].len()] = [$($word),*];

            /// Which of [`Self::NAMES`] it is.
            pub fn number(self) -> usize {
                enum Number { $($variant,)* }
                match self {
                    $($name::$variant { .. } => Number::$variant as usize,)*
                }
            }

            /// One word for logs and metrics.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant { .. } => $word,)*
                }
            }
        }
    };
}

reasons! {
    /// Why a log-in was refused. The client never hears it (DESIGN invariant 3); the help desk does.
    RefusalReason {
        /// No account has the name.
        UnknownName = "unknown_name",
        /// The account has no PIN.
        NoPin = "no_pin",
        /// The account is disabled.
        Disabled = "disabled",
        /// Too many different wrong PINs: locked until this moment.
        Locked(Timestamp) = "locked",
        /// The PIN was empty, or longer than any that is checked.
        UnusablePin = "unusable_pin",
        /// What is stored is not a hash that PINs can be checked against.
        UnusableHash = "unusable_hash",
        /// The PIN is wrong.
        WrongPin = "wrong_pin",
        /// A user of this machine who is no administrator wanted to be one.
        NotAdministrator = "not_administrator",
    }
}

/// Whether an export has hashes of PINs in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashes {
    /// It has.
    Included,
    /// It has not.
    LeftOut,
}

/// What was done to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Added,
    /// It has other values.
    Modified,
    /// It is gone.
    Deleted,
    /// It is called like this now.
    Renamed(Box<str>),
    /// It has another PIN.
    PinSet,
}

impl Written {
    /// One word for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Written::Added => "added",
            Written::Modified => "modified",
            Written::Deleted => "deleted",
            Written::Renamed(_) => "renamed",
            Written::PinSet => "pin_set",
        }
    }
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryWritten {
    /// Who changed it.
    pub subject: Subject,
    /// Where from.
    pub origin: Origin,
    /// How the entry was called.
    pub dn: Box<str>,
    /// What was done.
    pub what: Written,
    /// The attributes that were written, as the schema spells them; those that the directory itself keeps are left out.
    pub attributes: Vec<Box<str>>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// Somebody logged in.
    LoginAccepted {
        /// Who.
        subject: Subject,
        /// Where from.
        origin: Origin,
        /// How the PIN was known to be right.
        evidence: Evidence,
    },
    /// Somebody did not.
    LoginRefused {
        /// Whose name was given.
        subject: Subject,
        /// Where from.
        origin: Origin,
        /// Why.
        reason: RefusalReason,
    },
    /// Too many different wrong PINs have locked an account.
    AccountLocked {
        /// Whose.
        subject: Subject,
        /// Where the last of them came from.
        origin: Origin,
        /// When it opens again.
        until: Timestamp,
    },
    /// An imported or weaker hash was replaced by argon2id at a good log-in.
    HashUpgraded {
        /// Whose.
        subject: Subject,
        /// The scheme it was of.
        from: HashScheme,
    },
    /// An entry was changed, and the change is stored.
    EntryWritten(Box<EntryWritten>),
    /// An import has written entries, all of a file or those before it ended early.
    EntriesImported {
        /// Who imported.
        subject: Subject,
        /// What the operator calls the file.
        file: Box<str>,
        /// How many were added or changed.
        entries: u64,
    },
    /// Everything is read by an export. Told before it begins: what has left is known to its reader, also if it
    /// ends early.
    EntriesExported {
        /// Who exports.
        subject: Subject,
        /// How many there are.
        entries: u64,
        /// Whether their hashes go too.
        hashes: Hashes,
    },
}

impl AuditEvent {
    /// One word for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            AuditEvent::LoginAccepted { .. } => "login_accepted",
            AuditEvent::LoginRefused { .. } => "login_refused",
            AuditEvent::AccountLocked { .. } => "account_locked",
            AuditEvent::HashUpgraded { .. } => "hash_upgraded",
            AuditEvent::EntryWritten(_) => "entry_written",
            AuditEvent::EntriesImported { .. } => "entries_imported",
            AuditEvent::EntriesExported { .. } => "entries_exported",
        }
    }

    /// Whom it is about.
    pub fn subject(&self) -> &Subject {
        match self {
            AuditEvent::LoginAccepted { subject, .. }
            | AuditEvent::LoginRefused { subject, .. }
            | AuditEvent::AccountLocked { subject, .. }
            | AuditEvent::HashUpgraded { subject, .. }
            | AuditEvent::EntriesImported { subject, .. }
            | AuditEvent::EntriesExported { subject, .. } => subject,
            AuditEvent::EntryWritten(written) => &written.subject,
        }
    }
}
