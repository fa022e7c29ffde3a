//! What an account's good log-ins leave behind: when the last one was, and the sources they came from.
//!
//! Both are stored, as a [`LogInHistory`]: the sources for the sake of lock-out, which leaves them open while it
//! shuts strangers out ([`super::lockout`]), the last log-in for whoever asks which accounts are in use.

use crate::types::SourceGroup;
use crate::types::Timestamp;

/// The most sources one account is known to log in from; beyond it the one longest unused is forgotten.
pub const TRUSTED_SOURCES_MAX: usize = 8;
/// A log-in from a source is stored again when the one that is stored is so old, in seconds. Phones log in
/// every few minutes; at once an hour 40,000 people at work are a dozen small writes a second, and an hour is
/// little of the 30 days that a source is trusted.
pub const STORED_EVERY_S: u64 = 60 * 60;

/// A source that an account has logged in from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownSource {
    /// The source.
    pub group: SourceGroup,
    /// When the last log-in came from it.
    pub at: Timestamp,
}

/// What is stored of the good log-ins of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInHistory {
    /// When the last one was.
    pub last: Timestamp,
    /// Where they came from; at most [`TRUSTED_SOURCES_MAX`].
    pub sources: Vec<KnownSource>,
}

/// What is remembered of the good log-ins of one account.
#[derive(Default)]
pub struct LogIns {
    last: Option<Timestamp>,
    sources: Vec<Source>,
    recall: Recall,
}

/// Whether what was stored before is among what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Recall {
    /// Nobody has looked yet.
    #[default]
    ToDo,
    /// It is.
    Done,
}

struct Source {
    known: KnownSource,
    /// When the last log-in from it was that is stored.
    stored: Option<Timestamp>,
}

impl Source {
    /// What is stored for a moment that is still to come was stored by a clock that has been set back since: it
    /// is as good as nothing.
    fn is_due(&self) -> bool {
        let age_ms = |stored| self.known.at.ms_since(stored).max(stored.ms_since(self.known.at));
        self.stored
            .is_none_or(|stored| age_ms(stored) >= STORED_EVERY_S * 1000)
    }
}

impl LogIns {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// A good log-in came from `group`.
    pub fn add(&mut self, group: SourceGroup, now: Timestamp) {
        self.last = Some(now);
        self.remember(KnownSource { group, at: now }, None, now);
    }

    /// Whether a good log-in came from `group` within `trusted_s` seconds.
    pub fn trust(&self, group: SourceGroup, now: Timestamp, trusted_s: u64) -> bool {
        let mut sources = self.sources.iter();
        sources.any(|source| source.known.group == group && is_recent(&source.known, now, trusted_s))
    }

    /// Whether [`LogIns::recalled`] was told.
    pub fn recall(&self) -> Recall {
        self.recall
    }

    /// This is what was stored before, by this process or another; `None` is nothing. No log-in was later than `now`.
    pub fn recalled(&mut self, stored: Option<&LogInHistory>, now: Timestamp) {
        self.recall = Recall::Done;
        let Some(stored) = stored else { return };
        self.last = self.last.max(Some(stored.last)).min(Some(now));
        for known in &stored.sources {
            self.remember(*known, Some(known.at), now);
        }
    }

    /// Whether something is to be stored.
    pub fn is_due(&self) -> bool {
        self.sources.iter().any(Source::is_due)
    }

    /// What is to be stored, if something is; it then counts as stored. Sources that are trusted no more are
    /// left out.
    pub fn take_due(&mut self, now: Timestamp, trusted_s: u64) -> Option<LogInHistory> {
        let last = self.last.filter(|_| self.is_due())?;
        for source in &mut self.sources {
            source.stored = Some(source.known.at);
        }
        let known = self.sources.iter().map(|source| source.known);
        Some(LogInHistory {
            last,
            sources: known.filter(|known| is_recent(known, now, trusted_s)).collect(),
        })
    }

    fn remember(&mut self, known: KnownSource, stored: Option<Timestamp>, now: Timestamp) {
        let KnownSource { group, at } = known;
        let mut sources = self.sources.iter_mut();
        match sources.find(|source| source.known.group == group) {
            Some(source) => {
                source.known.at = source.known.at.max(at).min(now);
                source.stored = source.stored.max(stored);
            }
            None => {
                let at = at.min(now);
                let known = KnownSource { group, at };
                // Most log in from one place or two, and they are many.
                self.sources.reserve_exact(1);
                self.sources.push(Source { known, stored });
            }
        }
        if self.sources.len() > TRUSTED_SOURCES_MAX {
            let oldest = (0..self.sources.len()).min_by_key(|at| self.sources[*at].known.at);
            oldest.map(|at| self.sources.swap_remove(at));
        }
    }
}

