//! Opening: everything that keeps a kill, a torn file or a full disk from shutting the store for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use ::sled::{Config, Db};

use crate::store::sled::SledSettings;
use crate::store::sled::files::{DatabaseFile, Files, Lock};
use crate::store::sled::replay::replay;
use crate::store::sled::trees::{FORMAT, Trees, fault};
use crate::store::sled::writer::guarded;
use crate::store::{Fault, OpenError, StoreId};
use crate::types::Entropy;

/// The engine's segments, in bytes: what it lays out, checks and takes back at once. Two things keep a power cut
/// from tearing more than the end of its log. A group of commits ([`crate::store::sled::writer`]) is far smaller than
/// a segment, as the engine takes a segment that it has left behind for durable, whether or not we have synced it;
/// and no page reaches a quarter of a segment, where it becomes a blob, a file that must be durable before what
/// points to it is. With the engine's own 512 KiB neither held.
pub(super) const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// The most bytes of keys and values that are written between two syncs, about. The engine writes up to five times as
/// many: the change log has them too, and every tenth change of a page writes it whole.
pub(super) const UNSYNCED_BYTES_MAX: usize = SEGMENT_BYTES / 8;

/// How often the engine's own lock is tried again, and after what pause.
const LOCK_ATTEMPTS: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// An open engine and what belongs to it.
pub(super) struct Opened {
    pub(super) trees: Trees,
    pub(super) database: DatabaseFile,
    pub(super) id: StoreId,
    /// Why it can be read only, if so.
    pub(super) fault: Option<Fault>,
    /// Held as long as the store is open.
    pub(super) lock: Lock,
}

/// Whether a store that is not there is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    Make,
    Refuse,
}

/// Opens the store in `settings.path`; a new one takes its identity from `entropy`.
pub(super) fn open(
    settings: &SledSettings,
    absent: Absent,
    entropy: &mut dyn Entropy,
) -> Result<Opened, OpenError> {
    let files = Files::of(&settings.path);
    if absent == Absent::Refuse && !files.is_whole() {
        return Err(OpenError::Missing { path: files.path });
    }
    files.make_folder()?;
    let lock = files.lock()?;
    let opened = match open_trees(&files, settings, entropy) {
        Err(OpenError::Full { .. }) if files.give_up_reserve() => open_trees(&files, settings, entropy),
        other => other,
    };
    let (trees, database, id) = opened?;
    // Without a reserve the next full disk could keep the store from opening: read only, until there is room.
    let fault = files.keep_reserve(settings.reserve_bytes).err();
    Ok(Opened {
        trees,
        database,
        id,
        fault,
        lock,
    })
}

fn open_trees(
    files: &Files,
    settings: &SledSettings,
    entropy: &mut dyn Entropy,
) -> Result<(Trees, DatabaseFile, StoreId), OpenError> {
    files.remove_unfinished()?;
    files.finish_swap()?;
    let is_new = !files.engine().exists();
    if is_new {
        files.begin_creation()?;
    } else {
        files.remove_torn_snapshots()?;
    }
    files.close_engine()?;
    let trees = open_engine(files, settings)?;
    let mut database = DatabaseFile::open(files)?;
    if is_new {
        let set_up = trees.set_up(random_id(entropy));
        set_up.map_err(|fault| refused(&files.path, fault))?;
    }
    check_format(&files.path, &trees)?;
    let whole = guarded(|| {
        replay(&trees, &mut database)?;
        database.make_durable(&trees)
    });
    whole.map_err(|fault| refused(&files.path, fault))?;
    // Every time and not only at creation: it costs nothing, and heals a copy that was never synced.
    files.sync()?;
    if is_new {
        files.end_creation()?;
    }
    let id = trees.id().map_err(|fault| refused(&files.path, fault))?;
    Ok((trees, database, id))
}

/// The engine may take long over a big log, or panic over a bad one: so on a thread, under a watchdog.
pub(super) fn open_engine(files: &Files, settings: &SledSettings) -> Result<Trees, OpenError> {
    let (engine, cache_bytes) = (files.engine(), settings.cache_bytes);
    let (answer, answered) = sync_channel(1);
    let open = move || {
        let trees = guarded(|| engine_at(&engine, cache_bytes).and_then(Trees::of));
        // Nobody listens any more only if it took too long.
        let _ = answer.send(trees);
    };
    let thread = std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(open);
    thread.map_err(|cause| OpenError::File {
        path: files.path.clone(),
        cause,
    })?;
    match answered.recv_timeout(settings.open_timeout) {
        Ok(trees) => trees.map_err(|fault| refused(&files.path, fault)),
        Err(RecvTimeoutError::Timeout) => Err(too_slow(&files.path, settings.open_timeout)),
        Err(RecvTimeoutError::Disconnected) => {
            Err(refused(&files.path, Fault::Damaged("the engine gave up".into())))
        }
    }
}

