//! Extended operations (RFC 4511 section 4.12): which there are, and how their responses look.

use bytes::BytesMut;

use crate::ldap::ber;
use crate::ldap::envelope::MessageId;
use crate::ldap::operation::Operation;
use crate::ldap::result::{self, LdapResult, ResultCode};

/// StartTLS (RFC 4511 section 4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// "Who am I?" (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

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

fn put(out: &mut BytesMut, id: MessageId, result: &LdapResult<'_>, tail: &[u8]) {
    if let Some(response_tag) = Operation::Extended.response_tag() {
        result::put_response(out, id, response_tag, result, tail);
    }
}
