//! How much memory all searches together sort in.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes in use at once; a search that finds none left is not sorted.
const SORTING_BYTES_MAX: usize = 128 << 20;

/// The room that is left. Its use is no decision's business: it changes no answer but "busy".
pub struct SortRoom(AtomicUsize);

impl SortRoom {
    /// All of it.
    pub fn whole() -> SortRoom {
        SortRoom(AtomicUsize::new(SORTING_BYTES_MAX))
    }

    /// Takes so many bytes; `false` if there are not so many left.
    pub fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    /// Gives bytes back that were taken.
    pub fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}
