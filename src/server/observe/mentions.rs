//! Who is mentioned in the log for something anybody can do without end: each once a minute, and not too many.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;

use crate::types::Timestamp;

/// A source is mentioned again after so many seconds.
const PERIOD_S: u64 = 60;
/// The most sources mentioned in that time; of one more nothing is said. The metrics count every case.
const SOURCES_MAX: usize = 16;

/// The sources mentioned of late.
#[derive(Debug)]
pub(in crate::server) struct Mentions<S = IpAddr> {
    since: Timestamp,
    sources: HashSet<S>,
}

impl<S> Default for Mentions<S> {
    fn default() -> Mentions<S> {
        Mentions {
            since: Timestamp::default(),
            sources: HashSet::new(),
        }
    }
}

impl<S: Eq + Hash> Mentions<S> {
    /// Whether `source` is to be mentioned at `now`. If so, it counts as mentioned.
    pub(in crate::server) fn is_due(&mut self, source: S, now: Timestamp) -> bool {
        // A clock set back begins anew, lest all be silent until it has caught up.
        if now < self.since || now.ms_since(self.since) >= PERIOD_S * 1000 {
            self.since = now;
            self.sources.clear();
        }
        self.sources.len() < SOURCES_MAX && self.sources.insert(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);

    fn source(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn a_source_is_mentioned_once_a_minute() {
        let mut mentions = Mentions::default();
        assert!(mentions.is_due(source(1), START) && mentions.is_due(source(2), START));
        let almost = START.plus_ms(59_999);
        assert!(!mentions.is_due(source(1), START) && !mentions.is_due(source(1), almost));
        let later = START.plus_s(60);
        assert!(mentions.is_due(source(1), later) && !mentions.is_due(source(1), later));
    }

    #[test]
    fn many_sources_are_not_all_mentioned() {
        let mut mentions = Mentions::default();
        let mentioned = (0..=255).filter(|number| mentions.is_due(source(*number), START));
        assert_eq!(mentioned.count(), SOURCES_MAX);
        assert_eq!(mentions.sources.len(), SOURCES_MAX);
    }

    #[test]
    fn a_clock_set_back_silences_nobody() {
        let mut mentions = Mentions::default();
        assert!(mentions.is_due(source(1), START.plus_s(3600)));
        assert!(mentions.is_due(source(1), START));
    }
}
