//! The one way from a request to its outcome, whatever the protocol.

use std::sync::Arc;

use crate::directory::Directory;
use crate::directory::ask::search::{self, SearchCursor};
use crate::directory::login::accounts;
use crate::directory::request::{Answer, Asker, Authenticate, Compare, EntrySink, Search, Verdict};
use crate::server::answers::{Answers, Progress, SearchRun};
use crate::server::clock::Clock;
use crate::server::index::realm::DirectoryRealm;
use crate::server::login::Logins;
use crate::server::work::space_watch::LatestSpace;
use crate::types::Timestamp;

/// How many entries a search looks at before others have their turn on its thread.
const ENTRIES_PER_TURN: usize = 2_000;

/// Answers the listeners from the directory.
pub struct Runner {
    /// What stays the same from request to request.
    pub directory: Arc<Directory>,
    /// Entries and the store.
    pub realm: Arc<DirectoryRealm>,
    /// Log-ins.
    pub logins: Logins<DirectoryRealm>,
    /// What the store takes of the disk.
    pub space: Arc<LatestSpace>,
    /// The present.
    pub clock: Arc<dyn Clock>,
}

impl Answers for Runner {
    type Search = Cursor;

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn authenticate_now(&self, request: &Authenticate, now: Timestamp) -> Option<Verdict> {
        self.realm.loaded.get()?;
        self.logins.authenticate_now(request, now)
    }

    async fn authenticate(&self, request: Authenticate, now: Timestamp) -> Verdict {
        match self.realm.loaded.get() {
            None => Verdict::Busy,
            Some(_) => self.logins.authenticate(request, now).await,
        }
    }

    fn search(&self, asker: &Asker, search: Search) -> Cursor {
        Cursor(self.realm.snapshot().map(|snapshot| {
            let asker = accounts::current(&self.realm.schema, &snapshot, asker);
            SearchCursor::new(self.directory.clone(), snapshot, asker, search, self.clock.now())
        }))
    }

    fn compare(&self, asker: &Asker, compare: Compare) -> Answer {
        match self.realm.snapshot() {
            None => Answer::Busy,
            Some(snapshot) => {
                let asker = accounts::current(&self.realm.schema, &snapshot, asker);
                self.directory.compare(&snapshot, &asker, &compare)
            }
        }
    }

    /// While the index is not loaded nobody has logged in.
    fn identify(&self, asker: &Asker) -> Asker {
        let snapshot = self.realm.snapshot();
        snapshot.map_or(Asker::Public, |snapshot| {
            accounts::current(&self.realm.schema, &snapshot, asker)
        })
    }
}

/// A search under way; `None` if the index is not loaded.
pub struct Cursor(Option<SearchCursor>);

impl SearchRun for Cursor {
    fn run(&mut self, sink: &mut dyn EntrySink, now: Timestamp) -> Progress {
        match &mut self.0 {
            None => Progress::Done(Answer::Busy),
            Some(cursor) => match cursor.run(sink, ENTRIES_PER_TURN, now) {
                search::TurnEnd::More => Progress::More,
                search::TurnEnd::Done(answer) => Progress::Done(answer),
            },
        }
    }
}
