//! The one answer to "is this the PIN?", for every protocol (DESIGN invariants 1 and 3).
//!
//! A right PIN that is known to be right costs microseconds ([`Login::at_once`]). Every other log-in has two phases,
//! because hashing takes milliseconds and happens elsewhere. [`Login::begin`] says what is to be hashed,
//! [`Login::finish`] what that comes to; both read the account anew, so that a PIN, a lock or an account that changes
//! in between counts. A hash that was replaced in between, most often by a stronger one of the same PIN, is no verdict
//! on the PIN: it is checked again, with the new one.
//! Whatever is wrong with a log-in, one hash of the configured strength is made before it is refused:
//!
//! * An unknown name, and an account that is locked, disabled or without PIN: a hash for nothing.
//! * A wrong PIN: the stored hash is checked; if that costs next to nothing (`{SSHA}` and the like), a
//!   hash for nothing is made besides.
//! * What is left to tell is an imported hash of a slow scheme or of other parameters, until the first
//!   good log-in has replaced it; the floor under every refusal, in `server/login/`, covers that.

use std::sync::Arc;

use crate::directory::login::account::{AccountView, Standing};
use crate::directory::login::accounts::Accounts;
use crate::directory::request::{Asker, Authenticate, Verdict};
use crate::domain::audit::{AuditEvent, Evidence, Origin, RefusalReason, Subject};
use crate::domain::lockout::{Attempts, LockState, LockoutPolicy, WrongPinEffect};
use crate::domain::pin::{self, HashCost, HashMemory, HashScheme, Hashing, PIN_BYTES_MAX, PinCheck, PinKey};
use crate::record::{Batch, Guard, Key, Kind, LockoutRecord};
use crate::types::{EntryId, Pin, PinHash, Timestamp};

/// The most hashes one log-in is checked against: so often its account's may have been replaced meanwhile. Then
/// it is [`Verdict::Busy`].
pub const HASH_ROUNDS_MAX: u32 = 3;

/// What log-ins are judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoginPolicy {
    /// When an account is locked.
    pub lockout: LockoutPolicy,
    /// The strength of new hashes, and of the hash made for nothing.
    pub hashing: Hashing,
    /// Whether a weaker hash is replaced at a good log-in.
    pub upgrade: UpgradeOnLogIn,
}

/// Whether an imported hash is replaced by argon2id at the first good log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UpgradeOnLogIn {
    /// It is.
    #[default]
    Yes,
    /// It stays.
    No,
}

/// One log-in and everything it is judged by.
pub struct Login<'a> {
    /// What was asked.
    pub request: &'a Authenticate,
    /// The account with the name that was given, if there is one.
    pub account: Option<&'a AccountView<'a>>,
    /// What is remembered of the account; an empty one if there is none.
    pub attempts: &'a mut Attempts,
    /// The rules.
    pub policy: &'a LoginPolicy,
    /// The moment.
    pub now: Timestamp,
}

/// What a log-in comes to after a phase.
pub enum Step {
    /// This is to be hashed, then [`Login::finish`] to be asked. No more than [`HASH_ROUNDS_MAX`] times.
    Hash(HashJob),
    /// Nothing more is to be hashed.
    Done(Decision),
}

/// What is to be hashed for a log-in. Has no `Debug`.
#[derive(Clone)]
pub enum HashJob {
    /// The PIN is to be checked against a hash.
    Check {
        /// The hash.
        hash: Arc<PinHash>,
        /// The how many-th of this log-in it is, from 1.
        round: u32,
    },
    /// The log-in is refused for this reason, after as much work.
    Nothing(RefusalReason),
}

/// The end of a log-in.
pub struct Decision {
    /// What the client hears.
    pub verdict: Verdict,
    /// What is to be committed before it does: a lock.
    pub batch: Batch,
    /// What is to be kept of it.
    pub events: Vec<AuditEvent>,
    /// What is to be done after the answer.
    pub upgrade: Option<Upgrade>,
    /// The account whose log-in is to be stored soon, after the answer.
    pub unstored: Option<EntryId>,
}

