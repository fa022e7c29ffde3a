//! Putting the entries of a search in the order of sort keys (RFC 2891).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::directory::ask::sort_room::SortRoom;
use crate::directory::request::SortEnd;
use crate::domain::sort::Rank;
use crate::index::Slot;

/// The most entries that one search sorts, those of other pages included; more are not sorted.
pub(super) const SORTED_MAX: usize = 100_000;
/// The most bytes of ranks that one search keeps; more are not sorted.
const RANKED_BYTES_MAX: usize = 16 << 20;
/// About what a rank takes beside its own bytes.
const RANK_BYTES: usize = 64;

/// The entries found so far, in order: no more of them than can be given away.
pub(super) struct Ranking {
    /// So many at most: those that come first.
    kept_max: usize,
    /// Where the page before has ended.
    behind: Option<Rank>,
    ranked: BTreeMap<Rank, Slot>,
    found: usize,
    bytes: usize,
    room: Arc<SortRoom>,
}

impl Ranking {
    /// Of the first `kept_max` entries behind another.
    pub(super) fn new(kept_max: u64, behind: Option<Rank>, room: Arc<SortRoom>) -> Ranking {
        Ranking {
            kept_max: usize::try_from(kept_max).map_or(SORTED_MAX, |max| max.min(SORTED_MAX)),
            behind,
            ranked: BTreeMap::new(),
            found: 0,
            bytes: 0,
            room,
        }
    }

    /// Puts an entry in its place. Errors: why there is no more sorting.
    pub(super) fn add(&mut self, rank: Rank, slot: Slot) -> Result<(), SortEnd> {
        self.found += 1;
        if self.found > SORTED_MAX {
            return Err(SortEnd::TooMany);
        }
        if self.behind.as_ref().is_some_and(|behind| rank <= *behind) {
            return Ok(());
        }
        let bytes = cost(&rank);
        if self.bytes + bytes > RANKED_BYTES_MAX {
            return Err(SortEnd::TooMany);
        }
        if !self.room.take(bytes) {
            return Err(SortEnd::Busy);
        }
        self.bytes += bytes;
        self.ranked.insert(rank, slot);
        if self.ranked.len() > self.kept_max {
            let last = self.ranked.pop_last();
            let bytes = last.map_or(0, |(last, _)| cost(&last));
            self.bytes -= bytes;
            self.room.give_back(bytes);
        }
        Ok(())
    }

    /// The entries in order.
    pub(super) fn in_order(&mut self) -> (Vec<Rank>, Vec<Slot>) {
        std::mem::take(&mut self.ranked).into_iter().unzip()
    }
}

impl Drop for Ranking {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}

fn cost(rank: &Rank) -> usize {
    RANK_BYTES + rank.as_bytes().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(number: u32) -> Rank {
        Rank::from_bytes(&number.to_be_bytes())
    }

    fn ranking(kept_max: u64, behind: Option<Rank>) -> Ranking {
        Ranking::new(kept_max, behind, Arc::new(SortRoom::whole()))
    }

    #[test]
    fn the_first_behind_the_page_before_are_kept() {
        let mut ranking = ranking(3, Some(rank(20)));
        let slot = crate::index::testing::slot;
        for number in [70, 10, 40, 20, 30, 60, 50, 21] {
            assert_eq!(ranking.add(rank(number), slot(number)), Ok(()));
        }
        let (ranks, slots) = ranking.in_order();
        assert!(ranks == [21, 30, 40].map(rank));
        assert_eq!(slots, [21, 30, 40].map(slot));
    }

    #[test]
    fn more_than_the_limit_is_not_sorted() {
        let mut few = ranking(1, None);
        let slot = crate::index::testing::slot(0);
        let added = (0..).map(|number| few.add(rank(number), slot));
        let sorted = added.take_while(Result::is_ok).count();
        assert_eq!(sorted, SORTED_MAX);
        let mut long = ranking(u64::MAX, None);
        let bytes = vec![0; 1 << 20];
        let added = (0..u32::MAX).map(|number| {
            let bytes = [&number.to_be_bytes()[..], &bytes].concat();
            long.add(Rank::from_bytes(&bytes), slot)
        });
        assert_eq!(added.take_while(Result::is_ok).count(), 15);
    }
}
