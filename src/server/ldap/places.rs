//! How many connections there may be, in all and from one source: an IPv4 address, or an IPv6 /64, of which one
//! machine has as many addresses as it likes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The bits of an IPv6 address that the network gives; the others a machine chooses (RFC 4291 section 2.5.1).
const NETWORK_BITS: u128 = !0 << 64;

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
    /// By the addresses that stand for sources.
    per_source: HashMap<IpAddr, usize>,
}

impl Places {
    /// `total_max` places, of which one source may take `per_source_max`.
    pub fn new(total_max: usize, per_source_max: usize) -> Arc<Places> {
        Arc::new(Places {
            total_max,
            per_source_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, or `None` if all, or all of its source's, are taken.
    pub fn take(self: &Arc<Places>, address: IpAddr) -> Option<Place> {
        let source = source_of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.per_source.get(&source).copied().unwrap_or(0);
        if taken.total >= self.total_max || here >= self.per_source_max {
            return None;
        }
        taken.total += 1;
        taken.per_source.insert(source, here + 1);
        Some(Place {
            places: Arc::clone(self),
            source,
        })
    }

    fn give_back(&self, source: IpAddr) {
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

/// The address that stands for its source.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK_BITS).into(),
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    source: IpAddr,
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
        let _place = places.take(address.parse().unwrap());
        places.take(other.parse().unwrap()).is_none()
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
        let [ada, bob] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
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
}
