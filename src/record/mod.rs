//! Layer 2: what is stored, and in which bytes. No engine, no protocol.

pub mod batch;
pub mod coded_name;
pub mod entry;
mod fields;
pub mod key;
pub mod lockout;
pub mod log_in;

pub use batch::{Batch, Change, Guard, Operation, Record, Revision};
pub use key::{Key, Kind};
pub use lockout::{LockoutRecord, LockoutRecordError};
pub use log_in::{LogInRecord, LogInRecordError};
