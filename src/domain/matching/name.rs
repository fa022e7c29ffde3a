//! Normal forms of names: object identifiers, distinguished names, descriptions known by their first component.

use super::{InvalidValue, Names};
use crate::domain::syntax::{is_descriptor, is_numeric_oid, name_and_uid};
use crate::types::Dn;

/// Appends the numeric OID that `value` is or names; a name nobody knows stays, in lower case.
pub(super) fn normalize_oid(names: &dyn Names, value: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidValue)?;
    if is_numeric_oid(text) {
        out.extend_from_slice(value);
    } else if let Some(oid) = names.oid(value) {
        out.extend_from_slice(oid.as_bytes());
    } else if is_descriptor(text) {
        out.extend(value.iter().map(u8::to_ascii_lowercase));
    } else {
        return Err(InvalidValue);
    }
    Ok(())
}

/// Appends [`Names::normal_dn`].
pub(super) fn normalize_dn(names: &dyn Names, value: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidValue)?;
    let dn = Dn::parse(text).map_err(|_| InvalidValue)?;
    out.extend_from_slice(names.normal_dn(&dn).ok_or(InvalidValue)?.as_bytes());
    Ok(())
}

/// Appends the normal form of a name and, behind `#`, of its bit string.
pub(super) fn normalize_name_and_uid(
    names: &dyn Names,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), InvalidValue> {
    let text = std::str::from_utf8(value).map_err(|_| InvalidValue)?;
    let (name, uid) = name_and_uid(text);
    normalize_dn(names, name.as_bytes(), out)?;
    if let Some(uid) = uid {
        out.push(b'#');
        out.extend_from_slice(uid.as_bytes());
    }
    Ok(())
}

/// What a description such as `( 2.5.4.3 NAME 'cn' … )` begins with.
pub(super) fn first_component(value: &[u8]) -> Result<&[u8], InvalidValue> {
    let inside = value
        .trim_ascii_start()
        .strip_prefix(b"(")
        .ok_or(InvalidValue)?
        .trim_ascii_start();
    let end = inside
        .iter()
        .position(u8::is_ascii_whitespace)
        .ok_or(InvalidValue)?;
    Ok(&inside[..end])
}
