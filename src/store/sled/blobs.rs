//! The engine's blobs: files of their own for pages past a quarter of a segment, 2 MiB: a dozen neighbours of nearly
//! the greatest size. The engine writes them and never syncs them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// The blobs of an open engine.
pub(super) struct Blobs {
    folder: PathBuf,
    /// Those that are on the disk; `None` before the first look.
    synced: Option<BTreeSet<OsString>>,
}

/// What the folder's time of change is set to before it is read: any later change shows, even in the same tick of
/// the file system's clock.
const SEEN: SystemTime = SystemTime::UNIX_EPOCH;

impl Blobs {
    /// Those in `folder`.
    pub(super) fn of(folder: PathBuf) -> Blobs {
        Blobs { folder, synced: None }
    }

    /// Puts every new one on the disk. Asks only for one time of change as long as there is none.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let synced = match &self.synced {
            Some(_) if fs::metadata(&self.folder)?.modified()? == SEEN => return Ok(()),
            synced => synced.iter().flatten().collect::<BTreeSet<_>>(),
        };
        let folder = File::open(&self.folder)?;
        folder.set_modified(SEEN)?;
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !synced.contains(&name) {
                sync_if_there(&entry.path())?;
            }
            there.insert(name);
        }
        folder.sync_all()?;
        self.synced = Some(there);
        Ok(())
    }
}

/// A file that has gone meanwhile is not needed any more.
fn sync_if_there(path: &std::path::Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_file_is_noticed_however_soon_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mut blobs = Blobs::of(folder.path().to_owned());
        let mut check = |expected: usize| {
            blobs.sync().unwrap();
            assert_eq!(blobs.synced.as_ref().unwrap().len(), expected);
        };
        check(0);
        for number in 1..50 {
            fs::write(folder.path().join(number.to_string()), b"x").unwrap();
            check(number);
            check(number);
        }
        fs::remove_file(folder.path().join("7")).unwrap();
        check(48);
    }
}
