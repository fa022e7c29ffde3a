//! Substrings of one attribute: every normal form in one row of bytes.
//!
//! A row is scanned from end to end, which takes a few hundred microseconds for a hundred thousand short values
//! and costs five bytes a value beyond the values. Beyond [`SCANNED_SLOTS_MAX`] slots only those blocks of it are
//! scanned that [`Trigrams`] name. These take seconds to build, so it is done in the background, and the whole
//! row is scanned until then.

use std::ops::Range;
use std::sync::OnceLock;

use memchr::memmem;

use super::trigrams::Trigrams;

/// Stands before, between and after values, so that a needle can be tied to a value's start or end.
const SEPARATOR: u8 = 0;
/// A column of more slots gets trigrams.
const SCANNED_SLOTS_MAX: usize = 300_000;
/// How many slots share the bits of a trigram. Fewer would take more memory and save nothing worth while.
const BLOCK_SLOTS: usize = 128;

/// The normal forms of one attribute's values, by slot.
pub(super) struct TextColumn {
    /// Where each slot's values start in `bytes`, and one more for the end.
    starts: Box<[u32]>,
    bytes: Box<[u8]>,
    trigrams: OnceLock<Trigrams>,
}

/// Fills a [`TextColumn`], slot by slot in ascending order.
#[derive(Default)]
pub(super) struct TextBuilder {
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

impl TextBuilder {
    /// Begins the next slot, which may have no values.
    pub(super) fn next_slot(&mut self) {
        self.starts.push(self.bytes.len() as u32);
        self.bytes.push(SEPARATOR);
    }

    /// Adds a value to the current slot.
    pub(super) fn push(&mut self, normal: &[u8]) {
        self.bytes.extend_from_slice(normal);
        self.bytes.push(SEPARATOR);
    }

    /// Puts `next`'s slots behind this builder's.
    pub(super) fn append(&mut self, next: &TextBuilder) {
        let offset = self.bytes.len() as u32;
        self.starts
            .extend(next.starts.iter().map(|start| start.wrapping_add(offset)));
        self.bytes.extend_from_slice(&next.bytes);
    }

    /// The column, or `None` if it is too long to be addressed: its attribute is then searched entry by entry.
    pub(super) fn finish(mut self) -> Option<TextColumn> {
        self.starts.push(u32::try_from(self.bytes.len()).ok()?);
        Some(TextColumn {
            starts: self.starts.into(),
            bytes: self.bytes.into(),
            trigrams: OnceLock::new(),
        })
    }
}

/// The longest part of a substring assertion, tied to an end of the value where it must stand there.
pub(super) fn needle(initial: Option<&[u8]>, any: &[&[u8]], last: Option<&[u8]>) -> Vec<u8> {
    let start = initial.map(|part| [&[SEPARATOR], part].concat());
    let end = last.map(|part| [part, &[SEPARATOR]].concat());
    let within = any.iter().map(|part| part.to_vec());
    let parts = start.into_iter().chain(within).chain(end);
    parts.max_by_key(Vec::len).unwrap_or_default()
}

impl TextColumn {
    /// Builds the trigrams, if the column is large enough to want them. Takes about a second for a million
    /// slots; searches go on meanwhile.
    pub(super) fn add_trigrams(&self) {
        if self.slots() > SCANNED_SLOTS_MAX {
            self.trigrams.get_or_init(|| self.build_trigrams());
        }
    }

    fn build_trigrams(&self) -> Trigrams {
        let blocks = self.slots().div_ceil(BLOCK_SLOTS) as u32;
        Trigrams::build(&self.bytes, (0..blocks).map(|block| self.block(block)))
    }

    /// Appends to `slots` those that have `needle` somewhere, ascending; at most `slots_max` of them.
    ///
    /// `false` when there were more: the needle says too little to be of use.
    pub(super) fn find(&self, needle: &[u8], slots_max: usize, slots: &mut Vec<u32>) -> bool {
        let finder = memmem::Finder::new(needle);
        let most = slots.len().saturating_add(slots_max);
        match self.trigrams.get().and_then(|trigrams| trigrams.blocks(needle)) {
            None => self.scan(0..self.bytes.len(), &finder, most, slots),
            Some(blocks) => blocks
                .iter()
                .all(|block| self.scan(self.block(block), &finder, most, slots)),
        }
    }

