//! What the LDAP listeners count.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ldap::operation::Operation;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far; returns the count before and counts one.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// How many so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of all LDAP listeners of a daemon.
#[derive(Debug, Default)]
pub struct LdapCounters {
    /// Connections accepted and given a place.
    pub connections: Counter,
    /// Connections closed at once because no place was free.
    pub connections_refused: Counter,
    /// Connections that have ended.
    pub connections_ended: Counter,
    /// Requests by operation, in the order of [`Operation::ALL`].
    pub requests: [Counter; Operation::ALL.len()],
    /// Entries sent.
    pub entries: Counter,
    /// Answers of `protocolError`.
    pub protocol_errors: Counter,
    /// Frames that were no LDAP message: notice of disconnection.
    pub malformed: Counter,
    /// Connections that sent something else than LDAP.
    pub not_ldap: Counter,
    /// Messages announced longer than allowed.
    pub too_long: Counter,
    /// Searches abandoned while they ran.
    pub abandoned: Counter,
    /// Connections closed because nothing was asked for too long.
    pub idle: Counter,
    /// Connections closed because the client did not read its answers.
    pub write_timeouts: Counter,
    /// TLS handshakes that failed.
    pub tls_failures: Counter,
}

impl LdapCounters {
    /// Counts a request.
    pub fn count_request(&self, operation: Operation) {
        if let Some(counter) = self.requests.get(operation.index()) {
            counter.add(1);
        }
    }

    /// Connections open now.
    pub fn connections_open(&self) -> u64 {
        self.connections
            .value()
            .saturating_sub(self.connections_ended.value())
    }
}
