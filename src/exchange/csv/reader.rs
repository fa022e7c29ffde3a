//! Reading CSV row by row.

use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use csv::{ByteRecord, ReaderBuilder};

use crate::exchange::csv::lines::Bounded;
use crate::exchange::csv::{SEPARATOR, written};
use crate::exchange::ldif::description;
use crate::exchange::problem::{Fault, Problem, shown};
use crate::exchange::row::{More, Row, RowError, Rows};

/// Reads CSV.
pub struct CsvReader<R> {
    csv: csv::Reader<Bounded<R>>,
    columns: Vec<Column>,
    parent: Box<str>,
    record: ByteRecord,
    scratch: Vec<u8>,
}

/// A column of the header.
struct Column {
    name: Box<str>,
    holds: Holds,
}

/// How the cells of a column are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Dn,
    One,
    Several,
    Base64,
}

impl<R: BufRead> CsvReader<R> {
    /// Reads the header from `input`. Rows without a name are under `parent`, such as `ou=people,dc=uni,dc=example`.
    /// Errors: [`RowError::Hopeless`] if the header is unusable.
    pub fn new(input: R, parent: &str) -> Result<CsvReader<R>, RowError> {
        let mut csv = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Bounded::new(input));
        let mut record = ByteRecord::new();
        csv.read_byte_record(&mut record).map_err(broken)?;
        if let Some(problem) = csv.get_mut().begun().and_then(|header| header.problem) {
            return Err(RowError::Hopeless(problem));
        }
        let columns = columns(&record)?;
        let parent = if columns.iter().any(|column| column.holds == Holds::Dn) {
            ""
        } else {
            parent
        };
        Ok(CsvReader {
            parent: parent.into(),
            csv,
            columns,
            record,
            scratch: Vec::new(),
        })
    }

    fn fill(&mut self, row: &mut Row) -> Result<(), Problem> {
        let (found, expected) = (self.record.len(), self.columns.len());
        if found != expected {
            return Err(Problem::row(row.line, Fault::CellCount { found, expected }));
        }
        if !self.parent.is_empty() {
            self.name_by_uid(row)?;
        }
        for (column, cell) in self.columns.iter().zip(&self.record) {
            push_cell(row, column, cell, &mut self.scratch)?;
        }
        Ok(())
    }

    fn name_by_uid(&self, row: &mut Row) -> Result<(), Problem> {
        let cells = self.columns.iter().zip(&self.record);
        let uid = cells
            .filter(|(column, _)| column.name.eq_ignore_ascii_case("uid"))
            .map(|(_, cell)| cell)
            .next()
            .unwrap_or_default();
        if uid.is_empty() {
            return Err(Problem::of(row.line, "uid", Fault::EmptyName));
        }
        let mut dn = b"uid=".to_vec();
        push_escaped(&mut dn, uid);
        dn.push(b',');
        dn.extend_from_slice(self.parent.as_bytes());
        row.set_dn(row.line, &dn);
        Ok(())
    }
}

impl<R: BufRead> Rows for CsvReader<R> {
    fn read(&mut self, row: &mut Row) -> Result<More, RowError> {
        row.begin(0);
        if !self.csv.read_byte_record(&mut self.record).map_err(broken)? {
            return Ok(More::End);
        }
        // Each record is of a row that has begun: both are told by the same rules.
        if let Some(begun) = self.csv.get_mut().begun() {
            row.begin(begun.line);
            if let Some(problem) = begun.problem {
                row.place = Some(begun.bytes);
                return Err(problem.into());
            }
        }
        row.text = written(&self.record);
        self.fill(row)?;
        Ok(More::Row)
    }

    fn columns(&self) -> Option<Vec<&str>> {
        let attributes = self.columns.iter().filter(|column| column.holds != Holds::Dn);
        Some(attributes.map(|column| &*column.name).collect())
    }

    fn bytes_read(&self) -> u64 {
        self.csv.get_ref().offset()
    }
}

fn columns(header: &ByteRecord) -> Result<Vec<Column>, RowError> {
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for cell in header {
        let column = column(cell).map_err(|fault| RowError::Hopeless(Problem::row(1, fault)))?;
        if columns
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&column.name))
        {
            return Err(RowError::Hopeless(Problem::of(
                1,
                &column.name,
                Fault::ColumnTwice,
            )));
        }
        columns.push(column);
    }
    let named = |column: &Column| column.holds == Holds::Dn || column.name.eq_ignore_ascii_case("uid");
    match columns.iter().any(named) {
        true => Ok(columns),
        false => Err(RowError::Hopeless(Problem::row(1, Fault::NoNameColumn))),
    }
}

