//! Applying commits to a snapshot: the old one stays as it was.

use std::sync::Arc;

use super::Slot;
use super::blob;
use super::builder::BuildError;
use super::delta::{DeltaEntry, DeltaIndexes};
use super::incoming::{Incoming, IncomingEntry, entry_id};
use super::marks::marks_of;
use super::membership::Posting;
use super::quarantine::Orphan;
use super::shared::Shared;
use super::snapshot::Snapshot;
use super::terms::{Term, TermFinder};
use super::{ENTRIES_MAX, EntryRef};
use crate::domain::access::EntrySet;
use crate::domain::schema::Schema;
use crate::record::{Change, Key, Operation};
use crate::types::{AttributeType, EntryId, Timestamp};

impl Snapshot {
    /// The snapshot after `changes`, which must be the commits that follow this snapshot's revision, whole
    /// and in order. Errors: [`BuildError::TooMany`]; the caller must build the index again from the store.
    pub fn apply(&self, changes: &[Change], schema: &Schema) -> Result<Snapshot, BuildError> {
        let mut next = self.clone();
        for change in changes {
            next.revision = change.revision;
            for operation in &change.operations {
                next.apply_operation(operation, schema)?;
            }
        }
        Ok(next)
    }

    fn apply_operation(&mut self, operation: &Operation, schema: &Schema) -> Result<(), BuildError> {
        match operation {
            Operation::Put { key, value, expires } => self.put(key, value, *expires, schema),
            Operation::Delete { key } => {
                match entry_id(key) {
                    Ok(Some(id)) => self.take_out(id, schema),
                    Ok(None) => self.side.delete(key),
                    Err(_) => {}
                }
                self.quarantine.remove(key);
                Ok(())
            }
        }
    }

    fn put(
        &mut self,
        key: &Key,
        value: &[u8],
        expires: Option<Timestamp>,
        schema: &Schema,
    ) -> Result<(), BuildError> {
        let fixed = Arc::clone(&self.base.fixed);
        match fixed.intake.read(key, value, schema) {
            Ok(Incoming::Entry(entry)) => return self.put_entry(&entry, schema),
            Ok(Incoming::Side) => self.side.put(key, value, expires),
            Err(reason) => {
                if let Ok(Some(id)) = entry_id(key) {
                    self.take_out(id, schema);
                    self.next_id = self.next_id.max(id.next());
                }
                self.quarantine.put(key.clone(), reason);
            }
        }
        Ok(())
    }

    /// Puts an entry in its place, with all that waited for it; one without a place is set aside, with all below it.
    fn put_entry(&mut self, entry: &IncomingEntry<'_>, schema: &Schema) -> Result<(), BuildError> {
        let (id, revision) = (entry.id, self.revision);
        self.next_id = self.next_id.max(id.next());
        self.quarantine.remove(&Key::entry(id));
        let mut blob = Vec::new();
        blob::push(&mut blob, entry.loose(), |_, _| None);
        let blob = blob.into();
        let above = match entry.parent {
            None => Slot::NONE,
            Some(parent) => match self.slot_above(id, parent) {
                Some(slot) => slot,
                None => {
                    self.take_out(id, schema);
                    self.quarantine.put_orphan(id, parent, Orphan { revision, blob });
                    return Ok(());
                }
            },
        };
        self.place(id, above, Orphan { revision, blob }, schema)?;
        self.take_back_below(id, schema)
    }

    /// Where `parent` is, if it can be the parent of `id`: it is there, and not below `id`.
    fn slot_above(&self, id: EntryId, parent: EntryId) -> Option<Slot> {
        let parent = self.entry_by_id(parent)?;
        let below_itself = self.slot_of(id).is_some_and(|own| parent.is_within(own));
        (!below_itself).then_some(parent.slot())
    }

    fn place(&mut self, id: EntryId, parent: Slot, entry: Orphan, schema: &Schema) -> Result<(), BuildError> {
        let slot = match self.slot_of(id) {
            Some(slot) => slot,
            None if self.base.entries.len() + self.delta.added() as usize >= ENTRIES_MAX => {
                return Err(BuildError::TooMany);
            }
            None => self.delta.add_slot(id, self.base.entries.len()),
        };
        let place_of = |entry: EntryRef<'_>| (entry.parent_slot(), entry.normal_name().as_bytes().to_vec());
        let before = self.entry(slot).map(place_of);
        self.write(slot, id, parent, entry, schema);
        let is_moved = before.is_some() && before != self.entry(slot).map(place_of);
        if is_moved && self.base.fixed.sets.iter().any(EntrySet::is_of_a_place) {
            self.mark_below(slot, schema);
        }
        Ok(())
    }

