//! The number of an entry.

use std::fmt;

/// The stable number of an entry, and so of its account. Never used twice, and kept when the entry is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

impl EntryId {
    /// The id of a directory's first entry.
    pub const FIRST: EntryId = EntryId(1);

    /// The id as keys and values of records have it: most significant octet first, so that keys sort as ids do.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The id in what [`EntryId::to_bytes`] gave; `None` if it is not eight octets.
    pub fn from_bytes(bytes: &[u8]) -> Option<EntryId> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(EntryId)
    }

    /// The id after this one. The last there is comes after itself, and whoever stores it finds it taken.
    pub fn next(self) -> EntryId {
        EntryId(self.0.saturating_add(1))
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