fn column(cell: &[u8]) -> Result<Column, Fault> {
    let cell = cell.trim_ascii();
    let plain = cell.strip_suffix(b"::");
    let name = description(plain.unwrap_or(cell)).ok_or_else(|| Fault::BadColumn(shown(cell)))?;
    let holds = match name.to_ascii_lowercase().as_str() {
        _ if plain.is_some() => Holds::Base64,
        "dn" => Holds::Dn,
        "userpassword" => Holds::One,
        _ => Holds::Several,
    };
    Ok(Column {
        name: name.into(),
        holds,
    })
}

fn push_cell(row: &mut Row, column: &Column, cell: &[u8], scratch: &mut Vec<u8>) -> Result<(), Problem> {
    let (line, name) = (row.line, &*column.name);
    match column.holds {
        Holds::Dn if cell.is_empty() => return Err(Problem::of(line, name, Fault::EmptyName)),
        Holds::Dn => row.set_dn(line, cell),
        _ if cell.is_empty() => {}
        Holds::One => row.push(line, name, cell),
        Holds::Base64 => {
            scratch.clear();
            STANDARD
                .decode_vec(cell, scratch)
                .map_err(|_| Problem::of(line, name, Fault::NotBase64))?;
            row.push(line, name, scratch);
        }
        Holds::Several => push_values(row, name, cell, scratch),
    }
    Ok(())
}

/// Pushes each of the values of a cell; a value that is empty is pushed as such, and refused later.
fn push_values(row: &mut Row, name: &str, cell: &[u8], value: &mut Vec<u8>) {
    let line = row.line;
    value.clear();
    let mut rest = cell.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'\\', Some(&next)) if next == SEPARATOR || next == b'\\' => {
                value.push(next);
                rest.next();
            }
            (SEPARATOR, _) => {
                row.push(line, name, value);
                value.clear();
            }
            _ => value.push(byte),
        }
    }
    row.push(line, name, value);
}

