//! Duplicate detection (RFC 5080 section 2.2.2): a request is carried out once, however often it arrives.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::wire::Authenticator;
use crate::types::Timestamp;

/// How long a request is remembered unless configured otherwise, in seconds.
pub const LIFETIME_S: u64 = 10;
/// The shortest and the longest that may be configured (RFC 5080 section 2.2.2).
pub const LIFETIME_S_RANGE: std::ops::RangeInclusive<u64> = 5..=30;
/// Requests one cache remembers unless configured otherwise; beyond it the oldest are forgotten, and a
/// retransmission of theirs is carried out again.
pub const REQUESTS_MAX: usize = 65_536;

/// What makes two packets the same request, but for the Request Authenticator. The receiving socket is not
/// in it: every socket has a cache of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Where it came from.
    pub source: SocketAddr,
    /// The address it was sent to, where the socket listens on several.
    pub local: Option<IpAddr>,
    /// Its Code.
    pub code: u8,
    /// Its Identifier.
    pub identifier: u8,
}

/// The right to answer one request, given to the first packet that asks it. Not `Clone`.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// What is known about a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: carry it out. Whatever had the same key has been given up by the client.
    New(Ticket),
    /// It is being carried out, or its answer is being held back: stay silent.
    InProgress,
    /// It has been answered, with these octets.
    Answered(Arc<[u8]>),
}

/// Whether an answer is still wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Wanted,
    /// No: the client has sent another request with the same key.
    Replaced,
}

/// The memory of one socket. Entries live in two generations that turn every lifetime, so that nothing
/// is ever swept; an entry is found while it is no older than the lifetime.
pub struct DuplicateCache {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
    turned: Timestamp,
    lifetime_ms: u64,
    generation_max: usize,
    issued: u64,
}

struct Entry {
    authenticator: Authenticator,
    received: Timestamp,
    ticket: u64,
    answer: Option<Answer>,
}

struct Answer {
    octets: Arc<[u8]>,
    not_before: Timestamp,
}

impl DuplicateCache {
    /// A cache of at most `requests_max` requests, each for `lifetime_s` seconds (brought into
    /// [`LIFETIME_S_RANGE`]).
    pub fn new(lifetime_s: u64, requests_max: usize) -> DuplicateCache {
        DuplicateCache {
            young: HashMap::new(),
            old: HashMap::new(),
            turned: Timestamp::default(),
            lifetime_ms: lifetime_s.clamp(*LIFETIME_S_RANGE.start(), *LIFETIME_S_RANGE.end()) * 1000,
            generation_max: (requests_max / 2).max(1),
            issued: 0,
        }
    }

    /// Looks a packet up and, if it is new, remembers it as being carried out. Only for packets that have
    /// proved who they come from: a forger must not push a request out.
    pub fn observe(&mut self, key: Key, authenticator: &Authenticator, now: Timestamp) -> Seen {
        self.turn(now);
        let known = self.young.get(&key).or_else(|| self.old.get(&key));
        match known.filter(|entry| entry.is_of(authenticator) && entry.is_alive(now, self.lifetime_ms)) {
            Some(Entry {
                answer: Some(answer), ..
            }) if answer.not_before <= now => Seen::Answered(answer.octets.clone()),
            Some(_) => Seen::InProgress,
            None => Seen::New(self.remember(key, *authenticator, now)),
        }
    }

    /// Keeps the answer for retransmissions; they get it from `not_before` on.
    pub fn answer(
        &mut self,
        key: &Key,
        ticket: &Ticket,
        octets: &Arc<[u8]>,
        not_before: Timestamp,
    ) -> Standing {
        let standing = self.standing(key, ticket);
        if let (Standing::Wanted, Some(entry)) = (standing, self.entry(key)) {
            entry.answer = Some(Answer {
                octets: octets.clone(),
                not_before,
            });
        }
        standing
    }

    /// Whether an answer to this request is still wanted. A request that has been forgotten is.
    pub fn standing(&self, key: &Key, ticket: &Ticket) -> Standing {
        match self.young.get(key).or_else(|| self.old.get(key)) {
            Some(entry) if entry.ticket != ticket.0 => Standing::Replaced,
            Some(_) | None => Standing::Wanted,
        }
    }

    /// Forgets a request that gets no answer, so that its retransmission is carried out.
    pub fn forget(&mut self, key: &Key, ticket: Ticket) {
        for generation in [&mut self.young, &mut self.old] {
            if generation.get(key).is_some_and(|entry| entry.ticket == ticket.0) {
                generation.remove(key);
            }
        }
    }

    /// Requests remembered now.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remember(&mut self, key: Key, authenticator: Authenticator, now: Timestamp) -> Ticket {
        self.old.remove(&key);
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.next_generation(now);
        }
        self.issued += 1;
        let entry = Entry {
            authenticator,
            received: now,
            ticket: self.issued,
            answer: None,
        };
        self.young.insert(key, entry);
        Ticket(self.issued)
    }

    fn entry(&mut self, key: &Key) -> Option<&mut Entry> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    fn turn(&mut self, now: Timestamp) {
        if now.ms_since(self.turned) > self.lifetime_ms {
            self.next_generation(now);
        }
    }

    fn next_generation(&mut self, now: Timestamp) {
        self.turned = now;
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
    }
}

