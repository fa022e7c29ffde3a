//! Pre-read and post-read (RFC 4527): the entry of a change as it was, and as the change leaves it.

use bytes::{BufMut, BytesMut};

use super::{Control, ControlError, Criticality, put_control};
use crate::directory::changes::Reading;
use crate::directory::request::{AttributeCopy, Changed, EntryCopy};
use crate::domain::schema::Schema;
use crate::ldap::ber::{self, Reader};
use crate::ldap::operation::SEARCH_RESULT_ENTRY;
use crate::ldap::selection::{self, SelectionError};

/// The OID of pre-read, of the request and the response.
pub const PRE_READ: &str = "1.3.6.1.1.13.1";
/// That of post-read.
pub const POST_READ: &str = "1.3.6.1.1.13.2";

/// What a client wants to be told, as it was written.
#[derive(Clone, Copy)]
pub struct ReadEntry<'a> {
    attributes: &'a [u8],
    criticality: Criticality,
}

impl From<SelectionError> for ControlError {
    fn from(error: SelectionError) -> ControlError {
        match error {
            SelectionError::Malformed => ControlError::Malformed,
            SelectionError::TooMany => ControlError::TooLarge,
        }
    }
}

impl<'a> ReadEntry<'a> {
    /// Reads an AttributeSelection. Errors: [`ControlError::Malformed`].
    pub(super) fn parse(control: &Control<'a>) -> Result<ReadEntry<'a>, ControlError> {
        let mut outer = Reader::new(control.value()?);
        let attributes = outer.expect(ber::SEQUENCE)?;
        let criticality = control.criticality;
        let read = ReadEntry {
            attributes,
            criticality,
        };
        outer.is_empty().then_some(read).ok_or(ControlError::Malformed)
    }

    /// The same as `schema` understands it. Errors: [`ControlError`].
    pub fn reading(&self, schema: &Schema) -> Result<Reading, ControlError> {
        Ok(Reading {
            selection: selection::decode(self.attributes, schema)?,
            is_critical: self.criticality == Criticality::Critical,
        })
    }
}

/// Appends the response controls of a change that has happened.
pub fn put_responses(out: &mut BytesMut, changed: &Changed) {
    for (oid, copy) in [(PRE_READ, &changed.before), (POST_READ, &changed.after)] {
        if let Some(copy) = copy {
            put_control(out, oid, &search_result_entry(copy));
        }
    }
}

fn search_result_entry(copy: &EntryCopy) -> BytesMut {
    let mut attributes = BytesMut::new();
    copy.attributes
        .iter()
        .for_each(|attribute| put_attribute(&mut attributes, attribute));
    let content = ber::element_bytes(copy.dn.len()) + ber::element_bytes(attributes.len());
    let mut entry = BytesMut::new();
    ber::put_header(&mut entry, SEARCH_RESULT_ENTRY, content);
    ber::put_element(&mut entry, ber::OCTET_STRING, copy.dn.as_bytes());
    ber::put_element(&mut entry, ber::SEQUENCE, &attributes);
    entry
}

fn put_attribute(out: &mut BytesMut, attribute: &AttributeCopy) {
    let (description, encoded) = (attribute.description.as_bytes(), &attribute.encoded);
    let content = ber::element_bytes(description.len()) + ber::element_bytes(encoded.len());
    ber::put_header(out, ber::SEQUENCE, content);
    ber::put_element(out, ber::OCTET_STRING, description);
    ber::put_header(out, ber::SET, encoded.len());
    out.put_slice(encoded);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::packed::push_value;
    use crate::domain::schema::SCHEMA;

    fn read(value: Option<&[u8]>) -> Result<Reading, ControlError> {
        let control = Control {
            oid: PRE_READ.as_bytes(),
            criticality: Criticality::Critical,
            value,
        };
        ReadEntry::parse(&control)?.reading(&SCHEMA)
    }

    #[test]
    fn a_selection_is_read_and_nothing_else() {
        let all = read(Some(b"\x30\x00")).unwrap_or_else(|error| panic!("{error}"));
        assert!(all.selection.all_user && all.is_critical);
        let cn = read(Some(b"\x30\x04\x04\x02cn")).unwrap_or_else(|error| panic!("{error}"));
        assert!(!cn.selection.all_user && cn.selection.named.len() == 1);
        for wrong in [
            None,
            Some(&b""[..]),
            Some(b"\x31\x00"),
            Some(b"\x30\x00\x00"),
            Some(b"\x30\x04\x02\x02cn"),
        ] {
            assert_eq!(read(wrong).err(), Some(ControlError::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn an_entry_is_told_as_a_search_result_entry() {
        let mut encoded = Vec::new();
        push_value(&mut encoded, b"x");
        let copy = EntryCopy {
            dn: "dc=a".into(),
            attributes: vec![AttributeCopy {
                description: "cn;lang-en".into(),
                encoded: encoded.into(),
            }],
        };
        let expected = b"\x64\x1b\x04\x04dc=a\x30\x13\x30\x11\x04\x0acn;lang-en\x31\x03\x04\x01x";
        assert_eq!(search_result_entry(&copy), expected[..]);
    }
}
