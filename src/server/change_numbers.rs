//! The numbers of changes: `entryCSN`.

use std::sync::{Mutex, PoisonError};

use crate::directory::change::csn::Csn;
use crate::types::Timestamp;

/// The number that was last given.
#[derive(Default)]
pub struct ChangeNumbers(Mutex<Csn>);

impl ChangeNumbers {
    /// The number of a change at `now`, greater than all before it.
    pub fn next(&self, now: Timestamp) -> Csn {
        // A number is whole between any two statements, so a poisoned lock guards one all the same.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.next(now);
        *last
    }
}
