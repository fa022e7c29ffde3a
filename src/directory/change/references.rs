//! Values that name an entry, in whichever entries: they follow it when it is renamed and go when it goes.
//!
//! Those of every user attribute of names, `manager` as well as `member`: the index knows who has them
//! ([`crate::index::IndexSettings::with_needed`]).

use std::collections::BTreeMap;

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{ENTRY_BYTES_MAX, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::stamp;
use crate::directory::request::Refusal;
use crate::domain::entry::AttributeDescription;
use crate::index::EntryRef;
use crate::types::{AttributeType, EntryId, Timestamp};

/// The entries that refer to others, as they will be.
pub(super) struct References<'w> {
    world: &'w World<'w>,
    /// The entry that is renamed or goes: whoever changes it writes it.
    own: (EntryId, Draft<'w>),
    others: BTreeMap<EntryId, (EntryRef<'w>, Draft<'w>)>,
}

impl<'w> References<'w> {
    /// None yet but `entry` itself, of which `draft` was made.
    pub(super) fn new(world: &'w World<'w>, entry: EntryId, draft: Draft<'w>) -> References<'w> {
        References {
            world,
            own: (entry, draft),
            others: BTreeMap::new(),
        }
    }

    /// Has everybody who refers to `named` refer to it by the name `new`, or no more.
    pub(super) fn follow(&mut self, named: EntryRef<'_>, new: Option<&str>) {
        let (old, normal) = (named.dn_text(), named.normal_dn());
        let (world, schema) = (self.world, self.world.directory.schema());
        for kind in schema.dn_valued().iter() {
            for holder in world.snapshot.holders(kind, normal.as_bytes(), schema) {
                let draft = if holder.id() == self.own.0 {
                    &mut self.own.1
                } else {
                    let other = self.others.entry(holder.id());
                    &mut other.or_insert_with(|| (holder, Draft::of(schema, holder))).1
                };
                rewrite(draft, holder, kind, &old, new);
            }
        }
    }

    /// Writes the others, and gives the draft of the entry itself. Errors: [`Refusal`] for one that would be too long.
    pub(super) fn write(self, claims: &mut Claims, now: Timestamp) -> Result<Draft<'w>, Refusal> {
        for (id, (holder, mut draft)) in self.others {
            stamp::modified(self.world, &mut draft, now);
            let entry = draft.entry(holder.dn());
            let parent = holder.parent().map(|parent| parent.id());
            claims.write(id, draft.encode(id, parent, &entry, ENTRY_BYTES_MAX)?);
        }
        Ok(self.own.1)
    }
}

/// Has the values of `entry` that refer to `old` refer to `new`, in `draft`, which was made of it.
fn rewrite(draft: &mut Draft<'_>, entry: EntryRef<'_>, kind: AttributeType, old: &str, new: Option<&str>) {
    for attribute in entry.packed().filter(|attribute| attribute.kind == kind) {
        let description = AttributeDescription {
            kind,
            options: attribute.options.into(),
        };
        if let (Ok(()), Some(new)) = (draft.delete(&description, old.as_bytes()), new) {
            // It may have been there beside the old one.
            let _ = draft.add(&description, new.as_bytes().into());
        }
    }
}
