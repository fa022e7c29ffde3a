//! Layer 6: sockets, threads, the clock and the store: everything that can wait or fail. No decisions.

pub mod boot;
pub mod change_numbers;
pub mod clock;
pub mod committer;
pub mod entropy;
pub mod entry_ids;
pub mod http;
pub mod index;
pub mod ldap;
pub mod local;
pub mod login;
pub mod observe;
pub mod radius;
pub mod runner;
pub mod work;
