//! The bulk of a snapshot: every entry in flat arrays that never change, and indexes over them.

use std::sync::{Arc, OnceLock};

use super::Slot;
use super::arena::{Arena, EntryStart};
use super::blob::{self, Parts};
use super::columns::Columns;
use super::incoming::Intake;
use super::marks::{Marks, Sets};
use super::postings::Postings;
use super::settings::Roles;
use super::shared::Shared;
use super::terms::TermHasher;
use super::tree::Children;
use crate::record::Revision;
use crate::types::EntryId;

/// Entries and their indexes, by slot.
pub(super) struct Base {
    pub entries: EntryTable,
    pub children: Children,
    /// Slots by the hash of their parent's slot and their own normal name.
    pub names: Postings,
    pub columns: Columns,
    /// Set once, before anybody sees the base.
    pub marks: OnceLock<Marks>,
    pub fixed: Arc<Fixed>,
}

/// What a snapshot and all that are made from it have in common.
pub(super) struct Fixed {
    pub intake: Intake,
    pub roles: Roles,
    pub hasher: TermHasher,
    pub sets: Sets,
}

/// The entries of a base: slots in ascending order of ids.
pub(super) struct EntryTable {
    pub heads: Box<[Head]>,
    pub packs: Vec<Pack>,
}

/// Entries that one thread has packed.
pub(super) struct Pack {
    pub arena: Arena,
    pub shared: Shared,
}

/// What is known of an entry beside its bytes. Together in one place, for one look-up in memory.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub id: EntryId,
    /// The commit that wrote the entry.
    pub revision: Revision,
    /// The number of its pack, and where its blob is there.
    pub pack: u32,
    pub place: EntryStart,
    /// The slot above; [`Slot::NONE`] for a topmost entry.
    pub parent: Slot,
}

impl EntryTable {
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// The slot of the entry with this id.
    pub(super) fn slot_of(&self, id: EntryId) -> Option<Slot> {
        slot_of(&self.heads, |head| head.id, id)
    }

    #[inline]
    pub(super) fn head(&self, slot: Slot) -> Option<&Head> {
        self.heads.get(slot.0 as usize)
    }

    #[inline]
    pub(super) fn parts(&self, head: &Head) -> Parts<'_> {
        match self.packs.get(head.pack as usize) {
            Some(pack) => blob::parts(pack.arena.at(head.place), &pack.shared),
            None => blob::parts(&[], Shared::nothing()),
        }
    }
}

/// The position of the item with this id among items in ascending order of ids.
pub(super) fn slot_of<T>(items: &[T], id_of: impl Fn(&T) -> EntryId, id: EntryId) -> Option<Slot> {
    // Ids are mostly handed out in a row: the item usually stands where it would if there were no gaps.
    let guess = usize::try_from(id.0.checked_sub(id_of(items.first()?).0)?).ok()?;
    if items.get(guess).is_some_and(|item| id_of(item) == id) {
        return Some(Slot(guess as u32));
    }
    let at = items.binary_search_by_key(&id, id_of).ok()?;
    Some(Slot(at as u32))
}
