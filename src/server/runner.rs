//! The one way from a request to its outcome, whatever the protocol.

use std::sync::Arc;

use crate::directory::Directory;
use crate::directory::ask::search::SearchCursor;
use crate::directory::change::decide::ChangeRules;
use crate::directory::login::accounts::current;
use crate::directory::request::{Answer, Asker, Authenticate, Compare, Search, Verdict};
use crate::server::change_numbers::ChangeNumbers;
use crate::server::clock::Clock;
use crate::server::entry_ids::EntryIds;
use crate::server::index::realm::Realm;
use crate::server::login::Logins;
use crate::server::work::space_watch::LatestSpace;
use crate::types::Timestamp;

/// How many entries a search looks at before others have their turn on its thread.
pub const ENTRIES_PER_TURN: usize = 2_000;

/// Answers the listeners from the directory.
pub struct Runner {
    /// What stays the same from request to request.
    pub directory: Arc<Directory>,
    /// Entries and the store.
    pub realm: Arc<Realm>,
    /// Log-ins.
    pub logins: Logins,
    /// What every change must keep.
    pub change_rules: Arc<ChangeRules>,
    /// Ids for new entries.
    pub entry_ids: EntryIds,
    /// Numbers for changes.
    pub change_numbers: ChangeNumbers,
    /// What the store takes of the disk.
    pub space: Arc<LatestSpace>,
    /// The present.
    pub clock: Arc<dyn Clock>,
}

impl Runner {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The verdict on a log-in if it can be had in microseconds: a PIN verified a moment ago, or a right one whose hash
    /// costs nothing to check. `None`: ask [`Runner::authenticate`].
    pub fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict> {
        self.logins.authenticate_now(request, now)
    }

    /// Checks a PIN; waits for hashing and until what it writes is durable. `now` is when it was asked.
    pub async fn authenticate(&self, request: Authenticate, now: Timestamp) -> Verdict {
        self.logins.authenticate(request, now).await
    }

    /// Begins a search on the directory as it is now; later changes are not seen by it. `None` while there is no index.
    pub fn search(&self, asker: &Asker, search: Search) -> Option<SearchCursor> {
        let snapshot = self.realm.snapshot()?;
        let asker = current(&self.realm.schema, &snapshot, asker);
        let directory = self.directory.clone();
        Some(SearchCursor::new(directory, snapshot, asker, search, self.now()))
    }

    /// Compares a value.
    pub fn compare(&self, asker: &Asker, compare: &Compare) -> Answer {
        let Some(snapshot) = self.realm.snapshot() else {
            return Answer::Busy;
        };
        let asker = current(&self.realm.schema, &snapshot, asker);
        self.directory.compare(&snapshot, &asker, compare)
    }

    /// How `asker`, who has logged in as such, is called by now; `None` of a stranger. While there is no index nobody has
    /// logged in.
    pub fn identify(&self, asker: &Asker) -> Option<String> {
        let snapshot = self.realm.snapshot()?;
        self.realm.accounts(&snapshot).name_of(asker)
    }
}
