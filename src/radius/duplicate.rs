//! Duplicate detection (RFC 5080 section 2.2.2): a request is carried out once, however often it arrives.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use foldhash::quality;
use thiserror::Error;

use crate::types::Timestamp;

/// For how long an answer is sent again unless configured otherwise, in seconds from when it was first.
pub const LIFETIME_S: u64 = 30;
/// The shortest and the longest that may be configured (RFC 5080 section 2.2.2).
pub const LIFETIME_S_RANGE: std::ops::RangeInclusive<u64> = 5..=30;
/// Answered requests that one cache remembers unless configured otherwise; beyond it those answered longest ago are
/// forgotten, and a retransmission of theirs is carried out again.
pub const REQUESTS_MAX: usize = 65_536;

/// Octets of answers that one cache remembers for each answered request that it may; beyond them those answered longest
/// ago are forgotten. Most answers are of some forty; only a client that has long Proxy-States echoed gets long ones.
const ANSWER_OCTETS: usize = 256;

/// For so many lifetimes after its answer a request is an old packet and gets none; later the same octets are carried out.
pub const LATE_LIFETIMES: u64 = 10;

/// What makes two packets the same request, but for their octets. The receiving socket is not in it: every socket has
/// a cache of its own.
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
pub struct Claim(u64);

impl Claim {
    /// The number of the request; no other of the same cache has it.
    pub fn number(&self) -> u64 {
        self.0
    }
}

/// What is known about a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: carry it out.
    New {
        /// The right to answer it.
        claim: Claim,
        /// The request under the same key that was still being carried out, by its number. The client has given it up.
        given_up: Option<u64>,
    },
    /// It is being carried out, or its answer is being held back: stay silent.
    InProgress,
    /// It has been answered, with these octets.
    Answered(Arc<[u8]>),
    /// It was answered longer ago than a client repeats itself, if less than [`LATE_LIFETIMES`]. It is an old packet, not a new request: stay silent.
    Late,
}

/// Nobody waits for this answer: the client has sent another request with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the client no longer waits for the answer")]
pub struct GivenUp;

/// The memory of one socket.
///
/// What is in progress stays until it is answered, [forgotten](DuplicateCache::forget) or given up, however long that
/// takes; whoever carries requests out bounds how many there are. What is answered stays until as many others
/// have been answered after it as the cache holds, or their answers take the octets that it has, or until [`LATE_LIFETIMES`] have passed and something else is
/// answered: nothing is ever swept.
pub struct DuplicateCache {
    requests: HashMap<Key, Request, quality::RandomState>,
    /// Answered requests, the oldest first. One whose key has another number by now has been replaced.
    answered: VecDeque<(Key, u64)>,
    answered_max: usize,
    /// Octets of all answers.
    octets: usize,
    lifetime_ms: u64,
    issued: u64,
    fingerprints: RandomState,
}

struct Request {
    number: u64,
    /// Of its octets. A retransmission has the same (RFC 2865 section 3); a client that draws its authenticators
    /// badly may use one again, and must not get the answer of somebody else's log-in.
    fingerprint: u64,
    answer: Option<Answer>,
}

struct Answer {
    octets: Arc<[u8]>,
    sent: Timestamp,
}

impl DuplicateCache {
    /// A cache of at most `answered_max` requests beside those in progress, each answered again for `lifetime_s`
    /// seconds (brought into [`LIFETIME_S_RANGE`]).
    pub fn new(lifetime_s: u64, answered_max: usize) -> DuplicateCache {
        DuplicateCache {
            requests: HashMap::default(),
            answered: VecDeque::new(),
            answered_max: answered_max.max(1),
            octets: 0,
            lifetime_ms: lifetime_s.clamp(*LIFETIME_S_RANGE.start(), *LIFETIME_S_RANGE.end()) * 1000,
            issued: 0,
            fingerprints: RandomState::new(),
        }
    }

    /// Looks a packet of these `octets` up and, if it is new, remembers it as being carried out. Only for packets that
    /// have proved who they come from: a forger must not push a request out.
    pub fn observe(&mut self, key: Key, octets: &[u8], now: Timestamp) -> Seen {
        let fingerprint = self.fingerprints.hash_one(octets);
        let request = Request {
            number: self.issued + 1,
            fingerprint,
            answer: None,
        };
        let given_up = match self.requests.entry(key) {
            Entry::Occupied(known)
                if known.get().fingerprint == fingerprint && !known.get().is_past(now, self.lifetime_ms) =>
            {
                return known.get().seen_again(now, self.lifetime_ms);
            }
            Entry::Occupied(mut known) => {
                let known = known.insert(request);
                self.octets -= known.octets();
                known.answer.is_none().then_some(known.number)
            }
            Entry::Vacant(place) => {
                place.insert(request);
                None
            }
        };
        self.issued += 1;
        let claim = Claim(self.issued);
        Seen::New { claim, given_up }
    }

