//! BindRequest (RFC 4511 section 4.2). Read here and not by the codec library, because a PIN is bytes and
//! must not be copied into a type that can be printed.

use crate::ldap::ber::{self, Malformed, Reader};

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
