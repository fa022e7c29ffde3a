//! Normal forms of distinguished names: what matches what (RFC 4517 section 4.2.15).

use crate::domain::schema::Schema;
use crate::types::{Dn, Rdn};

impl Schema {
    /// The normal form of a whole DN: equal bytes if and only if the DNs match. `None` if it names an
    /// attribute type that does not exist or a value its rule refuses.
    ///
    /// The normal forms of the RDNs stand one behind the other, leaf first: see [`is_at_or_under`].
    pub fn normal_dn(&self, dn: &Dn) -> Option<Vec<u8>> {
        let mut normal = Vec::with_capacity(32 * dn.rdns.len());
        dn.rdns
            .iter()
            .try_for_each(|rdn| self.push_rdn(rdn, &mut normal))?;
        Some(normal)
    }

    /// The normal form of one RDN (pairs sorted). Does not change when the schema grows, so it may be stored.
    pub fn normal_rdn(&self, rdn: &Rdn) -> Option<Vec<u8>> {
        let mut normal = Vec::with_capacity(32);
        self.push_rdn(rdn, &mut normal)?;
        Some(normal)
    }

    fn push_rdn(&self, rdn: &Rdn, normal: &mut Vec<u8>) -> Option<()> {
        match rdn.avas.as_slice() {
            [ava] => self.push_ava(&ava.attribute, &ava.value, normal)?,
            avas => {
                let mut parts = Vec::with_capacity(avas.len());
                for ava in avas {
                    let mut part = Vec::new();
                    self.push_ava(&ava.attribute, &ava.value, &mut part)?;
                    parts.push(part);
                }
                parts.sort_unstable();
                normal.extend(parts.concat());
            }
        }
        normal.extend_from_slice(RDN_END);
        Some(())
    }

    /// OID, `=`, the value's normal form with zero bytes escaped, an end mark.
    fn push_ava(&self, attribute: &str, value: &[u8], normal: &mut Vec<u8>) -> Option<()> {
        let definition = self.definition(self.attribute(attribute.as_bytes())?);
        normal.extend_from_slice(definition.text.head.oid.as_bytes());
        normal.push(b'=');
        let start = normal.len();
        match definition.equality {
            Some(rule) => rule.normalize(self, value, normal).ok()?,
            None => normal.extend_from_slice(value),
        }
        if normal[start..].contains(&0) {
            let plain = normal.split_off(start);
            for byte in plain {
                normal.push(byte);
                if byte == 0 {
                    normal.push(0xff);
                }
            }
        }
        normal.extend_from_slice(AVA_END);
        Some(())
    }
}

const AVA_END: &[u8] = &[0, 1];
const RDN_END: &[u8] = &[0, 2];

/// Whether the DN of the first normal form is the DN of the second or below it. Every DN is under the root.
pub fn is_at_or_under(normal: &[u8], base: &[u8]) -> bool {
    normal
        .strip_suffix(base)
        .is_some_and(|above| above.is_empty() || above.ends_with(RDN_END))
}

/// The normal form of a DN without its last RDN, and that RDN's. Nothing is left of nothing.
pub fn split_last_rdn(normal: &[u8]) -> (&[u8], &[u8]) {
    let before = normal.strip_suffix(RDN_END).unwrap_or_default();
    // An end mark is nowhere else: zero bytes in values are escaped.
    let ends = before.windows(RDN_END.len()).rposition(|bytes| bytes == RDN_END);
    normal.split_at(ends.map_or(0, |at| at + RDN_END.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;

    fn dn(text: &str) -> Option<Vec<u8>> {
        SCHEMA.normal_dn(&Dn::parse(text).unwrap())
    }

    #[test]
    fn dns_match_by_the_rules_of_their_attributes() {
        assert_eq!(
            dn("UID=Ada , OU=People,DC=uni"),
            dn("0.9.2342.19200300.100.1.1=ada,ou=  people,domainComponent=UNI")
        );
        assert_eq!(dn("cn=a+sn=b,dc=x"), dn("SN=B+CN=A,dc=x"));
        assert_eq!(dn(""), Some(Vec::new()));
        for (a, b) in [
            ("cn=a,dc=x", "cn=a"),
            ("cn=a+sn=b", "cn=a,sn=b"),
            ("cn=ab", "cn=a b"),
            ("cn=a", "sn=a"),
        ] {
            assert_ne!(dn(a), dn(b));
        }
        assert_eq!(dn("nosuch=a"), None);
    }

    #[test]
    fn a_dn_is_under_its_ancestors_and_nobody_else() {
        let under = |dn_text: &str, base: &str| is_at_or_under(&dn(dn_text).unwrap(), &dn(base).unwrap());
        assert!(under("uid=a,ou=b,dc=c", "OU=B,dc=c") && under("dc=c", "dc=c") && under("dc=c", ""));
        assert!(!under("dc=c", "uid=a,dc=c") && !under("uid=a,dc=cc", "dc=c"));
        assert!(!under("userPassword=\\00\\02x,dc=c", "dc=d"));
    }

    #[test]
    fn a_dn_comes_apart_rdn_by_rdn() {
        let whole = dn("uid=a,userPassword=\\00\\02x,dc=c").unwrap();
        let (rest, last) = split_last_rdn(&whole);
        assert_eq!(Some(last), dn("dc=c").as_deref());
        let (rest, last) = split_last_rdn(rest);
        assert_eq!(Some(last), dn("userPassword=\\00\\02x").as_deref());
        assert_eq!(Some(rest), dn("uid=a").as_deref());
        assert_eq!(split_last_rdn(b""), (&b""[..], &b""[..]));
    }
}
