//! Log-ins from the first octet to the verdict: what is remembered, what is hashed and what is written.
//! What it comes to is decided in `directory/login/authenticate/`.

pub mod attempts;
mod fair_queue;
pub mod hash_pool;
mod stored;
pub mod verified;

use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::directory::login::account::{AccountView, Accounts};
use crate::directory::login::authenticate::{
    Decision, HashJob, Login, LoginPolicy, Remembered, Step, Upgrade, UpgradeOnLogIn,
};
use crate::directory::request::{Authenticate, Verdict};
use crate::domain::audit::AuditEvent;
use crate::domain::pin::{self, HashCost, HashScheme, PinCheck, PinKey, PinProof, SALT_BYTES};
use crate::record::Batch;
use crate::server::clock::Clock;
use crate::server::entropy::SystemEntropy;
use crate::server::login::attempts::AttemptsTable;
use crate::server::login::hash_pool::{HashPool, PoolSettings, Urgency};
use crate::server::login::verified::VerifiedPins;
use crate::types::{Entropy, EntryId, Timestamp};
use stored::Unstored;

pub use stored::{HeedError, StoredLogIns, UNSTORED_MAX, Unread};

/// Stands in proofs for the accounts of the configuration, which have no entry; their hash tells them apart.
const NO_ENTRY: EntryId = EntryId(u64::MAX);

/// What log-ins stand on: the directory, the store behind it and the audit log.
pub trait Realm: Send + Sync + 'static {
    /// Every account at one moment.
    type Accounts: Accounts;

    /// The accounts as they are now. Called once or twice a log-in, so it must cost next to nothing.
    fn accounts(&self) -> Self::Accounts;

    /// Commits `batch` and returns when it is durable or has failed. A failure is the realm's to report:
    /// it changes no verdict, and what was decided holds in memory.
    fn commit(&self, batch: Batch) -> impl Future<Output = ()> + Send;

    /// Commits `batch` soon, without waiting, and tells the audit log `event` if it succeeds. May be called on
    /// any thread. A conflict means that somebody changed the account in between and won: no error.
    fn commit_soon(&self, batch: Batch, event: AuditEvent);

    /// Hands over `batch`, which has no guards, for the next group commit. Nobody hears how it went; a failure
    /// is the realm's to report.
    fn store_soon(&self, batch: Batch) -> impl Future<Output = ()> + Send;

    /// What is stored of the good log-ins of the accounts `entries`, in their order; `None` is nothing. Errors:
    /// [`Unread`], of each apart.
    fn stored_log_ins(&self, entries: &[EntryId]) -> impl Future<Output = Vec<StoredLogIns>> + Send;

    /// Keeps `event`, which happened at `now`. Waits only while the log's reader stalls and too many wait already.
    fn audit(&self, event: AuditEvent, now: Timestamp);
}

/// How log-ins are served: `[hashing]`, `[lockout]` and `[login]` in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct LoginSettings {
    /// What they are judged by.
    pub policy: LoginPolicy,
    /// For how many seconds a right PIN is remembered; 0 = never.
    pub verified_s: u64,
    /// No refusal, and no [`Verdict::Busy`], is answered sooner than so many milliseconds after it was asked
    /// for. Above what the slowest check takes, nothing can be told from the time of a refusal; 0 = at once.
    pub refusal_floor_ms: u64,
    /// How many threads hash; 0 = one per core.
    pub threads: usize,
    /// How many log-ins may wait for them; one more is [`Verdict::Busy`].
    pub queue_max: usize,
}

/// The longest that a log-in waits to hear which sources are known, in milliseconds.
const RECALL_MS_MAX: u64 = 25;

impl LoginSettings {
    /// How long a log-in waits to hear which sources are known: so little of the time of a refusal that nobody can
    /// tell from it that there was something to wait for.
    fn recall_within(&self) -> Duration {
        let quarter = match self.refusal_floor_ms {
            0 => RECALL_MS_MAX,
            floor => floor / 4,
        };
        Duration::from_millis(quarter.min(RECALL_MS_MAX))
    }
}

impl Default for LoginSettings {
    fn default() -> LoginSettings {
        let pool = PoolSettings::default();
        LoginSettings {
            policy: LoginPolicy::default(),
            verified_s: 60,
            refusal_floor_ms: 100,
            threads: pool.threads,
            queue_max: pool.queue_max,
        }
    }
}