/// A hash that is to be replaced. Has no `Debug`.
pub struct Upgrade {
    /// Whose.
    pub entry: EntryId,
    /// The hash the PIN was right for.
    hash: Arc<PinHash>,
}

impl HashJob {
    /// Does the work, on a thread that may take its time.
    pub fn run(&self, pin: &Pin, hashing: Hashing, memory: &mut HashMemory) -> PinCheck {
        match self {
            HashJob::Check { hash, .. } => {
                let check = pin::verify(hash, pin, memory);
                if check == PinCheck::Wrong && HashScheme::cost_of(hash.expose()) == HashCost::Negligible {
                    pin::spend(pin, hashing, memory);
                }
                check
            }
            HashJob::Nothing(_) => {
                pin::spend(pin, hashing, memory);
                PinCheck::Wrong
            }
        }
    }
}

impl Login<'_> {
    /// The first phase, where [`Login::at_once`] has no decision.
    pub fn begin(self) -> Step {
        match self.hash_to_check() {
            Err(reason) => Step::Hash(HashJob::Nothing(reason)),
            Ok(hash) => check_against(hash, 1),
        }
    }

    /// Accepts the log-in if nothing speaks against it and `evidence` knows at once that its PIN is right for this hash;
    /// `None` leaves it to [`Login::begin`]. A refusal never comes from here, as it would come too soon.
    pub fn at_once(self, evidence: impl FnOnce(&[u8]) -> Option<Evidence>) -> Option<Decision> {
        let evidence = evidence(self.hash_to_check().ok()?)?;
        Some(self.accept(evidence, None))
    }

    /// The second phase: `check` is what `job` came to. A log-in that has become impossible since is
    /// refused whatever it came to, so guesses made all at once are no more than guesses made in turn.
    pub fn finish(self, job: &HashJob, check: PinCheck, key: &PinKey) -> Step {
        let (checked, round) = match job {
            HashJob::Nothing(reason) => return Step::Done(self.refuse(*reason)),
            HashJob::Check { hash, round } => (hash, *round),
        };
        Step::Done(match self.hash_to_check() {
            Err(reason) => self.refuse(reason),
            Ok(hash) if !checked.same_as(hash) => return check_against(hash, round + 1),
            Ok(_) if check == PinCheck::Right => self.accept(Evidence::Hash, Some(checked)),
            Ok(_) => self.count_wrong_pin(key),
        })
    }

    /// The hash that decides, or what speaks against the log-in whatever the PIN is.
    fn hash_to_check(&self) -> Result<&[u8], RefusalReason> {
        let account = self.account.ok_or(RefusalReason::UnknownName)?;
        if let Asker::Public = account.asker {
            return Err(RefusalReason::UnknownName);
        }
        let hash = account.hash.ok_or(RefusalReason::NoPin)?;
        if account.standing == Standing::Disabled {
            return Err(RefusalReason::Disabled);
        }
        let source = self.request.source_group();
        let state = self.attempts.state(source, self.now, &self.policy.lockout);
        if let (LockState::Locked(until), Some(_)) = (state, account.entry()) {
            return Err(RefusalReason::Locked(until));
        }
        if !(1..=PIN_BYTES_MAX).contains(&self.request.pin.expose().len()) {
            return Err(RefusalReason::UnusablePin);
        }
        Ok(hash)
    }

    fn accept(self, evidence: Evidence, checked: Option<&Arc<PinHash>>) -> Decision {
        let Some(account) = self.account else {
            return self.refuse(RefusalReason::UnknownName);
        };
        let entry = account.entry();
        if entry.is_some() {
            self.attempts.right(self.request.source_group(), self.now);
        }
        Decision {
            verdict: Verdict::Accepted(account.asker.clone()),
            batch: Batch::default(),
            events: vec![AuditEvent::LoginAccepted {
                subject: account.subject(),
                origin: origin(self.request),
                evidence,
            }],
            upgrade: checked.and_then(|hash| upgrade(account, hash, self.policy)),
            unstored: entry.filter(|_| self.attempts.is_log_in_due()),
        }
    }

    fn refuse(self, reason: RefusalReason) -> Decision {
        Decision {
            verdict: Verdict::Refused,
            batch: Batch::default(),
            events: vec![AuditEvent::LoginRefused {
                subject: self.account.map_or(Subject::Nobody, AccountView::subject),
                origin: origin(self.request),
                reason,
            }],
            upgrade: None,
            unstored: None,
        }
    }

    fn count_wrong_pin(self, key: &PinKey) -> Decision {
        let Some(entry) = self.account.and_then(AccountView::entry) else {
            return self.refuse(RefusalReason::WrongPin);
        };
        let mark = key.mark(entry, &self.request.pin);
        let source = self.request.source_group();
        let effect = self.attempts.wrong(mark, source, self.now, &self.policy.lockout);
        let origin = origin(self.request);
        let lock = self.attempts.lock().cloned();
        let mut decision = self.refuse(RefusalReason::WrongPin);
        if let (WrongPinEffect::Locked(until), Some(lock)) = (effect, lock) {
            let subject = Subject::Entry(entry);
            decision.batch.operations.push(LockoutRecord(lock).put(entry));
            decision.events.push(AuditEvent::AccountLocked {
                subject,
                origin,
                until,
            });
        }
        decision
    }
}

