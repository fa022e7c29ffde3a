//! CSV (RFC 4180) with a header row of attribute names: the form in which offices send their people.
//!
//! * A cell may hold several values with [`SEPARATOR`] between them; `\|` is the character itself and `\\`
//!   a backslash. An empty cell is no value. The `dn` and `userPassword` columns hold one value each.
//! * A column `name::` holds base64, as in LDIF.
//! * Without a `dn` column the entry is `uid=<uid>,` and the parent that the reader is told.
//! * What has no column is not spoken of: an entry that is there keeps it. An empty cell takes it away.
//! * Without an `objectClass` column it has none: which it needs is for the import to say.

mod lines;
mod reader;
mod writer;

pub use reader::CsvReader;
pub use writer::{header, joined, push_record, written};

/// Stands between the values of one cell.
pub const SEPARATOR: u8 = b'|';
