//! Ids for new entries, taken from the store a handful at a time.

use std::sync::{Mutex, PoisonError};

use crate::directory::change::ids;
use crate::directory::request::Answer;
use crate::server::index::realm::Realm;
use crate::store::CommitError;
use crate::types::EntryId;

/// So many are taken at once: those that are left at the end of the process are never used.
const TAKEN_AT_ONCE: u64 = 64;
/// So often somebody else may come first, such as an import, before a new entry has to be asked for again.
const ATTEMPTS_MAX: usize = 5;

/// Ids that are taken and not given yet.
#[derive(Default)]
pub struct EntryIds(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    next: u64,
    behind: u64,
}

impl EntryIds {
    /// One that no entry has had. Errors: [`Answer::Busy`], [`Answer::Unavailable`].
    pub async fn next(&self, realm: &Realm) -> Result<EntryId, Answer> {
        if let Some(id) = self.give() {
            return Ok(id);
        }
        for _ in 0..ATTEMPTS_MAX {
            let snapshot = realm.snapshot().ok_or(Answer::Busy)?;
            let Some((first, batch)) = ids::reserve(&snapshot, TAKEN_AT_ONCE) else {
                tracing::error!(target: "beadle", "the record of the next entry id is damaged; run `beadle store verify`");
                return Err(Answer::Unavailable);
            };
            match realm.store.commit(batch).await {
                Ok(_) => return Ok(self.take(first)),
                Err(CommitError::Conflict { at }) => realm.reach(at).await,
                Err(_) => return Err(Answer::Unavailable),
            }
        }
        Err(Answer::Busy)
    }

    fn give(&self) -> Option<EntryId> {
        // The range is whole between any two statements, so a poisoned lock guards one all the same.
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = taken.next;
        (id < taken.behind).then(|| {
            taken.next += 1;
            EntryId(id)
        })
    }

    /// Gives the first of those that were just taken; the rest wait, and what had waited is never used.
    fn take(&self, first: EntryId) -> EntryId {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *taken = Taken {
            next: first.0 + 1,
            behind: first.0 + TAKEN_AT_ONCE,
        };
        first
    }
}
