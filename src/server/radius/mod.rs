//! RADIUS on sockets.

pub mod counters;
mod held;
pub mod latches;
pub mod listener;
pub mod socket;
