//! An entry as import, export and the schema check hold it: owned, in the order it was written.
//! The form that is searched is [`crate::domain::packed`].

use crate::types::{AttributeType, Dn};

/// An attribute type with its options, such as `cn;lang-en` (RFC 4512 section 2.5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeDescription {
    /// The attribute type.
    pub kind: AttributeType,
    /// The options, lower case, sorted, joined by `;`, without a leading one; empty for none.
    pub options: Box<str>,
}

/// One attribute of an entry: a description and its values, at least one. Has no `Debug`: a value may be a
/// PIN's hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Which attribute.
    pub description: AttributeDescription,
    /// The values as they were given, in their order.
    pub values: Vec<Box<[u8]>>,
}

/// A whole entry. Has no `Debug`: a value may be a PIN's hash.
#[derive(Clone)]
pub struct Entry {
    /// Its name, spelt as it was given.
    pub dn: Dn,
    /// User and operational attributes as stored, each description once. Computed ones
    /// (`memberOf`, `entryDN`, `hasSubordinates` …) are never here.
    pub attributes: Vec<Attribute>,
}

impl Entry {
    /// The values of `kind` without options; empty if the entry has none.
    pub fn values(&self, kind: AttributeType) -> &[Box<[u8]>] {
        self.attributes
            .iter()
            .find(|attribute| attribute.description.kind == kind && attribute.description.options.is_empty())
            .map_or(&[], |attribute| &attribute.values)
    }

    /// Replaces the values of `kind` without options; no values removes the attribute.
    pub fn set(&mut self, kind: AttributeType, values: Vec<Box<[u8]>>) {
        self.attributes.retain(|attribute| {
            !(attribute.description.kind == kind && attribute.description.options.is_empty())
        });
        if !values.is_empty() {
            let description = AttributeDescription {
                kind,
                options: "".into(),
            };
            self.attributes.push(Attribute { description, values });
        }
    }
}

/// Whether an attribute with the options `have` is one that a description with the options `asked` names
/// (RFC 4512 section 2.5.2): it carries all of them. `lang-en-` asks for a whole range (RFC 3866 section 2.2).
pub fn options_include(have: &str, asked: &str) -> bool {
    if asked.is_empty() {
        return true;
    }
    let mut asked = asked.split(';');
    asked.all(|asked| have.split(';').any(|have| option_is(have, asked)))
}

fn option_is(have: &str, asked: &str) -> bool {
    match asked.strip_suffix('-') {
        Some(range) => have
            .strip_prefix(range)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        None => have == asked,
    }
}
