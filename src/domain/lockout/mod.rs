//! Lock-out: so many different wrong PINs, and an account answers nobody for a while (requirement X1).
//!
//! A device that repeats an old PIN does not lock its owner out, for only *different* wrong PINs count.
//! A stranger does not either, where the owner has logged in from lately: such a source has its own
//! counter and stays open. A lock is stored, and so are the sources ([`super::log_ins`]); what was counted is kept
//! in memory alone, for its marks mean nothing to another process.

use crate::domain::log_ins::{LogInHistory, LogIns, Recall, TRUSTED_SOURCES_MAX};
use crate::domain::pin::PinMark;
use crate::types::{SourceGroup, Timestamp};

/// The most wrong PINs remembered of one account, each once for every source it came from. Beyond it a PIN that
/// came from several is remembered of one, and only when all are different the oldest is forgotten. That is
/// above any [`LockoutPolicy::failures_all_max`], so forgetting never keeps an account open.
pub const WRONG_PINS_MAX: usize = 128;
/// The most sources one lock names: the one that caused it first and those that were trusted. Beyond it the
/// lock holds for everybody.
pub const OFFENDERS_MAX: usize = 1 + TRUSTED_SOURCES_MAX;

/// When an account is locked, and for how long: `[lockout]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many different wrong PINs from one source group, with no right one in between, lock; 0 = never. At
    /// most [`WRONG_PINS_MAX`].
    pub failures_max: u32,
    /// So many different wrong PINs from all sources, right ones in between or not, lock, and so does each one
    /// more while so many are remembered; 0 = never. A trusted source is closed by them when `failures_max` were
    /// its own. At most [`WRONG_PINS_MAX`].
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

/// Whether an account answers a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It does.
    Open,
    /// It does not before this moment.
    Locked(Timestamp),
}

/// A lock of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// When it ends.
    pub until: Timestamp,
    /// Whom it holds for.
    pub holds: Holds,
}

/// Whom a lock holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Every source, trusted or not.
    ForAll,
    /// These, which caused it, though they be trusted, and whoever is not trusted. At most [`OFFENDERS_MAX`].
    ForOffenders(Vec<SourceGroup>),
}

impl Holds {
    /// For these and whoever is not trusted; `None` if they are too many.
    pub fn for_offenders(groups: Vec<SourceGroup>) -> Option<Holds> {
        (groups.len() <= OFFENDERS_MAX).then_some(Holds::ForOffenders(groups))
    }

    fn for_trusted(&self, group: SourceGroup) -> bool {
        match self {
            Holds::ForAll => true,
            Holds::ForOffenders(offenders) => offenders.contains(&group),
        }
    }

    fn and_for(self, offender: SourceGroup) -> Holds {
        let Holds::ForOffenders(mut offenders) = self else {
            return self;
        };
        if !offenders.contains(&offender) {
            offenders.push(offender);
        }
        Holds::for_offenders(offenders).unwrap_or(Holds::ForAll)
    }
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
    log_ins: LogIns,
    lock: Option<Lock>,
}

struct WrongPin {
    mark: PinMark,
    group: SourceGroup,
    at: Timestamp,
    counts: Counts,
}

/// Which counters a wrong PIN is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// That of its source and that of all.
    ForSource,
    /// That of all alone: a right PIN has come from its source since, or a lock that it was part of.
    ForAll,
}

/// Whether a wrong PIN tells its guesser anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Novelty {
    /// It does.
    New,
    /// It is one of those that are remembered, of whatever source.
    TriedBefore,
}

impl Attempts {
    /// Whether nothing at all is remembered.
    pub fn is_empty(&self) -> bool {
        self.wrong.is_empty() && self.log_ins.is_empty() && self.lock.is_none()
    }

