//! Builds a whole snapshot from records, one by one.

use std::num::NonZeroUsize;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use thiserror::Error;

use super::arena::{Arena, Place};
use super::base::{Base, Classes, Entries, Fixed, Head, slot_of};
use super::blob::{self, Loose};
use super::columns::{Columns, ColumnsPart};
use super::incoming::{Incoming, IncomingError, Intake};
use super::pool::{Pool, PoolBuilder};
use super::postings::{Postings, posting};
use super::settings::{IndexSettings, Roles};
use super::side::SideRecords;
use super::snapshot::Snapshot;
use super::terms::{TermFinder, TermHasher};
use super::tree::Children;
use super::{ENTRIES_MAX, EntryRef, Slot};
use crate::domain::packed::AttributeView;
use crate::domain::schema::{OBJECT_CLASS, Schema};
use crate::record::{Record, Revision};
use crate::types::Dn;

/// Why no snapshot could be built: the store holds what no directory writes.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] IncomingError),
    /// Two records are about the entry with this id.
    #[error("two records for entry {0}")]
    Twice(u64),
    /// An entry is below one that does not exist.
    #[error("entry {id} is below entry {parent}, which does not exist")]
    Orphan {
        /// The entry.
        id: u64,
        /// The missing one.
        parent: u64,
    },
    /// There are more than [`ENTRIES_MAX`] entries.
    #[error("more entries than an index can hold")]
    TooMany,
}

/// Takes the records of a store in any order, then builds a [`Snapshot`].
pub struct Builder<'s> {
    schema: &'s Schema,
    fixed: Arc<Fixed>,
    heads: Vec<Arrived>,
    packed: Packed,
    side: SideRecords,
}

/// What is known of an entry beside its bytes.
struct Arrived {
    id: u64,
    parent: Option<u64>,
    revision: Revision,
    place: Place,
}

/// The entries' bytes so far.
struct Packed {
    arena: Arena,
    pool: PoolBuilder,
    /// The shared runs that are object classes.
    class_runs: HashSet<u32, FixedState>,
}

impl Packed {
    fn push(&mut self, entry: Loose<'_>) -> Place {
        let (pool, class_runs) = (&mut self.pool, &mut self.class_runs);
        let (place, bytes) = self.arena.next();
        blob::push(bytes, entry, |kind, run| {
            let number = pool.number(kind, run);
            if kind == OBJECT_CLASS {
                class_runs.extend(number);
            }
            number
        });
        place
    }
}