/// No timer (the writer flushes), no compression, large segments, and a cache of a known size.
fn engine_at(path: &Path, cache_bytes: u64) -> Result<Db, Fault> {
    let config = Config::new()
        .path(path)
        .segment_size(segment_bytes(path))
        .cache_capacity(cache_bytes)
        .use_compression(false)
        .flush_every_ms(None)
        .print_profile_on_drop(false);
    // Our own lock is held, so whoever still has the engine's is on the way out: the last reader of a
    // store that was just closed, or a process that has inherited the file and not yet started.
    for _ in 0..LOCK_ATTEMPTS {
        match config.open().map_err(fault) {
            Err(Fault::Disk(detail)) if is_lock(&detail) => std::thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    config.open().map_err(fault)
}

/// The segments of the engine in `path`, which it keeps as long as it lives; a new one gets [`SEGMENT_BYTES`].
/// One that was made with others gets these from `beadle store compact`.
fn segment_bytes(path: &Path) -> usize {
    let conf = std::fs::read(path.join("conf")).unwrap_or_default();
    let conf = String::from_utf8_lossy(&conf);
    let kept = conf.lines().find_map(|line| line.strip_prefix("segment_size: "));
    kept.and_then(|kept| kept.trim().parse().ok())
        .unwrap_or(SEGMENT_BYTES)
}

fn is_lock(detail: &str) -> bool {
    detail.contains("could not acquire lock")
}

/// Refuses a newer format; an older one becomes this one's.
fn check_format(path: &Path, trees: &Trees) -> Result<(), OpenError> {
    let path = path.to_owned();
    match trees.format() {
        Ok(Some(found)) if found > FORMAT => Err(OpenError::NewerFormat {
            path,
            found,
            known: FORMAT,
        }),
        Ok(Some(FORMAT)) => Ok(()),
        Ok(Some(_)) => trees.set_format(FORMAT).map_err(|fault| refused(&path, fault)),
        Ok(None) => Err(OpenError::Damaged {
            path,
            detail: "it has no format".into(),
        }),
        Err(fault) => Err(refused(&path, fault)),
    }
}

fn random_id(entropy: &mut dyn Entropy) -> StoreId {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    StoreId(u128::from_be_bytes(bytes))
}

fn too_slow(path: &Path, given: Duration) -> OpenError {
    OpenError::TooSlow {
        path: path.to_owned(),
        seconds: given.as_secs(),
    }
}

/// Why the engine would not open.
pub(super) fn refused(path: &Path, fault: Fault) -> OpenError {
    let path = path.to_owned();
    match fault {
        Fault::Full => OpenError::Full { path },
        Fault::Disk(detail) if is_lock(&detail) => OpenError::InUse { path },
        Fault::Disk(detail) => OpenError::File {
            path,
            cause: std::io::Error::other(detail.to_string()),
        },
        Fault::Damaged(detail) => OpenError::Damaged {
            path,
            detail: Arc::clone(&detail),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeededEntropy;

    fn settings() -> (tempfile::TempDir, SledSettings) {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = SledSettings::at(folder.path().join("store"));
        settings.reserve_bytes = 1000;
        (folder, settings)
    }

    fn open_once(settings: &SledSettings) -> Result<Opened, OpenError> {
        open(settings, Absent::Make, &mut SeededEntropy::new(1))
    }

    #[test]
    fn a_newer_format_is_refused_by_name_and_number() {
        let (_folder, settings) = settings();
        let opened = open_once(&settings).unwrap();
        opened.trees.set_format(FORMAT + 1).unwrap();
        opened.trees.flush().unwrap();
        drop(opened);
        let error = open_once(&settings).err().unwrap();
        assert!(matches!(
            error,
            OpenError::NewerFormat {
                found: 3,
                known: 2,
                ..
            }
        ));
        assert!(error.to_string().contains(settings.path.to_str().unwrap()));
    }

    #[test]
    fn an_older_format_opens_and_becomes_this_one() {
        let (_folder, settings) = settings();
        let opened = open_once(&settings).unwrap();
        opened.trees.set_format(1).unwrap();
        opened.trees.flush().unwrap();
        drop(opened);
        let opened = open_once(&settings).unwrap();
        assert_eq!(opened.trees.format().unwrap(), Some(FORMAT));
    }

    #[test]
    fn an_unfinished_creation_is_begun_again() {
        let (_folder, settings) = settings();
        let files = Files::of(&settings.path);
        files.make_folder().unwrap();
        files.begin_creation().unwrap();
        std::fs::create_dir(files.engine()).unwrap();
        std::fs::write(files.engine().join("conf"), b"torn").unwrap();
        assert!(open_once(&settings).is_ok());
        assert!(!settings.path.join("creating").exists());
    }

    #[test]
    fn a_store_that_takes_too_long_is_given_up() {
        let (_folder, mut settings) = settings();
        drop(open_once(&settings).unwrap());
        // Whoever else has the engine's file makes it wait for longer than it is given.
        let database = std::fs::File::open(settings.path.join("sled/db")).unwrap();
        database.lock().unwrap();
        settings.open_timeout = Duration::ZERO;
        assert!(matches!(open_once(&settings), Err(OpenError::TooSlow { .. })));
    }

    #[test]
    fn damaged_files_are_an_error_that_names_the_folder() {
        let (_folder, settings) = settings();
        drop(open_once(&settings).unwrap());
        std::fs::write(settings.path.join("sled/conf"), [0xa5; 64]).unwrap();
        let error = open_once(&settings).err().unwrap().to_string();
        assert!(error.contains(settings.path.to_str().unwrap()), "{error}");
    }
}
