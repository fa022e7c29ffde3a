//! How the daemon is: for `/healthz` and `/metrics`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::server::ldap::counters::LdapCounters;
use crate::server::observe::audit_counters::AuditCounters;
use crate::server::observe::metrics::{Metrics, write};
use crate::server::radius::counters::RadiusCounters;
use crate::server::runner::Runner;
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
    pub fn new(runner: Arc<Runner>, counters: &Counters, audit: &AuditCounters) -> Vitals {
        let metrics = Metrics::new(vec![
            Box::new(Figures(runner.clone())),
            Box::new(audit.clone()),
            Box::new(LdapCounters::clone(&counters.ldap)),
            Box::new(RadiusCounters::clone(&counters.radius)),
        ]);
        Vitals { runner, metrics }
    }
}

impl admin::Vitals for Vitals {
    fn health(&self) -> Health {
        let realm = &self.runner.realm;
        match (realm.snapshot(), realm.store.fault()) {
            (None, _) => Health::NotReady,
            (Some(_), Some(_)) => Health::ReadOnly,
            (Some(snapshot), None) if !snapshot.quarantine().is_empty() => Health::Incomplete,
            (Some(_), None) => Health::Well,
        }
    }

    fn metrics(&self) -> String {
        self.metrics.text()
    }
}

/// What is read of the directory when monitoring asks.
struct Figures(Arc<Runner>);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Runner { realm, logins, .. } = &*self.0;
        let snapshot = realm.snapshot();
        let entries = snapshot.as_ref().map_or(0, |snapshot| snapshot.len() as u64);
        let revision = snapshot.as_ref().map_or(0, |snapshot| snapshot.revision().0);
        let set_aside = snapshot
            .as_ref()
            .map_or(0, |snapshot| snapshot.quarantine().len() as u64);
        let faulty = u64::from(realm.store.fault().is_some());
        let waiting = logins.pool().waiting() as u64;
        let out = &mut encoder;
        gauge(out, "entries", "entries in the directory", entries)?;
        gauge(
            out,
            "records_set_aside",
            "records of entries that cannot be read or have no parent",
            set_aside,
        )?;
        gauge(
            out,
            "index_revision",
            "the commit the index has reached",
            revision,
        )?;
        gauge(
            out,
            "store_refuses_writes",
            "1 if the store is full or damaged",
            faulty,
        )?;
        gauge(
            out,
            "hash_pool_waiting",
            "log-ins that wait to be hashed",
            waiting,
        )?;
        let panics = ConstCounter::new(logins.pool().panics());
        write(out, "hash_pool_panics", "hashes that died", &panics)?;
        let dropped = ConstCounter::new(realm.audit.log().dropped());
        write(
            out,
            "log_lines_dropped",
            "log lines that nobody read in time",
            &dropped,
        )?;
        self.encode_space(out)
    }
}

impl Figures {
    /// Nothing until it is known.
    fn encode_space(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(space) = self.0.space.now() else {
            return Ok(());
        };
        let figures = [
            (
                "store_disk_bytes",
                "bytes the store takes on the disk",
                space.disk_bytes,
            ),
            (
                "store_live_bytes",
                "bytes of records in the store",
                space.live_bytes,
            ),
            (
                "store_logged_bytes",
                "bytes of the store's change log",
                space.logged_bytes,
            ),
        ];
        figures
            .into_iter()
            .try_for_each(|(name, help, value)| gauge(out, name, help, value))
    }
}

fn gauge(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    write(out, name, help, &ConstGauge::new(value))
}
