//! BindRequest (RFC 4511 section 4.2). Read here and not by the codec library, because a PIN is bytes and
//! must not be copied into a type that can be printed.

use crate::directory::request::LoginName;
use crate::domain::schema::Schema;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::result::{LdapResult, ResultCode};
use crate::ldap::shared::Channel;

const SIMPLE: u8 = 0x80;

/// A BindRequest as it was asked. Has no `Debug`.
pub struct BindRequest<'a> {
    /// `version`.
    pub version: u32,
    /// `name`, RFC 4514 text if all is well.
    pub name: &'a [u8],
    /// `authentication`.
    pub authentication: Authentication<'a>,
}

/// How a client wants to be known.
pub enum Authentication<'a> {
    /// By a PIN.
    Simple(&'a [u8]),
    /// By SASL or a choice RFC 4511 does not know.
    Other,
}

/// Reads the body of a BindRequest. Errors: [`Malformed`].
pub fn decode(body: &[u8]) -> Result<BindRequest<'_>, Malformed> {
    let mut reader = Reader::new(body);
    let version = reader.integer(ber::INTEGER)?;
    let name = reader.expect(ber::OCTET_STRING)?;
    let choice = reader.element()?;
    let authentication = match choice.tag {
        SIMPLE => Authentication::Simple(choice.content),
        _ => Authentication::Other,
    };
    Ok(BindRequest {
        version,
        name,
        authentication,
    })
}

/// What a bind that may be tried comes to.
pub enum LogIn<'a> {
    /// A stranger who says so (RFC 4513 section 5.1.1).
    Anonymous,
    /// A name and a PIN to check.
    Simple(LoginName, &'a [u8]),
}

/// Decides whether a bind may be tried over `channel`; if not, how it is refused. In clear from just anywhere
/// it is refused before its PIN is looked at.
pub fn check<'a>(
    request: &BindRequest<'a>,
    channel: Channel,
    schema: &Schema,
) -> Result<LogIn<'a>, LdapResult<'static>> {
    let refused = LdapResult::with_diagnostic;
    if request.version != 3 {
        return Err(refused(ResultCode::ProtocolError, "only LDAP version 3"));
    }
    let Authentication::Simple(pin) = request.authentication else {
        return Err(refused(ResultCode::AuthMethodNotSupported, "only simple binds"));
    };
    match (request.name.is_empty(), pin.is_empty()) {
        (true, true) => return Ok(LogIn::Anonymous),
        (true, false) => return Err(LdapResult::bare(ResultCode::InvalidCredentials)),
        // RFC 4513 section 5.1.2: a name without a password is not a login.
        (false, true) => {
            return Err(refused(
                ResultCode::UnwillingToPerform,
                "a name without a password",
            ));
        }
        (false, false) => {}
    }
    if channel == Channel::Cleartext {
        return Err(refused(
            ResultCode::ConfidentialityRequired,
            "simple binds need TLS here",
        ));
    }
    let name = login_name(request.name, schema);
    let name = name.ok_or_else(|| refused(ResultCode::InvalidDNSyntax, "not a distinguished name"))?;
    Ok(LogIn::Simple(name, pin))
}

/// The normal form of RFC 4514 text off the wire; `None` if it is no such text.
fn login_name(text: &[u8], schema: &Schema) -> Option<LoginName> {
    let normal = schema.normal_dn_of(std::str::from_utf8(text).ok()?).ok()?;
    Some(normal.map_or(LoginName::Nobody, LoginName::Dn))
}