impl<'s> Builder<'s> {
    /// A builder of nothing yet. `base` is the name of the entry without a parent. `seed` must be random and
    /// secret: look-ups are by keyed hash.
    pub fn new(schema: &'s Schema, settings: &IndexSettings, base: &Dn, seed: u64) -> Builder<'s> {
        let fixed = Fixed {
            intake: Intake::new(schema, base),
            roles: Roles::new(settings),
            hasher: TermHasher::new(seed),
        };
        Builder::with(schema, Arc::new(fixed))
    }

    pub(super) fn with(schema: &'s Schema, fixed: Arc<Fixed>) -> Builder<'s> {
        Builder {
            schema,
            fixed,
            heads: Vec::new(),
            packed: Packed {
                arena: Arena::default(),
                pool: PoolBuilder::new(),
                class_runs: HashSet::default(),
            },
            side: SideRecords::default(),
        }
    }

    /// Takes one record of any kind; what the index does not need is passed over.
    /// Errors: [`BuildError::Record`], [`BuildError::TooMany`].
    pub fn push(&mut self, record: &Record) -> Result<(), BuildError> {
        let Record { key, value, .. } = record;
        match self.fixed.intake.read(key, value, self.schema)? {
            Incoming::Entry(entry) => {
                self.pack(entry.id, entry.parent, record.revision, entry.loose())?;
            }
            Incoming::Side => self.side.put(key, value, record.expires),
        }
        Ok(())
    }

    /// Takes an entry over from another snapshot.
    pub(super) fn push_entry(&mut self, entry: EntryRef<'_>) -> Result<(), BuildError> {
        let known: Vec<_> = entry.packed().collect();
        let unknown: Vec<_> = entry.unknown().collect();
        let loose = Loose {
            name: entry.name(),
            normal: entry.normal_name(),
            known: &known,
            unknown: &unknown,
        };
        let parent = entry.parent().map(|parent| parent.id());
        self.pack(entry.id(), parent, entry.revision(), loose)
    }

    pub(super) fn set_side(&mut self, side: SideRecords) {
        self.side = side;
    }

    fn pack(
        &mut self,
        id: u64,
        parent: Option<u64>,
        revision: Revision,
        entry: Loose<'_>,
    ) -> Result<(), BuildError> {
        if self.heads.len() >= ENTRIES_MAX {
            return Err(BuildError::TooMany);
        }
        self.heads.push(Arrived {
            id,
            parent,
            revision,
            place: self.packed.push(entry),
        });
        Ok(())
    }

    /// Builds the snapshot as of `revision`, on up to `threads` threads.
    /// Errors: [`BuildError::Twice`], [`BuildError::Orphan`].
    pub fn finish(mut self, revision: Revision, threads: NonZeroUsize) -> Result<Snapshot, BuildError> {
        self.heads.sort_unstable_by_key(|head| head.id);
        let heads = std::mem::take(&mut self.heads);
        let class_runs = std::mem::take(&mut self.packed.class_runs);
        let entries = entries(heads, self.packed)?;
        let finder = TermFinder::new(self.schema, &self.fixed.hasher, &self.fixed.roles);
        let base = Base {
            children: Children::build(entries.heads.iter().map(|head| head.parent)),
            names: names(&entries, &self.fixed.hasher),
            columns: columns(&entries, &finder, threads),
            classes: classes(class_runs, &entries.pool, self.schema),
            entries,
            fixed: self.fixed,
        };
        Ok(Snapshot::new(Arc::new(base), self.side, revision))
    }
}

/// `heads` in ascending order of ids.
fn entries(heads: Vec<Arrived>, packed: Packed) -> Result<Entries, BuildError> {
    if let Some(pair) = heads.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(BuildError::Twice(pair[0].id));
    }
    let head = |arrived: &Arrived| {
        let id = arrived.id;
        let parent = match arrived.parent {
            None => Slot::NONE,
            Some(parent) => {
                let slot = slot_of(&heads, |head| head.id, parent);
                slot.ok_or(BuildError::Orphan { id, parent })?
            }
        };
        Ok(Head {
            id,
            revision: arrived.revision,
            place: arrived.place,
            parent,
        })
    };
    Ok(Entries {
        heads: heads.iter().map(head).collect::<Result<_, BuildError>>()?,
        arena: packed.arena,
        pool: packed.pool.finish(),
    })
}

/// The classes of each run and those above them.
fn classes(runs: HashSet<u32, FixedState>, pool: &Pool, schema: &Schema) -> Classes {
    let line = |number: u32| {
        let run = AttributeView {
            kind: OBJECT_CLASS,
            options: "",
            encoded: pool.run(number),
        };
        let classes = run.values().filter_map(|name| schema.class(name));
        let mut line: Vec<_> = classes.flat_map(|class| class.line.iter().copied()).collect();
        line.sort_unstable();
        line.dedup();
        (number, line.into())
    };
    runs.into_iter().map(line).collect()
}

fn names(entries: &Entries, hasher: &TermHasher) -> Postings {
    let slots = (0..).map(Slot).zip(&entries.heads);
    let name = |(slot, head): (Slot, &Head)| {
        let hash = hasher.name(head.parent, entries.parts(head).normal);
        posting(hash, slot.0)
    };
    Postings::build(slots.map(name).collect())
}

fn columns(entries: &Entries, finder: &TermFinder<'_>, threads: NonZeroUsize) -> Columns {
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

fn part(entries: &Entries, start: usize, length: usize, finder: &TermFinder<'_>) -> ColumnsPart {
    let mut finder = TermFinder::new(finder.schema, finder.hasher, finder.roles);
    let mut part = ColumnsPart::new(&finder);
    for (at, head) in entries.heads.iter().enumerate().skip(start).take(length) {
        let attributes = entries.parts(head).attributes(&entries.pool);
        part.push(Slot(at as u32), attributes, &mut finder);
    }
    part
}
