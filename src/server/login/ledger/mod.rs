//! What is remembered of the log-ins of every account, and what of it is stored: locks, and of good log-ins the last
//! one and the sources an account is known by.
//!
//! Locks are few: all are heard of at start and held in memory. Log-ins are as many as accounts, so theirs stay
//! in the store until they are needed: when a locked account is asked for, whose known sources are open all the
//! same, and before they are written again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::domain::lockout::{Attempts, Lock, LockState, LockoutPolicy};
use crate::domain::log_ins::LogInHistory;
use crate::record::{
    Batch, Key, Kind, LockoutRecord, LockoutRecordError, LogInRecord, LogInRecordError, Operation, Record,
};
use crate::server::index::hearing::Heard;
use crate::server::index::realm::Realm;
use crate::server::login::attempts::AttemptsTable;
use crate::store::PIECE_OPERATIONS;
use crate::types::{EntryId, SourceGroup, Timestamp};

/// The most accounts whose log-ins wait to be stored. One more is passed over; its next log-in asks again.
pub const UNSTORED_MAX: usize = 65_536;

/// The most accounts of one commit, each of which takes two operations at most. A commit an
/// account would cost the store's writer a hand-over for each, and the change log a place.
const TOGETHER_MAX: usize = PIECE_OPERATIONS / 2;
/// How long log-ins gather before they are stored, so that a rush of them makes few commits.
const GATHER: Duration = Duration::from_millis(50);

