//! Layer 6: sockets, threads, the clock and the store: everything that can wait or fail. No decisions.

pub mod answers;
pub mod clock;
pub mod entropy;
mod ldap_connection;
pub mod ldap_counters;
mod ldap_end;
pub mod ldap_listener;
mod ldap_patience;
pub mod places;
pub mod tls;
