//! Extended operations (RFC 4511 section 4.12): which there are, and how their responses look.

use bytes::BytesMut;

use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::envelope::MessageId;
use crate::ldap::operation::Operation;
use crate::ldap::result::{self, LdapResult, ResultCode};
use crate::types::Pin;

/// StartTLS (RFC 4511 section 4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// "Who am I?" (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Password Modify (RFC 3062).
pub const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

const REQUEST_NAME: u8 = 0x80;
const REQUEST_VALUE: u8 = 0x81;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;
/// `genPasswd` in a PasswdModifyResponseValue.
const MADE_UP_PIN: u8 = 0x80;

/// Reads the body of an ExtendedRequest: the operation's OID and its value. Errors: [`Malformed`].
pub fn decode(body: &[u8]) -> Result<(&[u8], Option<&[u8]>), Malformed> {
    let mut reader = Reader::new(body);
    let name = reader.expect(REQUEST_NAME)?;
    let value = reader.optional(REQUEST_VALUE)?;
    reader.is_empty().then_some((name, value)).ok_or(Malformed)
}

/// Appends the response to StartTLS, which names the operation, refused or not.
pub fn put_start_tls_response(out: &mut BytesMut, id: MessageId, result: &LdapResult<'_>) {
    let mut tail = BytesMut::new();
    ber::put_element(&mut tail, RESPONSE_NAME, START_TLS.as_bytes());
    put(out, id, result, &tail);
}

/// Appends the response to "Who am I?": an authzId (RFC 4513 section 5.2.1.8), empty for a stranger.
pub fn put_who_am_i_response(out: &mut BytesMut, id: MessageId, authz_id: &str) {
    let mut tail = BytesMut::new();
    ber::put_element(&mut tail, RESPONSE_VALUE, authz_id.as_bytes());
    put(out, id, &LdapResult::bare(ResultCode::Success), &tail);
}

/// Appends the response to Password Modify, with the PIN that was made up, if one was, and `controls`.
pub fn put_password_modify_response(
    out: &mut BytesMut,
    id: MessageId,
    made_up: Option<&Pin>,
    controls: &[u8],
) {
    let mut tail = BytesMut::new();
    if let Some(pin) = made_up {
        let mut value = BytesMut::new();
        let mut parts = BytesMut::new();
        ber::put_element(&mut parts, MADE_UP_PIN, pin.expose());
        ber::put_element(&mut value, ber::SEQUENCE, &parts);
        ber::put_element(&mut tail, RESPONSE_VALUE, &value);
        parts.fill(0);
        value.fill(0);
    }
    put_controlled(out, id, &LdapResult::bare(ResultCode::Success), &tail, controls);
    tail.fill(0);
}

fn put(out: &mut BytesMut, id: MessageId, result: &LdapResult<'_>, tail: &[u8]) {
    put_controlled(out, id, result, tail, &[]);
}

fn put_controlled(out: &mut BytesMut, id: MessageId, result: &LdapResult<'_>, tail: &[u8], controls: &[u8]) {
    if let Some(response_tag) = Operation::Extended.response_tag() {
        result::put_controlled(out, id, response_tag, result, tail, controls);
    }
}
