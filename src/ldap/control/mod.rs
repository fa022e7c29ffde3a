//! Controls (RFC 4511 section 4.1.11): which there are, which of them are served for which operation, and what those on
//! a request ask for.
//!
//! A control more is a file, a row of `SERVED` with a word of `Known`, and a field of [`RequestControls`]; the root
//! DSE lists it from then on.

pub mod assertion;
pub mod paged;
pub mod password_policy;
pub mod pre_post;
pub mod sort;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use crate::directory::changes::Strictness;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::filter_decoder::FilterError;
use crate::ldap::operation::Operation;
use assertion::Assertion;
use paged::PagedResults;
use pre_post::ReadEntry;
use sort::SortRequest;

/// The tag of the controls of a message.
pub const CONTROLS: u8 = 0xa0;
/// ManageDsaIT (RFC 3296). Without effect: this directory holds no referrals.
pub const MANAGE_DSA_IT: &str = "2.16.840.1.113730.3.4.2";
/// Don't use copy (RFC 6171). Without effect: what is answered is never a copy that might be behind.
const DONT_USE_COPY: &str = "1.3.6.1.1.22";

/// Permissive modify, as Active Directory has it: no standard, and in use.
const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";

/// The controls that are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    ManageDsaIt,
    DontUseCopy,
    PagedResults,
    ServerSideSorting,
    Assertion,
    PermissiveModify,
    PreRead,
    PostRead,
    PasswordPolicy,
}

/// Which control is served for which operation. For another it is as good as unknown.
const SERVED: &[(&str, Known, &[Operation])] = &[
    (
        MANAGE_DSA_IT,
        Known::ManageDsaIt,
        &[
            Operation::Search,
            Operation::Compare,
            Operation::Modify,
            Operation::Add,
            Operation::Delete,
            Operation::ModifyDn,
        ],
    ),
    (
        DONT_USE_COPY,
        Known::DontUseCopy,
        &[Operation::Search, Operation::Compare],
    ),
    (paged::OID, Known::PagedResults, &[Operation::Search]),
    (sort::OID, Known::ServerSideSorting, &[Operation::Search]),
    (
        assertion::OID,
        Known::Assertion,
        &[
            Operation::Search,
            Operation::Compare,
            Operation::Modify,
            Operation::Add,
            Operation::Delete,
            Operation::ModifyDn,
        ],
    ),
    (PERMISSIVE_MODIFY, Known::PermissiveModify, &[Operation::Modify]),
    (
        pre_post::PRE_READ,
        Known::PreRead,
        &[Operation::Modify, Operation::Delete, Operation::ModifyDn],
    ),
    (
        pre_post::POST_READ,
        Known::PostRead,
        &[Operation::Modify, Operation::Add, Operation::ModifyDn],
    ),
    (
        password_policy::OID,
        Known::PasswordPolicy,
        &[
            Operation::Bind,
            Operation::Modify,
            Operation::Add,
            Operation::Extended,
        ],
    ),
];

/// The OIDs of the controls that are served, as the root DSE lists them.
pub fn supported() -> impl Iterator<Item = &'static str> {
    SERVED.iter().map(|(oid, ..)| *oid)
}

/// What the controls of a request ask for; those that are not served and not critical are left out.
#[derive(Default)]
pub struct RequestControls<'a> {
    /// Paged results.
    pub paged: Option<PagedResults<'a>>,
    /// Server-side sorting.
    pub sort: Option<SortRequest<'a>>,
    /// Assertion.
    pub assertion: Option<Assertion<'a>>,
    /// Whether a modification may find its work done.
    pub modify: Strictness,
    /// Pre-read.
    pub before: Option<ReadEntry<'a>>,
    /// Post-read.
    pub after: Option<ReadEntry<'a>>,
    /// Password policy: whether the request may be served without.
    pub password_policy: Option<Criticality>,
}

/// Why a request cannot be served with its controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// A critical one is not served for this operation: `unavailableCriticalExtension`.
    #[error("a critical control is not served for this operation")]
    Unavailable,
    /// One is given twice: `protocolError`.
    #[error("a control is given twice")]
    Repeated,
    /// Its value is not what its RFC says: `protocolError`, critical or not, as slapd has it.
    #[error("the value of a control is malformed")]
    Malformed,
    /// It asks for more than anybody needs: `adminLimitExceeded`.
    #[error("the value of a control is too large")]
    TooLarge,
}

