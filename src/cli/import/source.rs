//! The file that is imported, which may be a pipe.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::import::arguments::Arguments;
use crate::exchange::import::Format;

/// The file to import: one that can be read more than once.
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// Where refused rows go unless that is told: beside it, or in the current folder.
    pub refused: PathBuf,
    /// A copy of what can be read only once.
    _copy: Option<File>,
}

impl Source {
    /// The file that `arguments` name. Errors: it cannot be read.
    pub fn of(arguments: &Arguments) -> anyhow::Result<Source> {
        let given = &arguments.path;
        let name = match is_stdin(given) {
            true => "standard input".into(),
            false => given.display().to_string(),
        };
        let copy = match stays(given).with_context(|| name.clone())? {
            true => None,
            false => Some(copy(given).with_context(|| name.clone())?),
        };
        let path = copy.as_ref().map_or_else(|| given.clone(), path_of);
        let format = arguments.format();
        let ending = match format {
            Format::Csv => "refused.csv",
            Format::Ldif => "refused.ldif",
        };
        let beside = match &copy {
            Some(_) => Path::new("import"),
            None => given,
        };
        Ok(Source {
            bytes: std::fs::metadata(&path).with_context(|| name.clone())?.len(),
            refused: beside.with_extension(ending),
            name,
            path,
            format,
            _copy: copy,
        })
    }

    /// What the audit log calls it: its whole name, so that it is found again.
    pub fn audited(&self) -> String {
        match (&self._copy, std::path::absolute(&self.path)) {
            (None, Ok(path)) => path.display().to_string(),
            _ => self.name.clone(),
        }
    }

    /// Opens it, at its beginning.
    pub fn open(&self) -> anyhow::Result<File> {
        File::open(&self.path).with_context(|| self.name.clone())
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether the file can be read again and files can be put beside it. Errors: there is none.
fn stays(path: &Path) -> io::Result<bool> {
    let is_of_the_system = path.starts_with("/dev") || path.starts_with("/proc");
    match is_stdin(path) {
        true => Ok(false),
        false => Ok(std::fs::metadata(path)?.is_file() && !is_of_the_system),
    }
}

/// A copy of standard input, or of a pipe. It has no name, so that a kill leaves nothing of it: rows hold hashes.
fn copy(path: &Path) -> io::Result<File> {
    let mut copy = tempfile::tempfile()?;
    match is_stdin(path) {
        true => io::copy(&mut io::stdin().lock(), &mut copy)?,
        false => io::copy(&mut File::open(path)?, &mut copy)?,
    };
    Ok(copy)
}

/// Where an open file can be opened once more, from its beginning (proc(5)).
fn path_of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
