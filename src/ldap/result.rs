//! LDAPResult (RFC 4511 section 4.1.9): the one table from answers to result codes, and how it is written.

use bytes::{BufMut, BytesMut};
use ldap3_proto::proto::LdapResultCode;

use crate::directory::request::Answer;
use crate::ldap::ber;
use crate::ldap::control::{CONTROLS, ControlError};
use crate::ldap::envelope::MessageId;
use crate::types::Dn;

/// The RFC's name for a result code.
pub type ResultCode = LdapResultCode;

/// The tag of an ExtendedResponse.
const EXTENDED_RESPONSE: u8 = 0x78;
/// The tag of `responseName` in an ExtendedResponse.
const RESPONSE_NAME: u8 = 0x8a;
/// The notice of disconnection (RFC 4511 section 4.4.1).
const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// The result code of an answer. Entries and comparisons a person may not see look like those that do not exist.
pub fn code(answer: &Answer) -> ResultCode {
    match answer {
        Answer::Success => ResultCode::Success,
        Answer::True => ResultCode::CompareTrue,
        Answer::False => ResultCode::CompareFalse,
        Answer::NoSuchEntry(_) => ResultCode::NoSuchObject,
        Answer::NoSuchAttribute => ResultCode::NoSuchAttribute,
        Answer::UndefinedAttribute => ResultCode::UndefinedAttributeType,
        Answer::InappropriateMatching => ResultCode::InappropriateMatching,
        Answer::InvalidSyntax => ResultCode::InvalidAttributeSyntax,
        Answer::InsufficientAccess => ResultCode::InsufficentAccessRights,
        Answer::SizeLimitExceeded => ResultCode::SizeLimitExceeded,
        Answer::AdminLimitExceeded => ResultCode::AdminLimitExceeded,
        Answer::TimeLimitExceeded => ResultCode::TimeLimitExceeded,
        Answer::AssertionFailed => ResultCode::AssertionFailed,
        Answer::NotSorted => ResultCode::UnavailableCriticalExtension,
        Answer::Busy => ResultCode::Busy,
        Answer::Unavailable => ResultCode::Unavailable,
        Answer::AuthRequired => ResultCode::StrongerAuthRequired,
        Answer::InvalidCredentials => ResultCode::InvalidCredentials,
        Answer::Malformed => ResultCode::ProtocolError,
        Answer::InvalidName => ResultCode::InvalidDNSyntax,
        Answer::AlreadyExists => ResultCode::EntryAlreadyExists,
        Answer::NotLeaf => ResultCode::NotAllowedOnNonLeaf,
        Answer::ClassViolation => ResultCode::ObjectClassViolation,
        Answer::ClassChange => ResultCode::ObjectClassModsProhibited,
        Answer::NamingViolation => ResultCode::NamingViolation,
        Answer::Constraint => ResultCode::ConstraintViolation,
        Answer::ValueExists => ResultCode::AttributeOrValueExists,
        Answer::Unwilling => ResultCode::UnwillingToPerform,
    }
}

/// The deepest existing ancestor an answer names, if any.
pub fn matched_dn(answer: &Answer) -> Option<&Dn> {
    match answer {
        Answer::NoSuchEntry(matched) => matched.as_ref(),
        _ => None,
    }
}

/// An LDAPResult without referrals, which this directory never gives.
#[derive(Clone, Debug)]
pub struct LdapResult<'a> {
    /// `resultCode`.
    pub code: ResultCode,
    /// `matchedDN`.
    pub matched_dn: &'a str,
    /// `diagnosticMessage`. Never tells a stranger why a log-in failed.
    pub diagnostic: &'a str,
}

impl<'a> LdapResult<'a> {
    /// A result that says no more than its code.
    pub fn bare(code: ResultCode) -> LdapResult<'a> {
        LdapResult {
            code,
            matched_dn: "",
            diagnostic: "",
        }
    }

    /// A result with a word to the person who reads the client's log.
    pub fn with_diagnostic(code: ResultCode, diagnostic: &'a str) -> LdapResult<'a> {
        LdapResult {
            code,
            matched_dn: "",
            diagnostic,
        }
    }
}

impl From<ControlError> for LdapResult<'static> {
    fn from(error: ControlError) -> LdapResult<'static> {
        let (code, why) = match error {
            ControlError::Unavailable => (
                ResultCode::UnavailableCriticalExtension,
                "a critical control is not served for this operation",
            ),
            ControlError::Repeated => (ResultCode::ProtocolError, "a control is given twice"),
            ControlError::Malformed => (ResultCode::ProtocolError, "the value of a control is malformed"),
            ControlError::TooLarge => (
                ResultCode::AdminLimitExceeded,
                "the value of a control is too large",
            ),
        };
        LdapResult::with_diagnostic(code, why)
    }
}

/// Appends a whole response: `response_tag` says of which operation, `tail` is what follows the LDAPResult
/// in it, as BER.
pub fn put_response(
    out: &mut BytesMut,
    id: MessageId,
    response_tag: u8,
    result: &LdapResult<'_>,
    tail: &[u8],
) {
    put_controlled(out, id, response_tag, result, tail, &[]);
}

/// The same with `controls`, one after the other as BER.
pub fn put_controlled(
    out: &mut BytesMut,
    id: MessageId,
    response_tag: u8,
    result: &LdapResult<'_>,
    tail: &[u8],
    controls: &[u8],
) {
    let controls_bytes = match controls {
        [] => 0,
        controls => ber::element_bytes(controls.len()),
    };
    // Every code of RFC 4511 and its extensions that is sent here is positive and small.
    let code = u32::try_from(result.code.clone() as i64).unwrap_or(ResultCode::Other as u32);
    let body = ber::element_bytes(ber::integer_content_bytes(code))
        + ber::element_bytes(result.matched_dn.len())
        + ber::element_bytes(result.diagnostic.len())
        + tail.len();
    let id_bytes = ber::element_bytes(ber::integer_content_bytes(id));
    ber::put_header(
        out,
        ber::SEQUENCE,
        id_bytes + ber::element_bytes(body) + controls_bytes,
    );
    ber::put_integer(out, ber::INTEGER, id);
    ber::put_header(out, response_tag, body);
    ber::put_integer(out, ber::ENUMERATED, code);
    ber::put_element(out, ber::OCTET_STRING, result.matched_dn.as_bytes());
    ber::put_element(out, ber::OCTET_STRING, result.diagnostic.as_bytes());
    out.put_slice(tail);
    if !controls.is_empty() {
        ber::put_element(out, CONTROLS, controls);
    }
}

/// Appends a notice of disconnection (RFC 4511 section 4.4.1): the connection is closed after it.
pub fn put_notice_of_disconnection(out: &mut BytesMut, result: &LdapResult<'_>) {
    let mut tail = BytesMut::new();
    ber::put_element(&mut tail, RESPONSE_NAME, NOTICE_OF_DISCONNECTION.as_bytes());
    put_response(out, 0, EXTENDED_RESPONSE, result, &tail);
}