impl From<FilterError> for ControlError {
    fn from(error: FilterError) -> ControlError {
        match error {
            FilterError::Malformed => ControlError::Malformed,
            FilterError::TooDeep => ControlError::TooLarge,
        }
    }
}

impl From<Malformed> for ControlError {
    fn from(_: Malformed) -> ControlError {
        ControlError::Malformed
    }
}

impl<'a> RequestControls<'a> {
    /// Reads the controls of a request for `operation`. Errors: [`ControlError`].
    pub fn read(controls: &Controls<'a>, operation: Operation) -> Result<RequestControls<'a>, ControlError> {
        let mut read = RequestControls::default();
        // RFC 4511 section 4.1.11: criticality means nothing where there is no response.
        if operation.response_tag().is_none() {
            return Ok(read);
        }
        let mut seen = Vec::new();
        for control in controls.iter() {
            match served(control.oid, operation) {
                Some(known) if seen.contains(&known) => return Err(ControlError::Repeated),
                Some(known) => {
                    seen.push(known);
                    read.take(known, &control)?;
                }
                None if control.criticality == Criticality::Critical => {
                    return Err(ControlError::Unavailable);
                }
                None => {}
            }
        }
        Ok(read)
    }

    fn take(&mut self, known: Known, control: &Control<'a>) -> Result<(), ControlError> {
        match known {
            Known::ManageDsaIt => control.without_value()?,
            Known::PermissiveModify => {
                control.without_value()?;
                self.modify = Strictness::Permissive;
            }
            Known::DontUseCopy => control.dont_use_copy()?,
            Known::PagedResults => self.paged = Some(PagedResults::parse(control.value()?)?),
            Known::ServerSideSorting => self.sort = Some(SortRequest::parse(control)?),
            Known::Assertion => self.assertion = Some(Assertion(control.value()?)),
            Known::PreRead => self.before = Some(ReadEntry::parse(control)?),
            Known::PostRead => self.after = Some(ReadEntry::parse(control)?),
            Known::PasswordPolicy => {
                control.without_value()?;
                self.password_policy = Some(control.criticality);
            }
        }
        Ok(())
    }
}

fn served(oid: &[u8], operation: Operation) -> Option<Known> {
    let mut rows = SERVED.iter();
    rows.find(|(served, _, operations)| served.as_bytes() == oid && operations.contains(&operation))
        .map(|(_, known, _)| *known)
}

/// Appends a control of a response, never critical, to those that follow a response under the tag [`CONTROLS`].
pub fn put_control(out: &mut BytesMut, oid: &str, value: &[u8]) {
    let content = ber::element_bytes(oid.len()) + ber::element_bytes(value.len());
    ber::put_header(out, ber::SEQUENCE, content);
    ber::put_element(out, ber::OCTET_STRING, oid.as_bytes());
    ber::put_header(out, ber::OCTET_STRING, value.len());
    out.put_slice(value);
}

/// Whether a request may be served without a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// It must not.
    Critical,
    /// It may.
    NonCritical,
}

/// One control.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// The OID, as it was written.
    pub oid: &'a [u8],
    /// Whether the request may be served without it.
    pub criticality: Criticality,
    /// Its value, if any.
    pub value: Option<&'a [u8]>,
}

/// The controls of a message, all well-formed.
#[derive(Clone, Copy)]
pub struct Controls<'a> {
    encoded: &'a [u8],
    count: usize,
}

impl<'a> Controls<'a> {
    /// Reads the content of a message's `controls`. Errors: [`Malformed`].
    pub fn parse(encoded: &'a [u8]) -> Result<Controls<'a>, Malformed> {
        let mut reader = Reader::new(encoded);
        let mut count = 0;
        while !reader.is_empty() {
            control(&mut reader)?;
            count += 1;
        }
        Ok(Controls { encoded, count })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The controls in their order.
    pub fn iter(&self) -> impl Iterator<Item = Control<'a>> {
        let mut reader = Reader::new(self.encoded);
        std::iter::from_fn(move || control(&mut reader).ok())
    }
}

impl<'a> Control<'a> {
    fn value(&self) -> Result<&'a [u8], ControlError> {
        self.value.ok_or(ControlError::Malformed)
    }

