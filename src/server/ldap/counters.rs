//! What the LDAP listeners count.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::ldap::operation::Operation;
use crate::server::observe::metrics::{Labelled, each, write};

/// The counters of all LDAP listeners of a daemon. A clone counts the same.
#[derive(Clone, Debug)]
pub struct LdapCounters {
    /// Connections accepted and given a place.
    pub connections: Counter,
    /// Connections open now.
    pub connections_open: Gauge,
    /// Connections closed at once because no place was free.
    pub connections_refused: Counter,
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
    /// The last eight by their kind.
    faults: Labelled,
    requests: Labelled,
    /// Those of `requests`, in the order of [`Operation::ALL`].
    by_operation: Box<[Counter]>,
}

impl Default for LdapCounters {
    fn default() -> LdapCounters {
        let (faults, requests) = (Labelled::default(), Labelled::default());
        let fault = |kind| faults.get_or_create_owned(&[("kind", kind)]);
        LdapCounters {
            connections: Counter::default(),
            connections_open: Gauge::default(),
            connections_refused: Counter::default(),
            entries: Counter::default(),
            protocol_errors: fault("protocol_error"),
            malformed: fault("malformed"),
            not_ldap: fault("not_ldap"),
            too_long: fault("too_long"),
            abandoned: fault("abandoned"),
            idle: fault("idle"),
            write_timeouts: fault("write_timeout"),
            tls_failures: fault("tls_failure"),
            faults,
            by_operation: each(&requests, "operation", Operation::ALL.map(Operation::name)),
            requests,
        }
    }
}

impl LdapCounters {
    /// Counts a request.
    pub fn count_request(&self, operation: Operation) {
        if let Some(counter) = self.by_operation.get(operation.index()) {
            counter.inc();
        }
    }
}

impl Collector for LdapCounters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        write(
            out,
            "ldap_connections_open",
            "LDAP connections now",
            &self.connections_open,
        )?;
        write(
            out,
            "ldap_connections",
            "LDAP connections accepted",
            &self.connections,
        )?;
        write(
            out,
            "ldap_connections_refused",
            "LDAP connections without a place",
            &self.connections_refused,
        )?;
        write(out, "ldap_entries", "entries sent", &self.entries)?;
        write(out, "ldap_requests", "LDAP requests by operation", &self.requests)?;
        write(
            out,
            "ldap_faults",
            "what went wrong on LDAP connections, by kind",
            &self.faults,
        )
    }
}
