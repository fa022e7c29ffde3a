//! Layer 6: sockets, threads, the clock and the store: everything that can wait or fail. No decisions.

pub mod attempts;
pub mod clock;
pub mod entropy;
pub mod hash_pool;
pub mod http_listener;
pub mod login;
pub mod metrics;
pub mod runner;
pub mod verified;
