//! LDIF content records (RFC 2849).

mod reader;
mod writer;

pub use reader::LdifReader;
pub(super) use reader::description;
pub use writer::{FOLD_COLUMNS, push_line};
