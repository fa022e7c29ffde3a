//! The integration tests: one binary, a module per subject.

mod ldap_codec;
