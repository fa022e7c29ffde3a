//! Imported hashes that are replaced by argon2id after a good log-in, when no log-in waits.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::directory::login::authenticate::Upgrade;
use crate::directory::request::Authenticate;
use crate::domain::audit::AuditEvent;
use crate::domain::pin::{self, Hashing, SALT_BYTES};
use crate::record::Batch;
use crate::server::entropy::SystemEntropy;
use crate::server::index::realm::Realm;
use crate::server::login::hash_pool::{HashPool, Urgency};
use crate::store::CommitError;
use crate::types::{Entropy, EntryId};

/// The accounts whose hashes are being replaced.
#[derive(Default)]
pub(super) struct Upgrades(Arc<Mutex<HashSet<EntryId>>>);

impl Upgrades {
    /// Has the hash made that `upgrade` asks for, and committed. One at a time for each account; a full queue leaves it
    /// to the account's next log-in.
    pub(super) fn begin(
        &self,
        realm: &Arc<Realm>,
        pool: &HashPool,
        hashing: Hashing,
        request: Arc<Authenticate>,
        upgrade: Upgrade,
    ) {
        let Some(turn) = Turn::take(&self.0, upgrade.entry) else {
            return;
        };
        let realm = realm.clone();
        let _ = pool.post(Urgency::Upgrade, move |memory| {
            let mut salt = [0; SALT_BYTES];
            SystemEntropy.fill(&mut salt);
            let new = pin::hash(&request.pin, hashing, salt, memory);
            let replaced = realm
                .snapshot()
                .and_then(|snapshot| upgrade.batch(&request, realm.accounts(&snapshot), &new));
            if let Some((batch, event)) = replaced {
                commit(&realm, batch, event);
            }
            drop(turn);
        });
    }
}

/// Commits without anybody waiting, and audits it once it is stored. A conflict means that somebody changed the
/// account in between and won: no error.
fn commit(realm: &Arc<Realm>, batch: Batch, event: AuditEvent) {
    let (tasks, runtime, realm) = (realm.tasks.clone(), realm.runtime.clone(), realm.clone());
    let committing = async move {
        match realm.store.commit(batch).await {
            Ok(_) => realm.audit.write(event, realm.clock.now()).await,
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "login: a stronger hash is not stored; the old one stays");
            }
        }
    };
    tasks.spawn_on(committing, &runtime);
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
mod tests {
    use super::*;

    #[test]
    fn one_account_is_upgraded_once_at_a_time() {
        let upgrading = Arc::default();
        let turn = Turn::take(&upgrading, EntryId(7)).unwrap();
        assert!(Turn::take(&upgrading, EntryId(7)).is_none() && Turn::take(&upgrading, EntryId(8)).is_some());
        drop(turn);
        assert!(Turn::take(&upgrading, EntryId(7)).is_some());
    }
}
