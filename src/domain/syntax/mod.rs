//! Syntaxes (RFC 4517 section 3.3): which values an attribute may have.

pub mod number;
pub mod time;

use crate::types::Dn;

/// A syntax: its OID, what it is called, and which values belong to it.
#[derive(Debug)]
pub struct Syntax {
    /// The OID.
    pub oid: &'static str,
    /// What RFC 4517 calls it.
    pub description: &'static str,
    form: Form,
}

/// What a value must look like. Several syntaxes share a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    BitString,
    Boolean,
    Country,
    Dn,
    NameAndUid,
    GeneralizedTime,
    Ia5,
    Integer,
    NumericString,
    Octets,
    Oid,
    Printable,
    Telephone,
    Uuid,
    /// UTF-8 of at least one character.
    Utf8,
}

impl Syntax {
    /// The syntax with this OID, if this server has it.
    pub fn find(oid: &str) -> Option<&'static Syntax> {
        SYNTAXES.iter().find(|syntax| syntax.oid == oid)
    }

    /// Every syntax, as the subschema subentry lists them.
    pub fn all() -> &'static [Syntax] {
        SYNTAXES
    }

    /// Whether its values are certificates and their kin, which are only ever transferred as BER (RFC 4523).
    pub fn is_certificate(&self) -> bool {
        self.description.contains("Certificate")
    }

    /// Whether `value` belongs to this syntax.
    pub fn allows(&self, value: &[u8]) -> bool {
        let text = std::str::from_utf8(value).ok();
        match self.form {
            Form::Octets => true,
            Form::Utf8 => text.is_some_and(|text| !text.is_empty()),
            Form::Ia5 => value.is_ascii(),
            Form::Printable => !value.is_empty() && value.iter().all(|byte| is_printable(*byte)),
            Form::Country => value.len() == 2 && value.iter().all(u8::is_ascii_alphabetic),
            Form::Telephone => {
                value.iter().any(|byte| *byte != b' ')
                    && value.iter().all(|byte| is_printable(*byte) || *byte == b'#')
            }
            Form::NumericString => {
                !value.is_empty() && value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
            }
            Form::Boolean => matches!(value, b"TRUE" | b"FALSE"),
            Form::Integer => number::is_integer(value),
            Form::BitString => number::bits(value).is_some(),
            Form::GeneralizedTime => time::parse(value).is_some(),
            Form::Uuid => number::uuid(value).is_some(),
            Form::Oid => text.is_some_and(|text| is_numeric_oid(text) || is_descriptor(text)),
            Form::Dn => text.is_some_and(|text| Dn::parse(text).is_ok()),
            Form::NameAndUid => text.is_some_and(|text| Dn::parse(name_and_uid(text).0).is_ok()),
        }
    }
}

/// The name and the optional bit string of a Name and Optional UID (RFC 4517 section 3.3.21).
pub(super) fn name_and_uid(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('#') {
        Some((name, uid)) if number::bits(uid.as_bytes()).is_some() => (name, Some(uid)),
        _ => (text, None),
    }
}

/// PrintableString (RFC 4517 section 3.2).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+,-./:? =".contains(&byte)
}

/// Whether `text` is a numeric OID (RFC 4512 section 1.4), leading zeros tolerated.
pub(super) fn is_numeric_oid(text: &str) -> bool {
    text.split('.')
        .all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A short name (RFC 4512 section 1.4).
pub(super) fn is_descriptor(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

const fn syntax(oid: &'static str, description: &'static str, form: Form) -> Syntax {
    Syntax {
        oid,
        description,
        form,
    }
}

/// RFC 4517 and RFC 4523 (binary forms are not looked into), RFC 4530.
static SYNTAXES: &[Syntax] = &[
    syntax("1.3.6.1.1.16.1", "UUID", Form::Uuid),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.3",
        "Attribute Type Description",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.5", "Binary", Form::Octets),
    syntax("1.3.6.1.4.1.1466.115.121.1.6", "Bit String", Form::BitString),
    syntax("1.3.6.1.4.1.1466.115.121.1.7", "Boolean", Form::Boolean),
    syntax("1.3.6.1.4.1.1466.115.121.1.8", "X.509 Certificate", Form::Octets),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.9",
        "X.509 Certificate List",
        Form::Octets,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.10",
        "X.509 Certificate Pair",
        Form::Octets,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.11", "Country String", Form::Country),
    syntax("1.3.6.1.4.1.1466.115.121.1.12", "DN", Form::Dn),
    syntax("1.3.6.1.4.1.1466.115.121.1.14", "Delivery Method", Form::Utf8),
    syntax("1.3.6.1.4.1.1466.115.121.1.15", "Directory String", Form::Utf8),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.16",
        "DIT Content Rule Description",
        Form::Utf8,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.17",
        "DIT Structure Rule Description",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.21", "Enhanced Guide", Form::Utf8),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.22",
        "Facsimile Telephone Number",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.23", "Fax", Form::Octets),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.24",
        "Generalized Time",
        Form::GeneralizedTime,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.25", "Guide", Form::Utf8),
    syntax("1.3.6.1.4.1.1466.115.121.1.26", "IA5 String", Form::Ia5),
    syntax("1.3.6.1.4.1.1466.115.121.1.27", "Integer", Form::Integer),
    syntax("1.3.6.1.4.1.1466.115.121.1.28", "JPEG", Form::Octets),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.30",
        "Matching Rule Description",
        Form::Utf8,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.31",
        "Matching Rule Use Description",
        Form::Utf8,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.34",
        "Name And Optional UID",
        Form::NameAndUid,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.35",
        "Name Form Description",
        Form::Utf8,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.36",
        "Numeric String",
        Form::NumericString,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.37",
        "Object Class Description",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.38", "OID", Form::Oid),
    syntax("1.3.6.1.4.1.1466.115.121.1.39", "Other Mailbox", Form::Utf8),
    syntax("1.3.6.1.4.1.1466.115.121.1.40", "Octet String", Form::Octets),
    syntax("1.3.6.1.4.1.1466.115.121.1.41", "Postal Address", Form::Utf8),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.44",
        "Printable String",
        Form::Printable,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.45",
        "SubtreeSpecification",
        Form::Utf8,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.50",
        "Telephone Number",
        Form::Telephone,
    ),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.51",
        "Teletex Terminal Identifier",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.52", "Telex Number", Form::Utf8),
    syntax(
        "1.3.6.1.4.1.1466.115.121.1.54",
        "LDAP Syntax Description",
        Form::Utf8,
    ),
    syntax("1.3.6.1.4.1.1466.115.121.1.58", "Substring Assertion", Form::Utf8),
];
