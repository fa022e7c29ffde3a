//! The file that takes the refused rows of an import.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::import::arguments::Manner;
use crate::cli::import::source::Source;
use crate::exchange::csv;
use crate::exchange::import::Format;
use crate::server::work::telling::RefusedRow;

/// The file of refused rows: made before anything is applied, and gone again if there are none.
pub struct BadRows {
    path: PathBuf,
    source: PathBuf,
    format: Format,
    file: File,
    rows: u64,
}

impl BadRows {
    /// Makes the file. Errors: it is there already, or cannot be made; the header of `source` cannot be read.
    pub fn new(source: &Source, manner: &Manner) -> anyhow::Result<BadRows> {
        let header = match source.format {
            Format::Csv => csv::header(File::open(&source.path)?).with_context(|| source.name.clone())?,
            Format::Ldif => Vec::new(),
        };
        let path = manner.refused.clone().unwrap_or_else(|| source.refused.clone());
        let mut bad_rows = BadRows {
            file: private(&path)?,
            path,
            source: source.path.clone(),
            format: source.format,
            rows: 0,
        };
        bad_rows.write(&header)?;
        Ok(bad_rows)
    }

    /// The file's name, if there is anything in it.
    pub fn shown(&self) -> Option<String> {
        (self.rows > 0).then(|| self.path.display().to_string())
    }

    /// Forgets what has been written, so that nothing is left in the way of another import.
    pub fn forget(&mut self) {
        self.rows = 0;
    }

    /// Writes a row. CSV has no comments, so there it comes without the reason.
    pub fn push(&mut self, why: &str, row: &RefusedRow) -> anyhow::Result<()> {
        self.rows += 1;
        if self.format == Format::Ldif {
            self.write(format!("# {why}\n").as_bytes())?;
        }
        match row {
            RefusedRow::Text(text) => self.write(text)?,
            RefusedRow::At(place) => {
                let copied = self.copy(place);
                copied.with_context(|| self.path.display().to_string())?;
            }
        }
        match self.format {
            Format::Ldif => self.write(b"\n"),
            Format::Csv => Ok(()),
        }
    }

    fn write(&mut self, text: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(text);
        written.with_context(|| self.path.display().to_string())
    }

    /// Copies a row from the file that is imported, however long it is, and ends its last line.
    fn copy(&mut self, place: &Range<u64>) -> io::Result<()> {
        let mut source = File::open(&self.source)?;
        source.seek(SeekFrom::Start(place.start))?;
        io::copy(&mut source.take(place.end - place.start), &mut self.file)?;
        self.file.write_all(b"\n")
    }
}

impl Drop for BadRows {
    fn drop(&mut self) {
        if self.rows == 0 {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Creates a file that was not there and that only its owner may read: rows hold hashes.
fn private(path: &Path) -> anyhow::Result<File> {
    let made = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is there already, perhaps with rows that are still to be corrected, so nothing was imported; move \
             it away, or name another file with --refused",
            path.display()
        ),
        made => made.with_context(|| path.display().to_string()),
    }
}
