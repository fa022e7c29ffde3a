//! Where readers find the current snapshot, and how the one writer replaces it.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{BuildError, Snapshot};
use crate::domain::schema::Schema;
use crate::record::Change;

/// The current snapshot, shared by every thread. Reading never waits.
pub struct IndexHandle(ArcSwap<Snapshot>);

impl IndexHandle {
    /// A handle on `snapshot`.
    pub fn new(snapshot: Snapshot) -> IndexHandle {
        IndexHandle(ArcSwap::from_pointee(snapshot))
    }

    /// The snapshot of this moment. Who keeps it keeps seeing the same directory.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// The same for a moment: cheaper, for no counter is shared with others, but not to be kept.
    pub fn glance(&self) -> Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Replaces the snapshot for all who load it from now on.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}

/// Keeps an [`IndexHandle`] current. There is one writer to a handle.
///
/// Folding happens elsewhere, on a thread: `start_folding` gives the snapshot to fold, commits go on being
/// applied, and `finish_folding` applies those once more to the folded one.
pub struct IndexWriter {
    handle: Arc<IndexHandle>,
    schema: Arc<Schema>,
    /// While a folding is on its way: the changes applied since it began.
    meanwhile: Option<Vec<Change>>,
}

impl IndexWriter {
    /// A writer to `handle`.
    pub fn new(handle: Arc<IndexHandle>, schema: Arc<Schema>) -> IndexWriter {
        IndexWriter {
            handle,
            schema,
            meanwhile: None,
        }
    }

    /// Applies whole commits in order and publishes the result; those the snapshot already has are passed over.
    ///
    /// Errors: [`BuildError`]; nothing was published, and the index must be built again from the store.
    pub fn apply(&mut self, changes: Vec<Change>) -> Result<(), BuildError> {
        let current = self.handle.load();
        let new = changes.partition_point(|change| change.revision <= current.revision());
        let new = &changes[new..];
        self.handle.publish(current.apply(new, &self.schema)?);
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.extend_from_slice(new);
        }
        Ok(())
    }

    /// The snapshot to fold, if it is time and no folding is on its way.
    pub fn start_folding(&mut self) -> Option<Arc<Snapshot>> {
        let current = self.handle.load();
        if self.meanwhile.is_some() || !current.wants_folding() {
            return None;
        }
        self.meanwhile = Some(Vec::new());
        Some(current)
    }

    /// Brings a folded snapshot up to date and publishes it. Without a folding on its way nothing happens.
    ///
    /// Errors: [`BuildError`], as of [`IndexWriter::apply`].
    pub fn finish_folding(&mut self, folded: Snapshot) -> Result<(), BuildError> {
        let Some(meanwhile) = self.meanwhile.take() else {
            return Ok(());
        };
        self.handle.publish(folded.apply(&meanwhile, &self.schema)?);
        Ok(())
    }

    /// Forgets a folding that failed; the next is tried when it is asked for.
    pub fn abandon_folding(&mut self) {
        self.meanwhile = None;
    }
}
