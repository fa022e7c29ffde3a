//! Search filters off the wire (RFC 4511 section 4.5.1.7). Values are bytes; what they mean is the builder's.

use thiserror::Error;

use crate::domain::filter::{DnAttributes, FILTER_DEPTH_MAX, Filter};
use crate::domain::schema::Schema;
use crate::ldap::ber::{self, Element, Malformed, Reader};

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUALITY_MATCH: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const GREATER_OR_EQUAL: u8 = 0xa5;
const LESS_OR_EQUAL: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROX_MATCH: u8 = 0xa8;
const EXTENSIBLE_MATCH: u8 = 0xa9;

const INITIAL: u8 = 0x80;
const ANY: u8 = 0x81;
const FINAL: u8 = 0x82;

const MATCHING_RULE: u8 = 0x81;
const TYPE: u8 = 0x82;
const MATCH_VALUE: u8 = 0x83;
const DN_ATTRIBUTES: u8 = 0x84;

/// The parts of `(description=initial*any*final)`.
#[derive(Clone, Default)]
pub struct Substrings<'a> {
    /// What a value begins with.
    pub initial: Option<&'a [u8]>,
    /// What stands in between, in this order.
    pub any: Vec<&'a [u8]>,
    /// What a value ends with.
    pub last: Option<&'a [u8]>,
}

/// An extensible match: at least one of rule and description.
#[derive(Clone, Copy)]
pub struct Extensible<'a> {
    /// The matching rule.
    pub rule: Option<&'a [u8]>,
    /// The attribute description.
    pub description: Option<&'a [u8]>,
    /// The assertion value.
    pub value: &'a [u8],
    /// Whether the attributes of the DN count.
    pub dn: DnAttributes,
}

