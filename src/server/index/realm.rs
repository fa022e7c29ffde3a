//! What log-ins stand on: the index for reading, the store for writing, the audit log for the rest.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::directory::login::accounts::Accounts;
use crate::directory::login::principals::Principals;
use crate::domain::schema::Schema;
use crate::index::{IndexHandle, Snapshot};
use crate::record::{Batch, Revision};
use crate::server::clock::Clock;
use crate::server::observe::audit_log::AuditLog;
use crate::server::work::transfer::Snapshots;
use crate::store::{CommitError, Store};

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
pub struct Realm {
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
    /// What is still to be stored and told when the daemon stops: it waits for these.
    pub tasks: TaskTracker,
}

impl Realm {
    /// The snapshot of this moment; `None` while the index is being built.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.loaded.get().map(|loaded| loaded.index.load())
    }

    /// What `act` makes of the accounts as they are now, which must be little; `None` while the index is being built.
    pub fn with_accounts<T>(&self, act: impl FnOnce(Accounts<'_>) -> T) -> Option<T> {
        let snapshot = self.loaded.get()?.index.glance();
        Some(act(self.accounts(&snapshot)))
    }

    /// The accounts as they are in `snapshot`.
    pub fn accounts<'a>(&'a self, snapshot: &'a Snapshot) -> Accounts<'a> {
        Accounts {
            snapshot,
            schema: &self.schema,
            principals: &self.principals,
        }
    }

    /// Commits `batch` and returns when it is durable and can be seen: who wrote reads their own write. Of an
    /// index that does not get on nobody waits for longer than ten seconds.
    /// Errors: [`CommitError`]; nothing is seen then.
    pub async fn commit(&self, batch: Batch) -> Result<Revision, CommitError> {
        let revision = self.store.commit(batch).await?;
        self.reach(revision).await;
        Ok(revision)
    }

    /// Waits until the commit `revision` can be seen, but no longer than ten seconds.
    pub async fn reach(&self, revision: Revision) {
        let Some(loaded) = self.loaded.get() else { return };
        let mut reached = loaded.reached.clone();
        let seen = reached.wait_for(|reached| *reached >= revision);
        // An error of the watch says that the follower has ended: the daemon is on its way out.
        if timeout(VISIBLE_WITHIN, seen).await.is_err() {
            tracing::error!(revision = revision.0, "index: a commit is not seen yet");
        }
    }
}

impl Snapshots for Loaded {
    fn at_least(&self, revision: Revision, runtime: &Handle) -> Arc<Snapshot> {
        let mut reached = self.reached.clone();
        // An error says that the follower has ended; the import then meets the conflict again and gives up.
        let _ = runtime.block_on(reached.wait_for(|reached| *reached >= revision));
        self.index.load()
    }
}
