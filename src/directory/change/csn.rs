//! Change sequence numbers, as OpenLDAP writes them (draft-chu-ldap-csn).

use std::fmt;

use crate::record::Revision;
use crate::types::Timestamp;

/// So many changes are told apart within a millisecond; what comes after them counts as of the next.
const COUNT_MAX: u32 = 0xff_ffff;

/// The number of one change: greater than that of every change before it, and nobody else's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Csn {
    at: Timestamp,
    count: u32,
    entry: u32,
}

impl Csn {
    /// The number of the next change, at `now`, or when this one was if the clock has gone back.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Csn {
        let (at, count) = match self.count {
            _ if now > self.at => (now, 0),
            COUNT_MAX => (self.at.plus_ms(1), 0),
            count => (self.at, count + 1),
        };
        Csn { at, count, entry: 0 }
    }

    /// The one number of an import at `now`, of entries as they are at `seen`.
    pub fn of_import(seen: Revision, now: Timestamp) -> Csn {
        let count = (seen.0 & u64::from(COUNT_MAX)) as u32;
        Csn {
            at: now,
            count,
            entry: 0,
        }
    }

    /// That of the next entry which the same change writes.
    #[must_use]
    pub(super) fn next_entry(self) -> Csn {
        Csn {
            entry: self.entry + 1,
            ..self
        }
    }
}

impl fmt::Display for Csn {
    /// The moment, the count within it, the number of the server, of which there is one, and that of the entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.at.generalized_time().to_string();
        let seconds = time.get(..14).unwrap_or(&time);
        let micros = self.at.unix_ms() % 1000 * 1000;
        write!(
            f,
            "{seconds}.{micros:06}Z#{:06x}#000#{:06x}",
            self.count, self.entry
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_greater_than_the_one_before_also_as_text_and_when_the_clock_stands_or_goes_back() {
        let start = Timestamp::from_unix_ms(1_795_339_800_123);
        let full = Csn {
            at: start,
            count: COUNT_MAX,
            entry: 0,
        };
        for first in [Csn::default().next(start), full] {
            let moments = [0, 0, 1, 0, 0, 5, 900].map(|ms| Timestamp::from_unix_ms(1_795_339_800_123 + ms));
            let mut last = first;
            for moment in moments {
                let (entry, next) = (last.next_entry(), last.next(moment));
                assert!(last < entry && entry < next, "{last} {entry} {next}");
                let texts = [last, entry, next].map(|csn| csn.to_string());
                assert!(texts.is_sorted_by(|one, other| one < other), "{texts:?}");
                last = next;
            }
        }
        let next = Csn::default().next(start).next(start);
        assert_eq!(next.to_string(), "20261122093000.123000Z#000001#000#000000");
    }
}
