//! The requests that change entries (RFC 4511 sections 4.6 to 4.9) and Password Modify (RFC 3062). Read here and not by
//! the codec library, because a value may be a PIN and must not be copied into a type that can be printed.

use crate::directory::changes::{
    Change, GivenAttribute, GivenValue, Modification, ModificationKind, Modify, NewEntry, OldValues, Rename,
    SetPin, Terms,
};
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::control::RequestControls;
use crate::ldap::control::pre_post::ReadEntry;
use crate::ldap::envelope::Message;
use crate::ldap::operation::Operation;
use crate::ldap::result::{LdapResult, ResultCode};
use crate::ldap::search;
use crate::ldap::shared::Shared;
use crate::types::{Dn, Pin, Rdn};

/// `newSuperior` of a ModifyDNRequest.
const NEW_SUPERIOR: u8 = 0x80;
/// `userIdentity`, `oldPasswd` and `newPasswd` of a PasswdModifyRequestValue.
const USER_IDENTITY: u8 = 0x80;
const OLD_PIN: u8 = 0x81;
const NEW_PIN: u8 = 0x82;
/// A SET OF.
const SET: u8 = 0x31;

/// What is wrong with a request.
enum Wrong {
    /// It is not what the RFC says.
    Malformed,
    /// A name in it is none.
    Name,
    /// A relative name in it is none.
    RelativeName,
}

impl From<Malformed> for Wrong {
    fn from(_: Malformed) -> Wrong {
        Wrong::Malformed
    }
}

impl From<Wrong> for LdapResult<'static> {
    fn from(wrong: Wrong) -> LdapResult<'static> {
        let (code, why) = match wrong {
            Wrong::Malformed => (ResultCode::ProtocolError, "malformed request"),
            Wrong::Name => (ResultCode::InvalidDNSyntax, "not a distinguished name"),
            Wrong::RelativeName => (ResultCode::InvalidDNSyntax, "not a relative distinguished name"),
        };
        LdapResult::with_diagnostic(code, why)
    }
}

