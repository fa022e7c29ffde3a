//! Applying commits to a snapshot: the old one stays as it was.

use std::sync::Arc;

use super::Slot;
use super::blob;
use super::builder::BuildError;
use super::delta::{DeltaEntry, DeltaIndexes};
use super::incoming::{Incoming, IncomingEntry, entry_id};
use super::membership::Posting;
use super::snapshot::Snapshot;
use super::terms::{Term, TermFinder};
use super::{ENTRIES_MAX, EntryRef};
use crate::domain::schema::Schema;
use crate::record::{Change, Key, Operation};
use crate::types::{AttributeType, EntryId, Timestamp};

impl Snapshot {
    /// The snapshot after `changes`, which must be the commits that follow this snapshot's revision, whole
    /// and in order. Errors: [`BuildError`]; the change is one that no directory writes, and the caller must
    /// build the index again from the store.
    pub fn apply(&self, changes: &[Change], schema: &Schema) -> Result<Snapshot, BuildError> {
        let mut next = self.clone();
        for change in changes {
            next.revision = change.revision;
            next.allot_slots(change)?;
            for operation in &change.operations {
                next.apply_operation(operation, schema)?;
            }
        }
        Ok(next)
    }

    /// Gives every written entry its slot first, so that a child may come before its parent.
    fn allot_slots(&mut self, change: &Change) -> Result<(), BuildError> {
        for operation in &change.operations {
            let Operation::Put { key, .. } = operation else {
                continue;
            };
            let Some(id) = entry_id(key)? else { continue };
            if self.slot_of(id).is_none() {
                self.allot_slot(id)?;
            }
        }
        Ok(())
    }

    fn allot_slot(&mut self, id: EntryId) -> Result<(), BuildError> {
        if self.base.entries.len() + self.delta.added() as usize >= ENTRIES_MAX {
            return Err(BuildError::TooMany);
        }
        self.delta.add_slot(id, self.base.entries.len());
        self.next_id = self.next_id.max(id.next());
        Ok(())
    }

    fn apply_operation(&mut self, operation: &Operation, schema: &Schema) -> Result<(), BuildError> {
        match operation {
            Operation::Put { key, value, expires } => self.put(key, value, *expires, schema),
            Operation::Delete { key } => self.delete(key, schema),
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
        match fixed.intake.read(key, value, schema)? {
            Incoming::Entry(entry) => self.put_entry(&entry, schema),
            Incoming::Side => {
                self.side.put(key, value, expires);
                Ok(())
            }
        }
    }

    fn put_entry(&mut self, entry: &IncomingEntry<'_>, schema: &Schema) -> Result<(), BuildError> {
        let id = entry.id;
        let parent = match entry.parent {
            None => Slot::NONE,
            Some(parent) => self.slot_of(parent).ok_or(BuildError::Orphan { id, parent })?,
        };
        let Some(slot) = self.slot_of(id) else {
            return Err(BuildError::TooMany);
        };
        self.forget(slot, schema);
        let mut bytes = Vec::new();
        blob::push(&mut bytes, entry.loose(), |_, _| None);
        let entry = DeltaEntry {
            id,
            parent,
            revision: self.revision,
            blob: bytes.into(),
        };
        self.delta.put(slot, entry);
        self.live += 1;
        self.index(slot, schema, Indexing::In);
        Ok(())
    }

    fn delete(&mut self, key: &Key, schema: &Schema) -> Result<(), BuildError> {
        match entry_id(key)? {
            None => self.side.delete(key),
            Some(id) => {
                if let Some(slot) = self.slot_of(id) {
                    self.forget(slot, schema);
                    self.delta.delete(slot);
                }
            }
        }
        Ok(())
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