    fn without_value(&self) -> Result<(), ControlError> {
        match self.value {
            Some(_) => Err(ControlError::Malformed),
            None => Ok(()),
        }
    }

    /// RFC 6171 section 3: it must be critical.
    fn dont_use_copy(&self) -> Result<(), ControlError> {
        match self.criticality {
            Criticality::Critical => self.without_value(),
            Criticality::NonCritical => Err(ControlError::Malformed),
        }
    }
}

fn control<'a>(reader: &mut Reader<'a>) -> Result<Control<'a>, Malformed> {
    let mut parts = Reader::new(reader.expect(ber::SEQUENCE)?);
    let oid = parts.expect(ber::OCTET_STRING)?;
    let critical = parts
        .optional(ber::BOOLEAN)?
        .map(ber::boolean)
        .transpose()?
        .unwrap_or(false);
    let value = parts.optional(ber::OCTET_STRING)?;
    if !parts.is_empty() {
        return Err(Malformed);
    }
    let criticality = if critical {
        Criticality::Critical
    } else {
        Criticality::NonCritical
    };
    Ok(Control {
        oid,
        criticality,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(oid: &str, critical: Option<u8>, value: Option<&[u8]>) -> Vec<u8> {
        let mut parts = BytesMut::new();
        ber::put_element(&mut parts, ber::OCTET_STRING, oid.as_bytes());
        if let Some(octet) = critical {
            ber::put_element(&mut parts, ber::BOOLEAN, &[octet]);
        }
        if let Some(value) = value {
            ber::put_element(&mut parts, ber::OCTET_STRING, value);
        }
        let mut out = BytesMut::new();
        ber::put_element(&mut out, ber::SEQUENCE, &parts);
        out.to_vec()
    }

    fn read(encoded: &[u8], operation: Operation) -> Result<(), ControlError> {
        let controls = Controls::parse(encoded).unwrap_or_else(|_| panic!("well-formed"));
        RequestControls::read(&controls, operation).map(|_| ())
    }

    #[test]
    fn only_critical_controls_that_are_not_served_forbid() {
        let check = |oid, critical, operation, expected| {
            let read = read(&encoded(oid, critical, None), operation);
            assert_eq!(read, expected, "{oid} {critical:?} {operation:?}");
        };
        let forbidden = Err(ControlError::Unavailable);
        check("1.2.3", Some(0xff), Operation::Search, forbidden);
        check("1.2.3", Some(0x00), Operation::Search, Ok(()));
        check("1.2.3", None, Operation::Search, Ok(()));
        check("1.2.3", Some(0xff), Operation::Unbind, Ok(()));
        check(MANAGE_DSA_IT, Some(0xff), Operation::Search, Ok(()));
        check(MANAGE_DSA_IT, Some(0xff), Operation::Bind, forbidden);
        check(paged::OID, Some(0xff), Operation::Compare, forbidden);
        check(paged::OID, None, Operation::Compare, Ok(()));
    }

    #[test]
    fn controls_that_are_not_as_their_rfc_says_are_malformed() {
        let check = |oid, critical, value: Option<&[u8]>, expected| {
            let read = read(&encoded(oid, critical, value), Operation::Search);
            assert_eq!(read, expected, "{oid} {critical:?} {value:?}");
        };
        let malformed = Err(ControlError::Malformed);
        check(MANAGE_DSA_IT, None, None, Ok(()));
        check(MANAGE_DSA_IT, None, Some(b""), malformed);
        check(DONT_USE_COPY, Some(0xff), None, Ok(()));
        check(DONT_USE_COPY, None, None, malformed);
        check(DONT_USE_COPY, Some(0xff), Some(b""), malformed);
        check(paged::OID, None, None, malformed);
        check(paged::OID, None, Some(b""), malformed);
    }

    #[test]
    fn a_served_control_is_given_once_and_others_as_often_as_one_likes() {
        let twice = |oid| {
            read(
                &[encoded(oid, None, None), encoded(oid, None, None)].concat(),
                Operation::Search,
            )
        };
        assert_eq!(twice(MANAGE_DSA_IT), Err(ControlError::Repeated));
        assert_eq!(twice("1.2.3"), Ok(()));
    }
}
