//! The integration tests: one binary, a module per subject.

mod ldap_client;
mod ldap_codec;
mod ldap_listener;
mod ldap_serving;
mod ldap_session;
mod ldap_tools;
mod ldap_vectors;
