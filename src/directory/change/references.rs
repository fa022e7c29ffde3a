//! Values that name an entry, in whichever entries: they follow it when it is renamed and go when it goes.
//!
//! Only attributes of names that are indexed, such as `member`: of the others nobody knows who has a value without
//! reading every entry.

use std::collections::BTreeMap;

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{ENTRY_BYTES_MAX, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::stamp;
use crate::directory::request::Refusal;
use crate::domain::entry::AttributeDescription;
use crate::domain::matching::Form;
use crate::domain::schema::Schema;
use crate::index::{Candidates, EntryRef};
use crate::types::{AttributeType, EntryId, Timestamp};

/// The entries that refer to others, as they will be.
pub(super) struct References<'w> {
    world: &'w World<'w>,
    kinds: Vec<AttributeType>,
    /// The entry that is changed itself: whoever changes it sees to it.
    own: EntryId,
    changed: BTreeMap<EntryId, (EntryRef<'w>, Draft<'w>)>,
}

impl<'w> References<'w> {
    /// None yet; those in the entry `own` are left alone.
    pub(super) fn new(world: &'w World<'w>, own: EntryId) -> References<'w> {
        References {
            kinds: kinds(world.directory.schema()),
            world,
            own,
            changed: BTreeMap::new(),
        }
    }

    /// Has everybody who refers to the entry named `old` refer to `new`, or no more.
    pub(super) fn follow(&mut self, old: &str, new: Option<&str>) {
        let schema = self.world.directory.schema();
        for kind in self.kinds.clone() {
            let Some(normal) = schema.normal_value(kind, old.as_bytes()) else {
                continue;
            };
            let Candidates::Among(slots) = self.world.snapshot.equality(kind, &normal) else {
                continue;
            };
            for slot in slots {
                let holder = self.world.snapshot.entry(slot);
                if let Some(holder) = holder.filter(|holder| holder.id() != self.own) {
                    self.rewrite(holder, kind, old, new);
                }
            }
        }
    }

    fn rewrite(&mut self, holder: EntryRef<'w>, kind: AttributeType, old: &str, new: Option<&str>) {
        let schema = self.world.directory.schema();
        let known = self.changed.remove(&holder.id());
        let was_changed = known.is_some();
        let (_, mut draft) = known.unwrap_or_else(|| (holder, Draft::of(schema, holder)));
        let has_it = rewrite(&mut draft, holder, kind, old, new);
        // What only hashes to the same is no reference.
        if has_it || was_changed {
            self.changed.insert(holder.id(), (holder, draft));
        }
    }

    /// Writes them. Errors: [`Refusal`] for one that would be too long.
    pub(super) fn write(self, claims: &mut Claims, now: Timestamp) -> Result<(), Refusal> {
        for (id, (holder, mut draft)) in self.changed {
            stamp::modified(self.world, &mut draft, now);
            let entry = draft.entry(holder.dn());
            let parent = holder.parent().map(|parent| parent.id());
            claims.write(id, draft.encode(id, parent, &entry, ENTRY_BYTES_MAX)?);
        }
        Ok(())
    }
}

/// Has the values of an entry that refer to `old` refer to `new`: in `draft`, which was made of `entry`. Whether there
/// was one.
pub(super) fn rewrite(
    draft: &mut Draft<'_>,
    entry: EntryRef<'_>,
    kind: AttributeType,
    old: &str,
    new: Option<&str>,
) -> bool {
    let mut has_it = false;
    for attribute in entry.packed().filter(|attribute| attribute.kind == kind) {
        let description = AttributeDescription {
            kind,
            options: attribute.options.into(),
        };
        if draft.delete(&description, old.as_bytes()).is_ok() {
            has_it = true;
            if let Some(new) = new {
                // It may have been there beside the old one.
                let _ = draft.add(&description, new.as_bytes().into());
            }
        }
    }
    has_it
}

/// The attributes whose values are names of entries.
pub(super) fn kinds(schema: &Schema) -> Vec<AttributeType> {
    let all = schema.attribute_types();
    let names = all.filter(|(_, definition)| {
        let form = definition.equality.map(|rule| rule.form);
        !definition.is_operational() && matches!(form, Some(Form::Dn | Form::NameAndUid))
    });
    names.map(|(kind, _)| kind).collect()
}
