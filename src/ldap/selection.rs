//! The attributes a search asks for (RFC 4511 section 4.5.1.8).

use thiserror::Error;

use crate::directory::request::{Selection, Wanted};
use crate::domain::schema::Schema;
use crate::ldap::ber::{self, Malformed, Reader};
use crate::ldap::limits::SELECTED_ATTRIBUTES_MAX;

/// Why bytes are no AttributeSelection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// Not a sequence of strings.
    #[error("malformed attribute selection")]
    Malformed,
    /// More than [`SELECTED_ATTRIBUTES_MAX`].
    #[error("too many attributes asked for")]
    TooMany,
}

impl From<Malformed> for SelectionError {
    fn from(_: Malformed) -> SelectionError {
        SelectionError::Malformed
    }
}

/// Reads the content of `attributes`. Nothing at all means `*`; `1.1` (RFC 4511) and names the schema does
/// not know select nothing. Errors: [`SelectionError`].
pub fn decode(attributes: &[u8], schema: &Schema) -> Result<Selection, SelectionError> {
    let mut selection = Selection::default();
    let mut reader = Reader::new(attributes);
    if reader.is_empty() {
        selection.all_user = Wanted::Yes;
    }
    let mut count = 0;
    while !reader.is_empty() {
        count += 1;
        if count > SELECTED_ATTRIBUTES_MAX {
            return Err(SelectionError::TooMany);
        }
        select(&mut selection, reader.expect(ber::OCTET_STRING)?, schema);
    }
    Ok(selection)
}

fn select(selection: &mut Selection, selector: &[u8], schema: &Schema) {
    match selector {
        b"*" => selection.all_user = Wanted::Yes,
        b"+" => selection.all_operational = Wanted::Yes,
        _ => {
            let (name, options) = split(selector);
            if let (Some(kind), Some(options)) = (schema.attribute(name), normal_options(options)) {
                selection.named.push((kind, options));
            }
        }
    }
}

/// The type and the options of an attribute description, without the `;` between them.
fn split(description: &[u8]) -> (&[u8], &[u8]) {
    match description.iter().position(|octet| *octet == b';') {
        Some(at) => (
            description.get(..at).unwrap_or_default(),
            description.get(at + 1..).unwrap_or_default(),
        ),
        None => (description, &[]),
    }
}

/// Options lower case, sorted, each once; `None` if they are not text.
fn normal_options(options: &[u8]) -> Option<Box<str>> {
    if options.is_empty() {
        return Some("".into());
    }
    let text = std::str::from_utf8(options).ok()?.to_ascii_lowercase();
    let mut options: Vec<&str> = text.split(';').collect();
    options.sort_unstable();
    options.dedup();
    Some(options.join(";").into())
}
