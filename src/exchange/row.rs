//! One row of an import file, whichever format it was written in.

use std::ops::Range;

/// The longest row of an import file in bytes, as it stands in the file; a longer one is refused.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// One row: the name of an entry and its attribute values, as the file spells them.
///
/// A reader fills the same row again and again, so that reading a million of them allocates nothing.
/// Has no `Debug`: a value may be a PIN's hash.
#[derive(Default)]
pub struct Row {
    /// The number of the row's first line in the file, from 1.
    pub line: u64,
    /// The row as it stands in the file, for the file of refused rows; complete also when the row could
    /// not be read, but empty when only its [`place`](Row::place) is known.
    pub text: Vec<u8>,
    /// Which bytes of the file the row is, when it is too long to be kept or was not read to its end.
    pub place: Option<Range<u64>>,
    dn: Option<Range<usize>>,
    dn_line: u64,
    data: Vec<u8>,
    fields: Vec<Span>,
}

struct Span {
    line: u64,
    name: Range<usize>,
    value: Range<usize>,
}

/// One attribute value of a [`Row`].
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// The line it starts on.
    pub line: u64,
    /// The attribute description as written, such as `cn;lang-en`.
    pub name: &'a str,
    /// The value, decoded.
    pub value: &'a [u8],
}

impl Row {
    /// The entry's name as written; empty if the row could not be read that far.
    pub fn dn(&self) -> &[u8] {
        self.dn.as_ref().map_or(&[], |dn| self.bytes(dn))
    }

    /// Whether the name has been read; the name may still be the empty one.
    pub(super) fn has_dn(&self) -> bool {
        self.dn.is_some()
    }

    /// The line the entry's name stands on.
    pub fn dn_line(&self) -> u64 {
        self.dn_line
    }

    /// The attribute values in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.fields.iter().map(|span| Field {
            line: span.line,
            name: std::str::from_utf8(self.bytes(&span.name)).unwrap_or_default(),
            value: self.bytes(&span.value),
        })
    }

    /// Whether the row has any value of the attribute spelt `name`, in any case.
    pub fn has(&self, name: &str) -> bool {
        self.fields().any(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Forgets everything and begins a row on `line`. The memory is kept.
    pub fn begin(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.data.clear();
        self.fields.clear();
        self.place = None;
        self.dn = None;
        self.dn_line = line;
    }

    /// Sets the entry's name, found on `line`.
    pub fn set_dn(&mut self, line: u64, dn: &[u8]) {
        self.dn = Some(self.push_bytes(dn));
        self.dn_line = line;
    }

    /// Adds one value of the attribute `name`, found on `line`.
    pub fn push(&mut self, line: u64, name: &str, value: &[u8]) {
        let name = self.push_bytes(name.as_bytes());
        let value = self.push_bytes(value);
        self.fields.push(Span { line, name, value });
    }

    fn push_bytes(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        start..self.data.len()
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.data.get(range.clone()).unwrap_or_default()
    }
}

/// A file of rows being read.
pub trait Rows {
    /// Reads the next row into `row`.
    ///
    /// After [`RowError::Bad`] the reader stands at the row behind the bad one and can go on.
    fn read(&mut self, row: &mut Row) -> Result<More, RowError>;

    /// The attributes the file speaks of, as it spells them: what an entry has beside them stays. `None`: a row
    /// speaks of everything its entry shall be.
    fn columns(&self) -> Option<Vec<&str>> {
        None
    }

    /// How many bytes of the file have been read, for a progress bar.
    fn bytes_read(&self) -> u64;
}

/// Whether a reader had another row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Yes, and it has been read.
    Row,
    /// No: the file is at its end.
    End,
}

/// Why there is no next row.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// This row cannot be read; those behind it can.
    #[error(transparent)]
    Bad(#[from] super::problem::Problem),
    /// Nothing behind this point can be read.
    #[error(transparent)]
    Hopeless(super::problem::Problem),
    /// The file itself cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// What the tests of every reader share.
#[cfg(test)]
pub(super) mod testing {
    use super::{More, Row, RowError, Rows};

    /// Every row as `line|dn|name=value|…`, or its problem; ends with a problem nothing behind can be read after.
    pub fn read_all(reader: &mut dyn Rows) -> Vec<String> {
        let (mut row, mut found) = (Row::default(), Vec::new());
        loop {
            match reader.read(&mut row) {
                Ok(More::End) => return found,
                Ok(More::Row) => found.push(shown(&row)),
                Err(RowError::Bad(problem)) => found.push(problem.to_string()),
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }

    fn shown(row: &Row) -> String {
        let mut text = format!("{}|{}", row.line, String::from_utf8_lossy(row.dn()));
        for field in row.fields() {
            text += &format!("|{}={}", field.name, String::from_utf8_lossy(field.value));
        }
        text
    }

    /// Whether `read` finds `expected` in `text`, whatever its line ends, with and without a byte order mark.
    pub fn check(read: fn(&[u8]) -> Vec<String>, text: &str, expected: &[&str]) {
        let crlf = text.replace('\n', "\r\n");
        let (open, marked) = (text.trim_end_matches('\n'), format!("\u{feff}{text}"));
        for variant in [text, &crlf, open, &marked] {
            assert_eq!(read(variant.as_bytes()), expected, "{variant:?}");
        }
    }
}
