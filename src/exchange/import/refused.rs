//! Rows that are refused.

use std::ops::Range;

use crate::exchange::problem::Problem;
use crate::exchange::row::Row;

/// A row that is refused, with its text as it stands in the file.
pub struct Refused {
    /// The row's first line.
    pub line: u64,
    /// What is wrong.
    pub problem: Problem,
    /// The row, for the file of refused rows.
    pub text: Vec<u8>,
    /// Which bytes of the file the row is, if it could not be kept: it is too long, or takes the rest of the file.
    pub place: Option<Range<u64>>,
}

impl Refused {
    pub(super) fn new(problem: Problem, row: &Row) -> Refused {
        Refused {
            line: row.line,
            problem,
            text: row.text.clone(),
            place: row.place.clone(),
        }
    }
}
