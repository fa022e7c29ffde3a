//! PINs that were right a moment ago, so that a client which logs in again and again does not pay for a
//! hash each time. Holds keyed MACs of the account, its stored hash and the PIN; nothing to guess from
//! without the process's key. As the hash is part of it, a changed PIN is never found here; locks and
//! disabled accounts are asked about before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;

use crate::domain::pin::PinProof;
use crate::types::Timestamp;

/// The most PINs remembered; beyond it those remembered longest are forgotten first. About 12 MB.
pub const VERIFIED_PINS_MAX: usize = 131_072;

const SHARDS: usize = 16;
const GENERATION_MAX: usize = VERIFIED_PINS_MAX / SHARDS / 2;

/// PINs that were right a moment ago.
pub struct VerifiedPins {
    time_to_live_ms: u64,
    shards: [Mutex<Generations>; SHARDS],
}

/// Two maps by turns: when the young one is full it becomes the old one, and the old one is dropped.
#[derive(Default)]
struct Generations {
    young: HashMap<PinProof, Timestamp, FixedState>,
    old: HashMap<PinProof, Timestamp, FixedState>,
}

impl VerifiedPins {
    /// Nothing yet. What is remembered counts for `time_to_live_s` seconds from the check, however often it is
    /// used; 0 remembers nothing.
    pub fn new(time_to_live_s: u64) -> VerifiedPins {
        VerifiedPins {
            time_to_live_ms: time_to_live_s.saturating_mul(1000),
            shards: Default::default(),
        }
    }

    /// Whether anything is remembered at all; if not, no proof need be made.
    pub fn is_off(&self) -> bool {
        self.time_to_live_ms == 0
    }

    /// Whether what `proof` stands for was checked within the time to live before `now`. A check that
    /// lies in the future, because the clock was set back, does not count.
    pub fn recall(&self, proof: &PinProof, now: Timestamp) -> bool {
        let checked = self.with_shard(proof, |shard| {
            shard.young.get(proof).or_else(|| shard.old.get(proof)).copied()
        });
        checked.is_some_and(|at| at <= now && now.ms_since(at) < self.time_to_live_ms)
    }

    /// Remembers that what `proof` stands for was checked at `now` and right.
    pub fn remember(&self, proof: PinProof, now: Timestamp) {
        if self.is_off() {
            return;
        }
        self.with_shard(&proof, |shard| {
            if shard.young.len() >= GENERATION_MAX {
                shard.old = std::mem::take(&mut shard.young);
            }
            shard.young.insert(proof, now);
        });
    }

    /// A map is whole between any two statements, so a poisoned lock guards one all the same.
    fn with_shard<T>(&self, proof: &PinProof, act: impl FnOnce(&mut Generations) -> T) -> T {
        let shard = &self.shards[proof.shard(SHARDS)];
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pin::PinKey;
    use crate::types::{EntryId, Pin, SeededEntropy};

    const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);

    fn proof(key: &PinKey, entry: u64) -> PinProof {
        key.proof(EntryId(entry), b"{SHA}x", &Pin::new(*b"pin"))
    }

    fn key() -> PinKey {
        PinKey::new(&mut SeededEntropy::new(1))
    }

    #[test]
    fn a_pin_is_remembered_for_its_time_to_live_from_the_check() {
        let (verified, proof) = (VerifiedPins::new(60), proof(&key(), 7));
        assert!(!verified.recall(&proof, START));
        verified.remember(proof, START);
        assert!(verified.recall(&proof, START));
        assert!(verified.recall(&proof, START.plus_ms(59_999)));
        assert!(!verified.recall(&proof, START.plus_s(60)));
    }

    #[test]
    fn nothing_is_remembered_with_no_time_to_live() {
        let (verified, proof) = (VerifiedPins::new(0), proof(&key(), 7));
        verified.remember(proof, START);
        assert!(!verified.recall(&proof, START));
    }

    #[test]
    fn a_clock_set_back_remembers_nothing() {
        let (verified, proof) = (VerifiedPins::new(60), proof(&key(), 7));
        verified.remember(proof, START.plus_s(1));
        assert!(!verified.recall(&proof, START));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_newest_stays() {
        let (verified, key) = (VerifiedPins::new(60), key());
        let count = VERIFIED_PINS_MAX as u64 + 5000;
        (0..count).for_each(|entry| verified.remember(proof(&key, entry), START));
        let sizes = verified.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        });
        assert!(sizes.sum::<usize>() <= VERIFIED_PINS_MAX);
        assert!(verified.recall(&proof(&key, count - 1), START));
        assert!(!verified.recall(&proof(&key, 0), START));
    }
}
