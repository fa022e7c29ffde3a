//! The kinds of lines that come as fields. None holds a value, a filter, a PIN or what a stranger typed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tracing::Level;

use crate::domain::audit::AuditEvent;
use crate::ldap::envelope::MessageId;
use crate::ldap::operation::Operation;
use crate::server::observe::log::fields::{Fields, Head, Told};
use crate::types::{Caller, Timestamp};

/// The target of the lines of LDAP requests, which directives of the log's level name.
pub const LDAP: &str = "beadle::ldap";
/// The same of RADIUS requests.
pub const RADIUS: &str = "beadle::radius";
/// The same of audit events.
pub const AUDIT: &str = "audit";

/// A line as its fields.
pub enum Line {
    /// An event, and when it happened.
    Audit(AuditEvent, Timestamp),
    /// An LDAP request.
    Ldap(LdapLine),
    /// A RADIUS request.
    Radius(RadiusLine),
}

/// What is told of an LDAP request.
pub struct LdapLine {
    /// The connection's number.
    pub conn: u64,
    /// Where a bind came from; the connection's other lines have its number.
    pub source: Option<IpAddr>,
    /// The messageID.
    pub msg: MessageId,
    /// What was asked for.
    pub op: Operation,
    /// The resultCode, if there was an answer.
    pub code: Option<u64>,
    /// How many entries were sent.
    pub entries: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// What kind of asker.
    pub asker: &'static str,
}

impl Told for LdapLine {
    fn head(&self) -> Head {
        Head {
            level: Level::INFO,
            target: LDAP,
            message: "",
        }
    }

    fn put(&self, fields: &mut impl Fields) {
        fields.put_number("conn", self.conn);
        if let Some(source) = &self.source {
            fields.put_display("source", source);
        }
        fields.put_number("msg", self.msg.into());
        fields.put_str("op", self.op.name());
        if let Some(code) = self.code {
            fields.put_number("code", code);
        }
        fields.put_number("entries", self.entries);
        fields.put_number("duration_us", self.duration_us);
        fields.put_str("asker", self.asker);
    }
}

/// What is told of a RADIUS packet.
pub struct RadiusLine {
    /// Whose it is; `None`: a stranger's.
    pub client: Option<Arc<str>>,
    /// Where it came from.
    pub source: SocketAddr,
    /// On whose behalf the client asked, if it said so.
    pub caller: Option<Caller>,
    /// Whether it is noise or a stranger's, which are told at the level `debug` only.
    pub is_noise: bool,
    /// The kind of packet.
    pub code: &'static str,
    /// What became of it.
    pub result: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

impl Told for RadiusLine {
    fn head(&self) -> Head {
        let level = match self.is_noise {
            false => Level::INFO,
            true => Level::DEBUG,
        };
        Head {
            level,
            target: RADIUS,
            message: "radius",
        }
    }

    fn put(&self, fields: &mut impl Fields) {
        fields.put_str("client", self.client.as_deref().unwrap_or_default());
        match self.is_noise {
            true => fields.put_display("source", &self.source),
            false => fields.put_display("source", &self.source.ip().to_canonical()),
        }
        if let Some(caller) = &self.caller {
            fields.put_display("caller", caller);
        }
        fields.put_str("code", self.code);
        fields.put_str("result", self.result);
        fields.put_str("reason", self.reason);
        fields.put_number("duration_us", self.duration_us);
    }
}

/// So many lines are missing here.
pub(super) struct Lost(pub(super) u64);

impl Told for Lost {
    fn head(&self) -> Head {
        Head {
            level: Level::WARN,
            target: "beadle",
            message: "log lines were dropped: they came faster than they were read",
        }
    }

    fn put(&self, fields: &mut impl Fields) {
        fields.put_number("lost", self.0);
    }
}
