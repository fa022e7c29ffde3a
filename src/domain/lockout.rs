//! Lock-out: so many different wrong PINs, and an account answers nobody for a while (requirement X1).
//!
//! A device that repeats an old PIN does not lock its owner out, for only *different* wrong PINs count.
//! A stranger does not either, where the owner has logged in from lately: such a source has its own
//! counter and stays open. What was counted is kept in memory alone; a lock is stored.

use std::net::IpAddr;

use crate::domain::pin::PinMark;
use crate::types::Timestamp;

/// The most wrong PINs remembered of one account; beyond it the oldest is forgotten. Above any
/// [`LockoutPolicy::failures_all_max`], so that forgetting never keeps an account open.
pub const WRONG_PINS_MAX: usize = 128;
/// The most sources one account is known to log in from; beyond it the one longest unused is forgotten.
pub const TRUSTED_SOURCES_MAX: usize = 8;

/// When an account is locked, and for how long: `[lockout]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many different wrong PINs from one source group lock; 0 = never. At most [`WRONG_PINS_MAX`].
    pub failures_max: u32,
    /// So many different wrong PINs from all sources lock; 0 = never. At most [`WRONG_PINS_MAX`].
    pub failures_all_max: u32,
    /// How long a lock holds, in seconds.
    pub lock_s: u64,
    /// A wrong PIN stops to count after so many seconds.
    pub forget_s: u64,
    /// A source that logged in within so many seconds keeps its own counter; 0 = none does.
    pub trusted_s: u64,
}

impl Default for LockoutPolicy {
    /// 8 from one source or 40 from all, half an hour (X1); a wrong PIN counts for a day, a source is known for 30.
    fn default() -> LockoutPolicy {
        LockoutPolicy {
            failures_max: 8,
            failures_all_max: 40,
            lock_s: 30 * 60,
            forget_s: 24 * 60 * 60,
            trusted_s: 30 * 24 * 60 * 60,
        }
    }
}

/// Sources that are counted as one: an IPv4 /24, an IPv6 /56, or the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceGroup {
    /// Loopback, of either family.
    Local,
    /// The first 24 bits of an IPv4 address (also of one mapped into IPv6).
    V4([u8; 3]),
    /// The first 56 bits of an IPv6 address.
    V6([u8; 7]),
}

impl From<IpAddr> for SourceGroup {
    fn from(source: IpAddr) -> SourceGroup {
        match source.to_canonical() {
            source if source.is_loopback() => SourceGroup::Local,
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                SourceGroup::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let octets = v6.octets();
                SourceGroup::V6(std::array::from_fn(|at| octets[at]))
            }
        }
    }
}

/// Whether an account answers a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It does.
    Open,
    /// It does not before this moment.
    Locked(Timestamp),
}

/// What a wrong PIN did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WrongPinEffect {
    /// It was tried before and counts once.
    Repeated,
    /// It counts.
    Counted,
    /// It was the last one: the account is locked until this moment.
    Locked(Timestamp),
}

/// What is remembered of the log-ins of one account.
#[derive(Default)]
pub struct Attempts {
    wrong: Vec<WrongPin>,
    trusted: Vec<TrustedSource>,
    lock: Option<Lock>,
}

struct WrongPin {
    mark: PinMark,
    group: SourceGroup,
    at: Timestamp,
}

struct TrustedSource {
    group: SourceGroup,
    at: Timestamp,
}

struct Lock {
    until: Timestamp,
    /// The sources that caused it: closed though they be trusted. Never longer than the trusted ones.
    offenders: Vec<SourceGroup>,
}

impl Attempts {
    /// Whether nothing at all is remembered.
    pub fn is_empty(&self) -> bool {
        self.wrong.is_empty() && self.trusted.is_empty() && self.lock.is_none()
    }

