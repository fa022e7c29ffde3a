//! The one order of searches: ascending ids. A slot is only good for one snapshot, an id for ever, so a search
//! can be resumed by id on whatever snapshot there is by then.

use super::{Slot, Snapshot};
use crate::types::EntryId;

impl Snapshot {
    /// The slots right below `base`, ascending by id; some whose entry has gone or is elsewhere by now may be
    /// among them.
    pub fn slots_right_below(&self, base: Slot) -> Vec<Slot> {
        let mut slots = self.base.children.of(base).to_vec();
        slots.extend(self.delta.indexes.children(base));
        self.put_in_order(&mut slots);
        slots
    }

    /// The slots below `base`, without it, as [`Snapshot::slots_right_below`] gives them. Takes a look at each entry
    /// that has children, not at each entry.
    pub fn slots_below(&self, base: Slot) -> Vec<Slot> {
        let mut slots = Vec::new();
        for (parent, children) in self.base.children.families() {
            if self.is_within(parent, base) {
                slots.extend_from_slice(children);
            }
        }
        let moved = self.delta.indexes.children.iter();
        let moved = moved.filter(|(parent, _)| self.is_within(*parent, base));
        slots.extend(moved.map(|(_, child)| *child));
        self.put_in_order(&mut slots);
        slots
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
        for slots in [late.slots_below(root), late.slots_right_below(people)] {
            let ids: Vec<_> = slots.iter().map(|slot| late.id_at(*slot)).collect();
            assert!(ids.is_sorted());
            assert_eq!(ids[ids.len() - 2..], [Some(EntryId(30)), Some(EntryId(40))]);
            assert_eq!(late.count_up_to(&slots, EntryId(30)), slots.len() - 1);
        }
        assert_eq!(late.slots_below(root).len(), late.len() - 1);
    }
}
