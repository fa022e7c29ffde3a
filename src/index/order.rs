//! The one order of searches: ascending ids. A slot is only good for one snapshot, an id for ever, so a search
//! can be resumed by id on whatever snapshot there is by then.

use super::{Slot, Snapshot};
use crate::types::EntryId;

/// The first of some entries.
pub struct First {
    /// Their slots, in ascending order of their ids. Entries that were deleted or moved elsewhere may be among them.
    pub slots: Vec<Slot>,
    /// Whether there are more.
    pub more: bool,
}

impl Snapshot {
    /// Those right below `base` with ids above `after`, `most` of them.
    pub fn first_right_below(&self, base: Slot, after: EntryId, most: usize) -> First {
        let written = self.delta.indexes.children(base);
        self.first([self.base.children.of(base)].into_iter(), written, after, most)
    }

    /// Those at or below `base` with ids above `after`, `most` of them. Takes a look at each entry that has children, not at
    /// each entry.
    pub fn first_within(&self, base: Slot, after: EntryId, most: usize) -> First {
        let families = self.base.children.families();
        let families = families.filter(|(parent, _)| self.is_within(*parent, base));
        let moved = self.delta.indexes.children.iter();
        let moved = moved.filter(|(parent, _)| self.is_within(*parent, base));
        let written = moved.map(|(_, child)| *child).chain([base]);
        self.first(families.map(|(_, children)| children), written, after, most)
    }

    fn first<'s>(
        &self,
        families: impl Iterator<Item = &'s [Slot]>,
        written: impl Iterator<Item = Slot>,
        after: EntryId,
        most: usize,
    ) -> First {
        let heads = &self.base.entries.heads;
        let start = heads.partition_point(|head| head.id <= after);
        let mut slots = Vec::new();
        for family in families {
            let passed = family.partition_point(|slot| (slot.0 as usize) < start);
            slots.extend(family.iter().skip(passed).take(most.saturating_add(1)));
        }
        slots.extend(written.filter(|slot| self.id_at(*slot) > Some(after)));
        self.put_in_order(&mut slots);
        let more = slots.len() > most;
        slots.truncate(most);
        First { slots, more }
    }

    /// Sorts slots by the ids of their entries and drops repetitions.
    pub fn put_in_order(&self, slots: &mut Vec<Slot>) {
        // Mostly a few runs that ascend, which this sort takes as they are.
        slots.sort();
        slots.dedup();
        // Slots of the base ascend as their ids do, and so do those behind it, unless an id was given out before
        // and is written only now.
        let is_based = |slot: &Slot| (slot.0 as usize) < self.base.entries.len();
        if !slots.last().is_none_or(is_based) && !slots.is_sorted_by_key(|slot| self.id_at(*slot)) {
            slots.sort_unstable_by_key(|slot| self.id_at(*slot));
        }
    }

    /// How many of `slots`, which are in order, have ids up to `id`.
    pub fn count_up_to(&self, slots: &[Slot], id: EntryId) -> usize {
        slots.partition_point(|slot| self.id_at(*slot) <= Some(id))
    }

    /// The id of the entry that is or was at `slot`; `None` if none is left.
    pub fn id_at(&self, slot: Slot) -> Option<EntryId> {
        match self.base.entries.head(slot) {
            Some(head) => Some(head.id),
            None => Some(self.delta.entry(slot)??.id),
        }
    }

    fn is_within(&self, slot: Slot, base: Slot) -> bool {
        let mut at = slot;
        while at != Slot::NONE && at != base {
            at = self.parent_of(at);
        }
        at == base
    }
}

#[cfg(test)]
mod tests {
    use crate::index::testing::{Row, UNIVERSITY, change, put, schema, snapshot};
    use crate::types::EntryId;

    #[test]
    fn ids_are_the_order_in_the_base_and_in_the_delta() {
        let schema = schema();
        let person = |id, cn: &'static str| put(schema, &Row(id, 2, cn, &["objectClass: person"]));
        let base = snapshot(schema, UNIVERSITY);
        let late = base
            .apply(&[change(2, vec![person(40, "cn=d")])], schema)
            .unwrap()
            .apply(&[change(3, vec![person(30, "cn=c")])], schema)
            .unwrap();
        let people = late.entry_by_id(EntryId(2)).unwrap().slot();
        let root = late.entry_by_id(EntryId(1)).unwrap().slot();
        for first in [
            late.first_within(root, EntryId(0), 100),
            late.first_right_below(people, EntryId(0), 100),
        ] {
            let ids: Vec<_> = first.slots.iter().map(|slot| late.id_at(*slot)).collect();
            assert!(ids.is_sorted() && !first.more);
            assert_eq!(ids[ids.len() - 2..], [Some(EntryId(30)), Some(EntryId(40))]);
            assert_eq!(late.count_up_to(&first.slots, EntryId(30)), first.slots.len() - 1);
        }
        assert_eq!(late.first_within(root, EntryId(0), 100).slots.len(), late.len());
        assert_eq!(
            late.first_within(root, EntryId(0), late.len()).slots.len(),
            late.len()
        );
    }

    #[test]
    fn piece_by_piece_is_the_whole() {
        let schema = schema();
        let person = |id, cn: &'static str| put(schema, &Row(id, 2, cn, &["objectClass: person"]));
        let late = snapshot(schema, UNIVERSITY)
            .apply(&[change(2, vec![person(40, "cn=d"), person(30, "cn=c")])], schema)
            .unwrap();
        let root = late.entry_by_id(EntryId(1)).unwrap().slot();
        let whole = late.first_within(root, EntryId(0), usize::MAX).slots;
        for most in 1..=whole.len() {
            let (mut pieces, mut after) = (Vec::new(), EntryId(0));
            loop {
                let piece = late.first_within(root, after, most);
                after = late.id_at(*piece.slots.last().unwrap()).unwrap();
                pieces.extend(piece.slots);
                if !piece.more {
                    break;
                }
            }
            assert_eq!(pieces, whole, "{most}");
        }
    }
}
