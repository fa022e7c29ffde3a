//! The integration tests: one binary, a module per subject.

mod architecture;
mod cli;
mod conf;
mod harness;
mod ldap_client;
mod ldap_codec;
mod ldap_listener;
mod ldap_serving;
mod ldap_session;
mod ldap_tools;
mod radius_socket;
mod store_battery;
