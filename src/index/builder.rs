//! Builds a whole snapshot from records, one by one.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use thiserror::Error;

use super::base::{Base, EntryTable, Fixed, Head, Pack, slot_of};
use super::columns::{Columns, ColumnsPart};
use super::incoming::Intake;
use super::marks::{Marks, Sets};
use super::packer::{Arrived, Packed, Packer};
use super::postings::{Postings, posting};
use super::quarantine::{Orphan, Quarantine};
use super::settings::{IndexSettings, Roles};
use super::side::SideRecords;
use super::snapshot::Snapshot;
use super::terms::{TermFinder, TermHasher};
use super::tree::Children;
use super::{ENTRIES_MAX, Slot};
use crate::domain::schema::Schema;
use crate::record::Revision;
use crate::types::{Dn, EntryId};

/// Why no snapshot could be built.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// Two records are about the entry with this id.
    #[error("two records for entry {0}")]
    Twice(EntryId),
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
    quarantine: Quarantine,
}

impl<'s> Builder<'s> {
    /// A builder of nothing yet. `base` is the name of the entry without a parent. `seed` must be random and
    /// secret: look-ups are by keyed hash. Which of `sets` an entry is in is kept with it. Errors: [`BuildError::Base`].
    pub fn new(
        schema: &'s Schema,
        settings: &IndexSettings,
        base: &Dn,
        seed: u64,
        sets: Sets,
    ) -> Result<Builder<'s>, BuildError> {
        let fixed = Fixed {
            intake: Intake::new(schema, base).ok_or_else(|| BuildError::Base(base.to_string().into()))?,
            roles: Roles::new(settings),
            hasher: TermHasher::new(seed),
            sets,
        };
        Ok(Builder::with(schema, Arc::new(fixed)))
    }

    pub(super) fn with(schema: &'s Schema, fixed: Arc<Fixed>) -> Builder<'s> {
        Builder {
            schema,
            fixed,
            packers: Vec::new(),
            side: SideRecords::default(),
            quarantine: Quarantine::default(),
        }
    }

    /// Takes records for this builder, which gets nothing of them before [`Builder::add`].
    pub fn packer(&self) -> Packer {
        Packer::new(self.fixed.clone())
    }

    /// Adds what a packer of this builder has taken.
    pub fn add(&mut self, mut packer: Packer) {
        self.side.add(std::mem::take(&mut packer.side));
        self.quarantine.add(std::mem::take(&mut packer.quarantine));
        self.packers.push(packer);
    }

    /// Builds the snapshot as of `revision`, on up to `threads` threads. An entry without a parent is set aside.
    /// Errors: [`BuildError::Twice`], [`BuildError::TooMany`].
    pub fn finish(mut self, revision: Revision, threads: NonZeroUsize) -> Result<Snapshot, BuildError> {
        let packed = std::mem::take(&mut self.packers)
            .into_iter()
            .map(|packer| packer.packed);
        let entries = entries(packed.collect(), self.schema, &mut self.quarantine)?;
        let finder = TermFinder::new(self.schema, &self.fixed.hasher, &self.fixed.roles);
        let base = Base {
            children: Children::build(entries.heads.iter().map(|head| head.parent)),
            names: names(&entries, &self.fixed.hasher),
            columns: columns(&entries, &finder, threads),
            entries,
            marks: OnceLock::new(),
            fixed: self.fixed,
        };
        let snapshot = Snapshot::new(Arc::new(base), self.side, self.quarantine, revision);
        let marks = Marks::build(&snapshot, self.schema, threads);
        // Nobody else has the base yet.
        let _ = snapshot.base.marks.set(marks);
        Ok(snapshot)
    }
}

/// Orders the entries of all packers by their ids. Errors: [`BuildError::Twice`], [`BuildError::TooMany`].
fn entries(
    mut packed: Vec<Packed>,
    schema: &Schema,
    quarantine: &mut Quarantine,
) -> Result<EntryTable, BuildError> {
    let mut arrived = Vec::with_capacity(packed.iter().map(|packed| packed.heads.len()).sum());
    for (pack, packed) in (0..).zip(&mut packed) {
        let heads = std::mem::take(&mut packed.heads).into_iter();
        arrived.extend(heads.map(|head| (pack, head)));
    }
    if arrived.len() > ENTRIES_MAX {
        return Err(BuildError::TooMany);
    }
    arrived.sort_unstable_by_key(|(_, head)| head.id);
    if let Some(pair) = arrived.windows(2).find(|pair| pair[0].1.id == pair[1].1.id) {
        return Err(BuildError::Twice(pair[0].1.id));
    }
    let pack = |packed: Packed| Pack {
        arena: packed.arena,
        shared: packed.shared.finish(schema),
    };
    let mut table = EntryTable {
        heads: Box::default(),
        packs: packed.into_iter().map(pack).collect(),
    };
    let mut rooted = rooted(&arrived).into_iter();
    arrived.retain(|(pack, arrived)| {
        let stays = rooted.next().unwrap_or_default();
        if let Some(parent) = arrived.parent.filter(|_| !stays) {
            let blob = table.parts(&head(*pack, arrived, Slot::NONE)).unshared();
            let revision = arrived.revision;
            quarantine.put_orphan(arrived.id, parent, Orphan { revision, blob });
        }
        stays
    });
    let parent = |of: &Arrived| of.parent.and_then(|parent| slot_in(&arrived, parent));
    let heads = arrived
        .iter()
        .map(|(pack, of)| head(*pack, of, parent(of).unwrap_or(Slot::NONE)));
    table.heads = heads.collect();
    Ok(table)
}

fn head(pack: u32, arrived: &Arrived, parent: Slot) -> Head {
    Head {
        id: arrived.id,
        revision: arrived.revision,
        pack,
        place: arrived.place,
        parent,
    }
}

fn slot_in(all: &[(u32, Arrived)], id: EntryId) -> Option<Slot> {
    slot_of(all, |(_, head)| head.id, id)
}

/// Which of `all`, in ascending order of ids, are topmost or somewhere below a topmost one.
fn rooted(all: &[(u32, Arrived)]) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; all.len()];
    let mut way = Vec::new();
    for mut at in 0..all.len() {
        let is_rooted = loop {
            if let Some(known) = known[at] {
                break known;
            }
            // Who meets this again on the same way up goes in a circle.
            known[at] = Some(false);
            way.push(at);
            let Some(parent) = all[at].1.parent else {
                break true;
            };
            let Some(above) = slot_in(all, parent) else {
                break false;
            };
            at = above.0 as usize;
        };
        way.drain(..).for_each(|at| known[at] = Some(is_rooted));
    }
    known.into_iter().map(|known| known == Some(true)).collect()
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