/// Serves log-ins.
pub struct Logins<R: Realm> {
    realm: Arc<R>,
    clock: Arc<dyn Clock>,
    settings: LoginSettings,
    key: PinKey,
    verified: VerifiedPins,
    attempts: AttemptsTable,
    unstored: Unstored,
    upgrading: Arc<Mutex<HashSet<EntryId>>>,
    pool: HashPool,
}

impl<R: Realm> Logins<R> {
    /// Starts the hash pool; remembers nothing yet. Errors: the system has no threads to give.
    pub fn start(realm: Arc<R>, clock: Arc<dyn Clock>, settings: LoginSettings) -> io::Result<Logins<R>> {
        let pool = PoolSettings {
            threads: settings.threads,
            queue_max: settings.queue_max,
            hashing: settings.policy.hashing,
        };
        Ok(Logins {
            realm,
            clock,
            settings,
            key: PinKey::new(&mut SystemEntropy),
            verified: VerifiedPins::new(settings.verified_s),
            attempts: AttemptsTable::default(),
            unstored: Unstored::default(),
            upgrading: Arc::default(),
            pool: HashPool::start(pool)?,
        })
    }

    /// The verdict if it takes microseconds and is a good one; `None`: ask [`Logins::authenticate`]. A refusal
    /// never comes from here, as it would come too soon.
    pub fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict> {
        let accounts = self.realm.accounts();
        let account = accounts.find(&request.name)?;
        let mut step = self.begin(request, Some(&account), now);
        if let Step::Hash(job) = &step {
            let check = self.check_now(request, job)?;
            step = self.judge(request, Some(&account), now, |login| {
                login.finish(job, check, &self.key)
            });
        }
        let Step::Done(decision) = step else {
            return None;
        };
        let is_accepted = matches!(decision.verdict, Verdict::Accepted(_));
        is_accepted.then(|| self.tell(decision, now))
    }

    /// The verdict, after what it takes: a hash, a lock that is stored, a refusal's time. `now` is when
    /// it was asked for. Needs a tokio runtime with time enabled.
    pub async fn authenticate(&self, request: Authenticate, now: Timestamp) -> Verdict {
        let asked = Instant::now();
        let verdict = self.decide(Arc::new(request), now).await;
        if let Some(moment) = held_until(&verdict, asked, self.settings.refusal_floor_ms) {
            sleep_until(moment).await;
        }
        verdict
    }

    /// The pool, for its figures and for new PINs.
    pub fn pool(&self) -> &HashPool {
        &self.pool
    }

    async fn decide(&self, request: Arc<Authenticate>, now: Timestamp) -> Verdict {
        self.recall_if_locked(&request, now).await;
        let mut step = {
            let accounts = self.realm.accounts();
            self.begin(&request, accounts.find(&request.name).as_ref(), now)
        };
        let mut decision = loop {
            match step {
                Step::Done(decision) => break decision,
                Step::Hash(job) => match self.hash(&request, job).await {
                    Some((job, check)) => step = self.finish(&request, &job, check),
                    None => return Verdict::Busy,
                },
            }
        };
        let batch = std::mem::take(&mut decision.batch);
        if !batch.is_empty() {
            self.commit(batch, std::mem::take(&mut decision.events), now)
                .await;
        }
        if let Some(upgrade) = decision.upgrade.take() {
            self.upgrade(request, upgrade);
        }
        self.tell(decision, now)
    }

    /// Commits `batch`, then tells the audit log `events`. Whoever asked may be gone before: a lock outlasts them.
    async fn commit(&self, batch: Batch, events: Vec<AuditEvent>, now: Timestamp) {
        let realm = self.realm.clone();
        let stored = tokio::spawn(async move {
            realm.commit(batch).await;
            events.into_iter().for_each(|event| realm.audit(event, now));
        });
        // Only a panic could end it, and that the runtime reports.
        let _ = stored.await;
    }

    fn begin(&self, request: &Authenticate, account: Option<&AccountView<'_>>, now: Timestamp) -> Step {
        let proof = account.and_then(|account| self.proof(account, request));
        let remembered = proof.map_or(Remembered::Unknown, |proof| self.verified.recall(&proof, now));
        self.judge(request, account, now, |login| login.begin(remembered))
    }

    /// The second phase, with the account and the clock as they are now.
    fn finish(&self, request: &Authenticate, job: &HashJob, check: PinCheck) -> Step {
        let now = self.clock.now();
        let accounts = self.realm.accounts();
        let account = accounts.find(&request.name);
        let step = self.judge(request, account.as_ref(), now, |login| {
            login.finish(job, check, &self.key)
        });
        if matches!(&step, Step::Done(decision) if matches!(decision.verdict, Verdict::Accepted(_))) {
            let proof = account.and_then(|account| self.proof(&account, request));
            proof
                .into_iter()
                .for_each(|proof| self.verified.remember(proof, now));
        }
        step
    }

