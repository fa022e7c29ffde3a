//! Log-ins from the first octet to the verdict: what is remembered, what is hashed and what is written.
//! What it comes to is decided in `directory/login/authenticate/`.

mod attempts;
mod fair_queue;
pub mod hash_pool;
mod ledger;
pub mod logins;
mod settings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upgrades;
mod verified;

pub use ledger::{HeedError, Ledger, UNSTORED_MAX};
pub use logins::Logins;
pub use settings::LoginSettings;
