//! Writing CSV.

use std::io::{self, Read};

use csv::ByteRecord;

use crate::exchange::csv::SEPARATOR;

/// The header of a CSV file as it would be written, for the file of refused rows. Errors: the file's.
pub fn header(input: impl Read) -> io::Result<Vec<u8>> {
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(input);
    let mut record = ByteRecord::new();
    csv.read_byte_record(&mut record)?;
    Ok(written(&record))
}

/// A row as CSV text.
pub fn written(record: &ByteRecord) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail; should it, the row is left out and its problem still reported.
    let _ = writer.write_byte_record(record);
    writer.into_inner().unwrap_or_default()
}

/// Appends a row of cells to `out`.
pub fn push_record(out: &mut Vec<u8>, cells: impl Iterator<Item = Vec<u8>>) {
    let record: ByteRecord = cells.collect();
    out.extend_from_slice(&written(&record));
}

/// The values of one cell, joined as [`super::CsvReader`] takes them apart again.
pub fn joined(values: &[Box<[u8]>]) -> Vec<u8> {
    let mut cell = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            cell.push(SEPARATOR);
        }
        for (at, &byte) in value.iter().enumerate() {
            let escapes = byte == SEPARATOR
                || (byte == b'\\' && matches!(value.get(at + 1), None | Some(&(b'\\' | SEPARATOR))));
            if escapes {
                cell.push(b'\\');
            }
            cell.push(byte);
        }
    }
    cell
}
