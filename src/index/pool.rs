//! Runs of values that many entries have alike, such as `objectClass` or `ou`, kept once.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use crate::types::AttributeType;

/// The shared runs of one [`super::base::Base`], addressed by number.
#[derive(Default)]
pub(super) struct Pool {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Pool {
    /// The run with this number; empty for a number that was never handed out.
    #[inline]
    pub(super) fn run(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.end(at - 1) };
        self.bytes.get(start..self.end(at)).unwrap_or_default()
    }

    fn end(&self, at: usize) -> usize {
        self.ends.get(at).map_or(0, |end| *end as usize)
    }

    fn push(&mut self, run: &[u8]) -> Option<u32> {
        let end = u32::try_from(self.bytes.len() + run.len()).ok()?;
        self.bytes.extend_from_slice(run);
        self.ends.push(end);
        u32::try_from(self.ends.len() - 1).ok()
    }
}

/// Shorter runs cost no more in the entry than their number would.
const SHARED_BYTES_MIN: usize = 6;
/// How many runs of an attribute are looked at before its habit is judged.
const SAMPLE: u32 = 4096;
/// An attribute of whose first [`SAMPLE`] runs fewer than one in this many repeat is not shared.
const REPEATS_ONE_IN: u32 = 8;

/// Fills a [`Pool`]. Attributes whose values hardly repeat (`uid`, `mail`) are given up early.
#[derive(Default)]
pub(super) struct PoolBuilder {
    pool: Pool,
    numbers: HashTable<u32>,
    hasher: FixedState,
    habits: Vec<Habit>,
}

#[derive(Clone, Copy, Default)]
struct Habit {
    seen: u32,
    repeats: u32,
}

impl Habit {
    fn hopeless(self) -> bool {
        self.seen >= SAMPLE && self.repeats.saturating_mul(REPEATS_ONE_IN) < self.seen
    }
}

impl PoolBuilder {
    /// The number under which `run` of `kind` is shared, or `None` if the entry had better hold it itself.
    pub(super) fn number(&mut self, kind: AttributeType, run: &[u8]) -> Option<u32> {
        if run.len() < SHARED_BYTES_MIN || self.habit(kind).hopeless() {
            return None;
        }
        let hash = self.hasher.hash_one(run);
        let known = self
            .numbers
            .find(hash, |number| self.pool.run(*number) == run)
            .copied();
        let habit = self.habit(kind);
        habit.seen += 1;
        habit.repeats += u32::from(known.is_some());
        known.or_else(|| self.add(hash, run))
    }

    fn add(&mut self, hash: u64, run: &[u8]) -> Option<u32> {
        let number = self.pool.push(run)?;
        let (pool, hasher) = (&self.pool, &self.hasher);
        self.numbers
            .insert_unique(hash, number, |other| hasher.hash_one(pool.run(*other)));
        Some(number)
    }

    fn habit(&mut self, kind: AttributeType) -> &mut Habit {
        let at = usize::from(kind.0);
        if at >= self.habits.len() {
            self.habits.resize(at + 1, Habit::default());
        }
        &mut self.habits[at]
    }

    pub(super) fn finish(mut self) -> Pool {
        self.pool.bytes.shrink_to_fit();
        self.pool.ends.shrink_to_fit();
        self.pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OU: AttributeType = AttributeType(1);
    const UID: AttributeType = AttributeType(2);

    #[test]
    fn equal_runs_share_one_number() {
        let mut builder = PoolBuilder::default();
        let first = builder.number(OU, b"Engineering").unwrap();
        let other = builder.number(OU, b"Medicine").unwrap();
        assert_eq!(builder.number(OU, b"Engineering"), Some(first));
        let pool = builder.finish();
        assert_eq!(pool.run(first), b"Engineering");
        assert_eq!(pool.run(other), b"Medicine");
        assert_eq!(pool.run(99), b"");
    }

    #[test]
    fn an_attribute_that_never_repeats_is_given_up() {
        let mut builder = PoolBuilder::default();
        for at in 0..SAMPLE {
            assert!(builder.number(UID, format!("u{at:07}").as_bytes()).is_some());
        }
        assert_eq!(builder.number(UID, b"u9999999"), None);
        assert!(
            builder.number(OU, b"Engineering").is_some(),
            "each attribute has its own habit"
        );
    }

    #[test]
    fn short_runs_stay_in_the_entry() {
        assert_eq!(PoolBuilder::default().number(OU, b"Law"), None);
    }
}
