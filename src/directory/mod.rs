//! Layer 4: what the directory answers: pure functions of a snapshot, a request and the time.

pub mod account;
pub mod authenticate;
pub mod csv_text;
pub mod import;
pub mod ldif;
pub mod principals;
pub mod problem;
pub mod request;
pub mod row;
pub mod unique;
