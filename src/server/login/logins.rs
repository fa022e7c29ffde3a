//! One log-in after the other: at once where that is possible, through the hash pool where not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::directory::login::account::AccountView;
use crate::directory::login::authenticate::{Decision, HashJob, Login, Step, UpgradeOnLogIn};
use crate::directory::request::{Authenticate, Verdict};
use crate::domain::audit::{AuditEvent, Evidence};
use crate::domain::pin::{self, HashCost, HashScheme, PinCheck, PinKey, PinProof, SALT_BYTES};
use crate::record::Batch;
use crate::server::clock::Clock;
use crate::server::entropy::SystemEntropy;
use crate::server::index::realm::Realm;
use crate::server::login::hash_pool::{HashPool, Urgency};
use crate::server::login::ledger::Ledger;
use crate::server::login::settings::LoginSettings;
use crate::server::login::upgrades::Upgrades;
use crate::server::login::verified::VerifiedPins;
use crate::types::{Entropy, EntryId, Pin, PinHash, SourceGroup, Timestamp};

/// Stands in proofs for the accounts of the configuration, which have no entry; their hash tells them apart.
const NO_ENTRY: EntryId = EntryId(u64::MAX);

/// Serves log-ins.
pub struct Logins {
    realm: Arc<Realm>,
    clock: Arc<dyn Clock>,
    settings: LoginSettings,
    key: PinKey,
    verified: VerifiedPins,
    ledger: Ledger,
    upgrades: Upgrades,
    pool: HashPool,
}

impl Logins {
    /// Starts the hash pool; remembers nothing yet. Errors: the system has no threads to give.
    pub fn start(realm: Arc<Realm>, settings: LoginSettings) -> io::Result<Logins> {
        Ok(Logins {
            clock: realm.clock.clone(),
            ledger: Ledger::new(realm.clone(), settings.policy.lockout, settings.recall_within()),
            realm,
            key: PinKey::new(&mut SystemEntropy),
            verified: VerifiedPins::new(settings.verified_s),
            upgrades: Upgrades::default(),
            pool: HashPool::start(settings.pool())?,
            settings,
        })
    }

    /// The verdict if it takes microseconds and is a good one; `None`: ask [`Logins::authenticate`]. A refusal
    /// never comes from here, as it would come too soon.
    pub fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict> {
        // Where the log has no room somebody has to wait, who is not here.
        if !self.realm.audit.has_room() {
            return None;
        }
        let decision = self.with_account(request, |account| {
            let account = account?;
            self.judge(request, Some(account), now, |login| {
                login.at_once(|hash| self.evidence(account, hash, request, now))
            })
        });
        let Decision {
            verdict,
            events,
            unstored,
            ..
        } = decision??;
        for event in events {
            self.realm.audit.write_blocking(event, now);
        }
        self.store_soon(unstored);
        Some(verdict)
    }

    /// The verdict, after what it takes: a hash, a lock that is stored, a refusal's time. `now` is when
    /// it was asked for; while there is no index it is [`Verdict::Busy`]. Needs a tokio runtime with time enabled.
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

    /// The hash of a PIN that is to be set, and the PIN again; in its turn among the log-ins of `peer`. `None`: too
    /// many wait.
    pub async fn hash_new(&self, pin: Pin, peer: SourceGroup) -> Option<(Pin, PinHash)> {
        let hashing = self.settings.policy.hashing;
        let mut salt = [0; SALT_BYTES];
        SystemEntropy.fill(&mut salt);
        let work = self.pool.run(Urgency::from_peer(peer), move |memory| {
            let hash = pin::hash(&pin, hashing, salt, memory);
            (pin, hash)
        });
        work.ok()?.await.ok()
    }

