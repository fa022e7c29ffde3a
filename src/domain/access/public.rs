//! "Open to Public": a person's own switches over what strangers see.

use crate::domain::access::{Never, Sight, user_attributes, with_subtypes};
use crate::domain::filter::Filter;
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, AttributeType};

/// The bit that an entry with switches has among its [`Attributes::marks`].
pub const HAS_SWITCHES: u64 = 1;

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

    /// Makes of `sight`, which the rules say strangers have of `entry`, what they have by its owner's will. `marks` are the
    /// entry's.
    pub(super) fn turn<E: Attributes>(
        &self,
        sight: &mut Sight,
        entry: &E,
        marks: Option<u64>,
        schema: &Schema,
    ) {
        if marks.is_some_and(|marks| marks & HAS_SWITCHES == 0) {
            return;
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
        sight.add(&Sight::of(opened.intersection(&self.can_open)));
        sight.close(&closed);
    }
}

/// Values that name no attribute say nothing.
fn named<'a>(names: AttributeView<'a>, schema: &'a Schema) -> impl Iterator<Item = AttributeType> + 'a {
    names.values().filter_map(|name| schema.attribute(name))
}
