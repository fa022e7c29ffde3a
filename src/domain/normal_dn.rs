//! Makes normal forms of distinguished names.

use crate::domain::matching::Names;
use crate::domain::schema::Schema;
use crate::types::dn_text::walk;
use crate::types::normal_dn::RDN_END;
use crate::types::{Dn, DnError, NormalDn, Rdn};

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
        let mut form = NormalForm::new(self, 32 * dn.rdns.len());
        dn.rdns.iter().for_each(|rdn| form.rdn(rdn));
        form.finish()
    }

    /// The normal form of the DN that `text` is, without the DN: every bind asks for it. `None` as of
    /// [`Schema::normal_dn`]. Errors: [`DnError`], if the text is no DN.
    pub fn normal_dn_of(&self, text: &str) -> Result<Option<NormalDn>, DnError> {
        // Most of it are OIDs: some 26 octets each for `uid` and `dc`.
        let mut form = NormalForm::new(self, 4 * text.len());
        walk(text, &mut |ava| form.ava(ava.attribute, ava.value, ava.ends_rdn))?;
        Ok(form.finish())
    }

    /// The normal form of the name of a topmost entry with this RDN (pairs sorted). Does not change when the schema
    /// grows, so it may be stored.
    pub fn normal_rdn(&self, rdn: &Rdn) -> Option<NormalDn> {
        let mut form = NormalForm::new(self, 32);
        form.rdn(rdn);
        form.finish()
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

/// A normal form in the making.
struct NormalForm<'s> {
    schema: &'s Schema,
    normal: Vec<u8>,
    /// Where the pairs of the present RDN begin, but for the first.
    starts: Vec<usize>,
    /// Where the present RDN begins.
    rdn_start: usize,
    /// Whether every attribute type was known and no value refused.
    is_whole: bool,
}

impl<'s> NormalForm<'s> {
    fn new(schema: &'s Schema, octets: usize) -> NormalForm<'s> {
        NormalForm {
            schema,
            normal: Vec::with_capacity(octets),
            starts: Vec::new(),
            rdn_start: 0,
            is_whole: true,
        }
    }

    fn rdn(&mut self, rdn: &Rdn) {
        for (at, ava) in rdn.avas.iter().enumerate() {
            self.ava(&ava.attribute, &ava.value, at + 1 == rdn.avas.len());
        }
    }

    fn ava(&mut self, attribute: &str, value: &[u8], ends_rdn: bool) {
        if self.normal.len() > self.rdn_start {
            self.starts.push(self.normal.len());
        }
        let pushed = self.schema.push_ava(attribute, value, &mut self.normal);
        self.is_whole &= pushed.is_some();
        if ends_rdn {
            self.end_rdn();
        }
    }

    /// Puts the pairs of the RDN in order, where it has several.
    fn end_rdn(&mut self) {
        if !self.starts.is_empty() {
            let mut parts = Vec::with_capacity(self.starts.len() + 1);
            let mut rest = self.normal.split_off(self.rdn_start);
            for start in self.starts.drain(..).rev() {
                parts.push(rest.split_off(start - self.rdn_start));
            }
            parts.push(rest);
            parts.sort_unstable();
            self.normal.extend(parts.concat());
        }
        self.normal.extend_from_slice(RDN_END);
        self.rdn_start = self.normal.len();
    }

    fn finish(self) -> Option<NormalDn> {
        self.is_whole.then(|| NormalDn::from_rdns(self.normal))
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
    fn a_text_has_the_normal_form_of_the_dn_it_is() {
        for text in [
            "",
            "UID=Ada , OU=People,DC=uni",
            r"cn=b\2c+sn=a+cn=a,dc=x",
            "nosuch=a,dc=x",
        ] {
            let of_text = SCHEMA.normal_dn_of(text);
            assert_eq!(of_text, Ok(dn(text)), "{text}");
        }
        assert_eq!(SCHEMA.normal_dn_of("uid"), Err(DnError::Syntax(3)));
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
