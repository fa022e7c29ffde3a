//! The names and values an import has met, exactly, in about 30 bytes beside their own.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A map from byte strings to `T` that keeps all strings in one allocation.
pub(super) struct Seen<T> {
    hasher: RandomState,
    /// Hash to position. Two strings of one hash stand at neighbouring hashes.
    positions: HashMap<u64, usize>,
    items: Vec<Item<T>>,
    bytes: Vec<u8>,
}

struct Item<T> {
    start: usize,
    end: usize,
    value: T,
}

impl<T> Seen<T> {
    pub(super) fn new() -> Seen<T> {
        Seen {
            hasher: RandomState::new(),
            positions: HashMap::new(),
            items: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// What was put in for `key`.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<&mut T> {
        match self.slot(key) {
            Ok(position) => self.items.get_mut(position).map(|item| &mut item.value),
            Err(_) => None,
        }
    }

    /// Puts `value` in for `key`, over what was there.
    pub(super) fn insert(&mut self, key: &[u8], value: T) {
        match self.slot(key) {
            Ok(position) => {
                if let Some(item) = self.items.get_mut(position) {
                    item.value = value;
                }
            }
            Err(hash) => {
                self.positions.insert(hash, self.items.len());
                let start = self.bytes.len();
                self.bytes.extend_from_slice(key);
                self.items.push(Item {
                    start,
                    end: self.bytes.len(),
                    value,
                });
            }
        }
    }

    /// The position of `key`, or the free hash it would stand at.
    fn slot(&self, key: &[u8]) -> Result<usize, u64> {
        let mut hash = self.hasher.hash_one(key);
        while let Some(&position) = self.positions.get(&hash) {
            let item = self.items.get(position);
            if item.and_then(|item| self.bytes.get(item.start..item.end)) == Some(key) {
                return Ok(position);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_nothing_else() {
        let mut seen = Seen::new();
        (0..1000u32).for_each(|at| seen.insert(&at.to_be_bytes(), at));
        assert!((0..1000u32).all(|at| seen.find(&at.to_be_bytes()) == Some(&mut at.clone())));
        assert!(seen.find(b"").is_none() && seen.find(&1000u32.to_be_bytes()).is_none());
        seen.insert(b"", 1);
        seen.insert(b"", 2);
        assert_eq!(seen.find(b""), Some(&mut 2));
    }
}
