//! The files of a store: lock, mark of an unfinished creation, reserve, and the engine's own folder.
//!
//! ```text
//! <path>/lock       held by the process that has the store open
//! <path>/creating   there while a store is made for the first time; what it then holds is worthless
//! <path>/reserve    bytes to give up when the disk is full, so that the store can still open
//! <path>/sled/      the engine's: conf, db, snap.*, blobs
//! ```
//!
//! While a store is compacted there are more: `swap.rs`.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::store::sled::blobs::Blobs;
use crate::store::sled::trees::{Trees, disk_fault};
use crate::store::{Fault, OpenError};

/// Where the files of a store are.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) path: PathBuf,
    /// The name of the engine's folder.
    folder: &'static str,
}

impl Files {
    /// Of the store in `path`.
    pub(super) fn of(path: &Path) -> Files {
        Files::named(path, "sled")
    }

    /// Of a store whose engine's folder has this name in `path`.
    pub(super) fn named(path: &Path, folder: &'static str) -> Files {
        let path = path.to_owned();
        Files { path, folder }
    }

    /// The engine's folder.
    pub(super) fn engine(&self) -> PathBuf {
        self.path.join(self.folder)
    }

    /// Whether there is a store whose creation was finished.
    pub(super) fn is_whole(&self) -> bool {
        (self.engine().exists() || self.is_swap_due()) && !self.creating().exists()
    }

    /// Makes the store's folder, for its owner only.
    pub(super) fn make_folder(&self) -> Result<(), OpenError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(file_error(&self.path))
    }

    /// Makes the engine's folder if it is not there, and closes it to everybody but its owner: the engine makes
    /// its files readable by all, and the folder around it may be the administrator's own, open to others.
    pub(super) fn close_engine(&self) -> Result<(), OpenError> {
        let engine = self.engine();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&engine);
        made.and_then(|()| fs::set_permissions(&engine, Permissions::from_mode(0o700)))
            .map_err(file_error(&engine))
    }

    /// Takes the store for this process.
    pub(super) fn lock(&self) -> Result<Lock, OpenError> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = file.map_err(file_error(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: self.path.clone(),
            }),
            Err(TryLockError::Error(cause)) => Err(OpenError::File { path, cause }),
        }
    }

    /// Marks that the engine's folder is being made, durably and before it is.
    pub(super) fn begin_creation(&self) -> Result<(), OpenError> {
        let path = self.creating();
        File::create(&path)
            .and_then(|file| file.sync_all())
            .map_err(file_error(&path))?;
        sync_folder(&self.path)
    }

    /// The engine's folder is whole and on the disk.
    pub(super) fn end_creation(&self) -> Result<(), OpenError> {
        let path = self.creating();
        fs::remove_file(&path).map_err(file_error(&path))?;
        sync_folder(&self.path)
    }

    /// Removes what a creation that did not finish has left. Nothing in it was ever acknowledged.
    pub(super) fn remove_unfinished(&self) -> Result<(), OpenError> {
        let engine = self.engine();
        if self.creating().exists() && engine.exists() {
            fs::remove_dir_all(&engine).map_err(file_error(&engine))?;
        }
        Ok(())
    }

    /// Removes index snapshots that the engine was writing when it was killed. It would take the torn
    /// file for the newest one and refuse to open for ever; without it, it reads its log instead.
    pub(super) fn remove_torn_snapshots(&self) -> Result<(), OpenError> {
        let engine = self.engine();
        for entry in fs::read_dir(&engine).map_err(file_error(&engine))? {
            let path = entry.map_err(file_error(&engine))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&path).map_err(file_error(&path))?;
            }
        }
        Ok(())
    }

    /// Puts on the disk what the engine does not sync itself: its settings, its file, the folders.
    pub(super) fn sync(&self) -> Result<(), OpenError> {
        let engine = self.engine();
        for file in ["conf", "db"].map(|name| engine.join(name)) {
            File::open(&file)
                .and_then(|open| open.sync_all())
                .map_err(file_error(&file))?;
        }
        sync_folder(&engine)?;
        sync_folder(&self.path)?;
        self.path
            .canonicalize()
            .ok()
            .as_deref()
            .and_then(Path::parent)
            .map_or(Ok(()), sync_folder)
    }

    /// Gives up the reserve. Whether there was one to give up.
    pub(super) fn give_up_reserve(&self) -> bool {
        fs::remove_file(self.reserve()).is_ok()
    }

    /// Makes sure of a reserve of `bytes`, really written. Errors: `Full` if there is no room for it.
    pub(super) fn keep_reserve(&self, bytes: u64) -> Result<(), Fault> {
        let path = self.reserve();
        let there = fs::metadata(&path).map_or(0, |reserve| reserve.len());
        if there == bytes {
            return Ok(());
        }
        let written = write_reserve(&path, bytes);
        if written.is_err() {
            self.give_up_reserve();
        }
        written.map_err(|cause| disk_fault(&cause))
    }

    /// Bytes the engine's folder takes on the disk.
    pub(super) fn engine_bytes(&self) -> io::Result<u64> {
        folder_bytes(&self.engine())
    }

    /// Bytes that whoever runs this may still write beside the store.
    pub(super) fn free_bytes(&self) -> Result<u64, OpenError> {
        let system = rustix::fs::statvfs(&self.path);
        let system = system.map_err(|error| file_error(&self.path)(error.into()))?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }

    fn creating(&self) -> PathBuf {
        self.path.join("creating")
    }

    fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }
}

/// Says that the store is this process's, until it is dropped or the process ends, however it ends.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started may have inherited the file.
        let _ = self.0.unlock();
    }
}

/// A second handle of the engine's file, to sync it with, and of its blobs.
pub(super) struct DatabaseFile {
    file: File,
    blobs: Blobs,
}

impl DatabaseFile {
    /// Of the engine's folder in `files`.
    pub(super) fn open(files: &Files) -> Result<DatabaseFile, OpenError> {
        let path = files.engine().join("db");
        let file = File::open(&path).map_err(file_error(&path))?;
        let blobs = Blobs::of(files.engine().join("blobs"));
        Ok(DatabaseFile { file, blobs })
    }

    /// Waits until everything that `trees` were told is on the disk: every blob before what points to it is handed
    /// over, then the engine's file (fdatasync).
    pub(super) fn make_durable(&mut self, trees: &Trees) -> Result<(), Fault> {
        self.blobs.sync().map_err(|cause| disk_fault(&cause))?;
        trees.flush()?;
        self.file.sync_data().map_err(|cause| disk_fault(&cause))
    }
}

/// With the folders in it. A file that goes while it is counted counts nothing.
fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += match entry.metadata() {
            Ok(there) if there.is_dir() => folder_bytes(&entry.path())?,
            Ok(there) => there.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(sum)
}

fn write_reserve(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    // Not zeros: some file systems keep no room for them.
    let block = [0xb5; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(block.len() as u64);
        file.write_all(&block[..length as usize])?;
        left -= length;
    }
    file.sync_all()
}

/// Puts the names in a folder on the disk.
pub(super) fn sync_folder(path: &Path) -> Result<(), OpenError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(file_error(path))
}

/// Names the path an error is about.
pub(super) fn file_error(path: &Path) -> impl Fn(io::Error) -> OpenError + '_ {
    move |cause| match disk_fault(&cause) {
        Fault::Full => OpenError::Full {
            path: path.to_owned(),
        },
        _ => OpenError::File {
            path: path.to_owned(),
            cause,
        },
    }
}
