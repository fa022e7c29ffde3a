//! The integration tests: one binary, a module per subject.

mod architecture;
mod campus;
mod cli;
mod conf;
mod harness;
mod import_daemon;
mod import_offline;
mod ldap_client;
mod ldap_codec;
mod ldap_entry_writer;
mod ldap_listener;
mod ldap_own_entries;
mod ldap_serving;
mod ldap_session;
mod ldap_talk;
mod ldap_tools;
mod ldap_vectors;
mod radius_socket;
mod schema_files;
mod secrets_in_logs;
mod store_battery;
mod store_crash;
mod store_feed;
mod store_sled;
mod visibility;
