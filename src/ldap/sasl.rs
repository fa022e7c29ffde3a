//! SASL (RFC 4513 section 5.2): which mechanisms work where, and what their messages come to.
//!
//! Neither mechanism needs more than one message, so no state is kept between two binds.

use bytes::BytesMut;

use crate::directory::request::LoginName;
use crate::domain::schema::Schema;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::channel::Channel;
use crate::ldap::envelope::Message;
use crate::ldap::log_in::LogIn;
use crate::ldap::next::Next;
use crate::ldap::result::{self, LdapResult, ResultCode};
use crate::types::{LocalUser, Uid};

/// A PIN in a message of its own form (RFC 4616).
const PLAIN: &str = "PLAIN";
/// Whoever the channel says it is (RFC 4422 appendix A).
const EXTERNAL: &str = "EXTERNAL";

/// The tag of a BindResponse, and that of `serverSaslCreds` in it.
const BIND_RESPONSE: u8 = 0x61;
const SERVER_SASL_CREDS: u8 = 0x87;

/// The mechanisms that work in clear. Also from where simple binds may come so: that is for those who can do nothing
/// else.
pub const OVER_CLEARTEXT: &[&str] = &[];
/// Those that work over TLS.
pub const OVER_TLS: &[&str] = &[PLAIN];
/// Those that work over a Unix socket.
pub const OVER_LOCAL: &[&str] = &[EXTERNAL, PLAIN];

/// `SaslCredentials`. Has no `Debug`.
pub struct SaslCredentials<'a> {
    mechanism: &'a [u8],
    credentials: Option<&'a [u8]>,
}

/// Reads the content of a `sasl` choice. Errors: [`Malformed`].
pub fn decode(content: &[u8]) -> Result<SaslCredentials<'_>, Malformed> {
    let mut reader = Reader::new(content);
    let mechanism = reader.expect(ber::OCTET_STRING)?;
    let credentials = reader.optional(ber::OCTET_STRING)?;
    match reader.is_empty() {
        true => Ok(SaslCredentials {
            mechanism,
            credentials,
        }),
        false => Err(Malformed),
    }
}

/// What a SASL bind over `channel` comes to, or how it is refused. In clear it is refused before its PIN is looked at.
pub fn check<'a>(
    sasl: &SaslCredentials<'a>,
    channel: Channel,
    schema: &Schema,
) -> Result<LogIn<'a>, LdapResult<'static>> {
    let is = |mechanism: &str| sasl.mechanism.eq_ignore_ascii_case(mechanism.as_bytes());
    match channel {
        Channel::Local(user) if is(EXTERNAL) => external(sasl.credentials.unwrap_or_default(), user, schema),
        Channel::Local(_) | Channel::Tls if is(PLAIN) => match sasl.credentials {
            Some(message) => plain(message, schema),
            None => Ok(LogIn::Challenge),
        },
        _ if is(PLAIN) => Err(LdapResult::with_diagnostic(
            ResultCode::ConfidentialityRequired,
            "PLAIN needs TLS",
        )),
        _ => Err(LdapResult::with_diagnostic(
            ResultCode::AuthMethodNotSupported,
            "no such mechanism here",
        )),
    }
}

/// Appends a response with an empty challenge: the client's turn. Whatever it sends then stands for itself.
pub fn put_empty_challenge(out: &mut BytesMut, message: &Message<'_>) -> Next {
    let code = ResultCode::SaslBindInProgress;
    let mut tail = BytesMut::new();
    ber::put_element(&mut tail, SERVER_SASL_CREDS, b"");
    result::put_response(
        out,
        message.id,
        BIND_RESPONSE,
        &LdapResult::bare(code.clone()),
        &tail,
    );
    Next::Answered(code)
}

/// The message of EXTERNAL is an authorization identity: empty, or the own one.
fn external<'a>(authzid: &[u8], user: LocalUser, schema: &Schema) -> Result<LogIn<'a>, LdapResult<'static>> {
    let own = || format!("dn:{}", user.dn_text());
    if authzid.is_empty() || is_same(&identity(authzid, schema), &identity(own().as_bytes(), schema)) {
        return Ok(LogIn::External(user));
    }
    Err(LdapResult::bare(ResultCode::InvalidCredentials))
}

/// `[authzid] NUL authcid NUL passwd`. Whatever is wrong with it is a wrong PIN: the mechanism knows no other word.
fn plain<'a>(message: &'a [u8], schema: &Schema) -> Result<LogIn<'a>, LdapResult<'static>> {
    let refused = || LdapResult::bare(ResultCode::InvalidCredentials);
    let mut parts = message.splitn(3, |byte| *byte == 0);
    let (Some(authzid), Some(authcid), Some(pin)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(refused());
    };
    let name = identity(authcid, schema);
    let for_itself = authzid.is_empty() || is_same(&identity(authzid, schema), &name);
    if authcid.is_empty() || pin.is_empty() || !for_itself {
        return Err(refused());
    }
    Ok(LogIn::WithPin(name, pin))
}

/// `dn:` and a name, `u:` and a UID (RFC 4513 section 5.2.1.8), or a UID alone.
fn identity(text: &[u8], schema: &Schema) -> LoginName {
    if let Some(dn) = text.strip_prefix(b"dn:") {
        let dn = std::str::from_utf8(dn).ok();
        let normal = dn.and_then(|dn| schema.normal_dn_of(dn).ok().flatten());
        return normal.map_or(LoginName::Nobody, LoginName::Dn);
    }
    let uid = Uid::parse(text.strip_prefix(b"u:").unwrap_or(text));
    uid.map_or(LoginName::Nobody, LoginName::Uid)
}

/// Whether both are written to mean one identity. Which UID is of which name only the directory could tell, and is not
/// asked.
fn is_same(one: &LoginName, other: &LoginName) -> bool {
    match (one, other) {
        (LoginName::Dn(one), LoginName::Dn(other)) => one == other,
        (LoginName::Uid(one), LoginName::Uid(other)) => one.as_str() == other.as_str(),
        _ => false,
    }
}
