//! "Open to Public": a person's own switches over what strangers see.

use crate::domain::access::{Never, Sight, user_attributes, with_subtypes};
use crate::domain::filter::Filter;
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, AttributeType};

/// The switches: two attributes of an entry, whose values are attribute names.
pub(super) struct Switches {
    opened: AttributeType,
    closed: AttributeType,
    /// What a person may open.
    can_open: AttributeSet,
}

impl Switches {
    pub(super) fn new(never: &Never, schema: &Schema) -> Switches {
        let types = schema.well_known();
        Switches {
            opened: types.open_to_public,
            closed: types.not_open_to_public,
            can_open: user_attributes(schema).difference(&never.public),
        }
    }

    /// The filter of entries that have switches, which is the first of [`super::AccessRules::sets`].
    pub(super) fn filter(schema: &Schema) -> Filter {
        let types = schema.well_known();
        let has = |kind| Filter::present(schema, schema.name(kind).as_bytes());
        Filter::Or([types.open_to_public, types.not_open_to_public].map(has).into())
    }

    /// Whether a person may open attributes of `kind`.
    pub(super) fn can_open(&self, kind: AttributeType) -> bool {
        self.can_open.contains(kind)
    }

    /// What a stranger sees of `entry` by its owner's will, of whom the rules say `sight`.
    pub(super) fn turned<E: Attributes>(&self, sight: Sight, entry: &E, schema: &Schema) -> Sight {
        if entry.marks().is_some_and(|marks| marks & 1 == 0) {
            return sight;
        }
        let mut opened = AttributeSet::EMPTY;
        let mut closed = AttributeSet::EMPTY;
        for attribute in entry.attributes() {
            if attribute.kind == self.opened {
                opened = opened.union(&named(attribute, schema).collect());
            } else if attribute.kind == self.closed {
                closed = closed.union(&with_subtypes(named(attribute, schema), schema));
            }
        }
        if opened.is_empty() && closed.is_empty() {
            return sight;
        }
        let opened = Sight::of(opened.intersection(&self.can_open));
        sight.and(&opened).close(&closed)
    }
}

/// Values that name no attribute say nothing.
fn named<'a>(names: AttributeView<'a>, schema: &'a Schema) -> impl Iterator<Item = AttributeType> + 'a {
    names.values().filter_map(|name| schema.attribute(name))
}
