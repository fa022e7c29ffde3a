//! Which attributes an answer carries: what was selected, cut down to what may be read.

use crate::directory::ask::computed::{Computed, WholeEntry};
use crate::directory::ask::directory::Directory;
use crate::directory::request::{AttributeCopy, EntryCopy, FoundEntry, Selection};
use crate::domain::access::View;
use crate::domain::entry::{AttributeDescription, options_include};
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::Schema;
use crate::index::EntryRef;
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

impl Directory {
    /// What the viewer may read of `entry` and has selected, as a search of the entry alone would give it; `None` if the
    /// viewer may not know of it.
    pub fn copy(&self, entry: EntryRef<'_>, view: &View<'_>, selection: &Selection) -> Option<EntryCopy> {
        let schema = self.schema();
        let sight = view.sight(entry.id(), &entry)?;
        let selected = Selected::new(selection, schema);
        let mut computed = Computed::default();
        let wanted = selected.kinds().intersection(&sight.read);
        computed.compute(entry, &wanted, self.computed(), schema, view);
        let found = Found {
            entry: WholeEntry {
                schema,
                stored: entry,
                computed: &computed,
            },
            readable: &sight.read,
            selected: &selected,
            schema,
        };
        let mut attributes = Vec::new();
        found.each_attribute(&mut |view| attributes.push(attribute_copy(schema, view)));
        let dn = entry.dn_text().into();
        Some(EntryCopy { dn, attributes })
    }
}

fn attribute_copy(schema: &Schema, view: AttributeView<'_>) -> AttributeCopy {
    let description = AttributeDescription {
        kind: view.kind,
        options: view.options.into(),
    };
    AttributeCopy {
        description: schema.spell(&description).into(),
        encoded: view.encoded.into(),
    }
}
