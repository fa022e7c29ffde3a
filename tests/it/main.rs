//! The integration tests: one binary, a module per subject.

mod ldap_codec;
mod store_battery;
mod store_crash;
mod store_sled;
