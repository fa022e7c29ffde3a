//! From bytes to rows: which format, and where an entry of CSV is that does not say it.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::exchange::csv::CsvReader;
use crate::exchange::ldif::LdifReader;
use crate::exchange::row::{RowError, Rows};
use crate::types::Dn;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// LDIF (RFC 2849).
    Ldif,
    /// CSV with a header row.
    Csv,
}

/// Reads a file. Errors: [`RowError::Hopeless`] for a CSV header that cannot be used.
pub fn rows<'a>(format: Format, input: impl BufRead + 'a, base: &Dn) -> Result<Box<dyn Rows + 'a>, RowError> {
    match format {
        Format::Ldif => Ok(Box::new(LdifReader::new(input))),
        Format::Csv => {
            let parent = format!("ou=people,{base}");
            Ok(Box::new(CsvReader::new(input, &parent)?))
        }
    }
}
