//! What is said on the administration socket.
//!
//! The client says a command on one line, options as `key: value` lines, an empty line, and then a body: for an
//! import the file, for the others nothing. The body is any number of [`Part::Data`] and one [`Part::Done`], so
//! that a client that dies half-way is not taken for one that has said everything. The daemon answers in
//! parts: any number of [`Part::Row`], [`Part::Refused`], [`Part::RefusedAt`], [`Part::Written`] and
//! [`Part::Data`], then one [`Part::Done`] or [`Part::Failed`]. A part is a line `WORD LENGTH` and LENGTH bytes.

use std::io::{self, BufRead, Read, Write};
use std::ops::Range;

use thiserror::Error;

/// The longest part; a longer one is a fault of whoever wrote it.
pub const PART_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The longest command with its options, in bytes.
pub const COMMAND_BYTES_MAX: u64 = 64 * 1024;

/// A command with its options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// `reload`, `import` or `export`.
    pub name: String,
    /// Options in the order they were given.
    pub options: Vec<(String, String)>,
}

impl Command {
    /// The command `name` without options.
    pub fn new(name: &str) -> Command {
        Command {
            name: name.into(),
            options: Vec::new(),
        }
    }

    /// The command with one more option. Line breaks in `value` become spaces.
    pub fn with(mut self, key: &str, value: &str) -> Command {
        self.options.push((key.into(), value.replace(['\r', '\n'], " ")));
        self
    }

    /// The value of an option; empty if it was not given.
    pub fn option(&self, key: &str) -> &str {
        let given = self.options.iter().find(|(name, _)| name == key);
        given.map_or("", |(_, value)| value)
    }

    /// Writes the command. Errors: the stream's.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\n", self.name);
        for (key, value) in &self.options {
            text.push_str(&format!("{key}: {value}\n"));
        }
        text.push('\n');
        out.write_all(text.as_bytes())
    }

    /// Reads a command. Errors: the stream's; `InvalidData` if it is no command.
    pub fn read(input: &mut impl BufRead) -> io::Result<Command> {
        let mut input = input.take(COMMAND_BYTES_MAX);
        let mut command = Command {
            name: line(&mut input)?,
            options: Vec::new(),
        };
        loop {
            let text = line(&mut input)?;
            if text.is_empty() {
                return Ok(command);
            }
            let (key, value) = text
                .split_once(": ")
                .ok_or_else(|| invalid("an option is `key: value`"))?;
            command.options.push((key.into(), value.into()));
        }
    }
}

/// One part of a body or an answer. Has no `Debug`: it may hold a PIN's hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// What a row of a file does: `new`, `changed ATTRIBUTES removed ATTRIBUTES`, a tab, and its DN; or the
    /// number of rows so far. Bytes of the file read, text.
    Row(u64, String),
    /// A row that is refused: why, and its text.
    Refused(String, Vec<u8>),
    /// A row that is refused: why, and which bytes of the file it is, because it could not be kept.
    RefusedAt(String, Range<u64>),
    /// Entries written, of how many.
    Written(u64, u64),
    /// A piece of a file: of the body, or of an export.
    Data(Vec<u8>),
    /// It has succeeded, with figures as `key=value` words; of a body: that was all of it.
    Done(String),
    /// It has failed, for this reason.
    Failed(String),
}

impl Part {
    /// Writes the part. Errors: the stream's.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (word, bytes): (&str, Vec<u8>) = match self {
            Part::Row(read, text) => ("row", format!("{read} {text}").into_bytes()),
            Part::Refused(why, text) => (
                "refused",
                [why.replace('\n', " ").as_bytes(), b"\n", text].concat(),
            ),
            Part::RefusedAt(why, place) => (
                "refused-at",
                format!("{} {} {}", place.start, place.end, why.replace('\n', " ")).into_bytes(),
            ),
            Part::Written(done, all) => ("written", format!("{done} {all}").into_bytes()),
            Part::Data(bytes) => ("data", bytes.clone()),
            Part::Done(text) => ("done", text.clone().into_bytes()),
            Part::Failed(text) => ("failed", text.clone().into_bytes()),
        };
        out.write_all(format!("{word} {}\n", bytes.len()).as_bytes())?;
        out.write_all(&bytes)
    }

    /// Reads a part. Errors: the stream's, `UnexpectedEof` among them; `InvalidData` if it is no part.
    pub fn read(input: &mut impl BufRead) -> io::Result<Part> {
        let head = line(&mut input.take(COMMAND_BYTES_MAX))?;
        let (word, length) = head
            .split_once(' ')
            .ok_or_else(|| invalid("a part begins with `WORD LENGTH`"))?;
        let length: usize = length
            .parse()
            .map_err(|_| invalid("a part's length is a number"))?;
        if length > PART_BYTES_MAX {
            return Err(invalid("the part is too long"));
        }
        let mut bytes = vec![0; length];
        input.read_exact(&mut bytes)?;
        Part::of(word, bytes)
    }

    fn of(word: &str, bytes: Vec<u8>) -> io::Result<Part> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| invalid("the part is no UTF-8"));
        match word {
            "data" => Ok(Part::Data(bytes)),
            "refused" => {
                let end = bytes
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(bytes.len());
                let row = bytes.get(end + 1..).unwrap_or_default().to_vec();
                Ok(Part::Refused(text(bytes.into_iter().take(end).collect())?, row))
            }
            "refused-at" => {
                let text = text(bytes)?;
                let mut words = text.splitn(3, ' ');
                let mut word = || words.next().ok_or_else(|| invalid("a refused row has a place"));
                let place = number(word()?)?..number(word()?)?;
                Ok(Part::RefusedAt(word()?.into(), place))
            }
            "row" => {
                let text = text(bytes)?;
                let (read, text) = text
                    .split_once(' ')
                    .ok_or_else(|| invalid("a row has a number"))?;
                Ok(Part::Row(number(read)?, text.into()))
            }
            "written" => {
                let text = text(bytes)?;
                let (done, all) = text
                    .split_once(' ')
                    .ok_or_else(|| invalid("written has two numbers"))?;
                Ok(Part::Written(number(done)?, number(all)?))
            }
            "done" => Ok(Part::Done(text(bytes)?)),
            "failed" => Ok(Part::Failed(text(bytes)?)),
            _ => Err(invalid("no part has this word")),
        }
    }
}

