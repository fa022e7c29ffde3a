//! How LDAP connections end.

use std::io;

use crate::server::ldap::counters::LdapCounters;

/// Why a connection ends, or stops being what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client has closed it.
    Closed,
    /// The client has said so.
    Unbound,
    /// Something broke it off.
    Broken,
    /// The client does not speak LDAP.
    NotLdap,
    /// A message was announced longer than allowed.
    TooLong,
    /// The notice of disconnection is in the output.
    Malformed,
    /// Nothing was asked for too long.
    Idle,
    /// The client did not read its answers.
    WriteTimeout,
    /// There was no handshake.
    TlsFailed,
    /// The daemon stops.
    Shutdown,
    /// The answer is written; the handshake follows.
    StartTls,
}

impl End {
    /// Its word in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            End::Closed => "closed",
            End::Unbound => "unbound",
            End::Broken => "broken",
            End::NotLdap => "not_ldap",
            End::TooLong => "too_long",
            End::Malformed => "malformed",
            End::Idle => "idle",
            End::WriteTimeout => "write_timeout",
            End::TlsFailed => "tls_failed",
            End::Shutdown => "shutdown",
            End::StartTls => "start_tls",
        }
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Broken
    }
}

/// Counts what deserves a number of its own.
pub(super) fn count(counters: &LdapCounters, end: End) {
    let counter = match end {
        End::NotLdap => &counters.not_ldap,
        End::TooLong => &counters.too_long,
        End::Malformed => &counters.malformed,
        End::Idle => &counters.idle,
        End::WriteTimeout => &counters.write_timeouts,
        End::TlsFailed => &counters.tls_failures,
        End::Closed | End::Unbound | End::Broken | End::Shutdown | End::StartTls => return,
    };
    counter.inc();
}
