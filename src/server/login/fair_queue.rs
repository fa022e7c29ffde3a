//! A bounded queue that peers share, and of one peer its callers: they are served in turn, and none of them keeps the
//! others out. So a stranger with many addresses behind one VPN concentrator takes places of that one only.

use std::collections::{HashMap, VecDeque};

use crate::types::SourceGroup;

/// What waits, by the peer it came from and by whom that one asked for.
pub(super) struct FairQueue<T> {
    waiting_max: usize,
    peers: Rounds<Rounds<VecDeque<T>>>,
}

impl<T> FairQueue<T> {
    /// An empty queue with `waiting_max` places, which one peer may take while no other wants them.
    pub(super) fn new(waiting_max: usize) -> FairQueue<T> {
        FairQueue {
            waiting_max,
            peers: Rounds::default(),
        }
    }

    /// Puts `item` behind what waits of `caller` of `peer`. In a full queue it takes the place of the newest item of the
    /// peer of which most waits, or else of the caller of the same peer of which most waits, if less waits of its own;
    /// that item is given back. Errors: `item`, for which there is no place.
    pub(super) fn push(&mut self, peer: SourceGroup, caller: SourceGroup, item: T) -> Result<Option<T>, T> {
        let displaced = if self.len() < self.waiting_max {
            None
        } else {
            match self.who_gives_way(peer, caller) {
                Some(peer) => self.peers.take_newest_of(peer),
                None => return Err(item),
            }
        };
        self.peers
            .put(peer, |callers| callers.put(caller, |line| line.push_back(item)));
        Ok(displaced)
    }

    /// The oldest item of the peer and the caller whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.peers.take_oldest()
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    /// The peer that loses its newest item to `caller` of `peer`.
    fn who_gives_way(&self, peer: SourceGroup, caller: SourceGroup) -> Option<SourceGroup> {
        let fullest = self.peers.fullest()?;
        if self.peers.len_of(peer) < self.peers.len_of(fullest) {
            return Some(fullest);
        }
        let callers = self.peers.by_source.get(&peer)?;
        let is_less = callers.len_of(caller) < callers.len_of(callers.fullest()?);
        is_less.then_some(peer)
    }
}

/// What waits in some order.
trait Waiting {
    /// One of the things.
    type Item;
    /// How many there are.
    fn len(&self) -> usize;
    /// Takes the one whose turn it is.
    fn take_oldest(&mut self) -> Option<Self::Item>;
    /// Takes the one that came last of those of whom most wait.
    fn take_newest(&mut self) -> Option<Self::Item>;
}

impl<T> Waiting for VecDeque<T> {
    type Item = T;

    fn len(&self) -> usize {
        VecDeque::len(self)
    }

    fn take_oldest(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn take_newest(&mut self) -> Option<T> {
        self.pop_back()
    }
}

/// Lines of several sources, served in turn.
struct Rounds<L> {
    waiting: usize,
    by_source: HashMap<SourceGroup, L>,
    /// Every source of which something waits, once; the next one first.
    turns: VecDeque<SourceGroup>,
}

impl<L> Default for Rounds<L> {
    fn default() -> Rounds<L> {
        Rounds {
            waiting: 0,
            by_source: HashMap::new(),
            turns: VecDeque::new(),
        }
    }
}

impl<L: Waiting + Default> Rounds<L> {
    /// Has `put` put one more thing into the line of `source`.
    fn put(&mut self, source: SourceGroup, put: impl FnOnce(&mut L)) {
        let line = self.by_source.entry(source).or_default();
        if line.len() == 0 {
            self.turns.push_back(source);
        }
        put(line);
        self.waiting += 1;
    }

    fn len_of(&self, source: SourceGroup) -> usize {
        self.by_source.get(&source).map_or(0, L::len)
    }

    /// The source of which most waits; of several the one whose turn is last. Looks at every source, but only
    /// a full queue asks.
    fn fullest(&self) -> Option<SourceGroup> {
        let sources = self.turns.iter().copied();
        sources.max_by_key(|source| self.len_of(*source))
    }

    fn take_newest_of(&mut self, source: SourceGroup) -> Option<L::Item> {
        let line = self.by_source.get_mut(&source)?;
        let item = line.take_newest()?;
        if line.len() == 0 {
            self.by_source.remove(&source);
            self.turns.retain(|other| *other != source);
        }
        self.waiting -= 1;
        Some(item)
    }
}

impl<L: Waiting + Default> Waiting for Rounds<L> {
    type Item = L::Item;

    fn len(&self) -> usize {
        self.waiting
    }

