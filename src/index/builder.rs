//! Builds a whole snapshot from records, one by one.

use std::num::NonZeroUsize;
use std::sync::Arc;

use thiserror::Error;

use super::base::{Base, EntryTable, Fixed, Head, Pack, slot_of};
use super::columns::{Columns, ColumnsPart};
use super::incoming::{IncomingError, Intake};
use super::packer::{Arrived, Packed, Packer};
use super::postings::{Postings, posting};
use super::settings::{IndexSettings, Roles};
use super::side::SideRecords;
use super::snapshot::Snapshot;
use super::terms::{TermFinder, TermHasher};
use super::tree::Children;
use super::{ENTRIES_MAX, Slot};
use crate::domain::schema::Schema;
use crate::record::Revision;
use crate::types::{Dn, EntryId};

/// Why no snapshot could be built: the store holds what no directory writes.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] IncomingError),
    /// Two records are about the entry with this id.
    #[error("two records for entry {0}")]
    Twice(EntryId),
    /// An entry is below one that does not exist.
    #[error("entry {id} is below entry {parent}, which does not exist")]
    Orphan {
        /// The entry.
        id: EntryId,
        /// The missing one.
        parent: EntryId,
    },
    /// An entry is below one that was deleted.
    #[error("entry {0} is below an entry that was deleted")]
    Cut(EntryId),
    /// The schema does not know an attribute type of the base's name, or refuses a value.
    #[error("the schema cannot read the name of the base, {0}")]
    Base(Box<str>),
    /// There are more than [`ENTRIES_MAX`] entries.
    #[error("more entries than an index can hold")]
    TooMany,
}

/// Takes the records of a store in any order, on as many threads as there are [`Packer`]s, then builds a
/// [`Snapshot`].
pub struct Builder<'s> {
    schema: &'s Schema,
    fixed: Arc<Fixed>,
    packers: Vec<Packer>,
    side: SideRecords,
}

impl<'s> Builder<'s> {
    /// A builder of nothing yet. `base` is the name of the entry without a parent. `seed` must be random and
    /// secret: look-ups are by keyed hash. Errors: [`BuildError::Base`].
    pub fn new(
        schema: &'s Schema,
        settings: &IndexSettings,
        base: &Dn,
        seed: u64,
    ) -> Result<Builder<'s>, BuildError> {
        let fixed = Fixed {
            intake: Intake::new(schema, base).ok_or_else(|| BuildError::Base(base.to_string().into()))?,
            roles: Roles::new(settings),
            hasher: TermHasher::new(seed),
        };
        Ok(Builder::with(schema, Arc::new(fixed)))
    }

    pub(super) fn with(schema: &'s Schema, fixed: Arc<Fixed>) -> Builder<'s> {
        Builder {
            schema,
            fixed,
            packers: Vec::new(),
            side: SideRecords::default(),
        }
    }

    /// Takes records for this builder, which gets nothing of them before [`Builder::add`].
    pub fn packer(&self) -> Packer {
        Packer::new(self.fixed.clone())
    }

    /// Adds what a packer of this builder has taken.
    pub fn add(&mut self, mut packer: Packer) {
        self.side.add(std::mem::take(&mut packer.side));
        self.packers.push(packer);
    }

    /// Builds the snapshot as of `revision`, on up to `threads` threads.
    /// Errors: [`BuildError::Twice`], [`BuildError::Orphan`].
    pub fn finish(mut self, revision: Revision, threads: NonZeroUsize) -> Result<Snapshot, BuildError> {
        let packed = std::mem::take(&mut self.packers)
            .into_iter()
            .map(|packer| packer.packed);
        let entries = entries(packed.collect(), self.schema)?;
        let finder = TermFinder::new(self.schema, &self.fixed.hasher, &self.fixed.roles);
        let base = Base {
            children: Children::build(entries.heads.iter().map(|head| head.parent)),
            names: names(&entries, &self.fixed.hasher),
            columns: columns(&entries, &finder, threads),
            entries,
            fixed: self.fixed,
        };
        Ok(Snapshot::new(Arc::new(base), self.side, revision))
    }
}

/// Orders the entries of all packers by their ids. Errors: [`BuildError::Twice`], [`BuildError::Orphan`],
/// [`BuildError::TooMany`].
fn entries(mut packed: Vec<Packed>, schema: &Schema) -> Result<EntryTable, BuildError> {
    let mut arrived = Vec::with_capacity(packed.iter().map(|packed| packed.heads.len()).sum());
    for (pack, packed) in (0..).zip(&mut packed) {
        let heads = std::mem::take(&mut packed.heads).into_iter();
        arrived.extend(heads.map(|head| (pack, head)));
    }
    if arrived.len() > ENTRIES_MAX {
        return Err(BuildError::TooMany);
    }
    arrived.sort_unstable_by_key(|(_, head)| head.id);
    let pack = |packed: Packed| Pack {
        arena: packed.arena,
        shared: packed.shared.finish(schema),
    };
    Ok(EntryTable {
        heads: heads(&arrived)?,
        packs: packed.into_iter().map(pack).collect(),
    })
}

/// `all` in ascending order of ids, each with the number of its pack.
fn heads(all: &[(u32, Arrived)]) -> Result<Box<[Head]>, BuildError> {
    if let Some(pair) = all.windows(2).find(|pair| pair[0].1.id == pair[1].1.id) {
        return Err(BuildError::Twice(pair[0].1.id));
    }
    let head = |(pack, arrived): &(u32, Arrived)| {
        let id = arrived.id;
        let slot_of = |parent| slot_of(all, |(_, head)| head.id, parent);
        let parent = match arrived.parent {
            None => Slot::NONE,
            Some(parent) => slot_of(parent).ok_or(BuildError::Orphan { id, parent })?,
        };
        Ok(Head {
            id,
            revision: arrived.revision,
            pack: *pack,
            place: arrived.place,
            parent,
        })
    };
    all.iter().map(head).collect()
}

fn names(entries: &EntryTable, hasher: &TermHasher) -> Postings {
    let slots = (0..).map(Slot).zip(&entries.heads);
    let name = |(slot, head): (Slot, &Head)| {
        let hash = hasher.name(head.parent, entries.parts(head).normal);
        posting(hash, slot.0)
    };
    Postings::build(slots.map(name).collect())
}

fn columns(entries: &EntryTable, finder: &TermFinder<'_>, threads: NonZeroUsize) -> Columns {
    let share = entries.len().div_ceil(threads.get()).max(1);
    // An empty base has columns too: its delta's entries are looked for by them.
    let ranges = (0..entries.len().max(1)).step_by(share);
    let parts = std::thread::scope(|scope| {
        let part = |start: usize| scope.spawn(move || part(entries, start, share, finder));
        let running: Vec<_> = ranges.map(part).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, ColumnsPart>| match thread.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().map(join).collect()
    });
    Columns::build(parts, threads)
}

fn part(entries: &EntryTable, start: usize, length: usize, finder: &TermFinder<'_>) -> ColumnsPart {
    let mut finder = TermFinder::new(finder.schema, finder.hasher, finder.roles);
    let mut part = ColumnsPart::new(&finder);
    for (at, head) in entries.heads.iter().enumerate().skip(start).take(length) {
        let attributes = entries.parts(head).attributes();
        part.push(Slot(at as u32), attributes, &mut finder);
    }
    part
}
