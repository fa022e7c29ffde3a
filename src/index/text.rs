//! Substrings of one attribute: every normal form in one row of bytes, scanned from end to end.
//!
//! A scan of a million short values takes a few milliseconds and the row costs five bytes a value
//! beyond the values; a trigram index would cost 75 and most of the time the index takes to build.

use memchr::memmem;

/// Stands before, between and after values, so that a needle can be tied to a value's start or end.
const SEPARATOR: u8 = 0;

/// The normal forms of one attribute's values, by slot.
pub(super) struct TextColumn {
    /// Where each slot's values start in `bytes`, and one more for the end.
    starts: Box<[u32]>,
    bytes: Box<[u8]>,
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
    /// Appends to `slots` those that have `needle` somewhere, ascending; at most `slots_max` of them.
    ///
    /// `false` when there were more: the needle says too little to be of use.
    pub(super) fn find(&self, needle: &[u8], slots_max: usize, slots: &mut Vec<u32>) -> bool {
        let finder = memmem::Finder::new(needle);
        let (mut at, mut found) = (0, 0);
        while let Some(hit) = self.bytes.get(at..).and_then(|rest| finder.find(rest)) {
            let slot = self.slot_at(at + hit);
            if found == slots_max {
                return false;
            }
            slots.push(slot);
            found += 1;
            at = self
                .starts
                .get(slot as usize + 1)
                .map_or(self.bytes.len(), |start| *start as usize);
        }
        true
    }

    fn slot_at(&self, position: usize) -> u32 {
        (self.starts.partition_point(|start| *start as usize <= position) - 1) as u32
    }
}

#[cfg(test)]
mod tests {
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
}