/// On what terms a change is wanted. Errors: as of any other broken control.
pub fn terms(controls: &RequestControls<'_>, shared: &Shared) -> Result<Terms, LdapResult<'static>> {
    let reading = |read: &ReadEntry<'_>| read.reading(&shared.schema).map(Box::new);
    Ok(Terms {
        assertion: search::assertion(controls, shared)?,
        modify: controls.modify,
        before: controls.before.as_ref().map(reading).transpose()?,
        after: controls.after.as_ref().map(reading).transpose()?,
    })
}

/// The change that a message asks for: one of add, modify, delete, modify DN. Errors: how it is refused.
pub fn decode(message: &Message<'_>) -> Result<Change, LdapResult<'static>> {
    let change = match message.operation {
        Operation::Add => add(message.body),
        Operation::Modify => modify(message.body),
        Operation::Delete => name(message.body).map(Change::Remove),
        Operation::ModifyDn => rename(message.body),
        _ => Err(Wrong::Malformed),
    };
    change.map_err(LdapResult::from)
}

/// The change that a Password Modify asks for; without a value, a made-up PIN for whoever asks. Errors: how it is refused.
pub fn set_pin(value: Option<&[u8]>) -> Result<Change, LdapResult<'static>> {
    let parts = value.map_or(Ok(Reader::new(&[])), |value| {
        let mut outer = Reader::new(value);
        let parts = Reader::new(outer.expect(ber::SEQUENCE)?);
        outer.is_empty().then_some(parts).ok_or(Malformed)
    });
    let change = parts.and_then(|mut parts| {
        let set_pin = SetPin {
            whose: parts.optional(USER_IDENTITY)?.map(Box::from),
            old: parts.optional(OLD_PIN)?.map(Pin::new),
            new: parts.optional(NEW_PIN)?.map(Pin::new),
        };
        parts.is_empty().then_some(set_pin).ok_or(Malformed)
    });
    change
        .map(Change::SetPin)
        .map_err(|malformed| LdapResult::from(Wrong::from(malformed)))
}

fn add(body: &[u8]) -> Result<Change, Wrong> {
    let mut reader = Reader::new(body);
    let dn = reader.expect(ber::OCTET_STRING)?;
    let mut list = Reader::new(reader.expect(ber::SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        attributes.push(attribute(list.expect(ber::SEQUENCE)?)?);
    }
    let dn = name(dn)?;
    end(reader, Change::Add(NewEntry { dn, attributes }))
}

fn modify(body: &[u8]) -> Result<Change, Wrong> {
    let mut reader = Reader::new(body);
    let dn = reader.expect(ber::OCTET_STRING)?;
    let mut list = Reader::new(reader.expect(ber::SEQUENCE)?);
    let mut modifications = Vec::new();
    while !list.is_empty() {
        let mut parts = Reader::new(list.expect(ber::SEQUENCE)?);
        let kind = match parts.integer(ber::ENUMERATED)? {
            0 => ModificationKind::Add,
            1 => ModificationKind::Delete,
            2 => ModificationKind::Replace,
            3 => ModificationKind::Increment,
            _ => return Err(Wrong::Malformed),
        };
        let attribute = attribute(parts.expect(ber::SEQUENCE)?)?;
        modifications.push(end(parts, Modification { kind, attribute })?);
    }
    let dn = name(dn)?;
    end(reader, Change::Modify(Modify { dn, modifications }))
}

fn rename(body: &[u8]) -> Result<Change, Wrong> {
    let mut reader = Reader::new(body);
    let dn = reader.expect(ber::OCTET_STRING)?;
    let rdn = reader.expect(ber::OCTET_STRING)?;
    let old_values = match reader.boolean()? {
        true => OldValues::Deleted,
        false => OldValues::Kept,
    };
    let superior = reader.optional(NEW_SUPERIOR)?;
    let rdn = std::str::from_utf8(rdn)
        .ok()
        .and_then(|text| Rdn::parse(text).ok());
    let rename = Rename {
        dn: name(dn)?,
        rdn: rdn.ok_or(Wrong::RelativeName)?,
        old_values,
        superior: superior.map(name).transpose()?,
    };
    end(reader, Change::Rename(rename))
}

fn attribute(content: &[u8]) -> Result<GivenAttribute, Wrong> {
    let mut reader = Reader::new(content);
    let description = reader.expect(ber::OCTET_STRING)?.into();
    let mut list = Reader::new(reader.expect(SET)?);
    let mut values = Vec::new();
    while !list.is_empty() {
        values.push(GivenValue::new(list.expect(ber::OCTET_STRING)?.to_vec()));
    }
    end(reader, GivenAttribute { description, values })
}

fn name(text: &[u8]) -> Result<Dn, Wrong> {
    let text = std::str::from_utf8(text).map_err(|_| Wrong::Name)?;
    Dn::parse(text).map_err(|_| Wrong::Name)
}

fn end<T>(reader: Reader<'_>, read: T) -> Result<T, Wrong> {
    match reader.is_empty() {
        true => Ok(read),
        false => Err(Wrong::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_modify_may_say_nothing_at_all() {
        let read = |value| match set_pin(value) {
            Ok(Change::SetPin(set_pin)) => (
                set_pin.whose.is_some(),
                set_pin.old.is_some(),
                set_pin.new.is_some(),
            ),
            _ => panic!("refused"),
        };
        assert_eq!(read(None), (false, false, false));
        assert_eq!(read(Some(b"\x30\x00")), (false, false, false));
        assert_eq!(read(Some(b"\x30\x06\x80\x01a\x82\x01b")), (true, false, true));
        for broken in [
            &b"\x30\x01"[..],
            b"\x04\x00",
            b"\x30\x03\x83\x01a",
            b"\x30\x00\x00",
        ] {
            assert!(set_pin(Some(broken)).is_err(), "{broken:?}");
        }
    }
}