/// A log-in whose account's hash is replaced again and again gives up: it has proved nothing either way.
fn check_against(hash: &[u8], round: u32) -> Step {
    if HashScheme::recognise(hash).is_err() {
        return Step::Hash(HashJob::Nothing(RefusalReason::UnusableHash));
    }
    if round <= HASH_ROUNDS_MAX {
        let hash = Arc::new(PinHash::new(hash));
        return Step::Hash(HashJob::Check { hash, round });
    }
    Step::Done(Decision {
        verdict: Verdict::Busy,
        batch: Batch::default(),
        events: Vec::new(),
        upgrade: None,
        unstored: None,
    })
}

impl Upgrade {
    /// The batch that replaces the hash by `new`, if the account still has the one that was checked. A PIN
    /// set in between, or while this is committed, wins: the batch's guard then does not hold.
    pub fn batch(
        &self,
        request: &Authenticate,
        accounts: Accounts<'_>,
        new: &PinHash,
    ) -> Option<(Batch, AuditEvent)> {
        let account = accounts.find(&request.name)?;
        let same = account.hash.is_some_and(|hash| self.hash.same_as(hash));
        if !same || account.entry() != Some(self.entry) {
            return None;
        }
        let key = Key::new(Kind::Entry, &self.entry.to_bytes());
        let batch = Batch {
            guards: vec![Guard::UnchangedSince(key, account.revision)],
            operations: vec![accounts.with_hash(self.entry, new)?],
        };
        let from = HashScheme::recognise(self.hash.expose()).ok()?;
        let subject = account.subject();
        Some((batch, AuditEvent::HashUpgraded { subject, from }))
    }
}

fn upgrade(account: &AccountView<'_>, hash: &Arc<PinHash>, policy: &LoginPolicy) -> Option<Upgrade> {
    let wanted = policy.upgrade == UpgradeOnLogIn::Yes && pin::is_outdated(hash.expose(), policy.hashing);
    let entry = account.entry().filter(|_| wanted)?;
    Some(Upgrade {
        entry,
        hash: hash.clone(),
    })
}

fn origin(request: &Authenticate) -> Origin {
    Origin {
        source: request.source,
        caller: request.caller,
        service: request.service.clone(),
    }
}

#[cfg(test)]
mod tests;
