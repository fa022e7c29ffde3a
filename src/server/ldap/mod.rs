//! LDAP on sockets.

mod connection;
pub mod counters;
mod end;
pub mod listener;
mod patience;
pub mod places;
mod workers;