impl Entry {
    fn is_of(&self, authenticator: &Authenticator) -> bool {
        self.authenticator == *authenticator
    }

    fn is_alive(&self, now: Timestamp, lifetime_ms: u64) -> bool {
        now.ms_since(self.received) <= lifetime_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Authenticator = [1; 16];
    const B: Authenticator = [2; 16];

    fn key(identifier: u8) -> Key {
        Key {
            source: "192.0.2.1:1024".parse().unwrap(),
            local: None,
            code: 1,
            identifier,
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_000_000 + ms)
    }

    fn new(seen: Seen) -> Ticket {
        match seen {
            Seen::New(ticket) => ticket,
            other => panic!("not new: {other:?}"),
        }
    }

    fn octets() -> Arc<[u8]> {
        Arc::from(&b"answer"[..])
    }

    #[test]
    fn a_request_is_new_then_in_progress_then_answered() {
        let mut cache = DuplicateCache::new(5, 100);
        let ticket = new(cache.observe(key(1), &A, at(0)));
        assert_eq!(cache.observe(key(1), &A, at(1)), Seen::InProgress);
        assert_eq!(cache.answer(&key(1), &ticket, &octets(), at(2)), Standing::Wanted);
        assert_eq!(cache.observe(key(1), &A, at(2)), Seen::Answered(octets()));
    }

    #[test]
    fn an_answer_held_back_is_not_given_early() {
        let mut cache = DuplicateCache::new(5, 100);
        let ticket = new(cache.observe(key(1), &A, at(0)));
        cache.answer(&key(1), &ticket, &octets(), at(1000));
        assert_eq!(cache.observe(key(1), &A, at(999)), Seen::InProgress);
        assert_eq!(cache.observe(key(1), &A, at(1000)), Seen::Answered(octets()));
    }

    #[test]
    fn requests_differ_in_every_part_of_the_key() {
        let mut cache = DuplicateCache::new(5, 100);
        let mut others = [key(1); 5];
        others[1].identifier = 2;
        others[2].code = 4;
        others[3].source.set_port(1025);
        others[4].local = Some("127.0.0.2".parse().unwrap());
        for other in others {
            new(cache.observe(other, &A, at(0)));
        }
    }

    #[test]
    fn another_authenticator_replaces_the_request() {
        let mut cache = DuplicateCache::new(5, 100);
        let first = new(cache.observe(key(1), &A, at(0)));
        let second = new(cache.observe(key(1), &B, at(1)));
        assert_eq!(
            cache.answer(&key(1), &first, &octets(), at(2)),
            Standing::Replaced
        );
        assert_eq!(cache.standing(&key(1), &first), Standing::Replaced);
        assert_eq!(cache.observe(key(1), &B, at(2)), Seen::InProgress);
        assert_eq!(cache.answer(&key(1), &second, &octets(), at(3)), Standing::Wanted);
        assert_eq!(cache.standing(&key(1), &second), Standing::Wanted);
        assert_eq!(cache.observe(key(1), &B, at(3)), Seen::Answered(octets()));
        new(cache.observe(key(1), &A, at(4)));
    }

    #[test]
    fn a_forgotten_request_is_carried_out_again() {
        let mut cache = DuplicateCache::new(5, 100);
        let ticket = new(cache.observe(key(1), &A, at(0)));
        cache.forget(&key(1), ticket);
        let stale = new(cache.observe(key(1), &A, at(1)));
        let ticket = new(cache.observe(key(1), &B, at(2)));
        cache.forget(&key(1), stale);
        assert_eq!(cache.observe(key(1), &B, at(3)), Seen::InProgress);
        cache.forget(&key(1), ticket);
        assert!(cache.is_empty());
    }

    #[test]
    fn a_request_is_remembered_for_its_lifetime_and_no_longer() {
        for (asked_s, lifetime_ms) in [(1, 5_000), (10, 10_000), (99, 30_000)] {
            let mut cache = DuplicateCache::new(asked_s, 100);
            cache.observe(key(9), &A, at(0));
            // Received in the middle of a generation.
            let ticket = new(cache.observe(key(1), &A, at(lifetime_ms / 2)));
            cache.answer(&key(1), &ticket, &octets(), at(lifetime_ms / 2));
            let last = lifetime_ms / 2 + lifetime_ms;
            assert_eq!(
                cache.observe(key(1), &A, at(last)),
                Seen::Answered(octets()),
                "{asked_s}"
            );
            new(cache.observe(key(1), &A, at(last + 1)));
        }
    }

    #[test]
    fn the_cache_never_outgrows_its_limit() {
        let mut cache = DuplicateCache::new(5, 10);
        for identifier in 0..=255 {
            cache.observe(key(identifier), &A, at(0));
            assert!(cache.len() <= 10);
        }
        assert_eq!(cache.observe(key(255), &A, at(0)), Seen::InProgress);
        new(cache.observe(key(0), &A, at(0)));
    }

    #[test]
    fn a_clock_set_back_neither_panics_nor_forgets() {
        let mut cache = DuplicateCache::new(5, 10);
        let _ = cache.observe(key(1), &A, at(0));
        assert_eq!(cache.observe(key(1), &A, Timestamp::default()), Seen::InProgress);
    }
}
