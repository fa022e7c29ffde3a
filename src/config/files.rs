//! The files a configuration points at, behind a trait so that a check is a pure function in tests.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Reads whole files for a check.
pub trait Files {
    /// The bytes of the file at `path`. Errors: as the system says them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether every user of the machine may read the file at `path`; `false` also if nobody knows.
    fn is_open_to_all(&self, _path: &Path) -> bool {
        false
    }
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

    fn is_open_to_all(&self, path: &Path) -> bool {
        const OTHERS_READ: u32 = 0o004;
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & OTHERS_READ != 0)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_listed_in_order_and_a_huge_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b", "a", "c"] {
            std::fs::write(path(name), name).unwrap();
        }
        assert_eq!(
            DiskFiles.list(folder.path()).unwrap(),
            [path("a"), path("b"), path("c")]
        );
        assert_eq!(DiskFiles.read(&path("a")).unwrap(), b"a");

        std::fs::File::create(path("huge"))
            .unwrap()
            .set_len(FILE_BYTES_MAX + 1)
            .unwrap();
        assert_eq!(
            DiskFiles.read(&path("huge")).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert!(DiskFiles.list(&path("nowhere")).is_err());
    }
}
