//! The running schema (RFC 4512): attribute types, object classes, matching rules and syntaxes.

use crate::types::{AttributeType, Dn, Rdn};

/// Everything the schema files say, compiled.
pub struct Schema {}

impl Schema {
    /// The schema compiled into the binary: core, cosine, inetorgperson, rfc2307bis, eduperson, schac, beadle.
    pub fn built_in() -> Schema {
        unimplemented!()
    }

    /// The attribute type with this name, alias or OID (no options), in any case.
    pub fn attribute(&self, _name: &[u8]) -> Option<AttributeType> {
        unimplemented!()
    }

    /// The canonical name of an attribute type, as answers spell it, such as `givenName`.
    pub fn name(&self, _kind: AttributeType) -> &str {
        unimplemented!()
    }

    /// The normal form of a whole DN: equal bytes if and only if the DNs match. `None` if it names an
    /// attribute type that does not exist or a value its rule refuses.
    pub fn normal_dn(&self, _dn: &Dn) -> Option<Vec<u8>> {
        unimplemented!()
    }

    /// The normal form of one RDN (pairs sorted).
    pub fn normal_rdn(&self, _rdn: &Rdn) -> Option<Vec<u8>> {
        unimplemented!()
    }
}
