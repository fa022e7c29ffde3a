//! Attributes that somebody may write and not see: what a modification of one comes to does not depend on the values that
//! are there, or its result code would tell them.
//!
//! A value that is there already is as good as added, and one that is not as good as deleted. What cannot be done without
//! looking is refused whatever is there; to replace all values needs no look.

use crate::directory::change::decide::World;
use crate::directory::change::modify::Sound;
use crate::directory::changes::{ModificationKind, Strictness};
use crate::directory::request::{Answer, Refusal};
use crate::domain::access::Sight;
use crate::domain::schema::Schema;
use crate::index::EntryRef;
use crate::types::{AttributeSet, AttributeType};

/// What of an entry who wants a change of it may see.
pub(super) struct Seen {
    kinds: AttributeSet,
    /// What the entry's classes demand.
    must: AttributeSet,
}

impl Seen {
    /// Of `entry` as it stands. Administrators may export what they do not read, so nothing is kept from them.
    pub(super) fn of(world: &World<'_>, entry: EntryRef<'_>) -> Seen {
        let schema = world.directory.schema();
        let classes = entry.attribute(schema.object_class_attribute());
        let classes = classes.into_iter().flat_map(|classes| classes.values());
        let sight = world.view.sight(entry.id(), &entry).unwrap_or(Sight::NONE);
        Seen {
            kinds: match world.asker.is_administrator() {
                true => AttributeSet::ALL,
                false => sight.search.union(&sight.compare),
            },
            must: schema.lacking(classes, &AttributeSet::EMPTY),
        }
    }

    /// Those of `touched` that are not seen.
    pub(super) fn hidden(&self, touched: &[AttributeType]) -> AttributeSet {
        let touched: AttributeSet = touched.iter().copied().collect();
        touched.difference(&self.kinds)
    }

    /// How strict `step` is if `wanted` is asked for. Errors: [`Answer::InsufficientAccess`].
    pub(super) fn strictness(
        &self,
        schema: &Schema,
        step: &Sound,
        wanted: Strictness,
    ) -> Result<Strictness, Refusal> {
        let kind = step.description.kind;
        if self.kinds.contains(kind) {
            return Ok(wanted);
        }
        let definition = schema.definition(kind);
        let is_comparable = definition.equality.is_some();
        let needs_a_look = match step.kind {
            ModificationKind::Replace => false,
            ModificationKind::Add => definition.text.single_value || !is_comparable,
            ModificationKind::Delete => {
                !step.values.is_empty() && (self.must.contains(kind) || !is_comparable)
            }
            ModificationKind::Increment => true,
        };
        match needs_a_look {
            true => Err(unreadable(schema, kind)),
            false => Ok(Strictness::Permissive),
        }
    }

    /// Whether an entry may get a name with a value of `kind`, which might have another value and can have one only.
    /// Errors: [`Answer::InsufficientAccess`].
    pub(super) fn check_naming(&self, schema: &Schema, kind: AttributeType) -> Result<(), Refusal> {
        match !schema.definition(kind).text.single_value || self.kinds.contains(kind) {
            true => Ok(()),
            false => Err(unreadable(schema, kind)),
        }
    }
}

fn unreadable(schema: &Schema, kind: AttributeType) -> Refusal {
    let why = format!(
        "{}: you may not read it, only replace it as a whole",
        schema.name(kind)
    );
    Refusal::because(Answer::InsufficientAccess, why)
}
