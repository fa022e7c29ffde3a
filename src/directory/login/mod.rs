//! Log-ins: which account a name means, and whether the PIN is right.

pub mod account;
pub mod accounts;
pub mod authenticate;
pub mod local;
pub mod principals;
