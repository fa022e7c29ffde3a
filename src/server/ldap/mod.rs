//! LDAP on sockets.

mod connection;
pub mod counters;
mod end;
pub mod listener;
mod local;
mod patience;
pub mod places;
mod workers;
