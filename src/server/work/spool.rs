//! Files that are being imported, kept while that takes: rows hold hashes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::server::work::transfer::TRANSFERS_MAX;

/// The most files at a time: more than there are imports.
const SPOOLED_MAX: usize = 2 * TRANSFERS_MAX;

/// A file that is gone when dropped, readable by its owner only.
pub(in crate::server) struct Spooled {
    pub(in crate::server) path: PathBuf,
    pub(in crate::server) file: File,
}

impl Spooled {
    /// An empty file in `folder`. Errors: the system's, or that there are too many already.
    pub(in crate::server) fn create(folder: &Path) -> io::Result<Spooled> {
        for number in 0..SPOOLED_MAX {
            let path = file_name(folder, number);
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Ok(file) => return Ok(Spooled { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many files import-*.spool: remove them"))
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes what a kill in the middle of an import has left. The store's lock is held, so they are nobody else's.
pub(in crate::server) fn clear(folder: &Path) {
    for number in 0..SPOOLED_MAX {
        let _ = std::fs::remove_file(file_name(folder, number));
    }
}

fn file_name(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("import-{number}.spool"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_import_has_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..SPOOLED_MAX {
            std::fs::write(file_name(folder.path(), number), "userPassword: {SSHA}x").unwrap();
        }
        assert!(Spooled::create(folder.path()).is_err());
        clear(folder.path());
        assert!(Spooled::create(folder.path()).is_ok());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "gone with its import");
    }
}
