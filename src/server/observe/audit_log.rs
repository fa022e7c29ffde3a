//! Takes audit events: a line of the log each, and a count for monitoring.

use std::sync::Arc;

use crate::domain::audit::AuditEvent;
use crate::index::IndexHandle;
use crate::server::observe::audit_counters::AuditCounters;
use crate::server::observe::log::queue::Log;
use crate::types::Timestamp;

/// Where audit events go: log lines of the target `audit`, none of which is ever dropped. Holds no value a stranger typed
/// and no secret, for the events hold none.
#[derive(Default)]
pub struct AuditLog {
    log: Arc<Log>,
    counters: AuditCounters,
}

impl AuditLog {
    /// Of events that go into `log`.
    pub fn new(log: Arc<Log>) -> AuditLog {
        let counters = AuditCounters::default();
        AuditLog { log, counters }
    }

    /// From now on entries are called by their names in `index`; until then, and those that have gone, by number.
    pub fn name_by(&self, index: Arc<IndexHandle>) {
        self.log.name_by(index);
    }

    /// Whether an event could be written at once, also after other work of some microseconds: to be asked by who
    /// cannot wait afterwards.
    pub fn has_room(&self) -> bool {
        self.log.has_room()
    }

    /// Writes one event that happened at `now`. Waits only while as many events wait as may.
    pub async fn write(&self, event: AuditEvent, now: Timestamp) {
        self.counters.count(&event);
        self.log.audit(event, now).await;
    }

    /// The same on a thread that may block, or has just heard that there is room.
    pub fn write_blocking(&self, event: AuditEvent, now: Timestamp) {
        self.counters.count(&event);
        self.log.audit_blocking(event, now);
    }

    /// The log that the events go into.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The counts, for monitoring.
    pub fn counters(&self) -> &AuditCounters {
        &self.counters
    }
}
