//! BindRequest (RFC 4511 section 4.2). Read here and not by the codec library, because a PIN is bytes and
//! must not be copied into a type that can be printed.

use crate::directory::request::LoginName;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::channel::Channel;
use crate::ldap::log_in::LogIn;
use crate::ldap::result::{LdapResult, ResultCode};
use crate::ldap::sasl::{self, SaslCredentials};
use crate::ldap::shared::Shared;

const SIMPLE: u8 = 0x80;
const SASL: u8 = 0xa3;

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
    /// By a mechanism.
    Sasl(SaslCredentials<'a>),
    /// By a choice RFC 4511 does not know.
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
        SASL => Authentication::Sasl(sasl::decode(choice.content)?),
        _ => Authentication::Other,
    };
    Ok(BindRequest {
        version,
        name,
        authentication,
    })
}

/// Decides whether a bind may be tried over `channel`; if not, how it is refused. In clear from just anywhere
/// it is refused before its PIN is looked at.
pub fn check<'a>(
    request: &BindRequest<'a>,
    channel: Channel,
    shared: &Shared,
) -> Result<LogIn<'a>, LdapResult<'static>> {
    let refused = LdapResult::with_diagnostic;
    if request.version != 3 {
        return Err(refused(ResultCode::ProtocolError, "only LDAP version 3"));
    }
    match &request.authentication {
        Authentication::Simple(pin) => simple(request.name, pin, channel, shared),
        // RFC 4511 section 4.2: whatever stands as its name means nothing.
        Authentication::Sasl(sasl) => sasl::check(sasl, channel, &shared.schema),
        Authentication::Other => Err(refused(ResultCode::AuthMethodNotSupported, "no such choice")),
    }
}

fn simple<'a>(
    name: &[u8],
    pin: &'a [u8],
    channel: Channel,
    shared: &Shared,
) -> Result<LogIn<'a>, LdapResult<'static>> {
    let refused = LdapResult::with_diagnostic;
    match (name.is_empty(), pin.is_empty()) {
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
    let name = login_name(name, shared);
    let name = name.ok_or_else(|| refused(ResultCode::InvalidDNSyntax, "not a distinguished name"))?;
    Ok(LogIn::WithPin(name, pin))
}

/// The normal form of RFC 4514 text off the wire, or another name that is allowed; `None` if it is neither.
fn login_name(text: &[u8], shared: &Shared) -> Option<LoginName> {
    let text = std::str::from_utf8(text).ok()?;
    match shared.schema.normal_dn_of(text) {
        Ok(normal) => Some(normal.map_or(LoginName::Nobody, LoginName::Dn)),
        Err(_) => shared.names.read(text),
    }
}
