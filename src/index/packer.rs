//! Packs records into entries: one to a thread.

use std::sync::Arc;

use super::arena::{Arena, EntryStart};
use super::base::Fixed;
use super::blob::{self, Loose};
use super::builder::BuildError;
use super::incoming::Incoming;
use super::quarantine::Quarantine;
use super::shared::SharedBuilder;
use super::side::SideRecords;
use super::{ENTRIES_MAX, EntryRef};
use crate::domain::schema::Schema;
use crate::record::{Record, Revision};
use crate::types::EntryId;

/// Takes records for a [`super::Builder`], on a thread of its own.
pub struct Packer {
    fixed: Arc<Fixed>,
    pub(super) packed: Packed,
    pub(super) side: SideRecords,
    pub(super) quarantine: Quarantine,
}

/// Entries that one thread has packed.
#[derive(Default)]
pub(super) struct Packed {
    pub heads: Vec<Arrived>,
    pub arena: Arena,
    pub shared: SharedBuilder,
}

/// What is known of an entry beside its bytes.
pub(super) struct Arrived {
    pub id: EntryId,
    pub parent: Option<EntryId>,
    pub revision: Revision,
    pub place: EntryStart,
}

impl Packer {
    pub(super) fn new(fixed: Arc<Fixed>) -> Packer {
        Packer {
            fixed,
            packed: Packed::default(),
            side: SideRecords::default(),
            quarantine: Quarantine::default(),
        }
    }

    /// Takes one record of any kind; what the index does not need is passed over, and what cannot be read is set
    /// aside. Errors: [`BuildError::TooMany`].
    pub fn push(&mut self, record: &Record, schema: &Schema) -> Result<(), BuildError> {
        let Record { key, value, .. } = record;
        match self.fixed.intake.read(key, value, schema) {
            Ok(Incoming::Entry(entry)) => {
                self.packed
                    .push(entry.id, entry.parent, record.revision, entry.loose())?;
            }
            Ok(Incoming::Side) => self.side.put(key, value, record.expires),
            Err(reason) => self.quarantine.put(key.clone(), reason),
        }
        Ok(())
    }

    /// Takes an entry over from another snapshot. Errors: [`BuildError::TooMany`].
    pub(super) fn push_entry(&mut self, entry: EntryRef<'_>) -> Result<(), BuildError> {
        let known: Vec<_> = entry.packed().collect();
        let unknown: Vec<_> = entry.unknown().collect();
        let loose = Loose {
            name: entry.name(),
            normal: entry.normal_name().as_bytes(),
            known: &known,
            unknown: &unknown,
        };
        // Whatever has lost its parent is in quarantine: without one an entry is a topmost one.
        let parent = entry.parent().map(|parent| parent.id());
        self.packed.push(entry.id(), parent, entry.revision(), loose)
    }
}

impl Packed {
    fn push(
        &mut self,
        id: EntryId,
        parent: Option<EntryId>,
        revision: Revision,
        entry: Loose<'_>,
    ) -> Result<(), BuildError> {
        if self.heads.len() >= ENTRIES_MAX {
            return Err(BuildError::TooMany);
        }
        let (place, bytes) = self.arena.next();
        blob::push(bytes, entry, |kind, run| self.shared.number(kind, run));
        self.heads.push(Arrived {
            id,
            parent,
            revision,
            place,
        });
        Ok(())
    }
}