/// Why a body did not arrive.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The client has gone, or says what is no body.
    #[error("the file did not arrive whole: {0}")]
    Sender(io::Error),
    /// It cannot be kept.
    #[error("cannot be kept: {0}")]
    Keeper(io::Error),
}

/// Writes `body`, to its end, as a command's body. Errors: the reader's or the stream's.
pub fn write_body(body: &mut dyn Read, out: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match body.read(&mut piece) {
            Ok(0) => return Part::Done(String::new()).write(out),
            Ok(length) => Part::Data(piece.get(..length).unwrap_or_default().to_vec()).write(out)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads a command's body into `keep`. Errors: [`BodyError`]; what was kept so far is not the whole.
pub fn read_body(input: &mut impl BufRead, keep: &mut impl Write) -> Result<(), BodyError> {
    loop {
        match Part::read(input).map_err(BodyError::Sender)? {
            Part::Data(piece) => keep.write_all(&piece).map_err(BodyError::Keeper)?,
            Part::Done(_) => return keep.flush().map_err(BodyError::Keeper),
            _ => return Err(BodyError::Sender(invalid("a body is data and done"))),
        }
    }
}

/// Bytes of a file sent at once.
pub const PIECE_BYTES: usize = 64 * 1024;

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(|_| invalid("not a number"))
}

fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    input.read_line(&mut text)?;
    match text.strip_suffix('\n') {
        Some(whole) => Ok(whole.into()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let command = Command::new("import")
            .with("format", "ldif")
            .with("name", "two\nlines.ldif");
        let mut bytes = Vec::new();
        command.write(&mut bytes).unwrap();
        bytes.extend_from_slice(b"dn: dc=x\n");
        let mut input = &bytes[..];
        let read = Command::read(&mut input).unwrap();
        assert_eq!(
            (read.name.as_str(), read.option("format"), read.option("name")),
            ("import", "ldif", "two lines.ldif")
        );
        assert_eq!(read.option("absent"), "");
        assert_eq!(input, b"dn: dc=x\n", "the body is left");
    }

    #[test]
    fn parts_are_read_as_they_were_written() {
        let parts = [
            Part::Row(7, "new\tdc=x".into()),
            Part::Refused("line 3: no".into(), b"dn: x\nbad\n".to_vec()),
            Part::RefusedAt("line 3: too long".into(), 5..1 << 40),
            Part::Written(1, 2),
            Part::Data(vec![0, 255, b'\n']),
            Part::Done("rows=1".into()),
            Part::Failed("no".into()),
        ];
        let mut bytes = Vec::new();
        parts.iter().for_each(|part| part.write(&mut bytes).unwrap());
        let mut input = &bytes[..];
        for part in &parts {
            assert!(Part::read(&mut input).unwrap() == *part);
        }
        let end = Part::read(&mut input).err();
        assert_eq!(end.map(|end| end.kind()), Some(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_body_arrives_whole_or_not_at_all() {
        let file = vec![b'x'; 3 * PIECE_BYTES / 2];
        let mut bytes = Vec::new();
        write_body(&mut &file[..], &mut bytes).unwrap();
        let mut kept = Vec::new();
        read_body(&mut &bytes[..], &mut kept).unwrap();
        assert_eq!(kept, file);
        for cut in [0, 1, PIECE_BYTES, bytes.len() - 1] {
            let read = read_body(&mut &bytes[..cut], &mut Vec::new());
            assert!(matches!(read, Err(BodyError::Sender(_))), "cut at {cut}");
        }
        let read = read_body(&mut &b"row 3\n1 x"[..], &mut Vec::new());
        assert!(matches!(read, Err(BodyError::Sender(_))));
    }

    #[test]
    fn a_full_disk_is_told_from_a_client_that_has_gone() {
        let mut bytes = Vec::new();
        write_body(&mut &b"dn: dc=x\n"[..], &mut bytes).unwrap();
        let mut full: &mut [u8] = &mut [];
        let read = read_body(&mut &bytes[..], &mut full);
        assert!(matches!(read, Err(BodyError::Keeper(_))));
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for wrong in [
            "nonsense\n",
            "data x\n",
            "data 99999999999\n",
            "other 0\n",
            "row 1\nx",
            "refused-at 3\n1 x",
            "data 5\nabc",
        ] {
            assert!(Part::read(&mut wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
