//! The entries that describe the server and are stored nowhere: the root DSE and the subschema subentry.

use std::sync::Arc;

use crate::directory::request::{FoundEntry, Selection};
use crate::domain::packed::{self, AttributeView, Attributes};
use crate::domain::schema::Schema;
use crate::types::AttributeType;

/// An entry of the server's own, the same for every asker.
pub struct OwnEntry {
    schema: Arc<Schema>,
    dn: Box<str>,
    attributes: Vec<OwnAttribute>,
}

struct OwnAttribute {
    kind: AttributeType,
    usage: Usage,
    encoded: Vec<u8>,
}

/// Whether an attribute is shown to whoever asks for nothing in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    User,
    Operational,
}

impl OwnEntry {
    /// An entry without attributes.
    pub fn named(dn: &str, schema: Arc<Schema>) -> OwnEntry {
        OwnEntry {
            schema,
            dn: dn.into(),
            attributes: Vec::new(),
        }
    }

    /// Adds an attribute that `*` shows. One without values, or that the schema does not know, is left out.
    pub fn user<V: AsRef<[u8]>>(self, name: &str, values: impl IntoIterator<Item = V>) -> OwnEntry {
        self.with(name, Usage::User, values)
    }

    /// Adds an attribute that only `+` or its name shows. One without values, or that the schema does not
    /// know, is left out.
    pub fn operational<V: AsRef<[u8]>>(self, name: &str, values: impl IntoIterator<Item = V>) -> OwnEntry {
        self.with(name, Usage::Operational, values)
    }

    fn with<V: AsRef<[u8]>>(
        mut self,
        name: &str,
        usage: Usage,
        values: impl IntoIterator<Item = V>,
    ) -> OwnEntry {
        let mut encoded = Vec::new();
        values
            .into_iter()
            .for_each(|value| packed::push_value(&mut encoded, value.as_ref()));
        if let (Some(kind), false) = (self.schema.attribute(name.as_bytes()), encoded.is_empty()) {
            self.attributes.push(OwnAttribute { kind, usage, encoded });
        }
        self
    }

    /// The entry as an answer to `selection`.
    pub fn selected<'a>(&'a self, selection: &'a Selection) -> SelectedEntry<'a> {
        SelectedEntry {
            entry: self,
            selection,
        }
    }
}

impl OwnAttribute {
    fn view(&self) -> AttributeView<'_> {
        AttributeView {
            kind: self.kind,
            options: "",
            encoded: &self.encoded,
        }
    }

    fn is_selected(&self, selection: &Selection) -> bool {
        let wanted = match self.usage {
            Usage::User => selection.all_user,
            Usage::Operational => selection.all_operational,
        };
        let named = || {
            selection
                .named
                .iter()
                .any(|(kind, options)| *kind == self.kind && options.is_empty())
        };
        wanted || named()
    }
}

impl Attributes for OwnEntry {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.attributes.iter().map(OwnAttribute::view)
    }
}

/// What of an [`OwnEntry`] was asked for.
pub struct SelectedEntry<'a> {
    entry: &'a OwnEntry,
    selection: &'a Selection,
}

impl FoundEntry for SelectedEntry<'_> {
    fn dn_len(&self) -> usize {
        self.entry.dn.len()
    }

    fn write_dn(&self, part: &mut dyn FnMut(&[u8])) {
        part(self.entry.dn.as_bytes());
    }

    fn name(&self, kind: AttributeType) -> &str {
        self.entry.schema.name(kind)
    }

    fn each_attribute(&self, each: &mut dyn FnMut(AttributeView<'_>)) {
        let selected = self
            .entry
            .attributes
            .iter()
            .filter(|attribute| attribute.is_selected(self.selection));
        selected.for_each(|attribute| each(attribute.view()));
    }
}
