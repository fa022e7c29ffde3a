//! Layer 3: the whole directory in memory, immutable, searched without a lock.
//!
//! A [`Snapshot`] is every entry at one revision. Most of it is a *base*: flat arrays of packed entries
//! and indexes over them, about half a kilobyte a person. What was written since the base was built is a
//! small *delta* of persistent maps over it. Applying a commit makes a new snapshot that shares all but
//! the changed parts with the old one; who holds the old one sees nothing of it. When the delta has grown
//! ([`Snapshot::wants_folding`]), [`Snapshot::folded`] makes a new base in the background.
//!
//! Inside a snapshot an entry is a [`Slot`]: a position, cheap to store in indexes. Outside it is its
//! entry id, which never changes. An index by hash only proposes slots; whoever asks verifies them on the
//! entry.
//!
//! A record that no directory writes is set aside ([`Quarantine`]), and all others are served.

mod apply;
mod arena;
mod base;
mod blob;
mod builder;
mod columns;
mod delta;
mod entry_ref;
mod fold;
mod handle;
mod incoming;
mod lookup;
mod marks;
mod membership;
mod order;
mod ordered;
mod packer;
mod pool;
mod postings;
mod quarantine;
mod settings;
mod shared;
mod side;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod terms;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod tree;
mod trigrams;
mod varint;

pub use blob::BlobAttributes;
pub use builder::{BuildError, Builder};
pub use entry_ref::EntryRef;
pub use handle::{IndexHandle, IndexWriter};
pub use lookup::{Candidates, SubstringParts, Walk};
pub use marks::Sets;
pub use packer::Packer;
pub use quarantine::{Moved, Quarantine, Reason};
pub use settings::IndexSettings;
pub use snapshot::Snapshot;

/// The most entries of one index, deleted ones since the last folding included; one more is refused with
/// [`BuildError::TooMany`].
pub const ENTRIES_MAX: usize = 1 << 28;

/// The position of an entry in one snapshot and those made from it by applying commits. Folding moves entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// Above the topmost entries: no entry is there.
    const NONE: Slot = Slot(u32::MAX);
}
