//! The whole directory at one revision.

use std::sync::Arc;

use super::base::Base;
use super::delta::Delta;
use super::quarantine::Quarantine;
use super::shared::Shared;
use super::side::SideRecords;
use super::{EntryRef, Slot, blob};
use crate::record::{Key, Kind, Revision};
use crate::types::{EntryId, Timestamp};

/// Every entry at one revision, and the indexes to find them. Immutable.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) base: Arc<Base>,
    pub(super) delta: Delta,
    pub(super) side: SideRecords,
    pub(super) quarantine: Quarantine,
    pub(super) revision: Revision,
    pub(super) live: usize,
    pub(super) next_id: EntryId,
}

/// A delta is folded when it has this many slots …
const DELTA_SLOTS_MIN: usize = 4096;
/// … and is more than one in this many of the base. Searches by substring and range look at the whole delta;
/// but an import into a running directory folds again and again, and each time costs as much as the base is large.
const DELTA_ONE_IN: usize = 16;

impl Snapshot {
    pub(super) fn new(
        base: Arc<Base>,
        side: SideRecords,
        quarantine: Quarantine,
        revision: Revision,
    ) -> Snapshot {
        let last = base.entries.heads.last();
        let next_id = last.map_or(EntryId::FIRST, |head| head.id.next());
        Snapshot {
            live: base.entries.len(),
            base,
            delta: Delta::default(),
            side,
            next_id: next_id.max(quarantine.next_id()),
            quarantine,
            revision,
        }
    }

    /// The commit after which this was the directory.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// An id above every id this snapshot and those it was made from have seen. Ids of entries deleted before
    /// the index was built are not known here.
    pub fn next_id(&self) -> EntryId {
        self.next_id
    }

    /// Whether so much has changed since the base was built that it should be built anew.
    pub fn wants_folding(&self) -> bool {
        let changed = self.delta.len();
        changed >= DELTA_SLOTS_MIN && changed * DELTA_ONE_IN > self.base.entries.len()
    }

    /// Builds what a large directory finds substrings by, for this snapshot and all that share its base; they
    /// answer without it, only slower. Takes some seconds a million entries: not for a thread that serves.
    pub fn add_trigrams(&self) {
        self.base.columns.add_trigrams();
    }

    /// The value of a record that is no entry (lock-out states, single values), unless it has expired by `now`.
    pub fn side_record(&self, key: &Key, now: Timestamp) -> Option<&[u8]> {
        self.side.find(key, now)
    }

    /// The records of this kind, which [`Snapshot::side_record`] must be able to find, expired ones too.
    pub fn side_records(&self, kind: Kind) -> impl Iterator<Item = (&Key, &[u8])> {
        self.side.of(kind)
    }

    /// The records of entries that cannot be served.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// The entry at `slot`; `None` if it was deleted or never was.
    #[inline]
    pub fn entry(&self, slot: Slot) -> Option<EntryRef<'_>> {
        match self.delta.entry(slot) {
            None => self.base_entry(slot),
            Some(None) => None,
            Some(Some(entry)) => Some(EntryRef {
                snapshot: self,
                slot,
                id: entry.id,
                parent: entry.parent,
                parts: blob::parts(&entry.blob, Shared::nothing()),
            }),
        }
    }

    #[inline]
    fn base_entry(&self, slot: Slot) -> Option<EntryRef<'_>> {
        let entries = &self.base.entries;
        let head = entries.head(slot)?;
        Some(EntryRef {
            snapshot: self,
            slot,
            id: head.id,
            parent: head.parent,
            parts: entries.parts(head),
        })
    }

    /// The entry with this id.
    pub fn entry_by_id(&self, id: EntryId) -> Option<EntryRef<'_>> {
        self.entry(self.slot_of(id)?)
    }

    pub(super) fn slot_of(&self, id: EntryId) -> Option<Slot> {
        self.base.entries.slot_of(id).or_else(|| self.delta.slot_of(id))
    }

    /// The slot above; [`Slot::NONE`] above a topmost or missing entry.
    #[inline]
    pub(super) fn parent_of(&self, slot: Slot) -> Slot {
        match self.delta.entry(slot) {
            None => self
                .base
                .entries
                .head(slot)
                .map_or(Slot::NONE, |head| head.parent),
            Some(entry) => entry.map_or(Slot::NONE, |entry| entry.parent),
        }
    }

    /// A bit for each set that the entry at `slot` is in; `None`: none is marked.
    #[inline]
    pub fn marks_of(&self, slot: Slot) -> Option<u64> {
        let marks = self
            .base
            .marks
            .get()
            .filter(|_| !self.base.fixed.sets.is_empty())?;
        Some(match self.delta.entry(slot) {
            None => marks.of(slot),
            Some(entry) => entry.map_or(0, |entry| entry.marks),
        })
    }

    /// About how many entries are in any of these sets, a bit each: those in several are counted several times. All, if
    /// nothing is marked.
    pub fn len_of(&self, sets: u64) -> usize {
        match self.base.marks.get() {
            Some(marks) => marks.sets(sets).map(|set| set.len() as usize).sum::<usize>() + self.delta.len(),
            None => self.live,
        }
    }

    /// The entries in any of these sets, a bit each; `None` if nothing is marked.
    pub fn slots_in(&self, sets: u64) -> Option<Vec<Slot>> {
        let mut slots: Vec<Slot> = self.base.marks.get()?.sets(sets).flatten().map(Slot).collect();
        slots.retain(|slot| !self.delta.hides(*slot));
        slots.extend(self.delta.marked(sets));
        Some(slots)
    }

    /// Takes out of `slots` those that are in none of these sets, a bit each, and not `own`; none if nothing is marked.
    pub fn keep_in(&self, sets: u64, own: Option<Slot>, slots: &mut Vec<Slot>) {
        let is_in = |marks: u64| marks & sets != 0;
        slots.retain(|slot| Some(*slot) == own || self.marks_of(*slot).is_none_or(is_in));
    }

    pub(super) fn revision_of(&self, slot: Slot) -> Revision {
        match self.delta.entry(slot) {
            None => self
                .base
                .entries
                .head(slot)
                .map_or(Revision::default(), |head| head.revision),
            Some(entry) => entry.map_or(Revision::default(), |entry| entry.revision),
        }
    }

    /// The entries right below `parent`, in no particular order.
    pub fn children(&self, parent: Slot) -> impl Iterator<Item = EntryRef<'_>> {
        self.child_slots(parent).filter_map(|slot| self.entry(slot))
    }

    /// The slots of the entries right below `parent`, in no particular order.
    pub fn child_slots(&self, parent: Slot) -> impl Iterator<Item = Slot> + '_ {
        let based = self.base.children.of(parent).iter().copied();
        let based = based.filter(|slot| !self.delta.hides(*slot));
        based.chain(self.delta.indexes.children(parent))
    }

    /// At most how many entries are right below `parent`, without looking at each.
    pub fn children_at_most(&self, parent: Slot) -> usize {
        self.base.children.of(parent).len() + self.delta.len()
    }

    /// Every entry, in ascending order of slots.
    pub fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.slots().filter_map(|slot| self.entry(slot))
    }

    fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.base.entries.len() as u32 + self.delta.added()).map(Slot)
    }
}