    /// Scans a part of the row that begins and ends with a slot, until `slots` has `most`.
    fn scan(
        &self,
        part: Range<usize>,
        finder: &memmem::Finder<'_>,
        most: usize,
        slots: &mut Vec<u32>,
    ) -> bool {
        let mut at = part.start;
        while let Some(hit) = self.bytes.get(at..part.end).and_then(|rest| finder.find(rest)) {
            if slots.len() == most {
                return false;
            }
            let slot = self.slot_at(at + hit);
            slots.push(slot);
            at = self.start(slot as usize + 1);
        }
        true
    }

    /// Where a block stands in the row.
    fn block(&self, block: u32) -> Range<usize> {
        let first = block as usize * BLOCK_SLOTS;
        self.start(first)..self.start(first + BLOCK_SLOTS)
    }

    /// Where a slot's values start; the end of the row for a slot behind the last.
    fn start(&self, slot: usize) -> usize {
        self.starts
            .get(slot)
            .map_or(self.bytes.len(), |start| *start as usize)
    }

    fn slots(&self) -> usize {
        self.starts.len() - 1
    }

    fn slot_at(&self, position: usize) -> u32 {
        (self.starts.partition_point(|start| *start as usize <= position) - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column() -> TextColumn {
        let mut first = TextBuilder::default();
        first.next_slot();
        first.push(b"ada lovelace");
        first.push(b"countess");
        first.next_slot();
        let mut second = TextBuilder::default();
        second.next_slot();
        second.push(b"grace hopper");
        first.append(&second);
        first.finish().unwrap()
    }

    fn check(initial: Option<&str>, any: &[&str], last: Option<&str>, expected: &[u32]) {
        let any: Vec<&[u8]> = any.iter().map(|part| part.as_bytes()).collect();
        let needle = needle(initial.map(str::as_bytes), &any, last.map(str::as_bytes));
        let mut slots = Vec::new();
        assert!(column().find(&needle, usize::MAX, &mut slots));
        assert_eq!(slots, expected, "{initial:?} {any:?} {last:?}");
    }

    #[test]
    fn parts_are_found_where_they_must_stand() {
        check(None, &["ace"], None, &[0, 2]);
        check(Some("ada"), &[], None, &[0]);
        check(Some("lovelace"), &[], None, &[]);
        check(None, &[], Some("hopper"), &[2]);
        check(None, &[], Some("grace"), &[]);
        check(Some("c"), &["e"], Some("ss"), &[0]);
        check(None, &["e"], None, &[0, 2]);
    }

    #[test]
    fn too_many_hits_are_given_up() {
        let mut slots = Vec::new();
        assert!(!column().find(b"e", 1, &mut slots));
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn a_small_column_needs_no_trigrams() {
        let column = column();
        column.add_trigrams();
        assert!(column.trigrams.get().is_none());
    }

    proptest! {
        #[test]
        fn trigrams_change_no_answer(
            values in prop::collection::vec(prop::collection::vec("[abc\u{e4}]{0,6}", 0..3), 1..600),
            needle in "[abc\u{e4}]{1,5}",
            ends in any::<(bool, bool)>(),
            slots_max in 0..40usize,
        ) {
            let mut builder = TextBuilder::default();
            for values in &values {
                builder.next_slot();
                values.iter().for_each(|value| builder.push(value.as_bytes()));
            }
            let column = builder.finish().unwrap();
            let part = Some(needle.as_bytes());
            let needle = super::needle(part.filter(|_| ends.0), &[needle.as_bytes()], part.filter(|_| ends.1));
            let find = || {
                let mut slots = vec![7];
                (column.find(&needle, slots_max, &mut slots), slots)
            };
            let scanned = find();
            prop_assert!(column.trigrams.set(column.build_trigrams()).is_ok());
            prop_assert_eq!(find(), scanned);
        }
    }
}
