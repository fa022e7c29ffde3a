//! Layer 4: what the directory answers: pure functions of a snapshot, a request and the time.

pub mod ask;
pub mod change;
pub mod changes;
pub mod login;
pub mod request;
#[cfg(test)]
pub(crate) mod testing;

pub use ask::directory::Directory;
