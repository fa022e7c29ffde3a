//! Who hears what becomes visible: all that keeps something in step with the directory.

use crate::index::Snapshot;
use crate::record::Change;

/// What is heard, in order and on the follower's thread. Readers may see `after` already.
#[derive(Clone, Copy)]
pub enum Heard<'a> {
    /// The index was built from the store: at start, when there is none `before`, and when commits were missed.
    Built {
        /// The directory as it was heard of last.
        before: Option<&'a Snapshot>,
        /// As it is.
        after: &'a Snapshot,
    },
    /// One commit.
    Commit {
        /// The directory before it.
        before: &'a Snapshot,
        /// The directory with it.
        after: &'a Snapshot,
        /// The commit.
        change: &'a Change,
    },
}

/// Who hears.
pub type Hear = dyn Fn(Heard<'_>) + Send + Sync;
