//! The bulk of a snapshot: every entry in flat arrays that never change, and indexes over them.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Slot;
use super::blob::{self, Parts};
use super::columns::Columns;
use super::incoming::Intake;
use super::pool::Pool;
use super::postings::Postings;
use super::settings::Roles;
use super::terms::TermHasher;
use super::tree::Children;
use crate::domain::schema::ClassPosition;
use crate::record::Revision;

/// Entries and their indexes, by slot.
pub(super) struct Base {
    pub entries: Entries,
    pub children: Children,
    /// Slots by the hash of their parent's slot and their own normal name.
    pub names: Postings,
    pub columns: Columns,
    /// Of each shared run of object classes: those and all above them.
    pub classes: Classes,
    pub fixed: Arc<Fixed>,
}

/// Object classes by the number of the shared run that lists them.
pub(super) type Classes = HashMap<u32, Box<[ClassPosition]>, FixedState>;

/// What a snapshot and all that are made from it have in common.
pub(super) struct Fixed {
    pub intake: Intake,
    pub roles: Roles,
    pub hasher: TermHasher,
}

/// The entries of a base: slots in ascending order of ids.
#[derive(Default)]
pub(super) struct Entries {
    pub ids: Box<[u64]>,
    pub revisions: Box<[Revision]>,
    pub parents: Box<[Slot]>,
    /// Where each entry's blob begins; blobs know their own end.
    pub starts: Box<[u64]>,
    pub arena: Box<[u8]>,
    pub pool: Pool,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The slot of the entry with this id.
    pub(super) fn slot_of(&self, id: u64) -> Option<Slot> {
        // Ids are mostly handed out in a row: the entry usually stands where it would if there were no gaps.
        let first = *self.ids.first()?;
        let guess = usize::try_from(id.checked_sub(first)?).ok()?;
        if self.ids.get(guess) == Some(&id) {
            return Some(Slot(guess as u32));
        }
        let at = self.ids.binary_search(&id).ok()?;
        Some(Slot(at as u32))
    }

    #[inline]
    pub(super) fn id(&self, slot: Slot) -> Option<u64> {
        self.ids.get(slot.0 as usize).copied()
    }

    /// The commit that wrote the entry.
    pub(super) fn revision(&self, slot: Slot) -> Revision {
        self.revisions.get(slot.0 as usize).copied().unwrap_or_default()
    }

    /// The slot above; [`Slot::NONE`] for a topmost entry.
    #[inline]
    pub(super) fn parent(&self, slot: Slot) -> Slot {
        self.parents.get(slot.0 as usize).copied().unwrap_or(Slot::NONE)
    }

    #[inline]
    pub(super) fn parts(&self, slot: Slot) -> Parts<'_> {
        let start = self.starts.get(slot.0 as usize).copied().unwrap_or(u64::MAX);
        blob::parts(self.arena.get(start as usize..).unwrap_or_default())
    }
}