    /// Keeps the answer for retransmissions. It is sent at the moment `sent`, which may be to come; they get it from
    /// then on. Errors: [`GivenUp`]; nothing is kept.
    pub fn answer(
        &mut self,
        key: &Key,
        claim: &Claim,
        octets: &Arc<[u8]>,
        sent: Timestamp,
    ) -> Result<(), GivenUp> {
        let request = self.requests.get_mut(key).filter(|it| it.number == claim.0);
        let request = request.ok_or(GivenUp)?;
        self.octets = self.octets - request.octets() + octets.len();
        request.answer = Some(Answer {
            octets: octets.clone(),
            sent,
        });
        self.answered.push_back((*key, claim.0));
        if self.answered.len() > self.answered_max || self.is_oldest_past(sent) {
            self.forget_oldest();
        }
        while self.octets > self.answered_max * ANSWER_OCTETS && self.forget_oldest() {}
        Ok(())
    }

    /// Whether the client still waits for an answer that was held back. One that has been forgotten is wanted.
    pub fn is_wanted(&self, key: &Key, claim: &Claim) -> bool {
        self.requests.get(key).is_none_or(|it| it.number == claim.0)
    }

    /// Forgets a request that gets no answer, so that its retransmission is carried out.
    pub fn forget(&mut self, key: &Key, claim: Claim) {
        self.remove(key, claim.0);
    }

    /// Requests remembered now.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Then there is one less to remember for each that comes, and what many large answers took is given back.
    fn is_oldest_past(&self, now: Timestamp) -> bool {
        self.answered.front().is_some_and(|(key, number)| {
            let request = self.requests.get(key).filter(|it| it.number == *number);
            request.is_none_or(|request| request.is_past(now, self.lifetime_ms))
        })
    }

    /// Whether there was one.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.answered.pop_front();
        if let Some((key, number)) = oldest {
            self.remove(&key, number);
        }
        oldest.is_some()
    }

    fn remove(&mut self, key: &Key, number: u64) {
        if let Entry::Occupied(known) = self.requests.entry(*key)
            && known.get().number == number
        {
            self.octets -= known.remove().octets();
        }
    }
}

impl Request {
    /// What its answer takes.
    fn octets(&self) -> usize {
        self.answer.as_ref().map_or(0, |answer| answer.octets.len())
    }