/// Appends an attribute value as an RFC 4514 name writes it.
fn push_escaped(dn: &mut Vec<u8>, value: &[u8]) {
    let last = value.len().saturating_sub(1);
    for (at, &byte) in value.iter().enumerate() {
        let special = matches!(byte, b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\');
        let edge = (byte == b' ' && (at == 0 || at == last)) || (byte == b'#' && at == 0);
        match byte {
            0 => dn.extend_from_slice(b"\\00"),
            _ if special || edge => dn.extend_from_slice(&[b'\\', byte]),
            _ => dn.push(byte),
        }
    }
}

fn broken(error: csv::Error) -> RowError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => RowError::Io(error),
        // Bytes are read, and rows of any length: nothing else can be wrong.
        _ => RowError::Hopeless(Problem::row(1, Fault::NotUtf8)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::row::{ROW_BYTES_MAX, testing};

    const PARENT: &str = "ou=people,o=a";

    /// Every row of `text` as `line|dn|name=value|…`, or its problem.
    fn read(text: &[u8]) -> Vec<String> {
        match CsvReader::new(text, PARENT) {
            Ok(mut reader) => testing::read_all(&mut reader),
            Err(error) => vec![error.to_string()],
        }
    }

    fn check(text: &str, expected: &[&str]) {
        testing::check(read, text, expected);
    }

    #[test]
    fn rows_become_entries() {
        check("uid,cn\n", &[]);
        check(
            "dn,objectClass,o\no=a,top|organization,a\n",
            &["2|o=a|objectClass=top|objectClass=organization|o=a"],
        );
        check("dn,cn\n\"cn=a,o=a\",\"Lee, Ada\"\n", &["2|cn=a,o=a|cn=Lee, Ada"]);
        let ada = "2|uid=ada,ou=people,o=a|uid=ada|cn=Ada";
        check("uid,cn\nada,Ada\n", &[ada]);
        check(
            " uid , cn\nada,Ada\n\nbob,\n",
            &[ada, "4|uid=bob,ou=people,o=a|uid=bob"],
        );
    }

    #[test]
    fn a_cell_may_hold_several_values() {
        let values = |cell: &str, expected: &str| {
            let text = format!("dn,objectClass,cn\no=a,,{cell}\n");
            assert_eq!(read(text.as_bytes()), [format!("2|o=a{expected}")], "{cell}");
        };
        values("a|b", "|cn=a|cn=b");
        values(r"a\|b", "|cn=a|b");
        values(r"a\\|b\c", r"|cn=a\|cn=b\c");
        values("a|", "|cn=a|cn=");
        values("\"a \"\"quoted\"\"\"", "|cn=a \"quoted\"");
        check("dn,objectClass,cn::\no=a,,w6k=\n", &["2|o=a|cn=é"]);
    }

    #[test]
    fn a_uid_is_escaped_in_the_name() {
        check(
            "uid\n\" a,b+c \"\n",
            &[r"2|uid=\ a\,b\+c\ ,ou=people,o=a|uid= a,b+c "],
        );
    }

    #[test]
    fn an_unusable_header_says_what_would_be_right() {
        let no_name = "1: the header has neither a `dn` nor a `uid` column; add a `uid` column, or a `dn` column \
                       with whole names";
        check("cn,sn\na,b\n", &[no_name]);
        check("", &[no_name]);
        check(
            "uid,CN,cn\n",
            &["1: cn: the column is there twice; use one column and put `|` between the values of a cell"],
        );
        check(
            "uid;cn x\n",
            &[
                "1: `uid;cn x` is no attribute name; write attribute names separated by commas, such as \
               `uid,cn,sn`; `name::` for base64 cells",
            ],
        );
    }

    #[test]
    fn a_bad_row_names_line_and_column_and_the_next_one_is_read() {
        let good = "4|uid=bob,ou=people,o=a|uid=bob|cn=B|sn=B";
        let check = |row: &str, problem: &str| {
            check(
                &format!("uid,cn,sn::\nada,\"A\nA\",QQ==\n{row}\nbob,B,Qg==\n").replace("\"A\nA\"", "A"),
                &["2|uid=ada,ou=people,o=a|uid=ada|cn=A|sn=A", problem, good],
            );
        };
        check(
            "ada,A",
            "3: the row has 2 cells and the header 3; quote cells that hold a comma, a quote or a line break",
        );
        check(
            ",A,QQ==",
            "3: uid: the cell is empty, so the entry has no name; fill the cell in",
        );
        check(
            "ada,A,Q",
            "3: sn: what follows `::` is not base64; encode the value in base64 with padding, or write `: ` for \
             plain text",
        );
    }

    #[test]
    fn lines_are_counted_through_quoted_line_breaks() {
        assert_eq!(
            read(b"uid,cn\nada,\"A\nA\"\n,x\n")[1].split(':').next(),
            Some("4")
        );
    }

    const TOO_LONG: &str = "the row is longer than 1048576 bytes; check that a quote is closed and an empty line \
                            ends the record, or split the entry";
    const OPEN: &str = "the quote that begins on this line is not closed, and everything behind it was taken for one \
                        cell; close it";

    #[test]
    fn an_endless_row_is_refused_and_the_next_one_is_read() {
        let long = "x".repeat(3 * ROW_BYTES_MAX);
        let bob = "5|uid=bob,ou=people,o=a|uid=bob|cn=B";
        for cell in [
            long.clone(),
            format!("\"{long}\""),
            format!("\"{long}\"\"\n,{long}\""),
        ] {
            let lines = cell.matches('\n').count();
            let text = format!("uid,cn\n\nada,{cell}\r\n\nbob,B\n");
            let found = read(text.as_bytes());
            let next = bob.replacen('5', &(5 + lines).to_string(), 1);
            assert_eq!(found, [format!("3: {TOO_LONG}"), next]);
            let rows = refused(&text);
            assert_eq!(rows, [format!("ada,{cell}\r")]);
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_takes_the_rest_and_says_where_it_begins() {
        check("uid,cn\nada,\"A\nbob,B", &[&format!("2: {OPEN}")]);
        check("uid,cn\n\n\nada,\"A\n\"\"\nbob,B", &[&format!("4: {OPEN}")]);
        check("uid,cn\n\"a\nda\",\"A\nbob,B", &[&format!("3: {OPEN}")]);
        let mut text = "uid,cn\nada,A\nbob,\"".to_owned() + &"x\n".repeat(2 * ROW_BYTES_MAX);
        assert_eq!(read(text.as_bytes())[1..], [format!("3: {OPEN}")]);
        let rest = text.split_off("uid,cn\nada,A\n".len());
        assert!(refused(&(text + &rest)) == [rest]);
    }

    /// The rows of `text` that are known by their place only.
    fn refused(text: &str) -> Vec<String> {
        let mut reader = CsvReader::new(text.as_bytes(), PARENT).ok().unwrap();
        let (mut row, mut found) = (Row::default(), Vec::new());
        while !matches!(reader.read(&mut row), Ok(More::End)) {
            let place = row
                .place
                .take()
                .map(|place| place.start as usize..place.end as usize);
            found.extend(place.map(|place| text[place].to_owned()));
        }
        found
    }

    proptest! {
        #[test]
        fn each_record_of_the_parser_is_one_row(text in prop::collection::vec(prop::sample::select(&b"\",\n\r x\xef\xbb\xbf"[..]), 0..100)) {
            let mut csv = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Bounded::new(&text[..]));
            let mut record = ByteRecord::new();
            while csv.read_byte_record(&mut record).unwrap() {
                prop_assert!(csv.get_mut().begun().is_some());
            }
            prop_assert!(csv.get_mut().begun().is_none());
        }
    }

    #[test]
    fn a_refused_row_can_be_written_as_it_was() {
        let mut reader = CsvReader::new(&b"uid,cn\n,\"a,\"\"b\"\n"[..], PARENT)
            .ok()
            .unwrap();
        let mut row = Row::default();
        assert!(matches!(reader.read(&mut row), Err(RowError::Bad(_))));
        assert_eq!(row.text, b",\"a,\"\"b\"\n");
    }
}
