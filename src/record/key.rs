//! Keys of records: a kind byte and the kind's own bytes.

use std::fmt;

use crate::types::EntryId;

/// What a record is about: the first byte of its key. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One entry, under its entry id (8 bytes, big-endian).
    Entry = b'e',
    /// One of the 4,096 buckets that guard the uniqueness of an attribute's values.
    Bucket = b'u',
    /// The lock-out state of one account, under its entry id.
    Lockout = b'l',
    /// The last log-in of one account and the sources it is known by, under its entry id.
    LogIn = b'i',
    /// Single values of the directory itself: the next entry id, the base DN.
    Meta = b'm',
}

/// The longest key in bytes; a longer one is refused by every store.
pub const KEY_BYTES_MAX: usize = 512;

/// A record's key. Ordered by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

impl Key {
    /// The key of `kind` with `rest` behind the kind byte.
    pub fn new(kind: Kind, rest: &[u8]) -> Key {
        let mut bytes = Vec::with_capacity(1 + rest.len());
        bytes.push(kind as u8);
        bytes.extend_from_slice(rest);
        Key(bytes.into())
    }

    /// The key of the entry `id`.
    pub fn entry(id: EntryId) -> Key {
        Key::new(Kind::Entry, &id.to_bytes())
    }

    /// The key of the record that holds the next entry id (8 bytes, big-endian). Ids are never used twice, also
    /// when the entry with the highest one has been deleted.
    pub fn next_entry_id() -> Key {
        Key::new(Kind::Meta, b"next-entry-id")
    }

    /// A key as it was stored, kind byte first.
    pub fn from_bytes(bytes: &[u8]) -> Key {
        Key(bytes.into())
    }

    /// Whether it is of this kind.
    pub fn is_of(&self, kind: Kind) -> bool {
        self.0.first() == Some(&(kind as u8))
    }

    /// The entry id behind the kind byte; `None` if the key is of another kind or holds no id.
    pub fn entry_of(&self, kind: Kind) -> Option<EntryId> {
        let (first, entry) = self.0.split_first()?;
        (*first == kind as u8).then_some(())?;
        EntryId::from_bytes(entry)
    }

    /// The whole key, kind byte first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In hexadecimal.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