    /// Whether it was answered so long ago that the same octets are a request of their own: some probes never change.
    fn is_past(&self, now: Timestamp, lifetime_ms: u64) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| now.ms_since(answer.sent) > lifetime_ms * LATE_LIFETIMES)
    }

    fn seen_again(&self, now: Timestamp, lifetime_ms: u64) -> Seen {
        match &self.answer {
            Some(answer) if answer.sent > now => Seen::InProgress,
            Some(answer) if now.ms_since(answer.sent) <= lifetime_ms => Seen::Answered(answer.octets.clone()),
            Some(_) => Seen::Late,
            None => Seen::InProgress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"one packet";
    const B: &[u8] = b"another packet";

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

    fn new(seen: Seen) -> Claim {
        match seen {
            Seen::New { claim, .. } => claim,
            other => panic!("not new: {other:?}"),
        }
    }

    fn octets() -> Arc<[u8]> {
        Arc::from(&b"answer"[..])
    }

    #[test]
    fn a_request_is_new_then_in_progress_then_answered() {
        let mut cache = DuplicateCache::new(5, 100);
        let claim = new(cache.observe(key(1), A, at(0)));
        assert_eq!(cache.observe(key(1), A, at(1)), Seen::InProgress);
        assert_eq!(cache.answer(&key(1), &claim, &octets(), at(2)), Ok(()));
        assert_eq!(cache.observe(key(1), A, at(2)), Seen::Answered(octets()));
    }

    #[test]
    fn a_request_in_progress_is_never_forgotten_and_never_new_again() {
        let mut cache = DuplicateCache::new(5, 10);
        let slow = new(cache.observe(key(0), A, at(0)));
        for identifier in 1..=255 {
            let claim = new(cache.observe(key(identifier), A, at(0)));
            cache.answer(&key(identifier), &claim, &octets(), at(0)).unwrap();
        }
        let an_hour_later = at(3_600_000);
        assert_eq!(cache.observe(key(0), A, an_hour_later), Seen::InProgress);
        assert_eq!(cache.answer(&key(0), &slow, &octets(), an_hour_later), Ok(()));
        assert_eq!(cache.observe(key(0), A, an_hour_later), Seen::Answered(octets()));
    }

    #[test]
    fn an_answer_held_back_is_not_given_early() {
        let mut cache = DuplicateCache::new(5, 100);
        let claim = new(cache.observe(key(1), A, at(0)));
        cache.answer(&key(1), &claim, &octets(), at(1000)).unwrap();
        assert_eq!(cache.observe(key(1), A, at(999)), Seen::InProgress);
        assert_eq!(cache.observe(key(1), A, at(1000)), Seen::Answered(octets()));
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
            new(cache.observe(other, A, at(0)));
        }
    }

    #[test]
    fn another_packet_replaces_the_request_and_names_what_was_given_up() {
        let mut cache = DuplicateCache::new(5, 100);
        let first = new(cache.observe(key(1), A, at(0)));
        let Seen::New { claim, given_up } = cache.observe(key(1), B, at(1)) else {
            panic!("not new");
        };
        assert_eq!(given_up, Some(first.number()));
        assert_eq!(cache.answer(&key(1), &first, &octets(), at(2)), Err(GivenUp));
        assert!(!cache.is_wanted(&key(1), &first));
        assert_eq!(cache.observe(key(1), B, at(2)), Seen::InProgress);
        assert_eq!(cache.answer(&key(1), &claim, &octets(), at(3)), Ok(()));
        assert!(cache.is_wanted(&key(1), &claim));
        assert_eq!(cache.observe(key(1), B, at(3)), Seen::Answered(octets()));
        let after_an_answer = cache.observe(key(1), A, at(4));
        assert!(matches!(after_an_answer, Seen::New { given_up: None, .. }));
    }

    #[test]
    fn a_request_given_up_gets_no_answer_though_what_replaced_it_is_forgotten() {
        let mut cache = DuplicateCache::new(5, 100);
        let first = new(cache.observe(key(1), A, at(0)));
        let second = new(cache.observe(key(1), B, at(1)));
        cache.forget(&key(1), second);
        assert_eq!(cache.answer(&key(1), &first, &octets(), at(2)), Err(GivenUp));
    }

    #[test]
    fn a_forgotten_request_is_carried_out_again() {
        let mut cache = DuplicateCache::new(5, 100);
        let claim = new(cache.observe(key(1), A, at(0)));
        cache.forget(&key(1), claim);
        let stale = new(cache.observe(key(1), A, at(1)));
        let claim = new(cache.observe(key(1), B, at(2)));
        cache.forget(&key(1), stale);
        assert_eq!(cache.observe(key(1), B, at(3)), Seen::InProgress);
        cache.forget(&key(1), claim);
        assert!(cache.is_empty());
    }

    #[test]
    fn an_answer_is_sent_again_for_its_lifetime_and_then_the_packet_is_an_old_one() {
        for (asked_s, lifetime_ms) in [(1, 5_000), (10, 10_000), (99, 30_000)] {
            let mut cache = DuplicateCache::new(asked_s, 100);
            let claim = new(cache.observe(key(1), A, at(0)));
            // Sent long after it was received, from when on its lifetime counts.
            let sent = 60_000;
            cache.answer(&key(1), &claim, &octets(), at(sent)).unwrap();
            let last = at(sent + lifetime_ms);
            assert_eq!(
                cache.observe(key(1), A, last),
                Seen::Answered(octets()),
                "{asked_s}"
            );
            assert_eq!(cache.observe(key(1), A, last.plus_ms(1)), Seen::Late);
            let past = at(sent).plus_ms(LATE_LIFETIMES * lifetime_ms);
            assert_eq!(cache.observe(key(1), A, past), Seen::Late);
            new(cache.observe(key(1), A, past.plus_ms(1)));
            new(cache.observe(key(1), B, past.plus_ms(2)));
        }
    }

    #[test]
    fn the_cache_never_outgrows_its_limit() {
        let mut cache = DuplicateCache::new(5, 10);
        for round in 0..4 {
            for identifier in 0..=255 {
                let packet = [round, identifier];
                let claim = new(cache.observe(key(identifier), &packet, at(0)));
                cache.answer(&key(identifier), &claim, &octets(), at(0)).unwrap();
                assert!(cache.len() <= 10 && cache.answered.len() <= 10);
            }
        }
        assert_eq!(
            cache.observe(key(246), &[3, 246], at(0)),
            Seen::Answered(octets())
        );
        new(cache.observe(key(245), &[3, 245], at(0)));
    }

    #[test]
    fn long_answers_are_forgotten_sooner_and_what_is_replaced_or_forgotten_takes_no_room() {
        let mut cache = DuplicateCache::new(5, 16);
        let long: Arc<[u8]> = vec![0; 4 * ANSWER_OCTETS].into();
        for (identifier, packet) in [(1, A), (1, B), (2, A), (3, A), (4, A), (5, A)] {
            let claim = new(cache.observe(key(identifier), packet, at(0)));
            cache.answer(&key(identifier), &claim, &long, at(0)).unwrap();
        }
        assert_eq!((cache.len(), cache.octets), (4, 4 * long.len()));
        new(cache.observe(key(1), B, at(1)));
        for identifier in 2..=5 {
            let seen = cache.observe(key(identifier), A, at(1));
            assert_eq!(seen, Seen::Answered(long.clone()), "{identifier}");
            cache.remove(&key(identifier), u64::from(identifier) + 1);
        }
        assert_eq!(cache.octets, 0);
    }

    #[test]
    fn a_clock_set_back_neither_panics_nor_forgets() {
        let mut cache = DuplicateCache::new(5, 10);
        let _ = cache.observe(key(1), A, at(0));
        assert_eq!(cache.observe(key(1), A, Timestamp::default()), Seen::InProgress);
    }
}
