//! Layer 1: what a directory, an entry, a filter and a PIN are. No IO, no clock, no async, no logging.

pub mod access;
pub mod audit;
pub mod entry;
pub mod filter;
pub mod lockout;
pub mod packed;
pub mod pin;
pub mod schema;