/// Makes filters of decoded parts. The running schema makes the ones that are evaluated.
pub trait BuildFilter {
    /// What is made.
    type Filter;
    /// All of them; of none, true (RFC 4526).
    fn and(&self, parts: Vec<Self::Filter>) -> Self::Filter;
    /// Any of them; of none, false (RFC 4526).
    fn or(&self, parts: Vec<Self::Filter>) -> Self::Filter;
    /// Not this one.
    fn not(&self, part: Self::Filter) -> Self::Filter;
    /// An item nobody can say anything about.
    fn undefined(&self) -> Self::Filter;
    /// `(description=value)`.
    fn equality(&self, description: &[u8], value: &[u8]) -> Self::Filter;
    /// `(description>=value)`.
    fn greater_or_equal(&self, description: &[u8], value: &[u8]) -> Self::Filter;
    /// `(description<=value)`.
    fn less_or_equal(&self, description: &[u8], value: &[u8]) -> Self::Filter;
    /// `(description~=value)`.
    fn approximate(&self, description: &[u8], value: &[u8]) -> Self::Filter;
    /// `(description=*)`.
    fn present(&self, description: &[u8]) -> Self::Filter;
    /// `(description=initial*any*final)`.
    fn substrings(&self, description: &[u8], substrings: &Substrings<'_>) -> Self::Filter;
    /// `(description:dn:rule:=value)`.
    fn extensible(&self, extensible: &Extensible<'_>) -> Self::Filter;
}

impl BuildFilter for Schema {
    type Filter = Filter;

    fn and(&self, parts: Vec<Filter>) -> Filter {
        Filter::And(parts)
    }
    fn or(&self, parts: Vec<Filter>) -> Filter {
        Filter::Or(parts)
    }
    fn not(&self, part: Filter) -> Filter {
        Filter::Not(Box::new(part))
    }
    fn undefined(&self) -> Filter {
        Filter::Undefined
    }
    fn equality(&self, description: &[u8], value: &[u8]) -> Filter {
        Filter::equality(self, description, value)
    }
    fn greater_or_equal(&self, description: &[u8], value: &[u8]) -> Filter {
        Filter::greater_or_equal(self, description, value)
    }
    fn less_or_equal(&self, description: &[u8], value: &[u8]) -> Filter {
        Filter::less_or_equal(self, description, value)
    }
    fn approximate(&self, description: &[u8], value: &[u8]) -> Filter {
        Filter::approximate(self, description, value)
    }
    fn present(&self, description: &[u8]) -> Filter {
        Filter::present(self, description)
    }
    fn substrings(&self, description: &[u8], parts: &Substrings<'_>) -> Filter {
        Filter::substrings(self, description, parts.initial, &parts.any, parts.last)
    }
    fn extensible(&self, parts: &Extensible<'_>) -> Filter {
        Filter::extensible(self, parts.rule, parts.description, parts.value, parts.dn)
    }
}

/// Why bytes are no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Not the BER RFC 4511 describes.
    #[error("malformed filter")]
    Malformed,
    /// Deeper than [`FILTER_DEPTH_MAX`].
    #[error("filter nested too deep")]
    TooDeep,
}

impl From<Malformed> for FilterError {
    fn from(_: Malformed) -> FilterError {
        FilterError::Malformed
    }
}

/// Reads the next element of `reader` as a filter. An unknown kind of item is Undefined, not an error
/// (RFC 4511 section 4.5.1.7). Errors: [`FilterError`].
pub fn decode<B: BuildFilter>(reader: &mut Reader<'_>, build: &B) -> Result<B::Filter, FilterError> {
    let depth_left = FILTER_DEPTH_MAX;
    filter(reader.element()?, build, depth_left)
}

fn filter<B: BuildFilter>(
    element: Element<'_>,
    build: &B,
    depth_left: usize,
) -> Result<B::Filter, FilterError> {
    let content = element.content;
    match element.tag {
        AND => Ok(build.and(all(content, build, depth_left)?)),
        OR => Ok(build.or(all(content, build, depth_left)?)),
        NOT => Ok(build.not(only(content, build, depth_left)?)),
        EQUALITY_MATCH => assertion(content, |description, value| build.equality(description, value)),
        GREATER_OR_EQUAL => assertion(content, |description, value| {
            build.greater_or_equal(description, value)
        }),
        LESS_OR_EQUAL => assertion(content, |description, value| {
            build.less_or_equal(description, value)
        }),
        APPROX_MATCH => assertion(content, |description, value| {
            build.approximate(description, value)
        }),
        PRESENT => Ok(build.present(content)),
        SUBSTRINGS => substrings(content, build),
        EXTENSIBLE_MATCH => extensible(content, build),
        _ => Ok(build.undefined()),
    }
}

fn all<B: BuildFilter>(content: &[u8], build: &B, depth_left: usize) -> Result<Vec<B::Filter>, FilterError> {
    let depth_left = depth_left.checked_sub(1).ok_or(FilterError::TooDeep)?;
    let mut reader = Reader::new(content);
    let mut parts = Vec::new();
    while !reader.is_empty() {
        parts.push(filter(reader.element()?, build, depth_left)?);
    }
    Ok(parts)
}

fn only<B: BuildFilter>(content: &[u8], build: &B, depth_left: usize) -> Result<B::Filter, FilterError> {
    let depth_left = depth_left.checked_sub(1).ok_or(FilterError::TooDeep)?;
    let mut reader = Reader::new(content);
    let part = filter(reader.element()?, build, depth_left)?;
    if reader.is_empty() {
        Ok(part)
    } else {
        Err(FilterError::Malformed)
    }
}

fn assertion<F>(content: &[u8], build: impl FnOnce(&[u8], &[u8]) -> F) -> Result<F, FilterError> {
    let mut reader = Reader::new(content);
    let description = reader.expect(ber::OCTET_STRING)?;
    let value = reader.expect(ber::OCTET_STRING)?;
    Ok(build(description, value))
}

fn substrings<B: BuildFilter>(content: &[u8], build: &B) -> Result<B::Filter, FilterError> {
    let mut reader = Reader::new(content);
    let description = reader.expect(ber::OCTET_STRING)?;
    let mut pieces = Reader::new(reader.expect(ber::SEQUENCE)?);
    if pieces.is_empty() {
        return Ok(build.undefined());
    }
    let mut parts = Substrings {
        initial: pieces.optional(INITIAL)?,
        ..Substrings::default()
    };
    while let Some(any) = pieces.optional(ANY)? {
        parts.any.push(any);
    }
    parts.last = pieces.optional(FINAL)?;
    if pieces.is_empty() {
        Ok(build.substrings(description, &parts))
    } else {
        Err(FilterError::Malformed)
    }
}

fn extensible<B: BuildFilter>(content: &[u8], build: &B) -> Result<B::Filter, FilterError> {
    let mut reader = Reader::new(content);
    let rule = reader.optional(MATCHING_RULE)?;
    let description = reader.optional(TYPE)?;
    let value = reader.optional(MATCH_VALUE)?;
    let dn = reader
        .optional(DN_ATTRIBUTES)?
        .map(ber::boolean)
        .transpose()?
        .unwrap_or(false);
    let dn = if dn {
        DnAttributes::Included
    } else {
        DnAttributes::Excluded
    };
    match value {
        Some(value) if rule.is_some() || description.is_some() => Ok(build.extensible(&Extensible {
            rule,
            description,
            value,
            dn,
        })),
        _ => Ok(build.undefined()),
    }
}
