//! What can be wrong with a row of an import file: where, what, why, and what would be right.

use std::fmt;

use thiserror::Error;

use crate::domain::pin::HashRefused;
use crate::domain::schema::check::ViolationReason;
use crate::exchange::row::ROW_BYTES_MAX;

/// One thing wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The attribute or column, as the file spells it; `None` if the whole row is meant.
    pub attribute: Option<Box<str>>,
    /// What is wrong.
    pub fault: Fault,
}

impl Problem {
    /// Something wrong with `attribute` on `line`.
    pub fn of(line: u64, attribute: &str, fault: Fault) -> Problem {
        Problem {
            line,
            attribute: Some(attribute.into()),
            fault,
        }
    }

    /// Something wrong with the row on `line` as a whole.
    pub fn row(line: u64, fault: Fault) -> Problem {
        Problem {
            line,
            attribute: None,
            fault,
        }
    }
}

/// `17: uidNumber: what is wrong; what would be right`. The file's name goes in front with a colon.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if let Some(attribute) = &self.attribute {
            write!(f, "{attribute}: ")?;
        }
        write!(f, "{}; {}", self.fault, self.fault.remedy())
    }
}

/// What is wrong. `Display` is the reason, [`Fault::remedy`] what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    // The text of the file.
    /// A line without a colon behind a possible attribute description.
    #[error("this line is not `attribute: value`")]
    NotAnAttributeLine,
    /// A continuation line with nothing to continue.
    #[error("a line that starts with a space continues nothing")]
    NothingToContinue,
    /// A record that does not begin with its name.
    #[error("the record does not begin with `dn:`")]
    NoDn,
    /// A second name in one record.
    #[error("a second `dn:` in one record")]
    SecondDn,
    /// A version other than 1.
    #[error("LDIF version `{0}` is not known")]
    Version(Box<str>),
    /// `attribute:< url`.
    #[error("a value by reference (`:<`) is not read")]
    ByReference,
    /// `changetype:`, `control:` or a line of a change record.
    #[error("this is a change record (`{0}`), and only content records are imported")]
    ChangeRecord(Box<str>),
    /// Behind `::` stands no base64.
    #[error("what follows `::` is not base64")]
    NotBase64,
    /// A row longer than [`ROW_BYTES_MAX`].
    #[error("the row is longer than {ROW_BYTES_MAX} bytes")]
    RowTooLong,
    /// A quote of a CSV cell that is not closed before the file ends.
    #[error(
        "the quote that begins on this line is not closed, and everything behind it was taken for one cell"
    )]
    QuoteOpen,
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A CSV header names no usable column.
    #[error("`{0}` is no attribute name")]
    BadColumn(Box<str>),
    /// A CSV header names a column twice.
    #[error("the column is there twice")]
    ColumnTwice,
    /// The CSV header has neither `dn` nor `uid`.
    #[error("the header has neither a `dn` nor a `uid` column")]
    NoNameColumn,
    /// A CSV row with another number of cells than the header.
    #[error("the row has {found} cells and the header {expected}")]
    CellCount {
        /// Cells in the row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// The cell the entry is named by is empty.
    #[error("the cell is empty, so the entry has no name")]
    EmptyName,

    // The entry.
    /// The name cannot be read, or names what the schema does not know.
    #[error("`{0}` is not a distinguished name")]
    BadDn(Box<str>),
    /// The name is not below the base DN.
    #[error("the entry is not under {0}")]
    OutsideBase(Box<str>),
    /// No such attribute type.
    #[error("the schema knows no such attribute")]
    UnknownAttribute,
    /// An attribute that only the directory itself may set.
    #[error("the directory sets this attribute itself")]
    NoUserModification,
    /// An empty value.
    #[error("the value is empty")]
    EmptyValue,
    /// The same value twice.
    #[error("the value is there twice")]
    ValueTwice,
    /// A value its syntax refuses.
    #[error("`{value}` is no {syntax}")]
    Syntax {
        /// The value, shortened; `…` if it must not be shown.
        value: Box<str>,
        /// What the syntax calls its values.
        syntax: Box<str>,
    },
    /// An object class that no schema file defines.
    #[error("`{0}` is an object class that no schema file defines")]
    UnknownClass(Box<str>),
    /// Something else the schema refuses, in its words.
    #[error(transparent)]
    Schema(#[from] ViolationReason),
    /// A PIN in clear text, or a hash of no use.
    #[error(transparent)]
    Pin(#[from] HashRefused),
    /// A second `userPassword`, or one with options.
    #[error("an account has one PIN")]
    SecondPin,
    /// An empty `userPassword` cell for an account that has a PIN.
    #[error("the cell is empty, and a file does not take a PIN away")]
    PinTakenAway,
    /// Another entry of the directory or of the file has this name.
    #[error("the same name as on line {0}")]
    DnTwice(u64),
    /// A unique value that another row has.
    #[error("`{value}` is already on line {line}")]
    TakenInFile {
        /// The value.
        value: Box<str>,
        /// The other row.
        line: u64,
    },
    /// A unique value that another entry of the directory has.
    #[error("`{value}` already belongs to {dn}")]
    Taken {
        /// The value.
        value: Box<str>,
        /// The entry that has it.
        dn: Box<str>,
    },
    /// The entry above does not exist.
    #[error("there is no entry {0} above this one, neither in the directory nor in the file")]
    NoParent(Box<str>),
    /// The entry above is in the file, but refused.
    #[error("the entry above this one is refused, on line {0}")]
    ParentRefused(u64),
    /// The entry has another `entryUUID` already.
    #[error("the directory knows this entry under another entryUUID")]
    OtherUuid,
    /// More entries than one import holds.
    #[error("the file is too large to be checked as a whole")]
    FileTooLarge,
    /// An entry too large to store.
    #[error("the entry takes {bytes} bytes, and {max} is the most")]
    EntryTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl Fault {
    /// What would be right, as an instruction.
    pub fn remedy(&self) -> &'static str {
        match self {
            Fault::NotAnAttributeLine => {
                "write `name: value`, or begin the line with one space if it continues the line above"
            }
            Fault::NothingToContinue => "remove the space, or put the line it belongs to above it",
            Fault::NoDn => "begin each record with `dn: ` and leave an empty line between records",
            Fault::SecondDn => "leave an empty line before each `dn:`",
            Fault::Version(_) => "write `version: 1`, or leave the line out",
            Fault::ByReference => "put the value itself into the file, in base64 behind `::`",
            Fault::ChangeRecord(_) => {
                "write the whole entry as it shall be, without `changetype:` and `control:` lines"
            }
            Fault::NotBase64 => "encode the value in base64 with padding, or write `: ` for plain text",
            Fault::RowTooLong => {
                "check that a quote is closed and an empty line ends the record, or split the entry"
            }
            Fault::QuoteOpen => "close it",
            Fault::NotUtf8 => "save the file as UTF-8",
            Fault::BadColumn(_) => {
                "write attribute names separated by commas, such as `uid,cn,sn`; `name::` for base64 cells"
            }
            Fault::ColumnTwice => "use one column and put `|` between the values of a cell",
            Fault::NoNameColumn => "add a `uid` column, or a `dn` column with whole names",
            Fault::CellCount { .. } => "quote cells that hold a comma, a quote or a line break",
            Fault::EmptyName => "fill the cell in",
            _ => self.entry_remedy(),
        }
    }

    fn entry_remedy(&self) -> &'static str {
        match self {
            Fault::BadDn(_) => {
                "write it as RFC 4514 says, such as `uid=u3001234,ou=people,dc=uni,dc=example`"
            }
            Fault::OutsideBase(_) => "correct the name, or `base_dn` in the configuration",
            Fault::UnknownAttribute => "correct the name, add its schema, or leave it out with --ignore",
            Fault::NoUserModification => "remove it from the file, or leave it out with --ignore",
            Fault::EmptyValue => "remove the line, or fill the value in",
            Fault::ValueTwice => "leave it once",
            Fault::Syntax { .. } => "correct the value",
            Fault::UnknownClass(_) => "correct the name, or add its schema",
            Fault::Schema(reason) => schema_remedy(reason),
            Fault::Pin(_) => "put a hash there, such as `beadle hash` prints",
            Fault::SecondPin => "leave one `userPassword` line, without options",
            Fault::PinTakenAway => {
                "put a hash there, set beadleDisabled to TRUE to keep the person out, or leave the column out with --ignore"
            }
            Fault::FileTooLarge => "split it",
            Fault::DnTwice(_) => "leave one of the two rows",
            Fault::TakenInFile { .. } | Fault::Taken { .. } => "give each entry a value of its own",
            Fault::NoParent(_) => "add a row for it, or correct the name",
            Fault::ParentRefused(_) => "correct that row first",
            Fault::OtherUuid => "remove the entryUUID line to keep the one it has",
            Fault::EntryTooLarge { .. } => "split the entry: a large group into several",
            _ => "correct the row",
        }
    }
}

fn schema_remedy(reason: &ViolationReason) -> &'static str {
    match reason {
        ViolationReason::NoObjectClass => "add an `objectClass`, such as `inetOrgPerson`",
        ViolationReason::NoStructuralClass => {
            "add a structural class, such as `inetOrgPerson` to a person or `groupOfMembers` to a posixGroup"
        }
        ViolationReason::TwoStructuralClasses(..) => "leave one of them",
        ViolationReason::Missing(_) => "add it",
        ViolationReason::NotAllowed => "remove it, or add an auxiliary `objectClass` that allows it",
        ViolationReason::SingleValue | ViolationReason::GivenTwice => "leave one value",
        ViolationReason::UnknownNamingAttribute => "correct the name",
        ViolationReason::NamingValueMissing => "add the value, or correct the name",
        _ => "correct the entry",
    }
}

/// `value` as a message may show it: at most 40 characters, nothing that could move a terminal's cursor.
pub(super) fn shown(value: &[u8]) -> Box<str> {
    const CHARACTERS_MAX: usize = 40;
    let text = String::from_utf8_lossy(value);
    let mut shown: String = text
        .chars()
        .take(CHARACTERS_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_what_why_and_what_would_be_right() {
        let problem = Problem::of(
            17,
            "uid",
            Fault::TakenInFile {
                value: "ada".into(),
                line: 3,
            },
        );
        assert_eq!(
            problem.to_string(),
            "17: uid: `ada` is already on line 3; give each entry a value of its own"
        );
    }

    #[test]
    fn a_shown_value_is_short_and_cannot_move_the_cursor() {
        assert_eq!(&*shown(b"a\x1b[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(shown(&[b'x'; 100]).chars().count(), 41);
    }
}
