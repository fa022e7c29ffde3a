//! BER as far as requests need it.

pub const INTEGER: u8 = 0x02;
pub const OCTET_STRING: u8 = 0x04;
pub const ENUMERATED: u8 = 0x0a;
pub const BOOLEAN: u8 = 0x01;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// One element.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let header = match length {
        0..0x80 => vec![tag, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, content].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    element(OCTET_STRING, &[text.as_bytes()])
}

pub fn number(tag: u8, number: u8) -> Vec<u8> {
    element(tag, &[&[number]])
}

pub fn boolean(is: bool) -> Vec<u8> {
    element(BOOLEAN, &[&[if is { 0xff } else { 0 }]])
}

/// A control.
pub fn control(oid: &str, is_critical: bool, value: Option<&[u8]>) -> Vec<u8> {
    let value = value.map(|value| element(OCTET_STRING, &[value]));
    let parts = [text(oid), boolean(is_critical), value.unwrap_or_default()];
    element(SEQUENCE, &[&parts.concat()])
}