    fn judge<T>(
        &self,
        request: &Authenticate,
        account: Option<&AccountView<'_>>,
        now: Timestamp,
        ask: impl FnOnce(Login<'_>) -> T,
    ) -> T {
        let policy = &self.settings.policy;
        let entry = account.and_then(AccountView::entry);
        self.attempts.with(entry, now, |attempts| {
            ask(Login {
                request,
                account,
                attempts,
                policy,
                now,
            })
        })
    }

    /// What stands for this log-in among those remembered. None for a hash that is checked as fast as remembered.
    fn proof(&self, account: &AccountView<'_>, request: &Authenticate) -> Option<PinProof> {
        let hash = account.hash.filter(|_| !self.verified.is_off())?;
        if self.may_check_now() && HashScheme::recognise(hash).ok()?.cost() == HashCost::Negligible {
            return None;
        }
        let entry = account.entry().unwrap_or(NO_ENTRY);
        Some(self.key.proof(entry, hash, &request.pin))
    }

    /// Checks a hash that costs next to nothing here and now; `None` if the pool is to do it.
    fn check_now(&self, request: &Authenticate, job: &HashJob) -> Option<PinCheck> {
        match job {
            HashJob::Check { hash, .. } if self.may_check_now() => {
                let check = pin::verify_negligible(hash.expose(), &request.pin)?;
                (check == PinCheck::Right).then_some(check)
            }
            _ => None,
        }
    }

    /// Where such a hash is to be replaced there will be none soon: the pool checks and replaces it.
    fn may_check_now(&self) -> bool {
        self.settings.policy.upgrade == UpgradeOnLogIn::No
    }

    /// `None`: too many wait, of all or from there, or the pool has given up.
    async fn hash(&self, request: &Arc<Authenticate>, job: HashJob) -> Option<(HashJob, PinCheck)> {
        let hashing = self.settings.policy.hashing;
        let source = request.source_group();
        let request = request.clone();
        let work = self.pool.run(Urgency::LogIn(source), move |memory| {
            let check = job.run(&request.pin, hashing, memory);
            (job, check)
        });
        work.ok()?.await.ok()
    }

    /// Makes the new hash when no log-in waits. One at a time for each account; a full queue leaves it to
    /// the account's next log-in.
    fn upgrade(&self, request: Arc<Authenticate>, upgrade: Upgrade) {
        let Some(turn) = Turn::take(&self.upgrading, upgrade.entry) else {
            return;
        };
        let (realm, hashing) = (self.realm.clone(), self.settings.policy.hashing);
        let _ = self.pool.post(Urgency::Upgrade, move |memory| {
            let mut salt = [0; SALT_BYTES];
            SystemEntropy.fill(&mut salt);
            let new = pin::hash(&request.pin, hashing, salt, memory);
            if let Some((batch, event)) = upgrade.batch(&request, &realm.accounts(), &new) {
                realm.commit_soon(batch, event);
            }
            drop(turn);
        });
    }

    /// Tells the audit log and those who store log-ins; the verdict is left.
    fn tell(&self, decision: Decision, now: Timestamp) -> Verdict {
        let events = decision.events.into_iter();
        events.for_each(|event| self.realm.audit(event, now));
        decision
            .unstored
            .into_iter()
            .for_each(|entry| self.unstored.add(entry));
        decision.verdict
    }
}

/// When a verdict may be told; `None` is at once. Busy says nothing of the account, but a client that asks
/// again at once would hear it without end.
fn held_until(verdict: &Verdict, asked: Instant, refusal_floor_ms: u64) -> Option<Instant> {
    match verdict {
        Verdict::Refused | Verdict::Busy => asked.checked_add(Duration::from_millis(refusal_floor_ms)),
        Verdict::Accepted(_) => None,
    }
}

/// The right to replace the hash of one account, given back when dropped, also unused.
struct Turn {
    upgrading: Arc<Mutex<HashSet<EntryId>>>,
    entry: EntryId,
}

impl Turn {
    fn take(upgrading: &Arc<Mutex<HashSet<EntryId>>>, entry: EntryId) -> Option<Turn> {
        let is_new = upgrading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(entry);
        is_new.then(|| Turn {
            upgrading: upgrading.clone(),
            entry,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut upgrading = self.upgrading.lock().unwrap_or_else(PoisonError::into_inner);
        upgrading.remove(&self.entry);
    }
}

#[cfg(test)]
mod tests;
