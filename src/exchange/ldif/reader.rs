//! Reading LDIF record by record, in constant memory.

use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::problem::{Fault, Problem};
use crate::exchange::row::{More, ROW_BYTES_MAX, Row, RowError, Rows};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads LDIF.
///
/// More lenient than RFC 2849 where files of the wild are: unencoded UTF-8 is taken as it is, and a byte
/// order mark is skipped. Change records and values by URL are refused.
pub struct LdifReader<R> {
    input: R,
    line: u64,
    bytes: u64,
    logical: Vec<u8>,
    decoded: Vec<u8>,
}

impl<R: BufRead> LdifReader<R> {
    /// Reads from `input`, which begins at line 1.
    pub fn new(input: R) -> LdifReader<R> {
        LdifReader {
            input,
            line: 0,
            bytes: 0,
            logical: Vec::new(),
            decoded: Vec::new(),
        }
    }

    /// Reads the lines of one record into `row.text`, without the empty lines around it.
    fn read_text(&mut self, row: &mut Row) -> Result<More, RowError> {
        row.begin(self.line + 1);
        let mut from = self.bytes;
        loop {
            let start = row.text.len();
            if self.read_line(&mut row.text)? == 0 {
                return Ok(if row.text.is_empty() { More::End } else { More::Row });
            }
            let line = row.text.get(start..).unwrap_or_default();
            if !trimmed(line).is_empty() {
                if row.text.len() > ROW_BYTES_MAX {
                    return self.skip_record(row, from);
                }
            } else if start > 0 {
                row.text.truncate(start);
                return Ok(More::Row);
            } else {
                row.begin(self.line + 1);
                from = self.bytes;
            }
        }
    }

    /// Appends one physical line with its end to `text`; returns its length. A line of more than
    /// [`ROW_BYTES_MAX`] comes in several pieces, none of which is empty.
    fn read_line(&mut self, text: &mut Vec<u8>) -> Result<usize, RowError> {
        let start = text.len();
        let limit = u64::try_from(ROW_BYTES_MAX).unwrap_or(u64::MAX);
        let length = std::io::Read::take(&mut self.input, limit).read_until(b'\n', text)?;
        self.line += u64::from(text.last() == Some(&b'\n') && length > 0);
        if self.bytes == 0
            && text
                .get(start..)
                .is_some_and(|line| line.starts_with(BYTE_ORDER_MARK))
        {
            text.drain(start..start + BYTE_ORDER_MARK.len());
        }
        self.bytes += length as u64;
        Ok(length)
    }

    /// Skips the rest of a record that began at the byte `from`.
    fn skip_record(&mut self, row: &mut Row, from: u64) -> Result<More, RowError> {
        row.text = Vec::new();
        let (mut line, mut end) = (Vec::new(), self.bytes);
        while self.read_line(&mut line)? > 0 && !trimmed(&line).is_empty() {
            line.clear();
            end = self.bytes;
        }
        row.place = Some(from..end);
        Err(Problem::row(row.line, Fault::RowTooLong).into())
    }

    /// Takes `row.text` apart. Whether a record was in it, and not only comments or the version.
    fn parse(&mut self, row: &mut Row) -> Result<Content, Problem> {
        let text = std::mem::take(&mut row.text);
        let parsed = self.parse_lines(&text, row);
        row.text = text;
        parsed
    }

    fn parse_lines(&mut self, text: &[u8], row: &mut Row) -> Result<Content, Problem> {
        let mut content = Content::Nothing;
        let mut lines = Unfolded {
            text,
            next_line: row.line,
        };
        while let Some(line) = lines.next(&mut self.logical)? {
            // At the start of any record: files are concatenated, and rows are taken out of them.
            if !row.has_dn() && strip_name(&self.logical, b"version").is_some() {
                check_version(line, &self.logical)?;
                continue;
            }
            content = Content::Record;
            self.parse_attribute(line, row)?;
        }
        Ok(content)
    }

    fn parse_attribute(&mut self, line: u64, row: &mut Row) -> Result<(), Problem> {
        let bad = |fault| Problem::row(line, fault);
        let (name, value) = split_line(&self.logical).ok_or(bad(Fault::NotAnAttributeLine))?;
        let value = match value {
            Written::Plain(value) => value,
            Written::Base64(text) => {
                self.decoded.clear();
                STANDARD
                    .decode_vec(text, &mut self.decoded)
                    .map_err(|_| Problem::of(line, name, Fault::NotBase64))?;
                &self.decoded
            }
            Written::Url => return Err(Problem::of(line, name, Fault::ByReference)),
        };
        match (row.has_dn(), name.eq_ignore_ascii_case("dn")) {
            (false, true) => row.set_dn(line, value),
            (false, false) => return Err(bad(Fault::NoDn)),
            (true, true) => return Err(bad(Fault::SecondDn)),
            (true, false) if is_change(name) => return Err(bad(Fault::ChangeRecord(name.into()))),
            (true, false) => row.push(line, name, value),
        }
        Ok(())
    }
}

