//! What log-ins stand on: the index for reading, the store for writing, the audit log for the rest.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::directory::login::accounts::DirectoryAccounts;
use crate::directory::login::principals::Principals;
use crate::domain::audit::AuditEvent;
use crate::domain::schema::Schema;
use crate::index::{IndexHandle, Snapshot};
use crate::record::{Batch, LogInRecord, Record, Revision};
use crate::server::clock::Clock;
use crate::server::login::{Realm, StoredLogIns, Unread};
use crate::server::observe::audit_log::AuditLog;
use crate::server::work::transfer::Snapshots;
use crate::store::{CommitError, Store};
use crate::types::{EntryId, Timestamp};

/// How long a writer waits to see its own commit. An index that is built anew meanwhile takes seconds.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// The directory in memory, once it is loaded.
#[derive(Clone)]
pub struct Loaded {
    /// The current snapshot.
    pub index: Arc<IndexHandle>,
    /// How far it has followed the store.
    pub reached: watch::Receiver<Revision>,
}

/// The directory and the store behind it.
pub struct DirectoryRealm {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Empty until the index is built.
    pub loaded: OnceLock<Loaded>,
    /// The schema.
    pub schema: Arc<Schema>,
    /// Accounts of the configuration.
    pub principals: Arc<Principals>,
    /// Where events go.
    pub audit: Arc<AuditLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where commits nobody waits for are run.
    pub runtime: Handle,
}

impl DirectoryRealm {
    /// The snapshot of this moment; `None` while the index is being built.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.loaded.get().map(|loaded| loaded.index.load())
    }

    /// Commits `batch` and returns when it is durable and can be seen: who wrote reads their own write. Of an
    /// index that does not get on nobody waits for longer than ten seconds.
    /// Errors: [`CommitError`]; nothing is seen then.
    pub async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        let revision = self.store.commit(batch).await?;
        if let Some(loaded) = self.loaded.get() {
            let mut reached = loaded.reached.clone();
            let seen = reached.wait_for(|reached| *reached >= revision);
            // An error of the watch says that the follower has ended: the daemon is on its way out.
            if timeout(VISIBLE_WITHIN, seen).await.is_err() {
                tracing::error!(revision = revision.0, "index: a commit is not seen yet");
            }
        }
        Ok(revision)
    }
}

impl Realm for DirectoryRealm {
    type Accounts = DirectoryAccounts;

    fn accounts(&self) -> DirectoryAccounts {
        DirectoryAccounts {
            snapshot: self.snapshot(),
            schema: self.schema.clone(),
            principals: self.principals.clone(),
        }
    }

    async fn commit(&self, batch: Batch) {
        if let Err(error) = DirectoryRealm::commit(self, batch).await {
            tracing::error!(%error, "login: a lock is not stored and holds until the restart only");
        }
    }

    fn commit_soon(&self, batch: Batch, event: AuditEvent) {
        let (store, audit, clock) = (self.store.clone(), self.audit.clone(), self.clock.clone());
        self.runtime.spawn(async move {
            match store.commit(batch).await {
                Ok(_) => audit.write(event, clock.now()).await,
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => {
                    tracing::warn!(%error, "login: a stronger hash is not stored; the old one stays")
                }
            }
        });
    }

    async fn store_soon(&self, batch: Batch) {
        if let Err(error) = self.store.commit_soon(batch).await {
            tracing::warn!(%error, "login: a log-in is not stored");
        }
    }

    async fn stored_log_ins(&self, entries: &[EntryId]) -> Vec<StoredLogIns> {
        let keys: Vec<_> = entries.iter().map(|entry| LogInRecord::key(*entry)).collect();
        let now = self.clock.now();
        match self.store.get(&keys).await {
            Ok((_, records)) => records
                .into_iter()
                .map(|record| log_ins_in(record, now))
                .collect(),
            Err(error) => entries.iter().map(|_| Err(unread(&error))).collect(),
        }
    }

    fn audit(&self, event: AuditEvent, now: Timestamp) {
        self.audit.write_blocking(event, now);
    }
}

fn log_ins_in(record: Option<Record>, now: Timestamp) -> StoredLogIns {
    let live = record.filter(|record| record.is_live(now));
    let history = live.map(|record| LogInRecord::decode(&record.value).map(|it| it.0));
    history.transpose().map_err(|error| unread(&error))
}

fn unread(error: &dyn std::error::Error) -> Unread {
    tracing::warn!(%error, "login: stored log-ins cannot be read");
    Unread
}

impl Snapshots for Loaded {
    fn at_least(&self, revision: Revision, runtime: &Handle) -> Arc<Snapshot> {
        let mut reached = self.reached.clone();
        // An error says that the follower has ended; the import then meets the conflict again and gives up.
        let _ = runtime.block_on(reached.wait_for(|reached| *reached >= revision));
        self.index.load()
    }
}
