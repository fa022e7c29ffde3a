//! The subschema subentry (RFC 4512 section 4.2): the running schema as clients read it.

use std::sync::Arc;

use crate::domain::schema::Schema;
use crate::ldap::own_entry::OwnEntry;
use crate::types::Dn;

/// The name of the subschema subentry.
pub const SUBSCHEMA_DN: &str = "cn=Subschema";

/// The subschema subentry of a schema.
pub fn subschema(schema: Arc<Schema>) -> OwnEntry {
    OwnEntry::named(SUBSCHEMA_DN, Arc::clone(&schema))
        .user("objectClass", ["top", "subentry", "subschema"])
        .user("cn", ["Subschema"])
        .operational("structuralObjectClass", ["subschema"])
        .operational("entryDN", [SUBSCHEMA_DN])
        .operational("subschemaSubentry", [SUBSCHEMA_DN])
}

/// Whether `dn` names the subschema subentry.
pub fn is_subschema(dn: &Dn) -> bool {
    let [rdn] = dn.rdns.as_slice() else { return false };
    let [ava] = rdn.avas.as_slice() else { return false };
    let named_cn = ["cn", "commonName", "2.5.4.3"]
        .iter()
        .any(|name| ava.attribute.eq_ignore_ascii_case(name));
    named_cn && ava.value.eq_ignore_ascii_case(b"Subschema")
}
