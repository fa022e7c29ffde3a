//! Writes audit events: one structured line each, and a count for monitoring.

use std::sync::{Arc, OnceLock};

use crate::domain::audit::{AuditEvent, Evidence, Hashes, Origin, Subject};
use crate::index::IndexHandle;
use crate::server::observe::audit_counters::AuditCounters;
use crate::types::{EntryId, Timestamp, visible};

/// Where audit events go: log lines of the target `audit`. Holds no value a stranger typed and no secret,
/// for the events hold none. A person is called by the name of the entry, which the help desk can look up.
#[derive(Default)]
pub struct AuditLog {
    /// Where the names of entries are, once there are any.
    index: OnceLock<Arc<IndexHandle>>,
    counters: AuditCounters,
}

impl AuditLog {
    /// From now on entries are called by their names in `index`; until then, and those that have gone, by number.
    pub fn name_by(&self, index: Arc<IndexHandle>) {
        // The index is loaded once.
        let _ = self.index.set(index);
    }

    /// Writes one event that happened at `now`.
    pub fn write(&self, event: &AuditEvent, now: Timestamp) {
        self.counters.count(event);
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

    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Entry(id) => self.name_of(*id).unwrap_or_else(|| format!("entry:{id}")),
            Subject::Service(name) => format!("service:{name}"),
            Subject::Root => "root".to_owned(),
            Subject::Operator(user) => format!("operator:{user}"),
            Subject::Nobody => "nobody".to_owned(),
        }
    }

    fn name_of(&self, id: EntryId) -> Option<String> {
        let snapshot = self.index.get()?.load();
        let dn = snapshot.entry_by_id(id)?.dn();
        Some(one_word(&dn.to_string()))
    }

    /// The counts, for monitoring.
    pub fn counters(&self) -> &AuditCounters {
        &self.counters
    }
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
}
