//! What log-ins leave in the store and hear from it: locks, and of good log-ins the last one and the sources an
//! account is known by.
//!
//! Locks are few: all are heard of at start and held in memory. Log-ins are as many as accounts, so theirs stay
//! in the store until they are needed: when a locked account is asked for, whose known sources are open all the
//! same, and before they are written again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Logins, Realm};
use crate::directory::login::account::{AccountView, Accounts};
use crate::directory::request::Authenticate;
use crate::domain::lockout::Lock;
use crate::domain::log_ins::LogInHistory;
use crate::record::{
    Batch, Key, Kind, LockoutRecord, LockoutRecordError, LogInRecord, LogInRecordError, Operation,
};
use crate::store::Limits;
use crate::types::{EntryId, Timestamp};

/// The most accounts whose log-ins wait to be stored. One more is passed over; its next log-in asks again.
pub const UNSTORED_MAX: usize = 65_536;

/// The most accounts of one commit: as many as a batch has room for where each takes two operations. A commit an
/// account would cost the store's writer a hand-over for each, and the change log a place.
const TOGETHER_MAX: usize = Limits::LOCAL.operations_max / 2;
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

/// The store could not be read; who was asked has reported why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the store cannot be read")]
pub struct Unread;

/// What is stored of an account's good log-ins, if anything is.
pub type StoredLogIns = Result<Option<LogInHistory>, Unread>;

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

impl<R: Realm> Logins<R> {
    /// Hears of what was stored: locks that were found at start, and whatever another node or the help desk wrote
    /// or deleted since. Other records are none of its business. Errors: the record is not understood; the
    /// account stays as it was.
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
            let stored = self.realm.stored_log_ins(entries).await;
            let due = entries.iter().zip(stored);
            self.store(
                due.filter_map(|(entry, before)| self.due(*entry, before))
                    .collect(),
            )
            .await;
        }
    }

    /// The accounts that wait: those whose entry is gone, and the others.
    fn take_unstored(&self) -> (Vec<EntryId>, Vec<EntryId>) {
        let accounts = self.realm.accounts();
        let unstored = self.unstored.take().into_iter();
        unstored.partition(|entry| accounts.is_gone(*entry))
    }

    async fn store(&self, operations: Vec<Operation>) {
        if !operations.is_empty() {
            let guards = Vec::new();
            self.realm.store_soon(Batch { guards, operations }).await;
        }
    }

    /// The operation that stores the log-ins of `entry`, if one is due. Without what was stored `before`, that would
    /// be lost; while it cannot be read nothing is written.
    fn due(&self, entry: EntryId, before: StoredLogIns) -> Option<Operation> {
        let now = self.clock.now();
        if let Ok(before) = &before {
            self.recalled(entry, before.as_ref(), now);
        }
        let policy = &self.settings.policy.lockout;
        // Taken also if it is not written: the next log-in an hour later tries again, and not every one.
        let due = self.attempts.with(Some(entry), now, |attempts| {
            attempts.take_due_log_ins(now, policy)
        });
        due.filter(|_| before.is_ok())
            .map(|history| LogInRecord(history).put(entry))
    }

    /// Learns what is stored of an account that is locked: a source that is known may log in all the same. Of a store
    /// that is busy longer than a refusal can hide, nothing is learnt, and the next log-in asks again.
    pub(super) async fn recall_if_locked(&self, request: &Authenticate, now: Timestamp) {
        let entry = {
            let accounts = self.realm.accounts();
            accounts.find(&request.name).as_ref().and_then(AccountView::entry)
        };
        let Some(entry) = entry else { return };
        let wants_recall = self
            .attempts
            .with(Some(entry), now, |attempts| attempts.wants_recall(now));
        if !wants_recall {
            return;
        }
        let entries = [entry];
        let stored = timeout(self.settings.recall_within(), self.realm.stored_log_ins(&entries));
        if let Some(Ok(stored)) = stored.await.unwrap_or_default().pop() {
            self.recalled(entry, stored.as_ref(), now);
        }
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

/// Deletes what is stored of the log-ins of `entry`.
fn forget(entry: EntryId) -> [Operation; 2] {
    let keys = [LogInRecord::key(entry), LockoutRecord::key(entry)];
    keys.map(|key| Operation::Delete { key })
}

#[cfg(test)]
mod tests;
