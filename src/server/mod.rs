//! Layer 6: sockets, threads, the clock and the store: everything that can wait or fail. No decisions.

pub mod answers;
pub mod attempts;
pub mod audit_log;
pub mod clock;
pub mod entropy;
pub mod hash_pool;
pub mod http_listener;
mod ldap_connection;
pub mod ldap_counters;
mod ldap_end;
pub mod ldap_listener;
mod ldap_patience;
pub mod login;
pub mod metrics;
pub mod places;
pub mod radius_counters;
mod radius_held;
pub mod radius_listener;
pub mod radius_socket;
pub mod tls;
pub mod verified;
