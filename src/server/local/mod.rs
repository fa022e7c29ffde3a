//! What is this machine's own: Unix sockets, and the users at their other ends.

pub mod administrators;
pub mod socket;
pub mod users;
