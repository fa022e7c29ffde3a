//! Import: rows of a file become batches, checked whole before anything is written.
//!
//! One pass over the file: each row is read into an [`Entry`](crate::domain::entry::Entry), completed from what the
//! directory knows (`merge.rs`), checked against the schema, and set down encoded in a [`ImportPlan`] if it changes anything. Then the
//! plan hands out batches, entries above before those below. What is held meanwhile is the new and changed
//! entries as they will be stored, and the names and unique values of the file.
//!
//! What a file means:
//! * A record of LDIF says what the entry's user attributes shall be, all of them. A row of CSV speaks of the
//!   columns of its header only: offices send tables of a few columns, which must not wipe the photos.
//! * What it says nothing about and stays: operational attributes, and `userPassword`.
//! * `userPassword` in a file counts once. The entry remembers a digest of it (`beadleImportedHash`); while
//!   later files say the same, the stored hash stays, though a log-in has upgraded it or the member has a new
//!   PIN. So the same file twice changes nothing.
//! * `entryUUID`, `entryCSN`, `createTimestamp`, `modifyTimestamp`, `creatorsName`, `modifiersName`, `pwdChangedTime`
//!   and `beadleImportedHash` are taken from a file that has them: an export re-imports to the same directory.
//! * An entry with its `entryUUID` may lack those it should name, as a group does whose last member was deleted.

mod apply;
mod checking;
mod classes;
mod importer;
mod merge;
mod open;
mod plan;
mod reading;
mod refused;
mod rows;
mod run;
mod seen;
#[cfg(test)]
mod tests;

pub use apply::{Applying, Writers, Written};
pub use importer::{Effect, Importer, Unready};
pub use merge::NEVER_IMPORTED;
pub use plan::{ImportPlan, Lost};
pub use refused::Refused;
pub use rows::{Format, rows};
pub use run::{
    Applied, Committed, Counts, Event, Events, ImportError, Job, KeepGoing, Mode, Outcome, Reopen, World, run,
};

use crate::types::{AttributeType, Dn, Timestamp};

/// The most operations in one batch: larger ones cost the store memory out of proportion.
pub const BATCH_OPERATIONS_MAX: usize = 200;
/// The most bytes of entries in one batch; one entry is always let through.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// The largest stored entry in bytes; a row that makes a larger one is refused.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// The most new and changed entries one import may hold; a larger file is refused at that row.
pub const ROWS_MAX: usize = 50_000_000;
/// The most bytes of new and changed entries one import may hold; a larger file is refused at that row.
pub const PLAN_BYTES_MAX: usize = 8 << 30;

/// How rows are to be understood.
pub struct ImportSettings {
    /// The name every entry is at or below.
    pub base: Dn,
    /// The attributes of which no two entries may have the same value.
    pub unique: Vec<AttributeType>,
    /// Names of attributes that are skipped as if the file did not have them; the schema need not know them.
    pub ignored: Vec<Box<str>>,
    /// The name that `creatorsName` and `modifiersName` get, as text; `None` leaves them out.
    pub creator: Option<Box<[u8]>>,
    /// The time that new and changed entries are stamped with.
    pub now: Timestamp,
}
