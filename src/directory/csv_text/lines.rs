//! The bytes of a CSV file on their way to the parser: bounded, and their lines counted.

use std::collections::VecDeque;
use std::io::{self, Read};

use csv::ByteRecord;

use crate::directory::row::ROW_BYTES_MAX;

/// Ends an endless row, such as one behind a quote that is never closed, and counts lines: the parser's own
/// count is wrong where a line ends in CRLF, and before empty lines.
pub(super) struct Bounded<R> {
    input: R,
    left: usize,
    offset: u64,
    /// Where the line feeds are that no record has consumed yet.
    line_feeds: VecDeque<u64>,
    /// Line feeds consumed.
    lines: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(input: R) -> Bounded<R> {
        Bounded {
            input,
            left: ROW_BYTES_MAX,
            offset: 0,
            line_feeds: VecDeque::new(),
            lines: 0,
        }
    }

    /// Lets another row of [`ROW_BYTES_MAX`] pass.
    pub(super) fn begin_row(&mut self) {
        self.left = ROW_BYTES_MAX;
    }

    /// The line behind the last record.
    pub(super) fn next_line(&self) -> u64 {
        self.lines + 1
    }

    /// The first line of `record`, which ended before the byte at `end`.
    pub(super) fn line_of(&mut self, record: &ByteRecord, end: u64) -> u64 {
        let mut own_end = 0;
        while let Some(at) = self.line_feeds.pop_front_if(|at| *at < end) {
            self.lines += 1;
            own_end = u64::from(at + 1 == end);
        }
        let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        (self.lines + 1).saturating_sub(own_end + inside)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.input.read(into)?;
        let feeds = (self.offset..)
            .zip(into.iter().take(read))
            .filter(|(_, byte)| **byte == b'\n');
        self.line_feeds.extend(feeds.map(|(at, _)| at));
        self.left = self.left.saturating_sub(read);
        self.offset += read as u64;
        Ok(read)
    }
}
