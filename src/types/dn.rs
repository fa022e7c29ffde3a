//! Distinguished names as text (RFC 4514): syntax only, what matches what is the schema's to say.

use std::fmt::{self, Write};

use thiserror::Error;

use crate::types::dn_text::{AvaText, walk, walk_rdn};

/// A distinguished name: its RDNs, the entry's own first. Empty is the root DSE's name.
#[derive(Clone, Debug, Default)]
pub struct Dn {
    /// The RDNs, leaf first.
    pub rdns: Vec<Rdn>,
}

/// A relative distinguished name: one or more attribute-value pairs joined by `+`.
#[derive(Clone, Debug)]
pub struct Rdn {
    /// At least one pair.
    pub avas: Vec<Ava>,
}

/// One attribute-value pair of an RDN.
#[derive(Clone, Debug)]
pub struct Ava {
    /// The attribute's name or OID as it was written.
    pub attribute: Box<str>,
    /// The value, unescaped.
    pub value: Box<[u8]>,
}

/// Why a text is not a distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DnError {
    /// The text breaks the grammar of RFC 4514 at this byte.
    #[error("not a distinguished name at byte {0}")]
    Syntax(usize),
    /// More than [`DN_RDNS_MAX`] RDNs, or an RDN of more than [`RDN_AVAS_MAX`] pairs.
    #[error("a distinguished name of too many parts")]
    TooLong,
}

/// The deepest name; a deeper one is refused with [`DnError::TooLong`].
pub const DN_RDNS_MAX: usize = 256;
/// The most pairs in one RDN; more are refused with [`DnError::TooLong`].
pub const RDN_AVAS_MAX: usize = 16;

impl Dn {
    /// Parses RFC 4514 text; also takes what RFC 2253 section 4 asks servers to take: spaces around
    /// separators, `;` for `,`, values in double quotes, `OID.` before a numeric OID. Errors: [`DnError`].
    pub fn parse(text: &str) -> Result<Dn, DnError> {
        let mut rdns = Vec::new();
        walk(text, &mut collect(&mut rdns))?;
        Ok(Dn { rdns })
    }

    /// The name one level up, or `None` for the root.
    pub fn parent(&self) -> Option<Dn> {
        (!self.rdns.is_empty()).then(|| Dn {
            rdns: self.rdns[1..].to_vec(),
        })
    }

    /// The name of the entry `rdn` directly under this one.
    pub fn child(&self, rdn: Rdn) -> Dn {
        Dn {
            rdns: std::iter::once(rdn).chain(self.rdns.iter().cloned()).collect(),
        }
    }
}

impl Rdn {
    /// Parses one RDN. Errors: [`DnError`], also for text that holds more than one.
    pub fn parse(text: &str) -> Result<Rdn, DnError> {
        let mut rdns = Vec::with_capacity(1);
        walk_rdn(text, &mut collect(&mut rdns))?;
        rdns.pop().ok_or(DnError::Syntax(0))
    }
}

/// Puts the pairs of a name together into RDNs.
fn collect(rdns: &mut Vec<Rdn>) -> impl FnMut(AvaText<'_>) {
    let mut avas = Vec::with_capacity(1);
    move |ava| {
        avas.push(Ava {
            attribute: ava.attribute.into(),
            value: ava.value.into(),
        });
        if ava.ends_rdn {
            let avas = std::mem::replace(&mut avas, Vec::with_capacity(1));
            rdns.push(Rdn { avas });
        }
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.rdns, ',')
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join(f, &self.avas, '+')
    }
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute)?;
        let ends_in_space = self.value.last() == Some(&b' ');
        let mut at = 0;
        for chunk in self.value.utf8_chunks() {
            for character in chunk.valid().chars() {
                let end = at + character.len_utf8();
                let edge = at == 0 || (ends_in_space && end == self.value.len());
                write_escaped(f, character, edge, at == 0)?;
                at = end;
            }
            for byte in chunk.invalid() {
                write!(f, "\\{byte:02x}")?;
            }
            at += chunk.invalid().len();
        }
        Ok(())
    }
}

/// RFC 4514 section 2.4; control characters are escaped too, so that a name is always one line of text.
fn write_escaped(f: &mut fmt::Formatter<'_>, character: char, edge: bool, first: bool) -> fmt::Result {
    match character {
        '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}"),
        ' ' if edge => f.write_str("\\ "),
        '#' if first => f.write_str("\\#"),
        '\0'..='\x1f' | '\x7f' => write!(f, "\\{:02x}", u32::from(character)),
        _ => f.write_char(character),
    }
}

