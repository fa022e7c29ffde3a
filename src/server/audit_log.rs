//! Writes audit events: one structured line each, and a count for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::audit::{AuditEvent, Evidence, Origin, RefusalReason, Subject};
use crate::server::metrics::{Family, Figure};
use crate::types::Timestamp;

/// Where audit events go: log lines of the target `audit`. Holds no value a stranger typed and no secret,
/// for the events hold none.
#[derive(Debug, Default)]
pub struct AuditLog {
    accepted: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    locked: AtomicU64,
    upgraded: AtomicU64,
    imported: AtomicU64,
}

/// The words of [`RefusalReason::name`], as metric labels.
const REASONS: [&str; 7] = [
    "unknown_name",
    "no_pin",
    "disabled",
    "locked",
    "unusable_pin",
    "unusable_hash",
    "wrong_pin",
];

impl AuditLog {
    /// Writes one event that happened at `now`.
    pub fn write(&self, event: &AuditEvent, now: Timestamp) {
        self.count(event);
        let (event_name, at, subject) = (event.name(), now.rfc3339(), subject(event.subject()));
        match event {
            AuditEvent::LoginAccepted { origin, evidence, .. } => {
                let Shown { source, service } = shown(origin);
                let evidence = evidence_name(*evidence);
                tracing::info!(target: "audit", %at, event = event_name, %subject, %source, service, evidence);
            }
            AuditEvent::LoginRefused { origin, reason, .. } => {
                let Shown { source, service } = shown(origin);
                let reason = reason.name();
                tracing::info!(target: "audit", %at, event = event_name, %subject, %source, service, reason);
            }
            AuditEvent::AccountLocked { origin, until, .. } => {
                let Shown { source, service } = shown(origin);
                let until = until.rfc3339();
                tracing::warn!(target: "audit", %at, event = event_name, %subject, %source, service, %until);
            }
            AuditEvent::HashUpgraded { from, .. } => {
                let from = from.name();
                tracing::info!(target: "audit", %at, event = event_name, %subject, from);
            }
            AuditEvent::EntriesImported { entries, .. } => {
                tracing::info!(target: "audit", %at, event = event_name, %subject, entries);
            }
        }
    }

    fn count(&self, event: &AuditEvent) {
        let (counter, more) = match event {
            AuditEvent::LoginAccepted { .. } => (&self.accepted, 1),
            AuditEvent::LoginRefused { reason, .. } => (&self.refused[reason_index(*reason)], 1),
            AuditEvent::AccountLocked { .. } => (&self.locked, 1),
            AuditEvent::HashUpgraded { .. } => (&self.upgraded, 1),
            AuditEvent::EntriesImported { entries, .. } => (&self.imported, *entries),
        };
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// The counts, for monitoring.
    pub fn families(&self) -> Vec<Family> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let single = |name, help, value| Family::single(name, help, Figure::Counter, value);
        vec![
            single(
                "logins_accepted",
                "log-ins that were accepted",
                read(&self.accepted),
            ),
            Family {
                name: "logins_refused",
                help: "log-ins that were refused, by reason",
                figure: Figure::Counter,
                label: "reason",
                values: REASONS
                    .iter()
                    .copied()
                    .zip(self.refused.iter().map(read))
                    .collect(),
            },
            single(
                "accounts_locked",
                "accounts locked by too many wrong PINs",
                read(&self.locked),
            ),
            single(
                "hashes_upgraded",
                "imported hashes replaced by argon2id",
                read(&self.upgraded),
            ),
            single(
                "entries_imported",
                "entries written by imports",
                read(&self.imported),
            ),
        ]
    }
}

fn reason_index(reason: RefusalReason) -> usize {
    // Invariant: REASONS has every name; a test holds it to that.
    REASONS
        .iter()
        .position(|name| *name == reason.name())
        .unwrap_or(0)
}

fn evidence_name(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Hash => "hash",
        Evidence::RecentLogin => "recent_login",
    }
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Entry(id) => format!("entry:{id}"),
        Subject::Service(name) => format!("service:{name}"),
        Subject::Root => "root".to_owned(),
        Subject::Operator => "operator".to_owned(),
        Subject::Nobody => "nobody".to_owned(),
    }
}

struct Shown<'a> {
    source: std::net::IpAddr,
    service: &'a str,
}

fn shown(origin: &Origin) -> Shown<'_> {
    Shown {
        source: origin.source,
        service: origin.service.as_deref().unwrap_or("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_count_of_its_own() {
        let reasons = [
            RefusalReason::UnknownName,
            RefusalReason::NoPin,
            RefusalReason::Disabled,
            RefusalReason::Locked(Timestamp::default()),
            RefusalReason::UnusablePin,
            RefusalReason::UnusableHash,
            RefusalReason::WrongPin,
        ];
        let indexes: Vec<usize> = reasons.into_iter().map(reason_index).collect();
        assert_eq!(indexes, (0..REASONS.len()).collect::<Vec<_>>());
    }
}
