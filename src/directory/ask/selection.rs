//! Which attributes an answer carries: what was selected, cut down to what may be read.

use crate::directory::ask::computed::WholeEntry;
use crate::directory::request::{FoundEntry, Selection};
use crate::domain::entry::options_include;
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, AttributeType};

/// A [`Selection`] with its subtypes worked out.
pub struct Selected {
    /// Selected with whatever options.
    kinds: AttributeSet,
    /// Selected with these options, or more.
    with_options: Vec<(AttributeSet, Box<str>)>,
}

impl Selected {
    /// Works `selection` out.
    pub fn new(selection: &Selection, schema: &Schema) -> Selected {
        let operational = schema.operational();
        let mut selected = Selected {
            kinds: AttributeSet::EMPTY,
            with_options: Vec::new(),
        };
        if selection.all_user {
            selected.kinds = AttributeSet::ALL.difference(operational);
        }
        if selection.all_operational {
            selected.kinds = selected.kinds.union(operational);
        }
        for (kind, options) in &selection.named {
            selected.add(&schema.definition(*kind).subtypes, options);
        }
        selected
    }

    fn add(&mut self, kinds: &AttributeSet, options: &str) {
        match options {
            "" => self.kinds = self.kinds.union(kinds),
            options => self.with_options.push((*kinds, options.into())),
        }
    }

    /// Every attribute type that may come up.
    pub fn kinds(&self) -> AttributeSet {
        self.with_options
            .iter()
            .fold(self.kinds, |sum, (kinds, _)| sum.union(kinds))
    }

    fn has(&self, attribute: &AttributeView<'_>) -> bool {
        self.kinds.contains(attribute.kind)
            || self.with_options.iter().any(|(kinds, options)| {
                kinds.contains(attribute.kind) && options_include(attribute.options, options)
            })
    }
}

/// An entry on its way into a sink.
pub struct Found<'a> {
    /// The entry.
    pub entry: WholeEntry<'a>,
    /// What the asker may read of it.
    pub readable: &'a AttributeSet,
    /// What the asker asked for.
    pub selected: &'a Selected,
    /// Where names come from.
    pub schema: &'a Schema,
}

impl FoundEntry for Found<'_> {
    fn dn_len(&self) -> usize {
        self.entry.stored.dn_len()
    }

    fn write_dn(&self, part: &mut dyn FnMut(&[u8])) {
        self.entry.stored.write_dn(part);
    }

    fn name(&self, kind: AttributeType) -> &str {
        self.schema.name(kind)
    }

    fn each_attribute(&self, each: &mut dyn FnMut(AttributeView<'_>)) {
        for attribute in self.entry.attributes() {
            if self.readable.contains(attribute.kind) && self.selected.has(&attribute) {
                each(attribute);
            }
        }
    }
}
