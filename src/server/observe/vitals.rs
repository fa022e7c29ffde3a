//! How the daemon is: for `/healthz` and `/metrics`.

use std::sync::Arc;

use crate::ldap::operation::Operation;
use crate::server::ldap::counters::LdapCounters;
use crate::server::observe::audit_log::AuditLog;
use crate::server::observe::metrics::{Family, Figure, Metrics, Source};
use crate::server::radius::counters::RadiusCounters;
use crate::server::runner::Runner;
use crate::store::Space;
use crate::web::admin::{self, Health};

/// What the admin port shows.
pub struct Vitals {
    runner: Arc<Runner>,
    metrics: Metrics,
}

/// Where listeners count.
#[derive(Clone, Default)]
pub struct Counters {
    /// LDAP, all listeners.
    pub ldap: Arc<LdapCounters>,
    /// RADIUS, all listeners.
    pub radius: Arc<RadiusCounters>,
}

impl Vitals {
    /// Of a daemon that answers by `runner` and counts in `counters` and `audit`.
    pub fn new(runner: Arc<Runner>, counters: &Counters, audit: Arc<AuditLog>) -> Vitals {
        let (ldap, radius, directory) = (counters.ldap.clone(), counters.radius.clone(), runner.clone());
        let space = runner.space.clone();
        let sources: Vec<Source> = vec![
            Box::new(move || directory_families(&directory)),
            Box::new(move || space_families(space.now())),
            Box::new(move || audit.families()),
            Box::new(move || ldap_families(&ldap)),
            Box::new(move || radius.families()),
        ];
        Vitals {
            runner,
            metrics: Metrics::new(sources),
        }
    }
}

impl admin::Vitals for Vitals {
    fn health(&self) -> Health {
        match (self.runner.realm.loaded.get(), self.runner.realm.store.fault()) {
            (None, _) => Health::NotReady,
            (Some(_), Some(_)) => Health::ReadOnly,
            (Some(_), None) => Health::Well,
        }
    }

    fn metrics(&self) -> String {
        self.metrics.text()
    }
}

fn directory_families(runner: &Runner) -> Vec<Family> {
    let snapshot = runner.realm.snapshot();
    let entries = snapshot.as_ref().map_or(0, |snapshot| snapshot.len() as u64);
    let revision = snapshot.as_ref().map_or(0, |snapshot| snapshot.revision().0);
    let faulty = u64::from(runner.realm.store.fault().is_some());
    let pool = runner.logins.pool();
    vec![
        Family::single("entries", "entries in the directory", Figure::Gauge, entries),
        Family::single(
            "index_revision",
            "the commit the index has reached",
            Figure::Gauge,
            revision,
        ),
        Family::single(
            "store_refuses_writes",
            "1 if the store is full or damaged",
            Figure::Gauge,
            faulty,
        ),
        Family::single(
            "hash_pool_waiting",
            "log-ins that wait to be hashed",
            Figure::Gauge,
            pool.waiting() as u64,
        ),
        Family::single(
            "hash_pool_panics",
            "hashes that died",
            Figure::Counter,
            pool.panics(),
        ),
    ]
}

/// Nothing until it is known.
fn space_families(space: Option<Space>) -> Vec<Family> {
    let Some(space) = space else { return Vec::new() };
    let single = |name, help, value| Family::single(name, help, Figure::Gauge, value);
    vec![
        single(
            "store_disk_bytes",
            "bytes the store takes on the disk",
            space.disk_bytes,
        ),
        single(
            "store_live_bytes",
            "bytes of records in the store",
            space.live_bytes,
        ),
        single(
            "store_logged_bytes",
            "bytes of the store's change log",
            space.logged_bytes,
        ),
    ]
}

fn ldap_families(counters: &LdapCounters) -> Vec<Family> {
    let single = |name, help, value| Family::single(name, help, Figure::Counter, value);
    let requests = Operation::ALL.iter().zip(&counters.requests);
    vec![
        Family::single(
            "ldap_connections_open",
            "LDAP connections now",
            Figure::Gauge,
            counters.connections_open(),
        ),
        single(
            "ldap_connections",
            "LDAP connections accepted",
            counters.connections.value(),
        ),
        single(
            "ldap_connections_refused",
            "LDAP connections without a place",
            counters.connections_refused.value(),
        ),
        single("ldap_entries", "entries sent", counters.entries.value()),
        Family {
            name: "ldap_requests",
            help: "LDAP requests by operation",
            figure: Figure::Counter,
            label: "operation",
            values: requests
                .map(|(operation, count)| (operation.name(), count.value()))
                .collect(),
        },
        Family {
            name: "ldap_faults",
            help: "what went wrong on LDAP connections, by kind",
            figure: Figure::Counter,
            label: "kind",
            values: vec![
                ("protocol_error", counters.protocol_errors.value()),
                ("malformed", counters.malformed.value()),
                ("not_ldap", counters.not_ldap.value()),
                ("too_long", counters.too_long.value()),
                ("abandoned", counters.abandoned.value()),
                ("idle", counters.idle.value()),
                ("write_timeout", counters.write_timeouts.value()),
                ("tls_failure", counters.tls_failures.value()),
            ],
        },
    ]
}
