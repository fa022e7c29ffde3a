//! How much work a filter may make of one entry.

use std::cell::Cell;

/// How much may be looked at to say what a filter says of an entry, in *looks*: one for each item, AND, OR and NOT,
/// and one for each value (or 64 bytes of it, or piece of a substring) it is compared with. A thousand take less
/// than a millisecond.
pub struct Effort {
    allowed: u64,
    spent: Cell<u64>,
}

/// The bytes of a value that one look is for.
pub(super) const LOOK_BYTES: usize = 64;

impl Effort {
    /// So many looks.
    pub fn of(looks: u64) -> Effort {
        Effort {
            allowed: looks,
            spent: Cell::new(0),
        }
    }

    /// As many as it takes: for filters of the configuration, and for single items.
    pub fn unlimited() -> Effort {
        Effort::of(u64::MAX)
    }

    /// How many looks it took; more than were allowed if it took too many.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Whether it took too many.
    pub fn is_exceeded(&self) -> bool {
        self.spent() > self.allowed
    }

    /// Takes so many looks; `false` if that was more than are allowed.
    pub(super) fn spend(&self, looks: usize) -> bool {
        self.spent.set(self.spent().saturating_add(looks as u64));
        !self.is_exceeded()
    }
}
