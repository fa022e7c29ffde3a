//! What every session of a server is told, and what its parts read alike.

use std::sync::Arc;

use crate::domain::schema::Schema;
use crate::ldap::limits::Limits;
use crate::ldap::own_entry::OwnEntry;
use crate::ldap::root_dse::{self, StartTls};
use crate::ldap::subschema;
use crate::types::{Dn, Timestamp};

/// What all sessions of a server share.
pub struct Shared {
    pub(super) schema: Arc<Schema>,
    pub(super) root_dse: OwnEntry,
    pub(super) subschema: OwnEntry,
    pub(super) limits: Limits,
    pub(super) start_tls: StartTls,
}

impl Shared {
    /// For a server that holds the tree under `base` and starts at `now`.
    pub fn new(
        schema: Arc<Schema>,
        base: &Dn,
        start_tls: StartTls,
        limits: Limits,
        now: Timestamp,
    ) -> Shared {
        let root_dse = root_dse::root_dse(Arc::clone(&schema), base, start_tls);
        let subschema = subschema::subschema(Arc::clone(&schema), now);
        Shared {
            schema,
            root_dse,
            subschema,
            limits,
            start_tls,
        }
    }
}

/// How well a connection keeps what is said on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Nobody can listen.
    Tls,
    /// In clear, but from where the operator allows simple binds in clear.
    TrustedCleartext,
    /// In clear: a simple bind is refused before its PIN is looked at.
    Cleartext,
}

/// RFC 4514 text off the wire.
pub(super) fn parse_dn(text: &[u8]) -> Option<Dn> {
    Dn::parse(std::str::from_utf8(text).ok()?).ok()
}
