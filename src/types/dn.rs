//! Distinguished names as text (RFC 4514): syntax only, what matches what is the schema's to say.

use std::fmt;

use thiserror::Error;

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
pub const DN_RDNS_MAX: usize = 64;
/// The most pairs in one RDN; more are refused with [`DnError::TooLong`].
pub const RDN_AVAS_MAX: usize = 16;

impl Dn {
    /// Parses RFC 4514 text. Errors: [`DnError`].
    pub fn parse(_text: &str) -> Result<Dn, DnError> {
        unimplemented!()
    }

    /// The name one level up, or `None` for the root.
    pub fn parent(&self) -> Option<Dn> {
        (!self.rdns.is_empty()).then(|| Dn {
            rdns: self.rdns[1..].to_vec(),
        })
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}
