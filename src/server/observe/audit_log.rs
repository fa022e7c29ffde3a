//! Writes audit events: one structured line each, and a count for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::domain::audit::{AuditEvent, Evidence, Hashes, Origin, RefusalReason, Subject};
use crate::index::IndexHandle;
use crate::server::observe::metrics::{Family, Figure};
use crate::types::{Timestamp, visible};

/// Where audit events go: log lines of the target `audit`. Holds no value a stranger typed and no secret,
/// for the events hold none. A person is called by the name of the entry, which the help desk can look up.
#[derive(Default)]
pub struct AuditLog {
    /// Where the names of entries are, once there are any.
    index: OnceLock<Arc<IndexHandle>>,
    accepted: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    locked: AtomicU64,
    upgraded: AtomicU64,
    imported: AtomicU64,
    exported: AtomicU64,
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
    /// From now on entries are called by their names in `index`; until then, and those that have gone, by number.
    pub fn name_by(&self, index: Arc<IndexHandle>) {
        // The index is loaded once.
        let _ = self.index.set(index);
    }

    /// Writes one event that happened at `now`.
    pub fn write(&self, event: &AuditEvent, now: Timestamp) {
        self.count(event);
        let (event_name, at, subject) = (event.name(), now.rfc3339(), self.subject(event.subject()));
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
            AuditEvent::EntriesImported { file, entries, .. } => {
                let file = &**file;
                tracing::info!(target: "audit", %at, event = event_name, %subject, file, entries);
            }
            AuditEvent::EntriesExported { entries, hashes, .. } => {
                let hashes = hashes_name(*hashes);
                tracing::info!(target: "audit", %at, event = event_name, %subject, entries, hashes);
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
            AuditEvent::EntriesExported { entries, .. } => (&self.exported, *entries),
        };
        counter.fetch_add(more, Ordering::Relaxed);
    }

    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Entry(id) => self.name_of(*id).unwrap_or_else(|| format!("entry:{id}")),
            Subject::Service(name) => format!("service:{name}"),
            Subject::Root => "root".to_owned(),
            Subject::Operator(user) => format!("operator:{user}"),
            Subject::Nobody => "nobody".to_owned(),
        }
    }

    fn name_of(&self, id: u64) -> Option<String> {
        let snapshot = self.index.get()?.load();
        let dn = snapshot.entry_by_id(id)?.dn();
        Some(one_word(&dn.to_string()))
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
            single(
                "entries_exported",
                "entries read by exports",
                read(&self.exported),
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

fn hashes_name(hashes: Hashes) -> &'static str {
    match hashes {
        Hashes::Included => "included",
        Hashes::LeftOut => "left_out",
    }
}

/// A name as one word of a log line: what would end the word or the line is escaped, so that nobody's name looks like
/// another field, and so is the backslash, so that no two names look alike.
fn one_word(name: &str) -> String {
    visible(name, |c| c.is_whitespace() || c == '"' || c == '\\')
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
    fn a_name_stays_one_word() {
        assert_eq!(one_word("uid=ada,ou=people,dc=uni"), "uid=ada,ou=people,dc=uni");
        assert_eq!(
            one_word("uid=a event=\"x\"\n陳"),
            "uid=a\\u{20}event=\\u{22}x\\u{22}\\u{a}陳"
        );
        assert_eq!(one_word("uid=a\\u{20}b"), "uid=a\\u{5c}u{20}b");
        assert_eq!(one_word("uid=a\u{202e}b"), "uid=a\\u{202e}b");
    }

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
