//! The subschema subentry (RFC 4512 section 4.2): the running schema as clients read it.

use std::sync::Arc;

use crate::directory::ask::computed::SUBSCHEMA_DN;
use crate::domain::schema::Schema;
use crate::ldap::own_entry::OwnEntry;
use crate::types::{Dn, Timestamp};

/// The subschema subentry of a schema that was read at `read`: clients keep a copy until its `modifyTimestamp`
/// changes.
pub fn subschema(schema: Arc<Schema>, read: Timestamp) -> OwnEntry {
    let read = read.generalized_time().to_string();
    OwnEntry::named(SUBSCHEMA_DN, Arc::clone(&schema))
        .user("objectClass", ["top", "subentry", "subschema"])
        .user("cn", ["Subschema"])
        .operational("structuralObjectClass", ["subentry"])
        .operational("createTimestamp", [&read])
        .operational("modifyTimestamp", [&read])
        .operational("entryDN", [SUBSCHEMA_DN])
        .operational("subschemaSubentry", [SUBSCHEMA_DN])
        .operational("ldapSyntaxes", schema.syntax_descriptions())
        .operational("matchingRules", schema.matching_rule_descriptions())
        .operational("matchingRuleUse", schema.matching_rule_use_descriptions())
        .operational("attributeTypes", schema.attribute_type_descriptions())
        .operational("objectClasses", schema.object_class_descriptions())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_subentry_matches_in_any_spelling_and_no_other() {
        let check = |text, expected| {
            let dn = Dn::parse(text).unwrap_or_default();
            assert_eq!(is_subschema(&dn), expected, "{text}");
        };
        check("cn=Subschema", true);
        check("CN=subschema", true);
        check("2.5.4.3=SUBSCHEMA", true);
        check("cn=Subschema,dc=uni", false);
        check("cn=Subschema+ou=x", false);
        check("ou=Subschema", false);
        check("", false);
    }
}
