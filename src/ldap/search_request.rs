//! The SearchRequest off the wire (RFC 4511 section 4.5.1), without copying what need not be kept.

use thiserror::Error;

use crate::directory::request::Scope;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::filter_decoder::{self, BuildFilter, FilterError};

/// The largest value of `derefAliases`. There are no aliases here, so a valid one is read and forgotten.
const DEREF_ALWAYS: u32 = 3;

/// A search as it was asked, names not resolved yet.
pub struct SearchRequest<'a, F> {
    /// `baseObject`, RFC 4514 text if all is well.
    pub base: &'a [u8],
    /// `scope`.
    pub scope: Scope,
    /// `sizeLimit` in entries; 0 for none.
    pub size_limit: u32,
    /// `timeLimit` in seconds; 0 for none.
    pub time_limit_s: u32,
    /// `typesOnly`.
    pub values: Values,
    /// `filter`.
    pub filter: F,
    /// `filter` and `attributes` as they were written.
    pub what: &'a [u8],
    /// `attributes`, the content of the sequence.
    pub attributes: &'a [u8],
}

/// Whether attributes are answered with their values (RFC 4511 `typesOnly`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// With them.
    Included,
    /// Descriptions only.
    Omitted,
}

/// Why bytes are no SearchRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SearchRequestError {
    /// Not the BER RFC 4511 describes, or a number outside its range: `protocolError`.
    #[error("malformed search request")]
    Malformed,
    /// The filter is nested too deep: `adminLimitExceeded`.
    #[error("filter nested too deep")]
    FilterTooDeep,
}

impl From<Malformed> for SearchRequestError {
    fn from(_: Malformed) -> SearchRequestError {
        SearchRequestError::Malformed
    }
}

impl From<FilterError> for SearchRequestError {
    fn from(error: FilterError) -> SearchRequestError {
        match error {
            FilterError::Malformed => SearchRequestError::Malformed,
            FilterError::TooDeep => SearchRequestError::FilterTooDeep,
        }
    }
}

/// Reads the body of a SearchRequest; `build` makes its filter. Errors: [`SearchRequestError`].
pub fn decode<'a, B: BuildFilter>(
    body: &'a [u8],
    build: &B,
) -> Result<SearchRequest<'a, B::Filter>, SearchRequestError> {
    let mut reader = Reader::new(body);
    let base = reader.expect(ber::OCTET_STRING)?;
    let scope = scope(reader.integer(ber::ENUMERATED)?)?;
    if reader.integer(ber::ENUMERATED)? > DEREF_ALWAYS {
        return Err(SearchRequestError::Malformed);
    }
    let size_limit = reader.integer(ber::INTEGER)?;
    let time_limit_s = reader.integer(ber::INTEGER)?;
    let values = if reader.boolean()? {
        Values::Omitted
    } else {
        Values::Included
    };
    let what = reader.rest();
    let filter = filter_decoder::decode(&mut reader, build)?;
    let attributes = reader.expect(ber::SEQUENCE)?;
    Ok(SearchRequest {
        base,
        scope,
        size_limit,
        time_limit_s,
        values,
        filter,
        what,
        attributes,
    })
}

fn scope(number: u32) -> Result<Scope, Malformed> {
    match number {
        0 => Ok(Scope::Base),
        1 => Ok(Scope::One),
        2 => Ok(Scope::Subtree),
        3 => Ok(Scope::Subordinate),
        _ => Err(Malformed),
    }
}
