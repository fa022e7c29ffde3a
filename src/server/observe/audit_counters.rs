//! How many audit events there were, for monitoring.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;

use crate::domain::audit::{AuditEvent, RefusalReason};
use crate::server::observe::metrics::{Labelled, each, write};

/// Counts audit events. A clone counts the same.
#[derive(Clone, Debug)]
pub struct AuditCounters {
    accepted: Counter,
    refused: Labelled,
    /// Those of `refused`, by the number of the reason.
    by_reason: Box<[Counter]>,
    locked: Counter,
    upgraded: Counter,
    written: Counter,
    imported: Counter,
    exported: Counter,
}

impl Default for AuditCounters {
    fn default() -> AuditCounters {
        let refused = Labelled::default();
        AuditCounters {
            accepted: Counter::default(),
            by_reason: each(&refused, "reason", RefusalReason::NAMES),
            refused,
            locked: Counter::default(),
            upgraded: Counter::default(),
            written: Counter::default(),
            imported: Counter::default(),
            exported: Counter::default(),
        }
    }
}

impl AuditCounters {
    /// Counts an event: one log-in, or so many entries.
    pub fn count(&self, event: &AuditEvent) {
        let (counter, more) = match event {
            AuditEvent::LoginAccepted { .. } => (&self.accepted, 1),
            AuditEvent::LoginRefused { reason, .. } => (&self.by_reason[reason.number()], 1),
            AuditEvent::AccountLocked { .. } => (&self.locked, 1),
            AuditEvent::HashUpgraded { .. } => (&self.upgraded, 1),
            AuditEvent::EntryWritten(_) => (&self.written, 1),
            AuditEvent::EntriesImported { entries, .. } => (&self.imported, *entries),
            AuditEvent::EntriesExported { entries, .. } => (&self.exported, *entries),
        };
        counter.inc_by(more);
    }
}

impl Collector for AuditCounters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let singles = [
            ("logins_accepted", "log-ins that were accepted", &self.accepted),
            (
                "accounts_locked",
                "accounts locked by too many wrong PINs",
                &self.locked,
            ),
            (
                "hashes_upgraded",
                "imported hashes replaced by argon2id",
                &self.upgraded,
            ),
            (
                "entries_written",
                "entries added, modified, renamed or deleted one by one",
                &self.written,
            ),
            ("entries_imported", "entries written by imports", &self.imported),
            ("entries_exported", "entries read by exports", &self.exported),
        ];
        for (name, help, counter) in singles {
            write(&mut encoder, name, help, counter)?;
        }
        write(
            &mut encoder,
            "logins_refused",
            "log-ins that were refused, by reason",
            &self.refused,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Origin, Subject};
    use crate::server::observe::metrics::Metrics;
    use crate::types::Timestamp;

    #[test]
    fn every_reason_is_counted_under_its_own_word() {
        let counters = AuditCounters::default();
        for reason in [
            RefusalReason::Locked(Timestamp::default()),
            RefusalReason::WrongPin,
        ] {
            counters.count(&AuditEvent::LoginRefused {
                subject: Subject::Nobody,
                origin: Origin {
                    source: [127, 0, 0, 1].into(),
                    caller: None,
                    service: None,
                },
                reason,
            });
        }
        let text = Metrics::new(vec![Box::new(counters)]).text();
        for reason in RefusalReason::NAMES {
            let count = u64::from(["locked", "wrong_pin"].contains(&reason));
            let line = format!("beadle_logins_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
