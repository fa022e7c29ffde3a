//! Ids for new entries, of which none is ever given twice.

use crate::index::Snapshot;
use crate::record::{Batch, Guard, Key, Operation};
use crate::types::{EntryId, Timestamp};

/// An id above that of every entry there is or was; `None` if the record that says which is damaged.
pub fn next_id(snapshot: &Snapshot) -> Option<EntryId> {
    // The record never expires, so any moment will do.
    let stored = snapshot.side_record(&Key::next_entry_id(), Timestamp::default());
    let unseen = snapshot.next_id();
    match stored {
        None => Some(unseen),
        Some(stored) => Some(EntryId::from_bytes(stored)?.max(unseen)),
    }
}

/// The first of `count` ids that are free in `snapshot`, and the batch that takes them all, if nobody has taken any
/// meanwhile. `None` as in [`next_id`].
pub fn reserve(snapshot: &Snapshot, count: u64) -> Option<(EntryId, Batch)> {
    let first = next_id(snapshot)?;
    let behind = EntryId(first.0.saturating_add(count));
    let batch = Batch {
        guards: vec![Guard::UnchangedSince(Key::next_entry_id(), snapshot.revision())],
        operations: vec![Operation::put(Key::next_entry_id(), behind.to_bytes())],
    };
    Some((first, batch))
}
