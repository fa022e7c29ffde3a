//! How many bytes the records have: counted once by whoever reads them all, kept from there by the writer.
//!
//! Nothing is read for the sake of counting. The daemon reads every record when it starts, and the engine tells
//! the writer what it has overwritten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Space;
use crate::store::sled::files::Files;

/// Bytes of keys and values, shared by the writer and those who read everything.
#[derive(Clone, Default)]
pub(super) struct LiveBytes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// At the opening, once somebody has counted.
    before: Option<i64>,
    /// By how many they have grown since.
    grown: i64,
    logged: u64,
}

/// The moment of a snapshot, as far as counting goes.
pub(super) struct Mark {
    live: LiveBytes,
    grown: i64,
}

impl LiveBytes {
    /// The writer has let the records grow by so many bytes (or shrink), and the change log has `logged` now.
    pub(super) fn grow(&self, bytes: i64, logged: u64) {
        let mut state = self.lock();
        state.grown += bytes;
        state.logged = logged;
    }

    /// Begins a count of every record as it is now. Called by the writer, between two writes.
    pub(super) fn mark(&self) -> Mark {
        let (live, grown) = (self.clone(), self.lock().grown);
        Mark { live, grown }
    }

    /// Bytes of records, unless nobody has counted yet, and of the change log.
    fn now(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        let live = state.before? + state.grown;
        Some((u64::try_from(live).unwrap_or(0), state.logged))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so the state behind a poisoned lock is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mark {
    /// All records of that moment have so many bytes.
    pub(super) fn counted(self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.live.lock().before = Some(bytes - self.grown);
    }
}

/// What the engine in `files` takes and holds; `None` if nobody has counted yet.
pub(super) fn space(files: &Files, live: &LiveBytes) -> Option<Space> {
    let (live_bytes, logged_bytes) = live.now()?;
    Some(Space {
        disk_bytes: files.engine_bytes().ok()?,
        live_bytes,
        logged_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stays_true_though_writes_go_on_meanwhile() {
        let live = LiveBytes::default();
        live.grow(100, 7);
        assert_eq!(live.now(), None, "nobody has counted");
        let mark = live.mark();
        live.grow(-30, 8);
        mark.counted(1100);
        assert_eq!(live.now(), Some((1070, 8)));
        live.grow(5, 9);
        assert_eq!(live.now(), Some((1075, 9)));
    }
}
