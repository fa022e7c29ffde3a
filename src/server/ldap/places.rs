//! How many connections there may be, in all and from one source: an IPv4 address, an IPv6 /64, of which one machine has
//! as many addresses as it likes, or a user of this machine. Administrators of this machine find a few more, so that
//! they can look after a daemon that is full.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The bits of an IPv6 address that the network gives; the others a machine chooses (RFC 4291 section 2.5.1).
const NETWORK_BITS: u128 = !0 << 64;

/// The places beyond the others that are kept for administrators.
pub const RESERVED: usize = 8;

/// Whom a connection counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Whoever has this address.
    Address(IpAddr),
    /// The user of this machine who has this number, on a Unix socket.
    User(u32),
}

/// Places for connections. A connection holds a [`Place`] while it lives.
#[derive(Debug)]
pub struct Places {
    total_max: usize,
    per_source_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    /// By those that stand for their sources.
    per_source: HashMap<Source, usize>,
}

impl Places {
    /// `total_max` places, of which one source may take `per_source_max`, and [`RESERVED`] more.
    pub fn new(total_max: usize, per_source_max: usize) -> Arc<Places> {
        Arc::new(Places {
            total_max,
            per_source_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `source`, or `None` if all, or all of its own, are taken.
    pub fn take(self: &Arc<Places>, source: Source) -> Option<Place> {
        self.take_of(self.total_max, source)
    }

    /// The same for an administrator, also one of those that are kept.
    pub fn take_reserved(self: &Arc<Places>, source: Source) -> Option<Place> {
        self.take_of(self.total_max.saturating_add(RESERVED), source)
    }

    fn take_of(self: &Arc<Places>, total_max: usize, source: Source) -> Option<Place> {
        let source = source.counted();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.per_source.get(&source).copied().unwrap_or(0);
        if taken.total >= total_max || here >= self.per_source_max {
            return None;
        }
        taken.total += 1;
        taken.per_source.insert(source, here + 1);
        Some(Place {
            places: Arc::clone(self),
            source,
        })
    }

    fn give_back(&self, source: Source) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(here) = taken.per_source.get_mut(&source) {
            *here -= 1;
            if *here == 0 {
                taken.per_source.remove(&source);
            }
        }
    }
}

impl Source {
    /// The one that stands for it.
    fn counted(self) -> Source {
        let Source::Address(address) = self else {
            return self;
        };
        Source::Address(match address.to_canonical() {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK_BITS).into(),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Address(address) => write!(f, "{address}"),
            Source::User(user) => write!(f, "operator:{user}"),
        }
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    source: Source,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.give_back(self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a connection from `other` has its place among those of `address`.
    fn is_one_source(address: &str, other: &str) -> bool {
        let places = Places::new(2, 1);
        let [address, other] = [address, other].map(|text| Source::Address(text.parse().unwrap()));
        let _place = places.take(address);
        places.take(other).is_none()
    }

    #[test]
    fn addresses_that_one_machine_can_have_share_its_places() {
        assert!(is_one_source(
            "2001:db8:0:1::1",
            "2001:db8:0:1:ffff:ffff:ffff:ffff"
        ));
        assert!(!is_one_source("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(is_one_source("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!is_one_source("192.0.2.1", "192.0.2.2"));
        assert!(!is_one_source("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }

    #[test]
    fn places_run_out_in_all_and_per_source_and_come_back() {
        let places = Places::new(3, 2);
        let [ada, bob] = ["192.0.2.1", "2001:db8::1"].map(|text| Source::Address(text.parse().unwrap()));
        let first = places.take(ada);
        let second = places.take(ada);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(ada).is_none(), "one source has its share");
        let third = places.take(bob);
        assert!(third.is_some());
        assert!(places.take(bob).is_none(), "all are taken");
        drop(second);
        assert!(places.take(ada).is_some());
        drop((first, third));
        assert!(
            places.taken.lock().unwrap().per_source.is_empty(),
            "nothing is remembered of who has left"
        );
    }

    #[test]
    fn users_of_this_machine_have_places_apart_and_administrators_a_few_more() {
        let places = Places::new(3, 1);
        let loopback = Source::Address([127, 0, 0, 1].into());
        let taken = [loopback, Source::User(1000), Source::User(0)].map(|source| places.take(source));
        assert!(taken.iter().all(Option::is_some));
        assert!(places.take(Source::User(1001)).is_none(), "all are taken");
        let reserve = |user: usize| places.take_reserved(Source::User(user as u32));
        let kept: Vec<_> = (2000..2000 + RESERVED).map(reserve).collect();
        assert!(kept.iter().all(Option::is_some));
        assert!(reserve(3000).is_none(), "so are those");
        drop(kept);
        assert!(reserve(0).is_none(), "each has a share");
        drop(taken);
        assert!(places.take(loopback).is_some());
    }
}