impl<R: BufRead> Rows for LdifReader<R> {
    fn read(&mut self, row: &mut Row) -> Result<More, RowError> {
        while self.read_text(row)? == More::Row {
            if self.parse(row)? == Content::Record {
                return Ok(More::Row);
            }
        }
        Ok(More::End)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes
    }
}

/// What the text between two empty lines holds.
#[derive(PartialEq, Eq)]
enum Content {
    Record,
    Nothing,
}

/// How a value is written (RFC 2849 `value-spec`).
enum Written<'a> {
    Plain(&'a [u8]),
    Base64(&'a [u8]),
    Url,
}

/// The logical lines of one record: continuations joined, comments left out.
struct Unfolded<'a> {
    text: &'a [u8],
    next_line: u64,
}

impl<'a> Unfolded<'a> {
    /// Puts the next logical line into `logical` and returns the number of its first physical line.
    fn next(&mut self, logical: &mut Vec<u8>) -> Result<Option<u64>, Problem> {
        while let Some(first) = self.physical() {
            let line = self.next_line - 1;
            if first.first() == Some(&b' ') {
                return Err(Problem::row(line, Fault::NothingToContinue));
            }
            logical.clear();
            logical.extend_from_slice(first);
            while self.text.first() == Some(&b' ') {
                logical.extend(self.physical().unwrap_or_default().iter().skip(1));
            }
            if logical.first() != Some(&b'#') {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    fn physical(&mut self) -> Option<&'a [u8]> {
        let length = match self.text.iter().position(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.text.is_empty() => return None,
            None => self.text.len(),
        };
        let (line, rest) = self.text.split_at_checked(length)?;
        self.text = rest;
        self.next_line += 1;
        Some(trimmed(line))
    }
}

/// The line without its end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn split_line(line: &[u8]) -> Option<(&str, Written<'_>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let name = description(name)?;
    let value = match rest.get(1..)? {
        [b':', text @ ..] => Written::Base64(unpadded(text)),
        [b'<', ..] => Written::Url,
        text => Written::Plain(unpadded(text)),
    };
    Some((name, value))
}

/// The name as text if it can be an attribute description (RFC 4512 section 2.5).
pub(in crate::exchange) fn description(name: &[u8]) -> Option<&str> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_');
    let name = std::str::from_utf8(name).ok()?;
    let possible = name.as_bytes().first()?.is_ascii_alphanumeric() && name.as_bytes().iter().all(fits);
    possible.then_some(name)
}

/// The value without the spaces between the colon and it.
fn unpadded(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

fn strip_name<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| unpadded(value))
}

fn check_version(line: u64, logical: &[u8]) -> Result<(), Problem> {
    match strip_name(logical, b"version")
        .unwrap_or_default()
        .trim_ascii_end()
    {
        b"1" => Ok(()),
        other => Err(Problem::row(
            line,
            Fault::Version(crate::exchange::problem::shown(other)),
        )),
    }
}

