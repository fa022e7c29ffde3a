//! Which blocks of a row of text hold three bytes one after the other: what a substring is found by in a
//! directory too large to scan.
//!
//! A bitmap a trigram, of *blocks* and not of entries: a block is scanned in a fraction of a microsecond, and a
//! trigram that a block holds very often costs no more there than one it holds once.

use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use roaring::RoaringBitmap;

/// The bytes of a trigram: a shorter needle is in too many places to be looked up.
pub(super) const TRIGRAM_BYTES: usize = 3;
/// The most trigrams of a needle that are looked up. Those behind them would leave out hardly a block more.
const LOOKED_UP_MAX: usize = 64;
/// The bits of a byte that count: text is mostly ASCII, and what is confounded is told apart by scanning.
const BYTE_BITS: usize = 7;
const KEYS: usize = 1 << (TRIGRAM_BYTES * BYTE_BITS);

/// The blocks of a row of bytes by the trigrams they hold.
pub(super) struct Trigrams {
    blocks: HashMap<u32, RoaringBitmap, FixedState>,
}

impl Trigrams {
    /// Of a row of which the block numbers 0, 1, … are `blocks`.
    pub(super) fn build(bytes: &[u8], blocks: impl Iterator<Item = Range<usize>>) -> Trigrams {
        let mut of_trigram: HashMap<u32, RoaringBitmap, FixedState> = HashMap::default();
        // The block that a trigram was last met in, and one more: most have been met in the present one.
        let mut met = vec![0; KEYS];
        for (block, range) in (0..).zip(blocks) {
            for key in keys(bytes.get(range).unwrap_or_default()) {
                if std::mem::replace(&mut met[key as usize], block + 1) <= block {
                    let pushed = of_trigram.entry(key).or_default().try_push(block);
                    pushed.expect("blocks come in ascending order, each once");
                }
            }
        }
        of_trigram.values_mut().for_each(|blocks| {
            blocks.optimize();
        });
        of_trigram.shrink_to_fit();
        Trigrams { blocks: of_trigram }
    }

    /// The blocks that may hold `needle`; `None` if it is shorter than a trigram.
    pub(super) fn blocks(&self, needle: &[u8]) -> Option<RoaringBitmap> {
        if needle.len() < TRIGRAM_BYTES {
            return None;
        }
        let looked_up = keys(needle).take(LOOKED_UP_MAX).map(|key| self.blocks.get(&key));
        let Some(mut found) = looked_up.collect::<Option<Vec<_>>>() else {
            return Some(RoaringBitmap::new());
        };
        found.sort_unstable_by_key(|blocks| blocks.len());
        let (first, others) = found.split_first()?;
        let mut blocks = RoaringBitmap::clone(first);
        others.iter().for_each(|other| blocks &= *other);
        Some(blocks)
    }
}

fn keys(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let bits = |byte: &u8| u32::from(*byte) & ((1 << BYTE_BITS) - 1);
    let key = move |bytes: &[u8]| bytes.iter().fold(0, |key, byte| key << BYTE_BITS | bits(byte));
    bytes.windows(TRIGRAM_BYTES).map(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: &[&str], needle: &str, expected: Option<&[u32]>) {
        let row = blocks.concat();
        let mut end = 0;
        let ranges = blocks.iter().map(|block| {
            end += block.len();
            end - block.len()..end
        });
        let found = Trigrams::build(row.as_bytes(), ranges).blocks(needle.as_bytes());
        let found = found.map(|blocks| blocks.iter().collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{needle} in {blocks:?}");
    }

    #[test]
    fn blocks_are_found_by_all_trigrams_of_a_needle() {
        let blocks = ["ada lovelace", "grace hopper", "ada grace"];
        check(&blocks, "ace", Some(&[0, 1, 2]));
        check(&blocks, "grace", Some(&[1, 2]));
        check(&blocks, "grace h", Some(&[1]));
        check(&blocks, "nobody", Some(&[]));
        check(&blocks, "ac", None);
    }

    #[test]
    fn no_trigram_reaches_into_the_next_block() {
        check(&["ab", "cd"], "abc", Some(&[]));
        check(&["", "abc"], "abc", Some(&[1]));
    }

    #[test]
    fn bytes_that_are_confounded_are_found_too_often_and_never_too_seldom() {
        check(&["\u{e4}rger"], "\u{e4}rg", Some(&[0]));
        let (narrow, wide) = ("C$r", "\u{e4}r".to_owned());
        check(&[narrow], &wide, Some(&[0]));
    }

    #[test]
    fn a_long_needle_is_looked_up_by_its_beginning() {
        let long = "x".repeat(10 * LOOKED_UP_MAX) + "y";
        check(&[&long[1..]], &long, Some(&[0]));
    }
}