/// Why a record that was heard of changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeedError {
    /// It is a lock's.
    #[error(transparent)]
    Lock(#[from] LockoutRecordError),
    /// It is about good log-ins.
    #[error(transparent)]
    LogIn(#[from] LogInRecordError),
}

/// What is stored of an account's good log-ins, if anything is; `Err` if the store cannot be read, which was reported.
type StoredLogIns = Result<Option<LogInHistory>, ()>;

/// The accounts whose log-ins are to be stored.
#[derive(Default)]
pub(super) struct Unstored {
    accounts: Mutex<HashSet<EntryId>>,
    some: Notify,
}

impl Unstored {
    pub(super) fn add(&self, entry: EntryId) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() < UNSTORED_MAX && accounts.insert(entry) {
            self.some.notify_one();
        }
    }

    pub(super) fn take(&self) -> HashSet<EntryId> {
        std::mem::take(&mut *self.accounts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is remembered of every account, in memory and in the store.
pub struct Ledger {
    realm: Arc<Realm>,
    policy: LockoutPolicy,
    recall_within: Duration,
    attempts: AttemptsTable,
    unstored: Unstored,
}

impl Ledger {
    /// Nothing yet. Of a store that does not say which sources are known within `recall_within` nothing is learnt.
    pub(super) fn new(realm: Arc<Realm>, policy: LockoutPolicy, recall_within: Duration) -> Ledger {
        Ledger {
            realm,
            policy,
            recall_within,
            attempts: AttemptsTable::default(),
            unstored: Unstored::default(),
        }
    }

    /// As [`AttemptsTable::with`].
    pub(super) fn with_attempts<T>(
        &self,
        entry: Option<EntryId>,
        now: Timestamp,
        act: impl FnOnce(&mut Attempts) -> T,
    ) -> T {
        self.attempts.with(entry, now, act)
    }

    /// Whether the account `entry` answers `source` at `now`.
    pub fn state(&self, entry: EntryId, source: SourceGroup, now: Timestamp) -> LockState {
        let policy = &self.policy;
        self.with_attempts(Some(entry), now, |attempts| attempts.state(source, now, policy))
    }

    /// Has what is remembered of the log-ins of `entry` stored before long.
    pub(super) fn store_soon(&self, entry: EntryId) {
        self.unstored.add(entry);
    }

    /// Hears of what was stored: locks that were found at start, and whatever another node or the help desk wrote
    /// or deleted since. A record that is not understood is reported, and the account stays as it was.
    pub fn hear(&self, heard: Heard<'_>, now: Timestamp) {
        let heed = |operation: &Operation| {
            if let Err(error) = self.heed(operation, now) {
                tracing::error!(%error, "login: a stored record cannot be read");
            }
        };
        match heard {
            Heard::Commit { change, .. } => change.operations.iter().for_each(heed),
            Heard::Built { before, after } => {
                let locks = after.side_records(Kind::Lockout);
                locks.for_each(|(key, value)| heed(&Operation::put(key.clone(), value)));
                let locks = before
                    .into_iter()
                    .flat_map(|before| before.side_records(Kind::Lockout));
                let lifted = locks.filter(|(key, _)| after.side_record(key, now).is_none());
                lifted.for_each(|(key, _)| heed(&Operation::Delete { key: key.clone() }));
            }
        }
    }

    /// Heeds one operation. Records that are not about log-ins are none of its business. Errors: the record is not
    /// understood; the account stays as it was.
    pub fn heed(&self, operation: &Operation, now: Timestamp) -> Result<(), HeedError> {
        match operation {
            Operation::Put { key, value, .. } => {
                if let Some(entry) = LockoutRecord::entry(key) {
                    self.set_lock(entry, Some(LockoutRecord::decode(value)?.0), now);
                }
                if let Some(entry) = LogInRecord::entry(key).filter(|entry| self.attempts.has(*entry)) {
                    self.recalled(entry, Some(&LogInRecord::decode(value)?.0), now);
                }
            }
            Operation::Delete { key } => self.heed_deletion(key, now),
        }
        Ok(())
    }

    fn heed_deletion(&self, key: &Key, now: Timestamp) {
        if let Some(entry) = LockoutRecord::entry(key) {
            self.set_lock(entry, None, now);
        }
        // What is stored about the account goes after it.
        key.entry_of(Kind::Entry)
            .into_iter()
            .for_each(|entry| self.unstored.add(entry));
    }

    /// Stores log-ins as they become due, until `stop`, and then those that are left. Nobody waits for it.
    pub async fn keep(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.store_due().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.unstored.some.notified() => sleep(GATHER).await,
            }
        }
        self.store_due().await;
    }

    pub(super) async fn store_due(&self) {
        let (gone, present) = self.take_unstored();
        for entries in gone.chunks(TOGETHER_MAX) {
            self.store(entries.iter().copied().flat_map(forget).collect())
                .await;
        }
        for entries in present.chunks(TOGETHER_MAX) {
            let stored = self.stored_log_ins(entries).await;
            let due = entries.iter().zip(stored);
            self.store(
                due.filter_map(|(entry, before)| self.due(*entry, before))
                    .collect(),
            )
            .await;
        }
    }

    /// The accounts that wait: those whose entry is gone, and the others. While there is no index nobody has logged in.
    fn take_unstored(&self) -> (Vec<EntryId>, Vec<EntryId>) {
        let Some(snapshot) = self.realm.snapshot() else {
            return (Vec::new(), Vec::new());
        };
        let accounts = self.realm.accounts(&snapshot);
        let unstored = self.unstored.take().into_iter();
        unstored.partition(|entry| accounts.is_gone(*entry))
    }

    /// Hands over what nobody waits for, with the next group commit.
    async fn store(&self, operations: Vec<Operation>) {
        if operations.is_empty() {
            return;
        }
        let guards = Vec::new();
        if let Err(error) = self.realm.store.commit_soon(Batch { guards, operations }).await {
            tracing::warn!(%error, "login: a log-in is not stored");
        }
    }

    /// What is stored of the good log-ins of the accounts `entries`, in their order.
    async fn stored_log_ins(&self, entries: &[EntryId]) -> Vec<StoredLogIns> {
        let keys: Vec<_> = entries.iter().map(|entry| LogInRecord::key(*entry)).collect();
        let now = self.realm.clock.now();
        match self.realm.store.get(&keys).await {
            Ok((_, records)) => records
                .into_iter()
                .map(|record| log_ins_in(record, now))
                .collect(),
            Err(error) => {
                report_unread(&error);
                entries.iter().map(|_| Err(())).collect()
            }
        }
    }

    /// The operation that stores the log-ins of `entry`, if one is due. Without what was stored `before`, that would
    /// be lost; while it cannot be read nothing is written.
    fn due(&self, entry: EntryId, before: StoredLogIns) -> Option<Operation> {
        let now = self.realm.clock.now();
        if let Ok(before) = &before {
            self.recalled(entry, before.as_ref(), now);
        }
        // Taken also if it is not written: the next log-in an hour later tries again, and not every one.
        let due = self.attempts.with(Some(entry), now, |attempts| {
            attempts.take_due_log_ins(now, &self.policy)
        });
        due.filter(|_| before.is_ok())
            .map(|history| LogInRecord(history).put(entry))
    }

    /// Learns what is stored of an account that is locked: a source that is known may log in all the same. Whether
    /// anything was learnt. Of a store that is busy longer than a refusal can hide, nothing is, and the next log-in
    /// asks again.
    pub(super) async fn recall_if_locked(&self, entry: EntryId, now: Timestamp) -> bool {
        let wants_recall = self
            .attempts
            .with(Some(entry), now, |attempts| attempts.wants_recall(now));
        if !wants_recall {
            return false;
        }
        let entries = [entry];
        let stored = timeout(self.recall_within, self.stored_log_ins(&entries));
        let Some(Ok(stored)) = stored.await.ok().and_then(|mut stored| stored.pop()) else {
            return false;
        };
        self.recalled(entry, stored.as_ref(), now);
        true
    }

    fn recalled(&self, entry: EntryId, stored: Option<&LogInHistory>, now: Timestamp) {
        self.attempts
            .with(Some(entry), now, |attempts| attempts.recalled(stored, now));
    }

    fn set_lock(&self, entry: EntryId, lock: Option<Lock>, now: Timestamp) {
        self.attempts
            .with(Some(entry), now, |attempts| attempts.set_lock(lock));
    }
}

fn log_ins_in(record: Option<Record>, now: Timestamp) -> StoredLogIns {
    let live = record.filter(|record| record.is_live(now));
    let history = live.map(|record| LogInRecord::decode(&record.value).map(|it| it.0));
    history.transpose().map_err(|error| report_unread(&error))
}

fn report_unread(error: &dyn std::error::Error) {
    tracing::warn!(%error, "login: stored log-ins cannot be read");
}

/// Deletes what is stored of the log-ins of `entry`.
fn forget(entry: EntryId) -> [Operation; 2] {
    let keys = [LogInRecord::key(entry), LockoutRecord::key(entry)];
    keys.map(|key| Operation::Delete { key })
}

#[cfg(test)]
mod tests;
