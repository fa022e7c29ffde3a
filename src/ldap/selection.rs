//! The attributes a search asks for (RFC 4511 section 4.5.1.8).

use thiserror::Error;

use crate::directory::request::Selection;
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
        selection.all_user = true;
    }
    let mut count = 0;
    while !reader.is_empty() {
        select(&mut selection, reader.expect(ber::OCTET_STRING)?, schema);
        count += 1;
        if count.max(selection.named.len()) > SELECTED_ATTRIBUTES_MAX {
            return Err(SelectionError::TooMany);
        }
    }
    Ok(selection)
}

fn select(selection: &mut Selection, selector: &[u8], schema: &Schema) {
    match selector {
        b"*" => selection.all_user = true,
        b"+" => selection.all_operational = true,
        [b'@', class @ ..] => select_class(selection, class, schema),
        _ => {
            let description = schema.describe(selector);
            selection
                .named
                .extend(description.map(|found| (found.kind, found.options)));
        }
    }
}

/// Everything an object class has or may have (RFC 4529); nothing if there is no such class.
fn select_class(selection: &mut Selection, class: &[u8], schema: &Schema) {
    let Some(class) = schema.class(class) else { return };
    let attributes = class.must.union(&class.may);
    let kinds = schema
        .attribute_types()
        .map(|(kind, _)| kind)
        .filter(|kind| attributes.contains(*kind));
    selection.named.extend(kinds.map(|kind| (kind, "".into())));
}
