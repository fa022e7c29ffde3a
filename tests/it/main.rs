//! The integration tests: one binary, a module per subject.

mod architecture;
mod cli;
mod conf;
mod ldap_codec;
mod store_battery;
