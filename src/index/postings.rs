//! Which slots hold a value: an immutable list of (hash, slot), about 8.5 bytes each.
//!
//! A hash only says where to look; whoever asks verifies on the entry. A value that very many entries
//! have (`objectClass: person`) is a bitmap instead.

use roaring::RoaringBitmap;

/// A value that this many slots have is kept as a bitmap.
const HEAVY_SLOTS_MIN: usize = 1024;
/// The aimed-for number of postings in a bucket: one or two cache lines.
const BUCKET_POSTINGS: usize = 8;

/// An immutable map from a 32-bit hash to the slots that have it.
#[derive(Default)]
pub(super) struct Postings {
    /// How far to shift a hash to the right for its bucket.
    shift: u32,
    /// Where each bucket starts in `light`, and one more for the end.
    starts: Box<[u32]>,
    /// `hash << 32 | slot`, ascending.
    light: Box<[u64]>,
    /// Ascending by hash.
    heavy: Box<[(u32, RoaringBitmap)]>,
}

/// A posting before it is built in.
pub(super) fn posting(hash: u32, slot: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(slot)
}

fn hash_of(posting: u64) -> u32 {
    (posting >> 32) as u32
}

fn slot_of(posting: u64) -> u32 {
    posting as u32
}

impl Postings {
    /// Builds from postings in any order; repeated ones count once.
    pub(super) fn build(mut postings: Vec<u64>) -> Postings {
        postings.sort_unstable();
        postings.dedup();
        let heavy = split_heavy(&mut postings);
        let shift = bucket_shift(postings.len());
        Postings {
            shift,
            starts: bucket_starts(&postings, shift),
            light: postings.into(),
            heavy,
        }
    }

    /// How many slots have `hash`.
    pub(super) fn count(&self, hash: u32) -> usize {
        match self.bitmap(hash) {
            Some(bitmap) => bitmap.len() as usize,
            None => self.run(hash).len(),
        }
    }

    /// The slots that have `hash`, ascending.
    pub(super) fn slots(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let bitmap = self.bitmap(hash).into_iter().flatten();
        bitmap.chain(self.run(hash).iter().map(|posting| slot_of(*posting)))
    }

    /// The slots of a value that very many have.
    pub(super) fn bitmap(&self, hash: u32) -> Option<&RoaringBitmap> {
        let at = self.heavy.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        self.heavy.get(at).map(|(_, bitmap)| bitmap)
    }

    /// Where the postings of `hash` stand in the list.
    pub(super) fn span(&self, hash: u32) -> std::ops::Range<usize> {
        let bucket = hash.checked_shr(self.shift).unwrap_or(0) as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(bucket), self.starts.get(bucket + 1)) else {
            return 0..0;
        };
        let (start, end) = (start as usize, end as usize);
        let postings = self.light.get(start..end).unwrap_or_default();
        let before = postings.iter().take_while(|posting| hash_of(**posting) < hash);
        let from = start + before.count();
        let same = self.light.get(from..end).unwrap_or_default().iter();
        from..from + same.take_while(|posting| hash_of(**posting) == hash).count()
    }

    fn run(&self, hash: u32) -> &[u64] {
        self.light.get(self.span(hash)).unwrap_or_default()
    }
}

/// Takes the postings of frequent hashes out of the sorted list.
fn split_heavy(postings: &mut Vec<u64>) -> Box<[(u32, RoaringBitmap)]> {
    let mut heavy = Vec::new();
    let mut light_len = 0;
    let mut start = 0;
    while start < postings.len() {
        let hash = hash_of(postings[start]);
        let end = start + postings[start..].partition_point(|posting| hash_of(*posting) == hash);
        if end - start >= HEAVY_SLOTS_MIN {
            heavy.push((hash, bitmap(&postings[start..end])));
        } else {
            postings.copy_within(start..end, light_len);
            light_len += end - start;
        }
        start = end;
    }
    postings.truncate(light_len);
    heavy.into()
}

/// Of postings with the same hash, ascending.
fn bitmap(postings: &[u64]) -> RoaringBitmap {
    let slots = postings.iter().map(|posting| slot_of(*posting));
    let bitmap = RoaringBitmap::from_sorted_iter(slots);
    let mut bitmap = bitmap.expect("postings are sorted and none is repeated");
    bitmap.optimize();
    bitmap
}

/// 32 (one bucket) up to few bits: a power of two of buckets, so that a bucket is the top bits of a hash.
fn bucket_shift(postings: usize) -> u32 {
    let buckets = (postings / BUCKET_POSTINGS).max(1).next_power_of_two();
    32 - buckets.trailing_zeros().min(28)
}

fn bucket_starts(postings: &[u64], shift: u32) -> Box<[u32]> {
    let buckets = 1usize << (32 - shift);
    let mut starts = vec![0u32; buckets + 1];
    for posting in postings {
        let bucket = hash_of(*posting).checked_shr(shift).unwrap_or(0) as usize;
        starts[bucket + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    starts.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_posting_is_found_and_no_other() {
        let pairs: Vec<(u32, u32)> = (0..50_000u32)
            .map(|slot| (slot.wrapping_mul(0x9E37_79B9) >> 4, slot))
            .collect();
        let postings = Postings::build(pairs.iter().map(|(hash, slot)| posting(*hash, *slot)).collect());
        for (hash, slot) in &pairs {
            assert!(postings.slots(*hash).any(|found| found == *slot));
        }
        assert_eq!(postings.count(u32::MAX), 0);
    }

    #[test]
    fn frequent_and_rare_values_are_found_alike() {
        let mut list: Vec<u64> = (0..5_000).rev().map(|slot| posting(7, slot)).collect();
        list.extend([posting(6, 3), posting(8, 1), posting(8, 1), posting(u32::MAX, 4)]);
        let postings = Postings::build(list);
        assert!(postings.slots(7).eq(0..5_000));
        assert!(postings.slots(6).eq([3]));
        assert!(postings.slots(8).eq([1]));
        assert!(postings.slots(u32::MAX).eq([4]));
        assert_eq!(
            (postings.count(7), postings.count(8), postings.count(9)),
            (5_000, 1, 0)
        );
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(Postings::default().count(1), 0);
        assert_eq!(Postings::build(Vec::new()).count(1), 0);
    }
}