    /// The lock that was set last, if any; it may have ended.
    pub fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Whether a lock holds for anybody at `now`.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.lock.as_ref().is_some_and(|lock| now < lock.until)
    }

    /// Whether the account answers `group` at `now`.
    pub fn state(&self, group: SourceGroup, now: Timestamp, policy: &LockoutPolicy) -> LockState {
        match &self.lock {
            Some(lock) if now < lock.until => {
                let is_trusted = self.log_ins.trust(group, now, policy.trusted_s);
                if is_trusted && !lock.holds.for_trusted(group) {
                    LockState::Open
                } else {
                    LockState::Locked(lock.until)
                }
            }
            _ => LockState::Open,
        }
    }

    /// A right PIN came from `group`: it is known from now on, and its wrong ones are no longer consecutive, so
    /// its own count ends. That of all sources goes on: behind one webmail server the owner logs in all day
    /// between somebody else's guesses.
    pub fn right(&mut self, group: SourceGroup, now: Timestamp) {
        self.end_count(group);
        self.log_ins.add(group, now);
    }

    /// Whether it is time to ask the store for the sources the account is known by: a lock holds, and they may be
    /// open all the same.
    pub fn wants_recall(&self, now: Timestamp) -> bool {
        self.is_locked(now) && self.log_ins.recall() == Recall::ToDo
    }

    /// This is what was stored of the account's log-ins by `now`; `None` is nothing.
    pub fn recalled(&mut self, stored: Option<&LogInHistory>, now: Timestamp) {
        self.log_ins.recalled(stored, now);
    }

    /// Whether there is a log-in that is to be stored.
    pub fn is_log_in_due(&self) -> bool {
        self.log_ins.is_due()
    }

    /// What is to be stored of the account's log-ins, if something is. What was stored before must have been
    /// [`recalled`](Attempts::recalled), or it is lost. It counts as stored from now on: nobody hears
    /// whether it was, and the next log-in an hour later tries again.
    pub fn take_due_log_ins(&mut self, now: Timestamp, policy: &LockoutPolicy) -> Option<LogInHistory> {
        self.log_ins.take_due(now, policy.trusted_s)
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
        let is_same = |wrong: &WrongPin| wrong.mark == mark && wrong.group == group;
        if self.count(|wrong| is_same(wrong) && wrong.counts == Counts::ForSource) > 0 {
            return WrongPinEffect::Repeated;
        }
        let novelty = self.novelty(&mark);
        self.wrong.retain(|wrong| !is_same(wrong));
        if self.wrong.len() >= WRONG_PINS_MAX {
            if novelty == Novelty::TriedBefore {
                return WrongPinEffect::Repeated;
            }
            self.wrong.remove(self.least_missed());
        }
        self.wrong.push(WrongPin {
            mark,
            group,
            at: now,
            counts: Counts::ForSource,
        });
        self.lock_if_due(group, novelty, now, policy)
    }

    /// Takes over a lock that was stored, by this process or another; `None` lifts it. One that ends no
    /// later than the present one is no news, one's own least of all.
    pub fn set_lock(&mut self, lock: Option<Lock>) {
        let until = |lock: &Option<Lock>| lock.as_ref().map(|lock| lock.until);
        if lock.is_none() || until(&lock) > until(&self.lock) {
            self.lock = lock;
        }
    }

    /// No lock ends a count but that of consecutive ones, or each lock would be as many guesses more. So once all
    /// have reached their number, each new wrong PIN locks, until enough of them are forgotten.
    fn lock_if_due(
        &mut self,
        group: SourceGroup,
        novelty: Novelty,
        now: Timestamp,
        policy: &LockoutPolicy,
    ) -> WrongPinEffect {
        let consecutive = |wrong: &WrongPin| wrong.group == group && wrong.counts == Counts::ForSource;
        if reached(self.count(consecutive), policy.failures_max) {
            self.end_count(group);
            return self.lock_now(Some(group), now, policy);
        }
        let different = self.different_wrong_pins();
        if novelty == Novelty::TriedBefore || !reached(different, policy.failures_all_max) {
            return WrongPinEffect::Counted;
        }
        // A full memory may have lost what one source had: better closed than open for ever.
        if self.is_heavy(group, policy) || different >= WRONG_PINS_MAX {
            return self.lock_now(Some(group), now, policy);
        }
        if self.is_locked(now) {
            // For everybody else already.
            return WrongPinEffect::Counted;
        }
        self.lock_now(None, now, policy)
    }

    fn end_count(&mut self, group: SourceGroup) {
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.group == group) {
            wrong.counts = Counts::ForAll;
        }
    }

    fn count(&self, counts: impl Fn(&WrongPin) -> bool) -> usize {
        self.wrong.iter().filter(|wrong| counts(wrong)).count()
    }

    fn novelty(&self, mark: &PinMark) -> Novelty {
        match self.wrong.iter().any(|wrong| wrong.mark == *mark) {
            true => Novelty::TriedBefore,
            false => Novelty::New,
        }
    }

    /// Whether `group` has as many of the wrong PINs as one source may have, if right ones came in between. A
    /// trusted one that has fewer stays open when all have too many: others have caused the lock.
    fn is_heavy(&self, group: SourceGroup, policy: &LockoutPolicy) -> bool {
        reached(self.count(|wrong| wrong.group == group), policy.failures_max)
    }

    /// The same PIN from two sources is one.
    fn different_wrong_pins(&self) -> usize {
        (0..self.wrong.len()).filter(|at| !self.is_repeat(*at)).count()
    }

    /// The place to give to another wrong PIN: that of the oldest repeat, or else of the oldest.
    fn least_missed(&self) -> usize {
        (0..self.wrong.len()).find(|at| self.is_repeat(*at)).unwrap_or(0)
    }

    /// Whether the wrong PIN at `at` had come from another source before.
    fn is_repeat(&self, at: usize) -> bool {
        let mark = self.wrong[at].mark;
        self.wrong[..at].iter().any(|wrong| wrong.mark == mark)
    }

    fn lock_now(
        &mut self,
        offender: Option<SourceGroup>,
        now: Timestamp,
        policy: &LockoutPolicy,
    ) -> WrongPinEffect {
        let until = now.plus_s(policy.lock_s);
        let holds = match self.lock.take() {
            Some(lock) if now < lock.until => lock.holds,
            _ => Holds::ForOffenders(Vec::new()),
        };
        self.lock = Some(Lock {
            until,
            // Trusted or not: what is stored of the sources may not have been recalled yet.
            holds: offender.into_iter().fold(holds, Holds::and_for),
        });
        WrongPinEffect::Locked(until)
    }
}

/// 0 never is.
fn reached(count: usize, max: u32) -> bool {
    max > 0 && count >= max as usize
}

#[cfg(test)]
mod tests;
