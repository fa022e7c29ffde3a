//! From a checked configuration to a daemon that runs, and to its end.

pub mod daemon;
pub mod listeners;
pub mod owner;
pub mod plan;
pub mod signals;
pub mod sockets;
pub mod vitals;
