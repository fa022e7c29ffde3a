//! What has changed since the base was built: a small layer of persistent maps over it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::fast::FixedState;
use imbl::shared_ptr::DefaultSharedPtr;
use imbl::{GenericHashMap, OrdSet};

use super::Slot;
use super::membership::Posting;
use crate::record::Revision;
use crate::types::{AttributeType, EntryId};

type Map<K, V> = GenericHashMap<K, V, FixedState, DefaultSharedPtr>;

/// An entry written since the base was built.
pub(super) struct DeltaEntry {
    pub id: EntryId,
    pub parent: Slot,
    pub revision: Revision,
    /// A bit for each of the sets it is in.
    pub marks: u64,
    pub blob: Box<[u8]>,
}

/// The changes since the base. Copying it is cheap; a copy and its original do not affect each other.
///
/// A slot written or deleted here hides whatever the base's indexes say of it.
#[derive(Clone, Default)]
pub(super) struct Delta {
    /// `None`: deleted.
    entries: Map<Slot, Option<Arc<DeltaEntry>>>,
    /// Slots of ids that the base does not have.
    ids: Map<EntryId, Slot>,
    /// How many slots were added behind the base's.
    added: u32,
    pub indexes: DeltaIndexes,
}

/// The indexes over the entries of a [`Delta`].
#[derive(Clone, Default)]
pub(super) struct DeltaIndexes {
    pub equality: OrdSet<(AttributeType, u32, Slot)>,
    pub membership: OrdSet<(AttributeType, Posting)>,
    pub names: OrdSet<(u32, Slot)>,
    pub children: OrdSet<(Slot, Slot)>,
}

impl Delta {
    /// How many slots differ from the base.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// `None`: as in the base. `Some(None)`: deleted.
    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> Option<Option<&Arc<DeltaEntry>>> {
        if self.entries.is_empty() {
            return None;
        }
        self.entries.get(&slot).map(Option::as_ref)
    }

    /// Whether the base's word about `slot` no longer counts.
    #[inline]
    pub(super) fn hides(&self, slot: Slot) -> bool {
        !self.entries.is_empty() && self.entries.contains_key(&slot)
    }

    /// The slots that have been written and still have an entry, in no order.
    pub(super) fn written(&self) -> impl Iterator<Item = Slot> + '_ {
        let live = self.entries.iter().filter(|(_, entry)| entry.is_some());
        live.map(|(slot, _)| *slot)
    }

    /// Those of them that are in any of these sets.
    pub(super) fn marked(&self, sets: u64) -> impl Iterator<Item = Slot> + '_ {
        let is_in = move |entry: &Arc<DeltaEntry>| entry.marks & sets != 0;
        let marked = self
            .entries
            .iter()
            .filter(move |(_, entry)| entry.as_ref().is_some_and(is_in));
        marked.map(|(slot, _)| *slot)
    }

    pub(super) fn slot_of(&self, id: EntryId) -> Option<Slot> {
        self.ids.get(&id).copied()
    }

    /// A new slot behind `base_len` base slots and those added before, for an id the base does not have.
    pub(super) fn add_slot(&mut self, id: EntryId, base_len: usize) -> Slot {
        let slot = Slot(base_len as u32 + self.added);
        self.added += 1;
        self.ids.insert(id, slot);
        slot
    }

    pub(super) fn put(&mut self, slot: Slot, entry: DeltaEntry) {
        self.entries.insert(slot, Some(Arc::new(entry)));
    }

    pub(super) fn delete(&mut self, slot: Slot) {
        self.entries.insert(slot, None);
    }

    /// How many slots there are behind the base's.
    pub(super) fn added(&self) -> u32 {
        self.added
    }
}

impl DeltaIndexes {
    pub(super) fn equality(&self, kind: AttributeType, hash: u32) -> impl Iterator<Item = Slot> + '_ {
        let range = (kind, hash, Slot(0))..=(kind, hash, Slot(u32::MAX));
        self.equality.range(range).map(|(_, _, slot)| *slot)
    }

    pub(super) fn membership(&self, kind: AttributeType, hash: u32) -> impl Iterator<Item = Posting> + '_ {
        self.membership_between(kind, hash, Slot(0), Slot(u32::MAX))
    }

    /// Those of the entry at `slot`.
    pub(super) fn membership_in(
        &self,
        kind: AttributeType,
        hash: u32,
        slot: Slot,
    ) -> impl Iterator<Item = Posting> + '_ {
        self.membership_between(kind, hash, slot, slot)
    }

    fn membership_between(
        &self,
        kind: AttributeType,
        hash: u32,
        first: Slot,
        last: Slot,
    ) -> impl Iterator<Item = Posting> + '_ {
        let end = |slot, offset| (kind, Posting { hash, slot, offset });
        self.membership
            .range(end(first, 0)..=end(last, u32::MAX))
            .map(|(_, posting)| *posting)
    }

    pub(super) fn names(&self, hash: u32) -> impl Iterator<Item = Slot> + '_ {
        self.names.range(pairs(hash)).map(|(_, slot)| *slot)
    }

    pub(super) fn children(&self, parent: Slot) -> impl Iterator<Item = Slot> + '_ {
        self.children.range(pairs(parent)).map(|(_, child)| *child)
    }
}

fn pairs<T: Copy>(first: T) -> RangeInclusive<(T, Slot)> {
    (first, Slot(0))..=(first, Slot(u32::MAX))
}
