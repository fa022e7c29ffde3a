//! The directory as import and export read it: a snapshot, entry by entry.

use std::sync::Arc;

use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::schema::Schema;
use crate::index::{Candidates, EntryRef, Slot, Snapshot};
use crate::record::{Key, Revision};
use crate::types::{AttributeType, EntryId, NormalDnRef, Timestamp};

/// Every entry at one moment.
pub struct Entries {
    /// The moment.
    pub snapshot: Arc<Snapshot>,
    /// The schema.
    pub schema: Arc<Schema>,
}

impl Entries {
    /// The revision everything else here is true at.
    pub fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    /// An id above that of every entry there is or was; `None` if the record that says which is damaged.
    pub fn next_id(&self) -> Option<EntryId> {
        // The record never expires, so any moment will do.
        let stored = self
            .snapshot
            .side_record(&Key::next_entry_id(), Timestamp::default());
        let unseen = self.snapshot.next_id();
        match stored {
            None => Some(unseen),
            Some(stored) => Some(EntryId::from_bytes(stored)?.max(unseen)),
        }
    }

    /// The entry with this name, in normal form.
    pub fn by_name(&self, normal_dn: NormalDnRef<'_>) -> Option<EntryRef<'_>> {
        self.snapshot.entry_by_normal_dn(normal_dn)
    }

    /// An entry other than `but` that has this value, in normal form, in `kind`.
    pub fn by_value(&self, kind: AttributeType, normal: &[u8], but: Option<EntryId>) -> Option<EntryRef<'_>> {
        let slots = self.slots(kind, normal).into_iter();
        let mut others = slots
            .filter_map(|slot| self.snapshot.entry(slot))
            .filter(|entry| Some(entry.id()) != but);
        others.find(|entry| self.has_value(entry, kind, normal))
    }

    /// An entry for itself, hashes and operational attributes included, computed ones not.
    pub fn owned(entry: EntryRef<'_>) -> Entry {
        let attributes = entry.packed().map(|attribute| Attribute {
            description: AttributeDescription {
                kind: attribute.kind,
                options: attribute.options.into(),
            },
            values: attribute.values().map(Into::into).collect(),
        });
        Entry {
            dn: entry.dn(),
            attributes: attributes.collect(),
        }
    }

    fn has_value(&self, entry: &EntryRef<'_>, kind: AttributeType, normal: &[u8]) -> bool {
        let mut values = entry.packed().filter(|attribute| attribute.kind == kind);
        values.any(|attribute| {
            attribute
                .values()
                .any(|value| self.schema.normal_value(kind, value).as_deref() == Some(normal))
        })
    }

    fn slots(&self, kind: AttributeType, normal: &[u8]) -> Vec<Slot> {
        match self.snapshot.equality(kind, normal) {
            Candidates::Among(slots) => slots,
            Candidates::Anywhere => self.snapshot.entries().map(|entry| entry.slot()).collect(),
        }
    }
}
