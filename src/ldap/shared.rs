//! What every session of a server is told, and what its parts read alike.

use std::sync::Arc;

use crate::domain::schema::Schema;
use crate::domain::seal::SealKey;
use crate::ldap::channel::Channel;
use crate::ldap::limits::Limits;
use crate::ldap::names::Names;
use crate::ldap::own_entry::OwnEntry;
use crate::ldap::root_dse::{self, StartTls};
use crate::ldap::sasl;
use crate::ldap::subschema;
use crate::types::{Dn, Entropy, Timestamp};

/// What all sessions of a server share.
pub struct Shared {
    pub(super) schema: Arc<Schema>,
    pub(super) subschema: OwnEntry,
    pub(super) limits: Limits,
    pub(super) start_tls: StartTls,
    pub(super) names: Names,
    /// Of what clients keep for the server.
    pub(super) seal_key: SealKey,
    root_dses: RootDses,
}

/// The root DSE as it is over each kind of channel.
struct RootDses {
    cleartext: OwnEntry,
    tls: OwnEntry,
    local: OwnEntry,
}

impl Shared {
    /// For a server that holds the tree under `base` and starts at `now`.
    pub fn new(
        schema: Arc<Schema>,
        base: &Dn,
        start_tls: StartTls,
        limits: Limits,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Shared {
        let root_dse = |mechanisms| root_dse::root_dse(Arc::clone(&schema), base, start_tls, mechanisms);
        let root_dses = RootDses {
            cleartext: root_dse(sasl::OVER_CLEARTEXT),
            tls: root_dse(sasl::OVER_TLS),
            local: root_dse(sasl::OVER_LOCAL),
        };
        let subschema = subschema::subschema(Arc::clone(&schema), now);
        Shared {
            schema,
            subschema,
            limits,
            start_tls,
            names: Names::default(),
            seal_key: SealKey::new(entropy),
            root_dses,
        }
    }

    /// The same with names read by `names`.
    pub fn with_names(self, names: Names) -> Shared {
        Shared { names, ..self }
    }

    /// The root DSE over `channel`.
    pub(super) fn root_dse(&self, channel: Channel) -> &OwnEntry {
        match channel {
            Channel::Local(_) => &self.root_dses.local,
            Channel::Tls => &self.root_dses.tls,
            Channel::TrustedCleartext | Channel::Cleartext => &self.root_dses.cleartext,
        }
    }
}

/// RFC 4514 text off the wire.
pub(super) fn parse_dn(text: &[u8]) -> Option<Dn> {
    Dn::parse(std::str::from_utf8(text).ok()?).ok()
}
