//! Import and export on a store: the same in the daemon and, while it is stopped, at the command line.

use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::schema::Schema;
use crate::exchange::entries::Entries;
use crate::exchange::import::{
    self, Events, Format, ImportError, ImportSettings, Job, KeepGoing, Mode, Outcome, Reopen, Writers,
};
use crate::index::Snapshot;
use crate::record::Revision;
use crate::server::entropy::SystemEntropy;
use crate::server::work::importing::Importing;
use crate::store::{CommitError, Store};
use crate::types::{AttributeType, Dn, Timestamp};

/// The most imports and exports at a time that are asked of a daemon; one more waits.
pub const TRANSFERS_MAX: usize = 4;

/// What is asked of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The file's format.
    pub format: Format,
    /// What becomes of the good rows if there are bad ones.
    pub keep_going: KeepGoing,
    /// Whether anything is written.
    pub mode: Mode,
    /// Attributes that are skipped as if the file did not have them; names that the schema does not know are
    /// of no attribute and skip nothing.
    pub ignored: Vec<Box<str>>,
}

/// Where snapshots come from: the daemon's index, or one built for the occasion.
pub trait Snapshots: Send + Sync {
    /// A snapshot of `revision` or later. Waits for it.
    fn at_least(&self, revision: Revision, runtime: &Handle) -> Arc<Snapshot>;
}

/// A directory to import into and export from.
#[derive(Clone)]
pub struct Site {
    /// Where entries are written.
    pub store: Arc<dyn Store>,
    /// Where they are read.
    pub snapshots: Arc<dyn Snapshots>,
    /// The schema.
    pub schema: Arc<Schema>,
    /// The name every entry is under.
    pub base: Dn,
    /// Attributes of which no two entries may have the same value.
    pub unique: Vec<AttributeType>,
    /// The runtime the store's answers are awaited on.
    pub runtime: Handle,
    /// Whether anybody else writes to the store.
    pub writers: Writers,
}

impl Site {
    /// Imports the file at `path`, stamped with `now`. Blocks: not for a thread of the runtime.
    /// Errors: [`ImportError`].
    pub fn import(
        &self,
        path: &Path,
        wanted: &Wanted,
        now: Timestamp,
        events: &mut Events<'_>,
    ) -> Result<Outcome, ImportError<CommitError>> {
        let mut open = || {
            let file = BufReader::with_capacity(READ_BYTES, std::fs::File::open(path).map_err(row_error)?);
            import::rows(wanted.format, file, &self.base)
        };
        self.import_rows(&mut open, wanted, now, events)
    }

    /// Imports the rows that `open` gives, each time from their beginning; otherwise as [`Site::import`].
    pub fn import_rows(
        &self,
        open: &mut Reopen<'_>,
        wanted: &Wanted,
        now: Timestamp,
        events: &mut Events<'_>,
    ) -> Result<Outcome, ImportError<CommitError>> {
        let settings = ImportSettings {
            base: self.base.clone(),
            unique: self.unique.clone(),
            ignored: wanted.ignored.to_vec(),
            creator: None,
            now,
        };
        let job = Job {
            schema: &self.schema,
            settings: &settings,
            keep_going: wanted.keep_going,
            mode: wanted.mode,
        };
        import::run(
            &job,
            &mut Importing::new(self.clone()),
            open,
            &mut SystemEntropy,
            events,
        )
    }

    /// Waits until every commit answered so far is found by searches: who wrote sees the write.
    pub fn catch_up(&self) {
        // A store that cannot tell leaves nothing to wait for.
        if let Ok(revision) = self.runtime.block_on(self.store.current()) {
            self.snapshots.at_least(revision, &self.runtime);
        }
    }

    /// Everything as it is now, to be exported.
    pub fn entries(&self) -> Entries {
        Entries {
            snapshot: self.snapshots.at_least(Revision(0), &self.runtime),
            schema: self.schema.clone(),
        }
    }
}

/// Read from a file at once.
const READ_BYTES: usize = 256 * 1024;

fn row_error(error: io::Error) -> crate::exchange::row::RowError {
    crate::exchange::row::RowError::from(error)
}
