//! Layer 5: rows of files in, changes out, and back: LDIF, CSV, import, export.

pub mod csv;
pub mod entries;
pub mod export;
pub mod import;
pub mod ldif;
pub mod problem;
pub mod row;