    /// Whether a lock holds for anybody at `now`.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.lock.as_ref().is_some_and(|lock| now < lock.until)
    }

    /// Whether the account answers `group` at `now`.
    pub fn state(&self, group: SourceGroup, now: Timestamp, policy: &LockoutPolicy) -> LockState {
        match &self.lock {
            Some(lock) if now < lock.until => {
                if self.trusts(group, now, policy) && !lock.offenders.contains(&group) {
                    LockState::Open
                } else {
                    LockState::Locked(lock.until)
                }
            }
            _ => LockState::Open,
        }
    }

    /// A right PIN came from `group`: its wrong ones no longer count, and it is known from now on.
    pub fn right(&mut self, group: SourceGroup, now: Timestamp) {
        self.wrong.retain(|wrong| wrong.group != group);
        match self.trusted.iter_mut().find(|trusted| trusted.group == group) {
            Some(trusted) => trusted.at = now,
            None => self.trust(group, now),
        }
    }

    /// A wrong PIN came from `group`. Only to be told of an account that is open to it.
    pub fn wrong(
        &mut self,
        mark: PinMark,
        group: SourceGroup,
        now: Timestamp,
        policy: &LockoutPolicy,
    ) -> WrongPinEffect {
        self.wrong
            .retain(|wrong| now.ms_since(wrong.at) < policy.forget_s.saturating_mul(1000));
        if self
            .wrong
            .iter()
            .any(|wrong| wrong.mark == mark && wrong.group == group)
        {
            return WrongPinEffect::Repeated;
        }
        if self.wrong.len() >= WRONG_PINS_MAX {
            self.wrong.remove(0);
        }
        self.wrong.push(WrongPin { mark, group, at: now });
        self.lock_if_due(group, now, policy)
    }

    /// Takes over a lock that was stored, by this process or another; `None` lifts it. One that ends no
    /// later than the present one is no news, one's own least of all. A new one holds for every source, as
    /// nothing says who caused it.
    pub fn set_lock(&mut self, until: Option<Timestamp>) {
        let present = self.lock.as_ref().map(|lock| lock.until);
        if until.is_none() || until > present {
            self.lock = until.map(|until| Lock {
                until,
                offenders: self.trusted.iter().map(|trusted| trusted.group).collect(),
            });
        }
    }

    fn lock_if_due(&mut self, group: SourceGroup, now: Timestamp, policy: &LockoutPolicy) -> WrongPinEffect {
        let from_group = self.wrong.iter().filter(|wrong| wrong.group == group).count();
        if reached(from_group, policy.failures_max) {
            self.wrong.retain(|wrong| wrong.group != group);
            return self.lock(Some(group), now, policy);
        }
        if reached(self.different_wrong_pins(), policy.failures_all_max) {
            self.wrong.clear();
            return self.lock(None, now, policy);
        }
        WrongPinEffect::Counted
    }

    /// The same PIN from two sources is one.
    fn different_wrong_pins(&self) -> usize {
        let seen_before = |at: usize| {
            self.wrong[..at]
                .iter()
                .any(|wrong| wrong.mark == self.wrong[at].mark)
        };
        (0..self.wrong.len()).filter(|at| !seen_before(*at)).count()
    }

    fn lock(
        &mut self,
        offender: Option<SourceGroup>,
        now: Timestamp,
        policy: &LockoutPolicy,
    ) -> WrongPinEffect {
        let until = now.plus_s(policy.lock_s);
        let mut offenders = match self.lock.take() {
            Some(lock) if now < lock.until => lock.offenders,
            _ => Vec::new(),
        };
        // A source that is not trusted is closed anyway.
        offenders.extend(offender.filter(|group| self.trusts(*group, now, policy)));
        self.lock = Some(Lock { until, offenders });
        WrongPinEffect::Locked(until)
    }

    fn trusts(&self, group: SourceGroup, now: Timestamp, policy: &LockoutPolicy) -> bool {
        let recent =
            |trusted: &TrustedSource| now.ms_since(trusted.at) < policy.trusted_s.saturating_mul(1000);
        self.trusted
            .iter()
            .any(|trusted| trusted.group == group && recent(trusted))
    }

    fn trust(&mut self, group: SourceGroup, now: Timestamp) {
        if self.trusted.len() >= TRUSTED_SOURCES_MAX {
            let oldest = (0..self.trusted.len()).min_by_key(|at| self.trusted[*at].at);
            oldest.map(|at| self.trusted.swap_remove(at));
        }
        self.trusted.push(TrustedSource { group, at: now });
    }
}

