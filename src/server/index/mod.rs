//! The directory in memory, and how it follows the store.

pub mod base_name;
pub mod follower;
pub mod hearing;
pub mod quarantined;
pub mod realm;
