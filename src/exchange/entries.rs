//! The directory as import and export read it: a snapshot, entry by entry.

use std::sync::Arc;

use crate::directory::change::{holder, ids};
use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::schema::Schema;
use crate::index::{EntryRef, Snapshot};
use crate::record::Revision;
use crate::types::{AttributeType, EntryId, NormalDnRef};

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
        ids::next_id(&self.snapshot)
    }

    /// The entry with this name, in normal form.
    pub fn by_name(&self, normal_dn: NormalDnRef<'_>) -> Option<EntryRef<'_>> {
        self.snapshot.entry_by_normal_dn(normal_dn)
    }

    /// An entry other than `but` that has this value, in normal form, in `kind`.
    pub fn by_value(&self, kind: AttributeType, normal: &[u8], but: Option<EntryId>) -> Option<EntryRef<'_>> {
        holder(&self.snapshot, &self.schema, kind, normal, but)
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
}
