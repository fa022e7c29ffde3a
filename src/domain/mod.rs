//! Layer 1: what a directory, an entry, a filter and a PIN are. No IO, no clock, no async, no logging.

pub mod access;
pub mod audit;
pub mod effort;
pub mod entry;
pub mod filter;
pub mod lockout;
pub mod log_ins;
pub mod matching;
pub mod normal_dn;
pub mod packed;
pub mod pin;
pub mod schema;
pub mod seal;
pub mod sort;
pub mod syntax;