fn join<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: &[T], separator: char) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_char(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `text` parses and prints as `printed`.
    fn check(text: &str, printed: &str) {
        assert_eq!(
            Dn::parse(text).map(|dn| dn.to_string()).as_deref(),
            Ok(printed),
            "{text}"
        );
    }

    fn refuse(text: &str, error: DnError) {
        assert_eq!(Dn::parse(text).err(), Some(error), "{text}");
    }

    #[test]
    fn names_of_rfc_4514_parse_and_print() {
        check("", "");
        check("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net");
        check(
            "OU=Sales+CN=J.  Smith,DC=example",
            "OU=Sales+CN=J.  Smith,DC=example",
        );
        check(
            r#"CN=James \"Jim\" Smith\, III,DC=net"#,
            r#"CN=James \"Jim\" Smith\, III,DC=net"#,
        );
        check(r"CN=Before\0dAfter,DC=net", r"CN=Before\0dAfter,DC=net");
        check("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=Hi");
        check(r"CN=Lu\C4\8Di\C4\87", "CN=Lučić");
        check(r"cn=\ffx", r"cn=\ffx");
        check("o=", "o=");
    }

    #[test]
    fn what_older_clients_write_is_understood() {
        check("OU=People , DC=Example,dc=EDU", "OU=People,DC=Example,dc=EDU");
        check(" cn = a ; dc = b ", "cn=a,dc=b");
        check(r#"o="Sue, Grabbit",c=GB"#, r"o=Sue\, Grabbit,c=GB");
        check("OID.2.5.4.3=x", "2.5.4.3=x");
        check(r"cn=\ a\  ", r"cn=\ a\ ");
        check(r"cn=\#1 \3d", r"cn=\#1 =");
        check("cn=a=b", "cn=a=b");
    }

    #[test]
    fn what_is_no_name_is_refused_where_it_breaks() {
        refuse("  ", DnError::Syntax(2));
        refuse("cn", DnError::Syntax(2));
        refuse("=a", DnError::Syntax(0));
        refuse("cn=a,", DnError::Syntax(5));
        refuse("cn=a+", DnError::Syntax(5));
        refuse("cn=a<b", DnError::Syntax(4));
        refuse(r"cn=a\x", DnError::Syntax(5));
        refuse(r"cn=a\4", DnError::Syntax(5));
        refuse(r#"cn="a"#, DnError::Syntax(5));
        refuse(r#"cn="a"b"#, DnError::Syntax(6));
        refuse("cn=#0403aa", DnError::Syntax(4));
        refuse("2..5=a", DnError::Syntax(0));
        refuse("c_n=a", DnError::Syntax(1));
    }

    #[test]
    fn a_name_of_too_many_parts_is_refused() {
        let deep = |levels: usize| vec!["a=b"; levels].join(",");
        assert_eq!(Dn::parse(&deep(DN_RDNS_MAX)).unwrap().rdns.len(), DN_RDNS_MAX);
        refuse(&deep(DN_RDNS_MAX + 1), DnError::TooLong);
        refuse(&vec!["a=b"; RDN_AVAS_MAX + 1].join("+"), DnError::TooLong);
    }

    #[test]
    fn an_rdn_is_one_level_only() {
        assert_eq!(Rdn::parse("cn=a+sn=b").unwrap().to_string(), "cn=a+sn=b");
        assert_eq!(Rdn::parse("cn=a,sn=b").err(), Some(DnError::Syntax(4)));
    }

    #[test]
    fn parents_and_children_are_one_level_apart() {
        let dn = Dn::parse("cn=a,dc=b").unwrap();
        let parent = dn.parent().unwrap();
        assert_eq!(parent.to_string(), "dc=b");
        assert_eq!(parent.child(dn.rdns[0].clone()).to_string(), "cn=a,dc=b");
        assert!(Dn::default().parent().is_none());
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back_to_the_same_bytes(values in prop::collection::vec(any::<Vec<u8>>(), 1..4)) {
            let avas = |value: &Vec<u8>| vec![Ava { attribute: "cn".into(), value: value.as_slice().into() }; 2];
            let dn = Dn { rdns: values.iter().map(|value| Rdn { avas: avas(value) }).collect() };
            let back = Dn::parse(&dn.to_string()).unwrap();
            prop_assert_eq!(back.to_string(), dn.to_string());
            for (rdn, value) in back.rdns.iter().zip(&values) {
                prop_assert_eq!(rdn.avas[1].value.as_ref(), value.as_slice());
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Dn::parse(&text);
        }
    }
}
