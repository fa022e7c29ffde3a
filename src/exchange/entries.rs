//! The directory as import and export read it: a snapshot, entry by entry.

use std::sync::Arc;

use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::schema::Schema;
use crate::exchange::export::Exported;
use crate::exchange::import::Existing;
use crate::index::{Candidates, EntryRef, Slot, Snapshot};
use crate::record::{Key, Revision};
use crate::types::{AttributeType, Dn, EntryId, NormalDnRef, Timestamp};

/// Every entry at one moment.
pub struct Entries {
    /// The moment.
    pub snapshot: Arc<Snapshot>,
    /// The schema.
    pub schema: Arc<Schema>,
}

impl Entries {
    fn owned(&self, entry: EntryRef<'_>) -> Entry {
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

impl Existing for Entries {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn next_id(&self) -> EntryId {
        // The record never expires, so any moment will do.
        let stored = self
            .snapshot
            .side_record(&Key::next_entry_id(), Timestamp::default());
        let unseen = self.snapshot.next_id();
        let stored = stored.and_then(EntryId::from_bytes);
        stored.map_or(unseen, |stored| stored.max(unseen))
    }

    fn by_name(&self, normal_dn: NormalDnRef<'_>) -> Option<EntryId> {
        self.snapshot
            .entry_by_normal_dn(normal_dn)
            .map(|entry| entry.id())
    }

    fn by_value(&self, kind: AttributeType, normal: &[u8], but: Option<EntryId>) -> Option<EntryId> {
        let entries = self
            .slots(kind, normal)
            .into_iter()
            .filter_map(|slot| self.snapshot.entry(slot));
        let mut others = entries.filter(|entry| Some(entry.id()) != but);
        others
            .find(|entry| self.has_value(entry, kind, normal))
            .map(|entry| entry.id())
    }

    fn entry(&self, id: EntryId) -> Option<Entry> {
        self.snapshot.entry_by_id(id).map(|entry| self.owned(entry))
    }
}

impl Exported for Entries {
    fn ids(&self) -> Vec<EntryId> {
        self.snapshot.entries().map(|entry| entry.id()).collect()
    }

    fn dn(&self, id: EntryId) -> Option<Dn> {
        self.snapshot.entry_by_id(id).map(|entry| entry.dn())
    }
}
