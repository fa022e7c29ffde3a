//! The bytes of a CSV file on their way to the parser: rows bounded, and their lines counted.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::ops::Range;

use crate::exchange::problem::{Fault, Problem};
use crate::exchange::row::ROW_BYTES_MAX;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts an endless row, such as one behind a quote that is never closed, and knows where each row begins: the
/// parser's own count of lines is wrong where a line ends in CRLF, and before empty lines.
///
/// Of a row longer than [`ROW_BYTES_MAX`] the parser sees the beginning only, with an end put behind it.
pub(super) struct Bounded<R> {
    input: R,
    scanner: Scanner,
    /// What ends a row that was cut, as far as the parser has not got it yet.
    ending: &'static [u8],
}

/// A row as it stands in the file.
pub(super) struct Begun {
    /// Its first line.
    pub(super) line: u64,
    /// Its bytes; the end is known only of a row with a problem.
    pub(super) bytes: Range<u64>,
    /// Why what the parser makes of it is not what it says.
    pub(super) problem: Option<Problem>,
}

impl<R> Bounded<R> {
    pub(super) fn new(input: R) -> Bounded<R> {
        Bounded {
            input,
            scanner: Scanner::default(),
            ending: b"",
        }
    }

    /// The row of the record that the parser has given last; called once for each.
    pub(super) fn begun(&mut self) -> Option<Begun> {
        self.scanner.rows.pop_front()
    }

    /// Bytes of the file read so far.
    pub(super) fn offset(&self) -> u64 {
        self.scanner.offset
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.ending.is_empty() {
                return self.ending.read(into);
            }
            match self.pass(into)? {
                Passed::Bytes(0) => {}
                Passed::Bytes(passed) => return Ok(passed),
                Passed::End => {
                    self.ending = self.scanner.end();
                    return self.ending.read(into);
                }
            }
        }
    }
}

/// How much of a piece of the file has passed; none of it if a row is being cut.
enum Passed {
    Bytes(usize),
    End,
}

impl<R: BufRead> Bounded<R> {
    /// Lets a piece of the file pass to `into`, as far as to the end of a row that is cut.
    fn pass(&mut self, into: &mut [u8]) -> io::Result<Passed> {
        let piece = self.input.fill_buf()?;
        if piece.is_empty() {
            return Ok(Passed::End);
        }
        let (mut seen, mut passed) = (0, 0);
        for (byte, place) in piece.iter().zip(into) {
            seen += 1;
            match self.scanner.step(*byte) {
                // A cut begins where passing ends, and ends a piece: there are no gaps.
                Step::Pass => {
                    *place = *byte;
                    passed += 1;
                }
                Step::Drop => {}
                Step::End(ending) => {
                    self.ending = ending;
                    break;
                }
            }
        }
        self.input.consume(seen);
        Ok(Passed::Bytes(passed))
    }
}

/// What becomes of a byte.
enum Step {
    Pass,
    Drop,
    /// It was the last of a row that was cut; this takes its place.
    End(&'static [u8]),
}

/// Where in a row a byte stands, as the parser sees it too.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    RowStart,
    CellStart,
    Plain,
    Quoted,
    /// Behind a quote that closes the cell, or is the first of two that stand for one.
    Closed,
}

/// Follows quotes and lines.
struct Scanner {
    state: State,
    offset: u64,
    line: u64,
    /// Where the last quote was opened.
    quote_line: u64,
    /// Rows that have begun and were not asked for yet.
    rows: VecDeque<Begun>,
    /// What ends the row that is being cut.
    cut: Option<&'static [u8]>,
    /// How much of a byte order mark the file begins with.
    marked: usize,
}

impl Default for Scanner {
    fn default() -> Scanner {
        Scanner {
            state: State::RowStart,
            offset: 0,
            line: 1,
            quote_line: 1,
            rows: VecDeque::new(),
            cut: None,
            marked: 0,
        }
    }
}

impl Scanner {
    fn step(&mut self, byte: u8) -> Step {
        let was = self.state;
        self.state = self.next_state(byte);
        let at = self.offset;
        self.offset += 1;
        if was == State::RowStart && self.state != State::RowStart {
            self.begin(at);
        } else if was != State::RowStart && self.state == State::RowStart {
            self.end_row();
        }
        self.skip_mark(byte, at);
        self.line += u64::from(byte == b'\n');
        match self.cut {
            Some(ending) if self.state == State::RowStart => {
                self.cut = None;
                Step::End(ending)
            }
            Some(_) => Step::Drop,
            None => {
                self.cut_if_long();
                Step::Pass
            }
        }
    }

    fn next_state(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::Quoted, b'"') => State::Closed,
            (State::Quoted, _) | (State::Closed, b'"') => State::Quoted,
            (_, b'\n' | b'\r') => State::RowStart,
            (State::RowStart | State::CellStart, b'"') => {
                self.quote_line = self.line;
                State::Quoted
            }
            (_, b',') => State::CellStart,
            _ => State::Plain,
        }
    }

    /// Forgets a byte order mark at the beginning of the file, as the parser does.
    fn skip_mark(&mut self, byte: u8, at: u64) {
        if BYTE_ORDER_MARK.get(self.marked) != Some(&byte) || at != self.marked as u64 {
            return;
        }
        self.marked += 1;
        if self.marked == BYTE_ORDER_MARK.len() {
            self.state = State::RowStart;
            self.rows.clear();
        }
    }

    fn begin(&mut self, at: u64) {
        self.rows.push_back(Begun {
            line: self.line,
            bytes: at..at,
            problem: None,
        });
    }

    fn end_row(&mut self) {
        if let Some(row) = self.rows.back_mut() {
            row.bytes.end = self.offset;
        }
    }

    /// Cuts the row here if it is too long by now.
    fn cut_if_long(&mut self) {
        let Some(row) = self.rows.back_mut().filter(|_| self.state != State::RowStart) else {
            return;
        };
        if self.offset - row.bytes.start < ROW_BYTES_MAX as u64 {
            return;
        }
        row.problem = Some(Problem::row(row.line, Fault::RowTooLong));
        self.cut = Some(match self.state {
            State::Quoted => b"\"\n",
            _ => b"\n",
        });
    }

    /// The file is at its end: what ends a row that was being cut, or nothing.
    fn end(&mut self) -> &'static [u8] {
        if self.state != State::RowStart {
            self.end_row();
        }
        if let (State::Quoted, Some(row)) = (self.state, self.rows.back_mut()) {
            row.problem = Some(Problem::row(self.quote_line, Fault::QuoteOpen));
        }
        self.state = State::RowStart;
        self.cut.take().unwrap_or_default()
    }
}
