//! Layer 4: what the directory answers: pure functions of a snapshot, a request and the time.

pub mod account;
pub mod authenticate;
pub mod request;