    /// What is remembered of the accounts, for those who hear what is stored.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    async fn decide(&self, request: Arc<Authenticate>, now: Timestamp) -> Verdict {
        let Some((entry, mut step)) = self.begin(&request, now) else {
            return Verdict::Busy;
        };
        if let Some(entry) = entry
            && self.ledger.recall_if_locked(entry, now).await
        {
            let Some((_, again)) = self.begin(&request, now) else {
                return Verdict::Busy;
            };
            step = again;
        }
        loop {
            match step {
                Step::Done(decision) => return self.conclude(request, decision, now).await,
                Step::Hash(job) => match self.hash_and_finish(&request, job).await {
                    Some(next) => step = next,
                    None => return Verdict::Busy,
                },
            }
        }
    }

    /// The first phase, and the entry that is asked for; `None` while there is no index.
    fn begin(&self, request: &Authenticate, now: Timestamp) -> Option<(Option<EntryId>, Step)> {
        self.with_account(request, |account| {
            let entry = account.and_then(AccountView::entry);
            (entry, self.judge(request, account, now, |login| login.begin()))
        })
    }

    /// Has the hash made and goes on with the account and the clock as they are then. `None`: too many wait, of all or
    /// from there, or the pool has given up.
    async fn hash_and_finish(&self, request: &Arc<Authenticate>, job: HashJob) -> Option<Step> {
        let (job, check) = self.hash(request, job).await?;
        let now = self.clock.now();
        self.with_account(request, |account| {
            let step = self.judge(request, account, now, |login| {
                login.finish(&job, check, &self.key)
            });
            let is_accepted =
                matches!(&step, Step::Done(decision) if matches!(decision.verdict, Verdict::Accepted(_)));
            if let Some(proof) = account
                .filter(|_| is_accepted)
                .and_then(|account| self.proof(account, account.hash?, request))
            {
                self.verified.remember(proof, now);
            }
            step
        })
    }

    /// Stores what is to be stored before the answer, and tells.
    async fn conclude(&self, request: Arc<Authenticate>, mut decision: Decision, now: Timestamp) -> Verdict {
        let batch = std::mem::take(&mut decision.batch);
        if !batch.is_empty() {
            let events = std::mem::take(&mut decision.events);
            self.commit(batch, events, now).await;
        }
        if let Some(upgrade) = decision.upgrade.take() {
            let hashing = self.settings.policy.hashing;
            self.upgrades
                .begin(&self.realm, &self.pool, hashing, request, upgrade);
        }
        self.tell(decision, now).await
    }

    /// Commits a lock, then tells the audit log `events`. Whoever guessed may be gone before: a lock outlasts them. A
    /// failure changes no verdict: what was decided holds in memory.
    async fn commit(&self, lock: Batch, events: Vec<AuditEvent>, now: Timestamp) {
        let realm = self.realm.clone();
        let stored = self.realm.tasks.spawn(async move {
            if let Err(error) = realm.commit(lock).await {
                tracing::error!(%error, "login: a lock is not stored and holds until the restart only");
            }
            for event in events {
                realm.audit.write(event, now).await;
            }
        });
        // Only a panic could end it, and that the runtime reports.
        let _ = stored.await;
    }

    /// Looks the account up as it is now; `None` while there is no index.
    fn with_account<T>(
        &self,
        request: &Authenticate,
        act: impl FnOnce(Option<&AccountView<'_>>) -> T,
    ) -> Option<T> {
        self.realm
            .with_accounts(|accounts| act(accounts.find(&request.name).as_ref()))
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
        self.ledger.with_attempts(entry, now, |attempts| {
            ask(Login {
                request,
                account,
                attempts,
                policy,
                now,
            })
        })
    }

    /// What makes certain at once that the PIN is right for `hash`: a hash that costs next to nothing, or a check a
    /// moment ago.
    fn evidence(
        &self,
        account: &AccountView<'_>,
        hash: &[u8],
        request: &Authenticate,
        now: Timestamp,
    ) -> Option<Evidence> {
        if self.is_checked_at_once(hash) {
            let check = pin::verify_negligible(hash, &request.pin)?;
            return (check == PinCheck::Right).then_some(Evidence::Hash);
        }
        let proof = self.proof(account, hash, request)?;
        self.verified.recall(&proof, now).then_some(Evidence::RecentLogin)
    }

    /// What stands for this log-in among those remembered. None for a hash that is checked as fast as remembered.
    fn proof(&self, account: &AccountView<'_>, hash: &[u8], request: &Authenticate) -> Option<PinProof> {
        if self.verified.is_off() || self.is_checked_at_once(hash) {
            return None;
        }
        let entry = account.entry().unwrap_or(NO_ENTRY);
        Some(self.key.proof(entry, hash, &request.pin))
    }

    /// Where a cheap hash is to be replaced there will be none soon: the pool checks and replaces it.
    fn is_checked_at_once(&self, hash: &[u8]) -> bool {
        self.settings.policy.upgrade == UpgradeOnLogIn::No
            && HashScheme::cost_of(hash) == HashCost::Negligible
    }

    async fn hash(&self, request: &Arc<Authenticate>, job: HashJob) -> Option<(HashJob, PinCheck)> {
        let hashing = self.settings.policy.hashing;
        let urgency = Urgency::LogIn {
            peer: request.source.into(),
            caller: request.source_group(),
        };
        let request = request.clone();
        let work = self.pool.run(urgency, move |memory| {
            let check = job.run(&request.pin, hashing, memory);
            (job, check)
        });
        work.ok()?.await.ok()
    }

    /// Tells those who store log-ins and the audit log; the verdict is left. Waits while the log has no room; what was
    /// counted is told also if whoever asked gives up meanwhile.
    async fn tell(&self, decision: Decision, now: Timestamp) -> Verdict {
        self.store_soon(decision.unstored);
        if self.realm.audit.has_room() {
            for event in decision.events {
                self.realm.audit.write_blocking(event, now);
            }
        } else {
            self.tell_when_there_is_room(decision.events, now).await;
        }
        decision.verdict
    }

    async fn tell_when_there_is_room(&self, events: Vec<AuditEvent>, now: Timestamp) {
        let audit = self.realm.audit.clone();
        let told = self.realm.tasks.spawn(async move {
            for event in events {
                audit.write(event, now).await;
            }
        });
        // Only a panic could end it, and that the runtime reports.
        let _ = told.await;
    }

    fn store_soon(&self, unstored: Option<EntryId>) {
        if let Some(entry) = unstored {
            self.ledger.store_soon(entry);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::request::Asker;

    #[test]
    fn a_refusal_and_busy_wait_for_their_floor_and_a_good_log_in_does_not() {
        let asked = Instant::now();
        let held = |verdict| held_until(&verdict, asked, 100).map(|moment| moment - asked);
        assert_eq!(held(Verdict::Refused), Some(Duration::from_millis(100)));
        assert_eq!(held(Verdict::Busy), Some(Duration::from_millis(100)));
        assert_eq!(held(Verdict::Accepted(Asker::Root)), None);
    }
}