/// 0 never is.
fn reached(count: usize, max: u32) -> bool {
    max > 0 && count >= max as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pin::PinKey;
    use crate::types::{Pin, SeededEntropy};

    const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
    const HOME: &str = "192.0.2.7";
    const AWAY: &str = "203.0.113.9";

    fn group(source: &str) -> SourceGroup {
        SourceGroup::from(source.parse::<IpAddr>().unwrap())
    }

    fn mark(number: usize) -> PinMark {
        let key = PinKey::new(&mut SeededEntropy::new(1));
        key.mark(7, &Pin::new(number.to_string().into_bytes()))
    }

    /// Tells `attempts` of the wrong PINs `numbers` from `source`; the last one's effect.
    fn wrong(
        attempts: &mut Attempts,
        numbers: std::ops::Range<usize>,
        source: &str,
        now: Timestamp,
    ) -> WrongPinEffect {
        let policy = LockoutPolicy::default();
        numbers.fold(WrongPinEffect::Repeated, |_, number| {
            attempts.wrong(mark(number), group(source), now, &policy)
        })
    }

    fn is_open(attempts: &Attempts, source: &str, now: Timestamp) -> bool {
        attempts.state(group(source), now, &LockoutPolicy::default()) == LockState::Open
    }

    #[test]
    fn seven_different_wrong_pins_leave_it_open_and_the_eighth_locks() {
        let mut attempts = Attempts::default();
        assert_eq!(wrong(&mut attempts, 0..7, HOME, START), WrongPinEffect::Counted);
        assert!(is_open(&attempts, HOME, START));
        let until = START.plus_s(1800);
        assert_eq!(
            wrong(&mut attempts, 7..8, HOME, START),
            WrongPinEffect::Locked(until)
        );
        assert!(!is_open(&attempts, HOME, START) && !is_open(&attempts, AWAY, START));
    }

    #[test]
    fn the_same_wrong_pin_counts_once_however_often_it_comes() {
        let mut attempts = Attempts::default();
        for _ in 0..1000 {
            let _ = wrong(&mut attempts, 0..7, HOME, START);
        }
        assert_eq!(wrong(&mut attempts, 3..4, HOME, START), WrongPinEffect::Repeated);
        assert!(is_open(&attempts, HOME, START));
    }

    #[test]
    fn a_lock_holds_for_half_an_hour() {
        let mut attempts = Attempts::default();
        let _ = wrong(&mut attempts, 0..8, HOME, START);
        assert!(!is_open(&attempts, HOME, START.plus_s(29 * 60 + 59)));
        assert!(!is_open(&attempts, HOME, START.plus_ms(30 * 60_000 - 1)));
        assert!(is_open(&attempts, HOME, START.plus_s(30 * 60)));
    }

    #[test]
    fn after_a_lock_counting_begins_again() {
        let mut attempts = Attempts::default();
        let _ = wrong(&mut attempts, 0..8, HOME, START);
        let later = START.plus_s(1800);
        assert_eq!(wrong(&mut attempts, 0..7, HOME, later), WrongPinEffect::Counted);
        assert_eq!(
            wrong(&mut attempts, 7..8, HOME, later),
            WrongPinEffect::Locked(later.plus_s(1800))
        );
    }

    #[test]
    fn a_right_pin_clears_the_wrong_ones_of_its_source() {
        let mut attempts = Attempts::default();
        let _ = wrong(&mut attempts, 0..7, HOME, START);
        let _ = wrong(&mut attempts, 0..7, AWAY, START);
        attempts.right(group(HOME), START);
        assert_eq!(wrong(&mut attempts, 0..7, HOME, START), WrongPinEffect::Counted);
        assert!(matches!(
            wrong(&mut attempts, 7..8, AWAY, START),
            WrongPinEffect::Locked(_)
        ));
    }

    #[test]
    fn a_wrong_pin_stops_to_count_after_a_day() {
        let mut attempts = Attempts::default();
        let _ = wrong(&mut attempts, 0..7, HOME, START);
        let almost = START.plus_ms(24 * 3_600_000 - 1);
        assert!(matches!(
            wrong(&mut attempts, 7..8, HOME, almost),
            WrongPinEffect::Locked(_)
        ));
        let mut attempts = Attempts::default();
        let _ = wrong(&mut attempts, 0..7, HOME, START);
        assert_eq!(
            wrong(&mut attempts, 7..8, HOME, START.plus_s(24 * 3600)),
            WrongPinEffect::Counted
        );
    }

    #[test]
    fn forty_different_wrong_pins_from_all_sources_lock() {
        let mut attempts = Attempts::default();
        for network in 0..13 {
            let source = format!("198.51.{network}.1");
            let effect = wrong(&mut attempts, network * 3..network * 3 + 3, &source, START);
            assert_eq!(effect, WrongPinEffect::Counted);
        }
        assert_eq!(
            wrong(&mut attempts, 0..3, "198.51.99.1", START),
            WrongPinEffect::Counted,
            "the same PINs from elsewhere are no new ones"
        );
        assert!(matches!(
            wrong(&mut attempts, 39..40, "198.51.98.1", START),
            WrongPinEffect::Locked(_)
        ));
    }

    #[test]
    fn a_stranger_does_not_lock_out_a_source_that_has_logged_in() {
        let mut attempts = Attempts::default();
        attempts.right(group(HOME), START);
        let _ = wrong(&mut attempts, 0..8, AWAY, START);
        assert!(is_open(&attempts, HOME, START) && !is_open(&attempts, AWAY, START));
        assert!(matches!(
            wrong(&mut attempts, 0..8, HOME, START),
            WrongPinEffect::Locked(_)
        ));
        assert!(!is_open(&attempts, HOME, START), "its own counter still locks it");
    }

    #[test]
    fn a_source_is_known_for_thirty_days() {
        let mut attempts = Attempts::default();
        attempts.right(group(HOME), START);
        let day_30 = START.plus_s(30 * 24 * 3600);
        let _ = wrong(&mut attempts, 0..8, AWAY, day_30);
        assert!(!is_open(&attempts, HOME, day_30));
        attempts.right(group(HOME), day_30);
        assert!(is_open(&attempts, HOME, day_30));
    }

    #[test]
    fn a_stored_lock_holds_for_everybody() {
        let mut attempts = Attempts::default();
        attempts.right(group(HOME), START);
        attempts.set_lock(Some(START.plus_s(60)));
        assert!(!is_open(&attempts, HOME, START) && attempts.is_locked(START));
        attempts.set_lock(None);
        assert!(is_open(&attempts, HOME, START) && !attempts.is_locked(START));
    }

    #[test]
    fn hearing_of_its_own_lock_changes_nothing() {
        let mut attempts = Attempts::default();
        attempts.right(group(HOME), START);
        let _ = wrong(&mut attempts, 0..8, AWAY, START);
        attempts.set_lock(Some(START.plus_s(1800)));
        assert!(is_open(&attempts, HOME, START));
    }

    #[test]
    fn a_stored_lock_lengthens_and_never_shortens() {
        let mut attempts = Attempts::default();
        attempts.set_lock(Some(START.plus_s(60)));
        attempts.set_lock(Some(START.plus_s(30)));
        assert!(!is_open(&attempts, HOME, START.plus_s(59)));
        attempts.set_lock(Some(START.plus_s(90)));
        assert!(!is_open(&attempts, HOME, START.plus_s(89)) && is_open(&attempts, HOME, START.plus_s(90)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut attempts = Attempts::default();
        for network in 0..=255 {
            let source = format!("198.51.{network}.1");
            attempts.right(group(&source), START);
            let _ = wrong(&mut attempts, 0..7, &source, START);
        }
        assert_eq!(attempts.trusted.len(), TRUSTED_SOURCES_MAX);
        assert_eq!(attempts.wrong.len(), WRONG_PINS_MAX);
    }

    #[test]
    fn zero_never_locks() {
        let policy = LockoutPolicy {
            failures_max: 0,
            failures_all_max: 0,
            ..LockoutPolicy::default()
        };
        let mut attempts = Attempts::default();
        for number in 0..200 {
            assert_eq!(
                attempts.wrong(mark(number), group(HOME), START, &policy),
                WrongPinEffect::Counted
            );
        }
    }

    #[test]
    fn sources_group_by_network() {
        for (one, other) in [
            ("192.0.2.1", "192.0.2.254"),
            ("192.0.2.1", "::ffff:192.0.2.9"),
            ("2001:db8:0:100::1", "2001:db8:0:1ff::2"),
            ("127.0.0.1", "::1"),
            ("127.0.0.1", "127.9.9.9"),
        ] {
            assert_eq!(group(one), group(other));
        }
        assert_ne!(group("192.0.2.1"), group("192.0.3.1"));
        assert_ne!(group("2001:db8:0:100::1"), group("2001:db8:0:200::1"));
    }
}
