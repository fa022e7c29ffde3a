//! The root DSE (RFC 4512 section 5.1): what this server is and can do. It lists what works and nothing else.

use std::sync::Arc;

use crate::directory::ask::computed::SUBSCHEMA_DN;
use crate::domain::schema::Schema;
use crate::ldap::control;
use crate::ldap::extended::{PASSWORD_MODIFY, START_TLS, WHO_AM_I};
use crate::ldap::own_entry::OwnEntry;
use crate::types::Dn;

/// Features (RFC 3674): `+` (RFC 3673), `@class` (RFC 4529), and true and false filters (RFC 4526).
const ALL_OPERATIONAL_ATTRIBUTES: &str = "1.3.6.1.4.1.4203.1.5.1";
const ATTRIBUTES_OF_A_CLASS: &str = "1.3.6.1.4.1.4203.1.5.2";
const TRUE_FALSE_FILTERS: &str = "1.3.6.1.4.1.4203.1.5.3";
/// As much as an administrator needs, and less than an attacker would like.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR")
);
/// RFC 4525.
const MODIFY_INCREMENT: &str = "1.3.6.1.1.14";
const FEATURES: [&str; 4] = [
    ALL_OPERATIONAL_ATTRIBUTES,
    ATTRIBUTES_OF_A_CLASS,
    TRUE_FALSE_FILTERS,
    MODIFY_INCREMENT,
];

/// Whether a connection in clear can become a TLS one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// It can.
    Offered,
    /// There is no certificate.
    NotOffered,
}

/// The root DSE of a server that holds the tree under `base`, over a channel where these SASL `mechanisms` work.
pub fn root_dse(schema: Arc<Schema>, base: &Dn, start_tls: StartTls, mechanisms: &[&str]) -> OwnEntry {
    let base = base.to_string();
    let extensions = match start_tls {
        StartTls::Offered => &[START_TLS, WHO_AM_I, PASSWORD_MODIFY][..],
        StartTls::NotOffered => &[WHO_AM_I, PASSWORD_MODIFY],
    };
    OwnEntry::named("", schema)
        .user("objectClass", ["top"])
        .operational("entryDN", [""])
        .operational("namingContexts", [&base])
        .operational("defaultNamingContext", [&base])
        .operational("subschemaSubentry", [SUBSCHEMA_DN])
        .operational("supportedLDAPVersion", ["3"])
        .operational("supportedControl", control::supported())
        .operational("supportedExtension", extensions)
        .operational("supportedFeatures", FEATURES)
        .operational("supportedSASLMechanisms", mechanisms)
        .operational("vendorName", ["Beadle"])
        .operational("vendorVersion", [VERSION])
}