    fn take_oldest(&mut self) -> Option<L::Item> {
        let source = self.turns.pop_front()?;
        let line = self.by_source.get_mut(&source)?;
        let item = line.take_oldest()?;
        if line.len() == 0 {
            self.by_source.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        self.waiting -= 1;
        Some(item)
    }

    fn take_newest(&mut self) -> Option<L::Item> {
        self.take_newest_of(self.fullest()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VPN: SourceGroup = SourceGroup::V4([192, 0, 2]);
    const LIBRARY: SourceGroup = SourceGroup::V4([198, 51, 100]);
    const HOME: SourceGroup = SourceGroup::V4([198, 18, 0]);
    const STRANGER: SourceGroup = SourceGroup::V4([203, 0, 113]);

    /// A queue of `waiting_max` places into which these have come; none of them found it full.
    fn queue(waiting_max: usize, items: &[(SourceGroup, &'static str)]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::new(waiting_max);
        for (source, item) in items {
            assert_eq!(queue.push(*source, *source, *item), Ok(None));
        }
        queue
    }

    fn check(mut queue: FairQueue<&str>, expected: &[&str]) {
        assert_eq!(queue.len(), expected.len());
        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, expected);
        assert_eq!(queue.len(), 0);
        assert!(
            queue.peers.by_source.is_empty() && queue.peers.turns.is_empty(),
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
        assert_eq!(queue.push(VPN, VPN, "v3"), Err("v3"));
        check(queue, &["v1", "v2"]);
    }

    #[test]
    fn a_newcomer_takes_the_newest_place_of_the_fullest_source() {
        let flood = [(STRANGER, "s1"), (STRANGER, "s2"), (STRANGER, "s3")];
        let mut queue = queue(4, &[&[(LIBRARY, "l1")], &flood[..]].concat());
        assert_eq!(queue.push(VPN, VPN, "v1"), Ok(Some("s3")));
        assert_eq!(queue.push(STRANGER, STRANGER, "s4"), Err("s4"), "nobody has more");
        assert_eq!(queue.push(VPN, VPN, "v2"), Ok(Some("s2")));
        check(queue, &["l1", "s1", "v1", "v2"]);
    }

    #[test]
    fn a_source_that_has_lost_its_only_place_is_forgotten() {
        let mut queue = queue(1, &[(STRANGER, "s1")]);
        assert_eq!(queue.push(VPN, VPN, "v1"), Ok(Some("s1")));
        assert_eq!(queue.push(VPN, VPN, "v2"), Err("v2"));
        check(queue, &["v1"]);
    }

    #[test]
    fn a_queue_without_places_refuses_everybody() {
        let mut queue = queue(0, &[]);
        assert_eq!(queue.push(VPN, VPN, "v1"), Err("v1"));
        check(queue, &[]);
    }

    #[test]
    fn callers_of_one_peer_are_served_in_turn_in_the_turn_of_the_peer() {
        let mut queue = queue(7, &[(LIBRARY, "l1"), (LIBRARY, "l2")]);
        let behind_vpn = [
            (STRANGER, "s1"),
            (STRANGER, "s2"),
            (STRANGER, "s3"),
            (HOME, "h1"),
            (HOME, "h2"),
        ];
        for (caller, item) in behind_vpn {
            assert_eq!(queue.push(VPN, caller, item), Ok(None));
        }
        check(queue, &["l1", "s1", "l2", "h1", "s2", "h2", "s3"]);
    }

    #[test]
    fn many_callers_of_one_peer_keep_neither_other_peers_nor_its_other_callers_out() {
        let mut queue = queue(4, &[]);
        for (network, item) in [(1, "s1"), (2, "s2"), (3, "s3")] {
            assert_eq!(queue.push(VPN, SourceGroup::V4([10, 0, network]), item), Ok(None));
        }
        assert_eq!(queue.push(VPN, SourceGroup::V4([10, 0, 3]), "s4"), Ok(None));
        assert_eq!(queue.push(VPN, HOME, "h1"), Ok(Some("s4")), "who has two waiting");
        assert_eq!(
            queue.push(LIBRARY, LIBRARY, "l1"),
            Ok(Some("h1")),
            "the newest of equals"
        );
        assert_eq!(queue.push(LIBRARY, LIBRARY, "l2"), Ok(Some("s3")));
        assert_eq!(
            queue.push(LIBRARY, LIBRARY, "l3"),
            Err("l3"),
            "half of the places"
        );
        check(queue, &["s1", "l1", "s2", "l2"]);
    }
}
