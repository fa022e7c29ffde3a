//! The line of an audit event. A person is called by the name of the entry, which the help desk can look up.

use std::fmt::{self, Display, Formatter};

use tracing::Level;

use crate::domain::audit::{AuditEvent, EntryWritten, Evidence, Hashes, Origin, Subject, Written};
use crate::index::{EntryRef, Snapshot};
use crate::server::observe::log::fields::{Fields, Head, Told};
use crate::server::observe::log::line::AUDIT;
use crate::types::visible;

/// An event as it is told.
pub(super) struct AuditLine<'a> {
    pub(super) event: &'a AuditEvent,
    /// When it happened.
    pub(super) happened: &'a str,
    /// Where the names of entries are, once there are any.
    pub(super) names: Option<&'a Snapshot>,
}

impl Told for AuditLine<'_> {
    fn head(&self) -> Head {
        let level = match self.event {
            AuditEvent::AccountLocked { .. } => Level::WARN,
            _ => Level::INFO,
        };
        Head {
            level,
            target: AUDIT,
            message: "",
        }
    }

    fn put(&self, fields: &mut impl Fields) {
        fields.put_display("at", &self.happened);
        fields.put_str("event", self.event.name());
        self.put_subject(fields);
        match self.event {
            AuditEvent::LoginAccepted { origin, evidence, .. } => {
                put_origin(fields, origin);
                fields.put_str("evidence", evidence_name(*evidence));
            }
            AuditEvent::LoginRefused { origin, reason, .. } => {
                put_origin(fields, origin);
                fields.put_str("reason", reason.name());
            }
            AuditEvent::AccountLocked { origin, until, .. } => {
                put_origin(fields, origin);
                fields.put_display("until", &until.rfc3339());
            }
            AuditEvent::HashUpgraded { from, .. } => fields.put_str("from", from.name()),
            AuditEvent::EntryWritten(written) => put_written(fields, written),
            AuditEvent::EntriesImported { file, entries, .. } => {
                fields.put_str("file", file);
                fields.put_number("entries", *entries);
            }
            AuditEvent::EntriesExported { entries, hashes, .. } => {
                fields.put_number("entries", *entries);
                fields.put_str("hashes", hashes_name(*hashes));
            }
        }
    }
}

impl AuditLine<'_> {
    fn put_subject(&self, fields: &mut impl Fields) {
        let mut put = |subject: &dyn Display| fields.put_display("subject", subject);
        match self.event.subject() {
            // An entry is called by its number while the index is being built, and when it has gone.
            Subject::Entry(id) => match self.names.and_then(|names| names.entry_by_id(*id)) {
                Some(entry) => put(&Name(entry)),
                None => put(&format_args!("entry:{id}")),
            },
            Subject::Service(name) => put(&format_args!("service:{name}")),
            Subject::Root => put(&"root"),
            Subject::Operator(user) => put(&format_args!("operator:{user}")),
            Subject::Nobody => put(&"nobody"),
        }
    }
}

fn put_written(fields: &mut impl Fields, written: &EntryWritten) {
    put_origin(fields, &written.origin);
    fields.put_display("entry", &Word(&written.dn));
    fields.put_str("what", written.what.name());
    if let Written::Renamed(to) = &written.what {
        fields.put_display("to", &Word(to));
    }
    if !written.attributes.is_empty() {
        fields.put_display("attributes", &written.attributes.join(","));
    }
}

fn put_origin(fields: &mut impl Fields, origin: &Origin) {
    fields.put_display("source", &origin.source);
    if let Some(caller) = &origin.caller {
        fields.put_display("caller", caller);
    }
    fields.put_str("service", origin.service.as_deref().unwrap_or("-"));
}

/// The DN of an entry as one word.
struct Name<'a>(EntryRef<'a>);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.0.write_dn(&mut |part| {
            result = result.and_then(|()| write_word(f, &String::from_utf8_lossy(part)));
        });
        result
    }
}

/// Text as one word.
struct Word<'a>(&'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_word(f, self.0)
    }
}

/// A part of one word of a log line: what would end the word or the line is escaped, so that nobody's name looks like
/// another field, and so is the backslash, so that no two names look alike.
fn write_word(f: &mut Formatter<'_>, part: &str) -> fmt::Result {
    let acts = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\');
    match part.bytes().any(acts) {
        true => f.write_str(&visible(part, |c| c.is_whitespace() || c == '"' || c == '\\')),
        false => f.write_str(part),
    }
}

fn evidence_name(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Hash => "hash",
        Evidence::RecentLogin => "recent_login",
        Evidence::PeerCredentials => "peer_credentials",
    }
}

fn hashes_name(hashes: Hashes) -> &'static str {
    match hashes {
        Hashes::Included => "included",
        Hashes::LeftOut => "left_out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_word() {
        let check = |name: &str, word: &str| assert_eq!(Word(name).to_string(), word);
        check("uid=ada,ou=people,dc=uni", "uid=ada,ou=people,dc=uni");
        check(
            "uid=a event=\"x\"\n陳",
            "uid=a\\u{20}event=\\u{22}x\\u{22}\\u{a}陳",
        );
        check("uid=a\\u{20}b", "uid=a\\u{5c}u{20}b");
        check("uid=a\u{202e}b", "uid=a\\u{202e}b");
    }
}
