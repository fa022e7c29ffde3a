//! What is done beside requests: imports and exports, sweeping, looking at the disk.

pub mod importing;
pub mod space_watch;
pub(super) mod spool;
pub mod sweeper;
pub mod telling;
pub mod transfer;
