//! Which entries are in which of a few sets, kept with the snapshot: who may know of what is asked of very many entries
//! at once, and before anything else is.

use std::num::NonZeroUsize;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{EntryRef, Slot, Snapshot};
use crate::domain::access::EntrySet;
use crate::domain::schema::Schema;

/// The sets, by position; those behind the 64th are not marked. They are asked of what is stored.
pub type Sets = Arc<[EntrySet]>;

/// The most sets that are marked.
const SETS_MAX: usize = u64::BITS as usize;

/// A bitmap of slots a set, over the entries of a base.
pub(super) struct Marks {
    sets: Box<[RoaringBitmap]>,
}

impl Marks {
    /// Asks every entry of `snapshot`, which has nothing but a base, on up to `threads` threads.
    pub(super) fn build(snapshot: &Snapshot, schema: &Schema, threads: NonZeroUsize) -> Marks {
        let slots = match snapshot.base.fixed.sets.is_empty() {
            true => 0,
            false => snapshot.base.entries.len(),
        };
        let share = slots.div_ceil(threads.get()).max(1);
        let part = |start: usize| {
            let mut part = vec![RoaringBitmap::new(); snapshot.base.fixed.sets.len().min(SETS_MAX)];
            for slot in (start..slots.min(start + share)).map(|slot| Slot(slot as u32)) {
                let Some(entry) = snapshot.entry(slot) else {
                    continue;
                };
                let marks = marks_of(entry, schema);
                let sets = part.iter_mut().enumerate();
                let held = sets.filter(|(position, _)| marks >> position & 1 == 1);
                held.for_each(|(_, set)| set.extend([slot.0]));
            }
            part
        };
        let parts = std::thread::scope(|scope| {
            let starts = (0..slots.max(1)).step_by(share);
            let running: Vec<_> = starts.map(|start| scope.spawn(move || part(start))).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            running.into_iter().map(join).collect::<Vec<Vec<RoaringBitmap>>>()
        });
        let whole = parts.into_iter().reduce(|mut whole, part| {
            whole.iter_mut().zip(part).for_each(|(set, more)| *set |= more);
            whole
        });
        Marks {
            sets: whole.unwrap_or_default().into(),
        }
    }

    /// A bit for each set that has `slot`.
    #[inline]
    pub(super) fn of(&self, slot: Slot) -> u64 {
        let sets = self.sets.iter().enumerate();
        sets.fold(0, |marks, (position, set)| {
            marks | u64::from(set.contains(slot.0)) << position
        })
    }

    /// The sets of `wanted`, a bit each.
    pub(super) fn sets(&self, wanted: u64) -> impl Iterator<Item = &RoaringBitmap> {
        let sets = self.sets.iter().enumerate();
        sets.filter(move |(position, _)| wanted >> position & 1 == 1)
            .map(|(_, set)| set)
    }
}

/// A bit for each set that `entry` is in.
pub(super) fn marks_of(entry: EntryRef<'_>, schema: &Schema) -> u64 {
    let sets = entry.snapshot().base.fixed.sets.iter().take(SETS_MAX).enumerate();
    sets.fold(0, |marks, (position, set)| {
        marks | u64::from(set.has(&entry, schema)) << position
    })
}