    fn write(&mut self, slot: Slot, id: EntryId, parent: Slot, entry: Orphan, schema: &Schema) {
        self.forget(slot, schema);
        let Orphan { revision, blob } = entry;
        let written = EntryRef {
            snapshot: self,
            slot,
            id,
            parent,
            parts: blob::parts(&blob, Shared::nothing()),
        };
        let entry = DeltaEntry {
            id,
            parent,
            revision,
            marks: marks_of(written, schema),
            blob,
        };
        self.delta.put(slot, entry);
        self.live += 1;
        self.index(slot, schema, Indexing::In);
    }

    /// Writes those entries below a renamed one again that are in other sets by their new names.
    fn mark_below(&mut self, renamed: Slot, schema: &Schema) {
        let mut above = vec![renamed];
        while let Some(parent) = above.pop() {
            let slots: Vec<Slot> = self.child_slots(parent).collect();
            for slot in &slots {
                let entry = self.entry(*slot);
                let moved = entry.filter(|entry| entry.marks() != Some(marks_of(*entry, schema)));
                if let Some((id, entry)) = moved.map(|entry| (entry.id(), entry.orphaned())) {
                    self.write(*slot, id, parent, entry, schema);
                }
            }
            above.extend(slots);
        }
    }

    /// Puts in their places those that waited for `id`, and those that waited for them.
    fn take_back_below(&mut self, id: EntryId, schema: &Schema) -> Result<(), BuildError> {
        let mut placed = vec![id];
        while let Some(parent) = placed.pop() {
            let Some(above) = self.slot_of(parent) else {
                continue;
            };
            for (id, orphan) in self.quarantine.take_below(parent) {
                self.place(id, above, Orphan::clone(&orphan), schema)?;
                placed.push(id);
            }
        }
        Ok(())
    }

    /// Takes an entry out, and sets aside all that is below it.
    fn take_out(&mut self, id: EntryId, schema: &Schema) {
        let mut going: Vec<Slot> = self.slot_of(id).into_iter().collect();
        while let Some(slot) = going.pop() {
            let Some(entry) = self.entry(slot) else { continue };
            let parent = entry.id();
            let children = self
                .children(slot)
                .map(|child| (child.slot(), child.id(), child.orphaned()));
            for (slot, id, orphan) in children.collect::<Vec<_>>() {
                self.quarantine.put_orphan(id, parent, orphan);
                going.push(slot);
            }
            self.forget(slot, schema);
            self.delta.delete(slot);
        }
    }

    /// Takes what `slot` held out of the count, and out of the delta's indexes if it was in them.
    fn forget(&mut self, slot: Slot, schema: &Schema) {
        self.live -= usize::from(self.entry(slot).is_some());
        if matches!(self.delta.entry(slot), Some(Some(_))) {
            self.index(slot, schema, Indexing::Out);
        }
    }

    /// Puts the delta's entry at `slot` into the delta's indexes, or takes it out.
    fn index(&mut self, slot: Slot, schema: &Schema, indexing: Indexing) {
        let mut indexes = std::mem::take(&mut self.delta.indexes);
        if let Some(entry) = self.entry(slot) {
            let mut change = IndexChange {
                indexes: &mut indexes,
                slot,
                indexing,
            };
            change.name(entry);
            let mut finder = TermFinder::new(schema, &self.base.fixed.hasher, &self.base.fixed.roles);
            for attribute in entry.packed() {
                finder.terms(attribute, &mut |kind, term| change.term(kind, term));
            }
        }
        self.delta.indexes = indexes;
    }
}

#[derive(Clone, Copy)]
enum Indexing {
    In,
    Out,
}

/// One entry going into the delta's indexes, or out of them.
struct IndexChange<'d> {
    indexes: &'d mut DeltaIndexes,
    slot: Slot,
    indexing: Indexing,
}

impl IndexChange<'_> {
    fn name(&mut self, entry: EntryRef<'_>) {
        let parent = entry.parent_slot();
        set(&mut self.indexes.children, (parent, self.slot), self.indexing);
        let hash = entry
            .snapshot()
            .base
            .fixed
            .hasher
            .name(parent, entry.normal_name().as_bytes());
        set(&mut self.indexes.names, (hash, self.slot), self.indexing);
    }

    fn term(&mut self, kind: AttributeType, term: Term<'_>) {
        let slot = self.slot;
        match term {
            Term::Equality(hash) => set(&mut self.indexes.equality, (kind, hash, slot), self.indexing),
            Term::Membership(hash, offset) => {
                let posting = Posting { hash, slot, offset };
                set(&mut self.indexes.membership, (kind, posting), self.indexing);
            }
            // Looked for entry by entry: a delta is small.
            Term::Text(_) | Term::Ordering(_) => {}
        }
    }
}

fn set<T: Ord + Clone>(set: &mut imbl::OrdSet<T>, term: T, indexing: Indexing) {
    match indexing {
        Indexing::In => drop(set.insert(term)),
        Indexing::Out => drop(set.remove(&term)),
    }
}
