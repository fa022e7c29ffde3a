//! Makes normal forms of distinguished names.

use crate::domain::matching::Names;
use crate::domain::schema::Schema;
use crate::types::normal_dn::RDN_END;
use crate::types::{Dn, NormalDn, Rdn};

impl Names for Schema {
    fn oid(&self, name: &[u8]) -> Option<&str> {
        Schema::oid(self, name)
    }

    fn normal_dn(&self, dn: &Dn) -> Option<NormalDn> {
        Schema::normal_dn(self, dn)
    }
}

impl Schema {
    /// The normal form of a whole DN. `None` if it names an attribute type that does not exist or a value its
    /// rule refuses.
    pub fn normal_dn(&self, dn: &Dn) -> Option<NormalDn> {
        let mut normal = Vec::with_capacity(32 * dn.rdns.len());
        dn.rdns
            .iter()
            .try_for_each(|rdn| self.push_rdn(rdn, &mut normal))?;
        Some(NormalDn::from_rdns(normal))
    }

    /// The normal form of the name of a topmost entry with this RDN (pairs sorted). Does not change when the schema
    /// grows, so it may be stored.
    pub fn normal_rdn(&self, rdn: &Rdn) -> Option<NormalDn> {
        let mut normal = Vec::with_capacity(32);
        self.push_rdn(rdn, &mut normal)?;
        Some(NormalDn::from_rdns(normal))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;

    fn dn(text: &str) -> Option<NormalDn> {
        SCHEMA.normal_dn(&Dn::parse(text).unwrap())
    }

    #[test]
    fn dns_match_by_the_rules_of_their_attributes() {
        assert_eq!(
            dn("UID=Ada , OU=People,DC=uni"),
            dn("0.9.2342.19200300.100.1.1=ada,ou=  people,domainComponent=UNI")
        );
        assert_eq!(dn("cn=a+sn=b,dc=x"), dn("SN=B+CN=A,dc=x"));
        assert!(dn("").unwrap().as_ref().is_root());
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
        let under = |dn_text: &str, base: &str| {
            let (dn, base) = (dn(dn_text).unwrap(), dn(base).unwrap());
            dn.as_ref().is_at_or_under(base.as_ref())
        };
        assert!(under("uid=a,ou=b,dc=c", "OU=B,dc=c") && under("dc=c", "dc=c") && under("dc=c", ""));
        assert!(!under("dc=c", "uid=a,dc=c") && !under("uid=a,dc=cc", "dc=c"));
        assert!(!under("userPassword=\\00\\02x,dc=c", "dc=d"));
    }

    #[test]
    fn a_dn_comes_apart_rdn_by_rdn() {
        let name = |text| dn(text).unwrap();
        let (all, top) = (name("uid=a,userPassword=\\00\\02x,dc=c"), name("dc=c"));
        let (middle, leaf) = (name("userPassword=\\00\\02x"), name("uid=a"));
        let (rest, last) = all.as_ref().split_last_rdn().unwrap();
        assert_eq!(last, top.as_ref());
        assert_eq!(rest.split_last_rdn(), Some((leaf.as_ref(), middle.as_ref())));
        assert_eq!(all.as_ref().below(top.as_ref()), Some(rest));
        let above = all.as_ref().parent().unwrap();
        assert_eq!(above.split_last_rdn(), Some((middle.as_ref(), top.as_ref())));
        let root = top.as_ref().parent().unwrap();
        assert!(root.is_root() && root.parent().is_none() && root.split_last_rdn().is_none());
    }
}
