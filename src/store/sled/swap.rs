//! The files of a compaction: a copy that grows beside the engine's folder, then takes its place.
//!
//! ```text
//! <path>/compacting/   a copy that is being made; worthless
//! <path>/compacted/    a copy that is whole, checked and on the disk: it is the store, whatever `sled/` holds
//! ```
//!
//! The one rename from the first name to the second is what decides. Before it the old store is the store, after
//! it the copy, and whoever opens the store finishes what was begun. So a kill or a power cut at any instant
//! leaves one of the two whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::OpenError;
use crate::store::sled::files::{Files, file_error, sync_folder};

impl Files {
    /// Those of the copy: only its engine's folder differs.
    pub(super) fn copy(&self) -> Files {
        Files::named(&self.path, "compacting")
    }

    /// Whether a copy is whole and has not taken its place yet.
    pub(super) fn is_swap_due(&self) -> bool {
        self.compacted().exists()
    }

    /// Puts the whole and closed copy in the engine's place. The engine must be closed too. After an error the
    /// store is whole, old or new, once it is opened again.
    pub(super) fn swap(&self) -> Result<(), OpenError> {
        let copy = self.copy();
        copy.sync()?;
        sync_all(&copy.engine())?;
        rename(&copy.engine(), &self.compacted())?;
        // The name must be on the disk before anything of the old store goes.
        sync_folder(&self.path)?;
        self.finish_swap()
    }

    /// Finishes what a compaction has begun: puts a whole copy in its place, removes one that is not whole.
    pub(super) fn finish_swap(&self) -> Result<(), OpenError> {
        remove(&self.copy().engine())?;
        if self.is_swap_due() {
            remove(&self.engine())?;
            rename(&self.compacted(), &self.engine())?;
            sync_folder(&self.path)?;
        }
        Ok(())
    }

    fn compacted(&self) -> PathBuf {
        self.path.join("compacted")
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), OpenError> {
    fs::rename(from, to).map_err(file_error(from))
}

/// Removes a folder and all in it, if it is there.
fn remove(folder: &Path) -> Result<(), OpenError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(folder)(error)),
        _ => Ok(()),
    }
}

/// Puts every file and folder from `path` down on the disk, `path` itself last.
fn sync_all(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(file_error(path))? {
            sync_all(&entry.map_err(file_error(path))?.path())?;
        }
    }
    fs::File::open(path)
        .and_then(|open| open.sync_all())
        .map_err(file_error(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store's folder in which each of `folders` holds a file that says its name; and what `sled` holds after
    /// whatever was begun is finished.
    fn finished(folders: &[&str]) -> Option<String> {
        let store = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir(store.path().join(folder)).unwrap();
            fs::write(store.path().join(folder).join("db"), folder).unwrap();
        }
        Files::of(store.path()).finish_swap().unwrap();
        let left = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap());
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| name == "sled"), "{left:?}");
        fs::read_to_string(store.path().join("sled/db")).ok()
    }

    #[test]
    fn only_a_whole_copy_takes_the_place_of_the_store() {
        let check = |folders: &[&str], expected: &str| {
            assert_eq!(finished(folders).as_deref(), Some(expected), "{folders:?}");
        };
        check(&["sled"], "sled");
        check(&["sled", "compacting"], "sled");
        check(&["sled", "compacted"], "compacted");
        check(&["compacted"], "compacted");
        check(&["sled", "compacting", "compacted"], "compacted");
        assert_eq!(finished(&[]), None);
    }

    #[test]
    fn a_copy_that_waits_for_its_place_is_a_store() {
        let store = tempfile::tempdir().unwrap();
        let files = Files::of(store.path());
        assert!(!files.is_whole());
        fs::create_dir(store.path().join("compacted")).unwrap();
        assert!(files.is_whole());
    }
}
