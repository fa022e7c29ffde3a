//! The files a configuration points at, behind a trait so that a check is a pure function in tests.

use std::io;
use std::path::{Path, PathBuf};

/// Reads whole files for a check.
pub trait Files {
    /// The bytes of the file at `path`. Errors: as the system says them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The files in the folder at `path`, sorted by name. Errors: as the system says them.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The machine's own files.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFiles;

/// The largest file a configuration may point at; a larger one is refused unread.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let metadata = std::fs::metadata(path)?;
        if metadata.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
        }
        std::fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }
}
