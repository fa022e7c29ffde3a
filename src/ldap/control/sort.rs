//! Server-side sorting (RFC 2891).

use bytes::BytesMut;

use super::{Control, ControlError, Criticality, put_control};
use crate::directory::request::SortEnd;
use crate::domain::schema::Schema;
use crate::domain::sort::{Direction, SortKey, SortKeyError};
use crate::ldap::ber::{self, Reader};

/// The OID of the request.
pub const OID: &str = "1.2.840.113556.1.4.473";
const RESPONSE_OID: &str = "1.2.840.113556.1.4.474";

/// The most keys; with more a search is not sorted.
const KEYS_MAX: usize = 8;

const ORDERING_RULE: u8 = 0x80;
const REVERSE_ORDER: u8 = 0x81;
const ATTRIBUTE_TYPE: u8 = 0x80;

/// What a client asks for.
pub struct SortRequest<'a> {
    /// Whether unsorted is no answer.
    pub criticality: Criticality,
    /// The control's value.
    pub value: &'a [u8],
    keys: Vec<RequestedKey<'a>>,
}

struct RequestedKey<'a> {
    attribute: &'a [u8],
    rule: Option<&'a [u8]>,
    direction: Direction,
}

/// `sortResult` (RFC 2891 section 1.2), as far as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SortResult {
    Success = 0,
    AdminLimitExceeded = 11,
    NoSuchAttribute = 16,
    InappropriateMatching = 18,
    Busy = 51,
    UnwillingToPerform = 53,
}

impl<'a> SortRequest<'a> {
    /// Reads a SortKeyList. Errors: [`ControlError::Malformed`].
    pub(super) fn parse(control: &Control<'a>) -> Result<SortRequest<'a>, ControlError> {
        let value = control.value()?;
        let mut outer = Reader::new(value);
        let mut list = Reader::new(outer.expect(ber::SEQUENCE)?);
        let mut keys = Vec::new();
        while !list.is_empty() {
            keys.push(key(list.expect(ber::SEQUENCE)?)?);
        }
        if keys.is_empty() || !outer.is_empty() {
            return Err(ControlError::Malformed);
        }
        Ok(SortRequest {
            criticality: control.criticality,
            value,
            keys,
        })
    }

    /// The keys as `schema` understands them. Errors: the response control that says why not.
    pub fn keys(&self, schema: &Schema) -> Result<Vec<SortKey>, BytesMut> {
        if self.keys.len() > KEYS_MAX {
            return Err(response(SortResult::UnwillingToPerform, None));
        }
        let key = |key: &RequestedKey<'_>| {
            SortKey::new(schema, key.attribute, key.rule, key.direction)
                .map_err(|error| response(error.into(), Some(key.attribute)))
        };
        self.keys.iter().map(key).collect()
    }
}

impl From<SortKeyError> for SortResult {
    fn from(error: SortKeyError) -> SortResult {
        match error {
            SortKeyError::NoSuchAttribute => SortResult::NoSuchAttribute,
            SortKeyError::InappropriateMatching => SortResult::InappropriateMatching,
        }
    }
}

fn key(content: &[u8]) -> Result<RequestedKey<'_>, ControlError> {
    let mut parts = Reader::new(content);
    let attribute = parts.expect(ber::OCTET_STRING)?;
    let rule = parts.optional(ORDERING_RULE)?;
    let reverse = parts.optional(REVERSE_ORDER)?.map(ber::boolean).transpose()?;
    if !parts.is_empty() {
        return Err(ControlError::Malformed);
    }
    Ok(RequestedKey {
        attribute,
        rule,
        direction: match reverse {
            Some(true) => Direction::Descending,
            _ => Direction::Ascending,
        },
    })
}

/// The response control of a search that the directory was asked to sort.
pub fn ended(end: SortEnd) -> BytesMut {
    let result = match end {
        SortEnd::Sorted => SortResult::Success,
        SortEnd::TooMany => SortResult::AdminLimitExceeded,
        SortEnd::Busy => SortResult::Busy,
    };
    response(result, None)
}

fn response(result: SortResult, attribute: Option<&[u8]>) -> BytesMut {
    let mut content = BytesMut::new();
    ber::put_integer(&mut content, ber::ENUMERATED, result as u32);
    if let Some(attribute) = attribute {
        ber::put_element(&mut content, ATTRIBUTE_TYPE, attribute);
    }
    let mut value = BytesMut::new();
    ber::put_element(&mut value, ber::SEQUENCE, &content);
    let mut control = BytesMut::new();
    put_control(&mut control, RESPONSE_OID, &value);
    control
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;

    fn parsed(value: &[u8]) -> Result<SortRequest<'_>, ControlError> {
        SortRequest::parse(&Control {
            oid: OID.as_bytes(),
            criticality: Criticality::Critical,
            value: Some(value),
        })
    }

    fn read(value: &[u8]) -> SortRequest<'_> {
        parsed(value).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_list_of_keys_is_read_and_nothing_else() {
        let list: &[u8] = b"\x30\x10\x30\x04\x04\x02sn\x30\x08\x04\x02cn\x81\x01\xff\x80\x00";
        assert!(parsed(list).is_err(), "in another order");
        let list: &[u8] = b"\x30\x11\x30\x04\x04\x02sn\x30\x09\x04\x02cn\x80\x00\x81\x01\xff";
        let keys = read(list).keys;
        let told = |key: &RequestedKey<'_>| (key.attribute.to_vec(), key.rule.is_some(), key.direction);
        assert_eq!(
            keys.iter().map(told).collect::<Vec<_>>(),
            [
                (b"sn".to_vec(), false, Direction::Ascending),
                (b"cn".to_vec(), true, Direction::Descending)
            ]
        );
        for wrong in [&b""[..], b"\x30\x00", b"\x30\x02\x30\x00", b"\x30\x04\x04\x02sn"] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        let refusal = |value: &[u8]| {
            let request = read(value);
            request.keys(&SCHEMA).err().map(|control| control.to_vec())
        };
        assert_eq!(refusal(b"\x30\x06\x30\x04\x04\x02sn"), None);
        let told = refusal(b"\x30\x06\x30\x04\x04\x02xx").expect("refused");
        assert!(told.ends_with(b"\x30\x07\x0a\x01\x10\x80\x02xx"));
        let told = refusal(b"\x30\x0a\x30\x08\x04\x02sn\x80\x02xx").expect("refused");
        assert!(told.ends_with(b"\x30\x07\x0a\x01\x12\x80\x02sn"));
        let many = [&b"\x30\x36"[..], &b"\x30\x04\x04\x02sn".repeat(9)].concat();
        let told = refusal(&many).expect("refused");
        assert!(told.ends_with(b"\x30\x03\x0a\x01\x35"));
    }
}
