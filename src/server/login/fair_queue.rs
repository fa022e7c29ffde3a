//! A bounded queue that sources share: they are served in turn, and none of them keeps the others out.

use std::collections::{HashMap, VecDeque};

use crate::types::SourceGroup;

/// What waits, by where it came from.
pub(super) struct FairQueue<T> {
    waiting_max: usize,
    waiting: usize,
    by_source: HashMap<SourceGroup, VecDeque<T>>,
    /// Every source of which something waits, once; the next one first.
    turns: VecDeque<SourceGroup>,
}

impl<T> FairQueue<T> {
    /// An empty queue with `waiting_max` places, which one source may take while no other wants them.
    pub(super) fn new(waiting_max: usize) -> FairQueue<T> {
        FairQueue {
            waiting_max,
            waiting: 0,
            by_source: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// Puts `item` behind what waits of `source`. In a full queue it takes the place of the newest item of the
    /// source of which most waits, if less waits of its own; that item is given back.
    /// Errors: `item`, for which there is no place.
    pub(super) fn push(&mut self, source: SourceGroup, item: T) -> Result<Option<T>, T> {
        let displaced = if self.waiting < self.waiting_max {
            None
        } else {
            match self.fullest() {
                Some(fullest) if self.waiting_of(source) < self.waiting_of(fullest) => {
                    self.take_newest(fullest)
                }
                _ => return Err(item),
            }
        };
        let queue = self.by_source.entry(source).or_default();
        if queue.is_empty() {
            self.turns.push_back(source);
        }
        queue.push_back(item);
        self.waiting += 1;
        Ok(displaced)
    }

    /// The oldest item of the source whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let source = self.turns.pop_front()?;
        let queue = self.by_source.get_mut(&source)?;
        let item = queue.pop_front()?;
        if queue.is_empty() {
            self.by_source.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        self.waiting -= 1;
        Some(item)
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    fn waiting_of(&self, source: SourceGroup) -> usize {
        self.by_source.get(&source).map_or(0, VecDeque::len)
    }

    /// The source of which most waits; of several the one whose turn is last. Looks at every source, but only
    /// a full queue asks.
    fn fullest(&self) -> Option<SourceGroup> {
        let sources = self.turns.iter().copied();
        sources.max_by_key(|source| self.waiting_of(*source))
    }

    fn take_newest(&mut self, source: SourceGroup) -> Option<T> {
        let queue = self.by_source.get_mut(&source)?;
        let item = queue.pop_back()?;
        if queue.is_empty() {
            self.by_source.remove(&source);
            self.turns.retain(|other| *other != source);
        }
        self.waiting -= 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VPN: SourceGroup = SourceGroup::V4([192, 0, 2]);
    const LIBRARY: SourceGroup = SourceGroup::V4([198, 51, 100]);
    const STRANGER: SourceGroup = SourceGroup::V4([203, 0, 113]);

    /// A queue of `waiting_max` places into which these have come; none of them found it full.
    fn queue(waiting_max: usize, items: &[(SourceGroup, &'static str)]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::new(waiting_max);
        for (source, item) in items {
            assert_eq!(queue.push(*source, *item), Ok(None));
        }
        queue
    }

    fn check(mut queue: FairQueue<&str>, expected: &[&str]) {
        assert_eq!(queue.len(), expected.len());
        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, expected);
        assert_eq!(queue.len(), 0);
        assert!(
            queue.by_source.is_empty() && queue.turns.is_empty(),
            "nothing stays"
        );
    }

    #[test]
    fn one_source_is_served_in_its_order() {
        check(queue(3, &[(VPN, "a"), (VPN, "b"), (VPN, "c")]), &["a", "b", "c"]);
        check(queue(0, &[]), &[]);
    }

    #[test]
    fn sources_are_served_in_turn() {
        let flood = [(STRANGER, "s1"), (STRANGER, "s2"), (STRANGER, "s3")];
        let honest = [(VPN, "v1"), (LIBRARY, "l1"), (VPN, "v2")];
        let queue = queue(6, &[flood, honest].concat());
        check(queue, &["s1", "v1", "l1", "s2", "v2", "s3"]);
    }

    #[test]
    fn one_source_may_fill_the_queue_and_is_then_refused() {
        let mut queue = queue(2, &[(VPN, "v1"), (VPN, "v2")]);
        assert_eq!(queue.push(VPN, "v3"), Err("v3"));
        check(queue, &["v1", "v2"]);
    }

    #[test]
    fn a_newcomer_takes_the_newest_place_of_the_fullest_source() {
        let flood = [(STRANGER, "s1"), (STRANGER, "s2"), (STRANGER, "s3")];
        let mut queue = queue(4, &[&[(LIBRARY, "l1")], &flood[..]].concat());
        assert_eq!(queue.push(VPN, "v1"), Ok(Some("s3")));
        assert_eq!(queue.push(STRANGER, "s4"), Err("s4"), "nobody has more");
        assert_eq!(queue.push(VPN, "v2"), Ok(Some("s2")));
        check(queue, &["l1", "s1", "v1", "v2"]);
    }

    #[test]
    fn a_source_that_has_lost_its_only_place_is_forgotten() {
        let mut queue = queue(1, &[(STRANGER, "s1")]);
        assert_eq!(queue.push(VPN, "v1"), Ok(Some("s1")));
        assert_eq!(queue.push(VPN, "v2"), Err("v2"));
        check(queue, &["v1"]);
    }

    #[test]
    fn a_queue_without_places_refuses_everybody() {
        let mut queue = queue(0, &[]);
        assert_eq!(queue.push(VPN, "v1"), Err("v1"));
        check(queue, &[]);
    }
}
