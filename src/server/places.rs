//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

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
    per_source: HashMap<IpAddr, usize>,
}

impl Places {
    /// `total_max` places, of which one address may take `per_source_max`.
    pub fn new(total_max: usize, per_source_max: usize) -> Arc<Places> {
        Arc::new(Places {
            total_max,
            per_source_max,
            taken: Mutex::default(),
        })
    }

    /// A place for `source`, or `None` if all, or all of that address's, are taken.
    pub fn take(self: &Arc<Places>, source: IpAddr) -> Option<Place> {
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

    #[test]
    fn places_run_out_in_all_and_per_address_and_come_back() {
        let places = Places::new(3, 2);
        let [ada, bob] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
        let first = places.take(ada);
        let second = places.take(ada);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(ada).is_none(), "one address has its share");
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