fn is_recent(known: &KnownSource, now: Timestamp, trusted_s: u64) -> bool {
    now.ms_since(known.at) < trusted_s.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
    const DAY_S: u64 = 24 * 3600;

    fn group(network: u8) -> SourceGroup {
        SourceGroup::V4([192, 0, network])
    }

    fn known(network: u8, at: Timestamp) -> KnownSource {
        KnownSource {
            group: group(network),
            at,
        }
    }

    fn taken(log_ins: &mut LogIns, now: Timestamp) -> Option<LogInHistory> {
        log_ins.take_due(now, 30 * DAY_S)
    }

    #[test]
    fn a_new_source_is_stored_and_an_old_one_once_an_hour() {
        let mut log_ins = LogIns::default();
        assert!(log_ins.is_empty() && !log_ins.is_due());
        log_ins.add(group(1), START);
        let first = LogInHistory {
            last: START,
            sources: vec![known(1, START)],
        };
        assert_eq!(taken(&mut log_ins, START), Some(first));
        let almost = START.plus_ms(3_600_000 - 1);
        log_ins.add(group(1), almost);
        assert_eq!(taken(&mut log_ins, almost), None);
        log_ins.add(group(2), almost);
        let second = LogInHistory {
            last: almost,
            sources: vec![known(1, almost), known(2, almost)],
        };
        assert_eq!(taken(&mut log_ins, almost), Some(second));
        log_ins.add(group(1), almost.plus_s(3599));
        assert!(!log_ins.is_due());
        log_ins.add(group(1), almost.plus_s(3600));
        assert!(log_ins.is_due());
    }

    #[test]
    fn what_was_stored_joins_what_is_remembered() {
        let stored = LogInHistory {
            last: START,
            sources: vec![known(1, START), known(2, START)],
        };
        let mut log_ins = LogIns::default();
        assert_eq!(log_ins.recall(), Recall::ToDo);
        log_ins.add(group(2), START.plus_s(60));
        log_ins.recalled(Some(&stored), START.plus_s(60));
        assert_eq!(log_ins.recall(), Recall::Done);
        assert!(!log_ins.is_due(), "what is stored is a minute old");
        log_ins.add(group(3), START.plus_s(60));
        let all = taken(&mut log_ins, START.plus_s(60)).unwrap();
        assert_eq!(all.last, START.plus_s(60));
        let later = START.plus_s(60);
        assert_eq!(all.sources, [known(2, later), known(1, START), known(3, later)]);
    }

    #[test]
    fn a_log_in_is_stored_though_the_clock_has_been_set_back() {
        let next_year = START.plus_s(365 * DAY_S);
        let stored = LogInHistory {
            last: next_year,
            sources: vec![known(1, next_year), known(2, next_year)],
        };
        let corrected = LogInHistory {
            last: START,
            sources: vec![known(1, START), known(2, START)],
        };
        let mut restarted = LogIns::default();
        restarted.add(group(1), START);
        restarted.recalled(Some(&stored), START);
        assert_eq!(taken(&mut restarted, START), Some(corrected));
        assert_eq!(taken(&mut restarted, START), None);
        let mut running = LogIns::default();
        running.add(group(1), next_year);
        assert!(taken(&mut running, next_year).is_some());
        running.add(group(1), START);
        let due = taken(&mut running, START).unwrap();
        assert!(due.last == START && due.sources == [known(1, START)]);
        running.add(group(1), START.plus_s(3600));
        assert!(running.is_due());
    }

    #[test]
    fn nothing_stored_is_recalled_too() {
        let mut log_ins = LogIns::default();
        log_ins.recalled(None, START);
        assert!(log_ins.is_empty() && log_ins.recall() == Recall::Done);
    }

    #[test]
    fn a_source_is_trusted_as_long_as_the_policy_says_and_stored_no_longer() {
        let mut log_ins = LogIns::default();
        log_ins.add(group(1), START);
        let month = START.plus_s(30 * DAY_S);
        assert!(log_ins.trust(group(1), START.plus_ms(30 * DAY_S * 1000 - 1), 30 * DAY_S));
        assert!(!log_ins.trust(group(1), month, 30 * DAY_S) && !log_ins.trust(group(2), START, DAY_S));
        log_ins.add(group(2), month);
        let due = taken(&mut log_ins, month).unwrap();
        assert_eq!(due.sources, [known(2, month)]);
        log_ins.add(group(3), month);
        let due = log_ins.take_due(month, 0).unwrap();
        assert!(due.last == month && due.sources.is_empty());
    }

    #[test]
    fn the_source_longest_unused_is_forgotten_first() {
        let mut log_ins = LogIns::default();
        for network in 0..=TRUSTED_SOURCES_MAX as u8 {
            log_ins.add(group(network), START.plus_s(network.into()));
        }
        assert_eq!(log_ins.sources.len(), TRUSTED_SOURCES_MAX);
        assert!(!log_ins.trust(group(0), START, DAY_S) && log_ins.trust(group(1), START, DAY_S));
        let older = LogInHistory {
            last: START,
            sources: vec![known(99, START)],
        };
        log_ins.recalled(Some(&older), START.plus_s(60));
        assert!(!log_ins.trust(group(99), START, DAY_S));
    }
}