/// Whether the line makes its record a change record (RFC 2849 `change-record`).
fn is_change(name: &str) -> bool {
    name.eq_ignore_ascii_case("changetype") || name.eq_ignore_ascii_case("control")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::push_line;
    use super::*;
    use crate::exchange::row::testing;

    /// Every record of `text` as `line|dn|name=value|…`, or its problem.
    fn read(text: &[u8]) -> Vec<String> {
        testing::read_all(&mut LdifReader::new(text))
    }

    fn check(text: &str, expected: &[&str]) {
        testing::check(read, text, expected);
    }

    #[test]
    fn records_are_read_as_rfc_2849_writes_them() {
        check("", &[]);
        check("# nothing\n\n\n", &[]);
        check("dn: o=a\no: a\n", &["1|o=a|o=a"]);
        check("version: 1\ndn: o=a\no: a\n", &["1|o=a|o=a"]);
        check(
            "version: 1\n\ndn: o=a\no:a\n\n\n\ndn:o=b\no:   b\n",
            &["3|o=a|o=a", "8|o=b|o=b"],
        );
        check(
            "# one\n# two\n  still two\ndn: o=a\n# three\no: a\n",
            &["1|o=a|o=a"],
        );
        check("dn: o=a\no: a\n b\n  c\n", &["1|o=a|o=ab c"]);
        check("d\n n: o=a\nd\n escription\n : x\n", &["1|o=a|description=x"]);
        check("dn:: bz1h\ncn;lang-zh:: w6k=\n", &["1|o=a|cn;lang-zh=é"]);
        check("dn: o=a\ncn:: w\n 6k=\n", &["1|o=a|cn=é"]);
        check("dn: o=é\ncn: 陳\n", &["1|o=é|cn=陳"]);
        check("dn: o=a\nseeAlso:\ncn:: \n", &["1|o=a|seeAlso=|cn="]);
    }

    #[test]
    fn a_bad_record_names_its_line_and_the_next_one_is_read() {
        let good = "dn: o=z\no: z\n";
        let check = |bad: &str, problem: &str| {
            let next = bad.lines().count() + 2;
            check(&format!("{bad}\n{good}"), &[problem, &format!("{next}|o=z|o=z")]);
        };
        check(
            "dn: o=a\nno colon here\n",
            "2: this line is not `attribute: value`; write `name: value`, or begin the line with one space if \
             it continues the line above",
        );
        check(
            "dn: o=a\nbad name: x\n",
            "2: this line is not `attribute: value`; write `name: value`, or begin the line with one space if \
             it continues the line above",
        );
        check(
            " dn: o=a\n",
            "1: a line that starts with a space continues nothing; remove the space, or put the line it \
             belongs to above it",
        );
        check(
            "cn: a\ndn: o=a\n",
            "1: the record does not begin with `dn:`; begin each record with `dn: ` and leave an empty line \
             between records",
        );
        check(
            "dn: o=a\no: a\ndn: o=b\n",
            "3: a second `dn:` in one record; leave an empty line before each `dn:`",
        );
        check(
            "dn: o=a\njpegPhoto:< file:///etc/passwd\n",
            "2: jpegPhoto: a value by reference (`:<`) is not read; put the value itself into the file, in \
             base64 behind `::`",
        );
        check(
            "dn: o=a\nchangetype: modify\nadd: cn\ncn: x\n-\n",
            "2: this is a change record (`changetype`), and only content records are imported; write the \
             whole entry as it shall be, without `changetype:` and `control:` lines",
        );
        check(
            "dn: o=a\ncn:: w6k\n",
            "2: cn: what follows `::` is not base64; encode the value in base64 with padding, or write `: ` \
             for plain text",
        );
        check(
            "version: 2\ndn: o=a\n",
            "1: LDIF version `2` is not known; write `version: 1`, or leave the line out",
        );
    }

    #[test]
    fn an_endless_record_is_refused_and_the_next_one_is_read() {
        let mut text = b"dn: o=a\njpegPhoto: ".to_vec();
        text.resize(text.len() + 3 * ROW_BYTES_MAX, b'x');
        text.extend_from_slice(b"\ncn: a\n\ndn: o=z\n");
        assert_eq!(
            read(&text),
            [
                "1: the row is longer than 1048576 bytes; check that a quote is closed and an empty line ends \
                 the record, or split the entry",
                "5|o=z"
            ]
        );
    }

    #[test]
    fn an_endless_record_is_known_by_its_place() {
        let long = format!("dn: o=b\njpegPhoto: {}\ncn: b\n", "x".repeat(3 * ROW_BYTES_MAX));
        let text = format!("dn: o=a\no: a\n\n\n{long}\ndn: o=c\n");
        let (mut reader, mut row) = (LdifReader::new(text.as_bytes()), Row::default());
        assert!(reader.read(&mut row).is_ok() && row.place.is_none());
        assert!(matches!(reader.read(&mut row), Err(RowError::Bad(_))));
        let place = row.place.clone().unwrap();
        assert!(text[place.start as usize..place.end as usize] == long);
        assert!(reader.read(&mut row).is_ok() && row.place.is_none());
    }

    #[test]
    fn a_row_keeps_its_text_for_the_file_of_refused_rows() {
        let (mut reader, mut row) = (
            LdifReader::new(&b"# x\ndn: o=a\nbad\n\ndn: o=b\n"[..]),
            Row::default(),
        );
        assert!(matches!(reader.read(&mut row), Err(RowError::Bad(_))));
        assert_eq!(row.text, b"# x\ndn: o=a\nbad\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8)) {
            let mut text = Vec::new();
            push_line(&mut text, "dn", b"o=a");
            values.iter().for_each(|value| push_line(&mut text, "cn", value));
            let (mut reader, mut row) = (LdifReader::new(&text[..]), Row::default());
            prop_assert_eq!(reader.read(&mut row).unwrap(), More::Row);
            prop_assert!(row.fields().map(|field| field.value).eq(values.iter().map(Vec::as_slice)));
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_hang(text in prop::collection::vec(prop::sample::select(&b"dn:< a=#\n\r\xff"[..]), 0..200)) {
            read(&text);
        }
    }
}
