//! From a change to its commit: decides on the directory as it is, and again if it has changed meanwhile.

use std::sync::Arc;

use crate::directory::change::decide::{
    Copies, Decision, NewPin, Proof, Proven, Step, Supplies, World, asker_now, decide,
};
use crate::directory::changes::{Actor, Change, Terms};
use crate::directory::request::{Answer, Authenticate, Changed, LoginName, PinFault, Refusal, Verdict};
use crate::domain::lockout::LockState;
use crate::server::entropy::SystemEntropy;
use crate::server::runner::Runner;
use crate::store::CommitError;
use crate::types::{EntryId, Pin, PinHash};

/// So often somebody else may come first; after that the answer is [`Answer::Busy`].
const ATTEMPTS_MAX: usize = 5;

/// A change as it was asked for.
struct Asked {
    actor: Actor,
    change: Change,
    terms: Terms,
}

/// What a change has been given on its way.
struct Given {
    fresh: Option<EntryId>,
    hash: Option<PinHash>,
    proof: Proof,
    /// How often the present PIN was checked.
    proofs: usize,
    made_up: Option<Pin>,
}

impl Given {
    const NOTHING: Given = Given {
        fresh: None,
        hash: None,
        proof: Proof::Missing,
        proofs: 0,
        made_up: None,
    };
}

impl Runner {
    /// Makes a change. It is stored, audited and can be seen when this returns, and if nobody waits any more that
    /// happens all the same. Errors: [`Refusal`]; nothing has changed, or, on [`Answer::Unavailable`] alone, nobody knows.
    pub async fn change(
        self: &Arc<Self>,
        actor: Actor,
        change: Change,
        terms: Terms,
    ) -> Result<Changed, Refusal> {
        let runner = self.clone();
        let asked = Asked { actor, change, terms };
        let changing = async move { runner.carry_out(Arc::new(asked)).await };
        // On the thread of who asks: to wake another and be woken again takes longer than most decisions.
        let task = self.realm.tasks.spawn(changing);
        // Only a panic could end it, and that the runtime reports.
        task.await.unwrap_or_else(|_| Err(Answer::Unavailable.into()))
    }

    async fn carry_out(self: &Arc<Self>, asked: Arc<Asked>) -> Result<Changed, Refusal> {
        let mut given = Given::NOTHING;
        let mut attempts = 0;
        loop {
            match self.decided(&asked, &given).await? {
                // Proven before: the account was written in between.
                Step::Prove(..) if given.proofs > ATTEMPTS_MAX => return Err(Answer::Busy.into()),
                Step::Prove(account, pin) => {
                    given.proofs += 1;
                    given.proof = self.prove(&asked.actor, account, pin).await?;
                }
                Step::Hash(new) => self.hash(&asked.actor, new, &mut given).await?,
                Step::Number => given.fresh = Some(self.entry_ids.next(&self.realm).await?),
                Step::Done(decision) => match self.commit(decision).await {
                    Ok(Copies { before, after }) => {
                        let made_up = given.made_up;
                        return Ok(Changed {
                            made_up,
                            before,
                            after,
                        });
                    }
                    Err(CommitError::Conflict { at }) if attempts < ATTEMPTS_MAX => {
                        attempts += 1;
                        self.realm.reach(at).await;
                    }
                    Err(error) => return Err(refusal(&error)),
                },
            }
        }
    }

    async fn decided(self: &Arc<Self>, asked: &Arc<Asked>, given: &Given) -> Result<Step, Refusal> {
        match asked.change {
            // It may have very many to look at, and needs nothing: the threads are for those who wait for disk and hashes.
            Change::Rename(_) | Change::Remove(_) => {
                let (runner, asked) = (self.clone(), asked.clone());
                let deciding = move || runner.step(&asked, &Given::NOTHING);
                let task = self.realm.runtime.spawn_blocking(deciding);
                // As in `change`.
                task.await.unwrap_or_else(|_| Err(Answer::Unavailable.into()))
            }
            Change::Add(_) | Change::Modify(_) | Change::SetPin(_) => self.step(asked, given),
        }
    }

    fn step(&self, asked: &Asked, given: &Given) -> Result<Step, Refusal> {
        let Asked { actor, change, terms } = asked;
        let snapshot = self.realm.snapshot().ok_or(Answer::Busy)?;
        let asker = asker_now(&self.directory, &snapshot, &actor.asker);
        let world = World::new(
            &snapshot,
            &self.directory,
            &self.realm.principals,
            &self.change_rules,
            terms,
            &asker,
        );
        let now = self.now();
        let mut supplies = Supplies {
            now,
            csn: self.change_numbers.next(now),
            entropy: &mut SystemEntropy,
            fresh: given.fresh,
            hash: given.hash.as_ref(),
            proof: given.proof,
        };
        decide(&world, change, actor, &mut supplies)
    }

    /// Commits, and audits what is stored.
    async fn commit(&self, decision: Decision) -> Result<Copies, CommitError> {
        self.realm.commit(decision.batch).await?;
        for event in decision.events {
            self.realm.audit.write(event, self.now()).await;
        }
        Ok(decision.copies)
    }

    /// Checks the present PIN as a log-in would: it is audited, and a wrong one counts. Who asks is the owner, or may set
    /// the PIN, and is told of a lock: it holds for the right PIN too, so that it says nothing of the one given.
    async fn prove(&self, actor: &Actor, account: Proven, pin: Pin) -> Result<Proof, Refusal> {
        let entry = account.entry;
        let snapshot = self.realm.snapshot().ok_or(Answer::Busy)?;
        let name = snapshot.entry_by_id(entry).map(|entry| entry.normal_dn());
        let log_in = Authenticate {
            name: name.map_or(LoginName::Nobody, LoginName::Dn),
            pin,
            service: actor.origin.service.clone(),
            source: actor.origin.source,
            caller: actor.origin.caller,
        };
        let source = log_in.source_group();
        match self.authenticate(log_in, self.now()).await {
            Verdict::Accepted(_) => Ok(Proof::Given(account)),
            Verdict::Refused => {
                let refusal = Refusal::from(Answer::InvalidCredentials);
                Err(match self.logins.ledger().state(entry, source, self.now()) {
                    LockState::Locked(_) => refusal.for_pin(PinFault::Locked),
                    LockState::Open => refusal,
                })
            }
            Verdict::Busy => Err(Answer::Busy.into()),
        }
    }

    async fn hash(&self, actor: &Actor, new: NewPin, given: &mut Given) -> Result<(), Refusal> {
        let (pin, is_made_up) = match new {
            NewPin::Given(pin) => (pin, false),
            NewPin::MadeUp(pin) => (pin, true),
        };
        let hashed = self.logins.hash_new(pin, actor.origin.source.into()).await;
        let (pin, hash) = hashed.ok_or(Answer::Busy)?;
        given.hash = Some(hash);
        given.made_up = is_made_up.then_some(pin);
        Ok(())
    }
}

fn refusal(error: &CommitError) -> Refusal {
    let answer = match error {
        CommitError::Conflict { .. } => Answer::Busy,
        CommitError::TooLarge(limits) => {
            let (records, bytes) = (limits.operations_max, limits.batch_bytes_max);
            let why =
                format!("with all that refers to it the change is past {records} records or {bytes} bytes");
            return Refusal::because(Answer::AdminLimitExceeded, why);
        }
        CommitError::Malformed => {
            tracing::error!(target: "beadle", %error, "a change was decided wrongly; nothing was written");
            Answer::Unavailable
        }
        CommitError::Unavailable | CommitError::Fatal(_) => Answer::Unavailable,
    };
    answer.into()
}
