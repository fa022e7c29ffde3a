//! The four trees of the engine, and the only calls that write them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use ::sled::transaction::{TransactionError, Transactional, TransactionalTree, UnabortableTransactionError};
use ::sled::{Batch, Db, IVec, Tree};

use crate::record::{Key, Record, Revision};
use crate::store::sled::codec::{decode_record, decode_revision};
use crate::store::sled::files::DatabaseFile;
use crate::store::sled::open::UNSYNCED_BYTES_MAX;
use crate::store::{Fault, StoreId};

/// The newest layout of the trees that this version reads and writes. 2: the log may hold commits that the other
/// trees do not have yet; a version that knows only 1 would take them for damage.
pub(super) const FORMAT: u32 = 2;

const FORMAT_KEY: &[u8] = b"format";
const ID_KEY: &[u8] = b"id";
const REVISION_KEY: &[u8] = b"revision";

/// The trees. Cloning is cheap and keeps the engine open.
#[derive(Clone)]
pub(super) struct Trees {
    pub(super) db: Db,
    /// Every record.
    pub(super) kv: Tree,
    /// The newest changes, for the feed.
    pub(super) log: Tree,
    /// Which records expire when; may name records that no longer do.
    pub(super) exp: Tree,
    /// Format, identity, revision.
    meta: Tree,
}

/// What one commit writes, tree by tree.
#[derive(Default)]
pub(super) struct Writes {
    pub(super) kv: Puts,
    pub(super) log: Puts,
    pub(super) exp: Puts,
}

/// What is put into one tree or taken out of it, by key: of two on the same key the later one counts.
#[derive(Default)]
pub(super) struct Puts(BTreeMap<IVec, Option<IVec>>);

impl Puts {
    /// Puts `value` under `key`.
    pub(super) fn insert(&mut self, key: impl Into<IVec>, value: impl Into<IVec>) {
        self.0.insert(key.into(), Some(value.into()));
    }

    /// Removes what is under `key`.
    pub(super) fn remove(&mut self, key: impl Into<IVec>) {
        self.0.insert(key.into(), None);
    }

    /// Writes them to a tree by `put`, in the order of the keys. Returns by how many bytes of keys and values it grows.
    fn write<E>(
        &self,
        mut put: impl FnMut(&IVec, &Option<IVec>) -> Result<Option<IVec>, E>,
    ) -> Result<i64, E> {
        let mut grown = 0;
        for (key, value) in &self.0 {
            let old = put(key, value)?;
            grown += weight_bytes(key, value) as i64 - weight_bytes(key, &old) as i64;
        }
        Ok(grown)
    }

    fn write_to(&self, tree: &Tree, unsynced: &mut Unsynced<'_>) -> Result<i64, Fault> {
        self.write(|key, value| {
            unsynced.add(weight_bytes(key, value))?;
            let old = match value {
                Some(value) => tree.insert(key, value),
                None => tree.remove(key),
            };
            old.map_err(fault)
        })
    }

    fn write_in(&self, view: &TransactionalTree) -> Result<i64, UnabortableTransactionError> {
        self.write(|key, value| match value {
            Some(value) => view.insert(key, value),
            None => view.remove(key),
        })
    }
}

fn weight_bytes(key: &IVec, value: &Option<IVec>) -> usize {
    value.as_ref().map_or(0, |value| key.len() + value.len())
}

/// What was written since the last sync: never much more than [`UNSYNCED_BYTES_MAX`].
struct Unsynced<'a> {
    trees: &'a Trees,
    database: &'a mut DatabaseFile,
    bytes: usize,
}

impl Unsynced<'_> {
    /// So many bytes are about to be written.
    fn add(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes += bytes;
        if self.bytes >= UNSYNCED_BYTES_MAX {
            self.bytes = bytes;
            self.database.make_durable(self.trees)?;
        }
        Ok(())
    }
}

impl Trees {
    /// The trees of `db`, made if they are not there.
    pub(super) fn of(db: Db) -> Result<Trees, Fault> {
        let tree = |name: &str| db.open_tree(name).map_err(fault);
        let (kv, log, exp, meta) = (tree("kv")?, tree("log")?, tree("exp")?, tree("meta")?);
        Ok(Trees {
            db,
            kv,
            log,
            exp,
            meta,
        })
    }

    /// The record under `key`.
    pub(super) fn record(&self, key: &Key) -> Result<Option<Record>, Fault> {
        let Some(bytes) = self.kv.get(key.as_bytes()).map_err(fault)? else {
            return Ok(None);
        };
        decode_record(key.as_bytes(), &bytes)
            .map(Some)
            .ok_or_else(|| undecodable("a record"))
    }

    /// The revision of the record under `key`.
    pub(super) fn revision_of(&self, key: &Key) -> Result<Option<Revision>, Fault> {
        let Some(bytes) = self.kv.get(key.as_bytes()).map_err(fault)? else {
            return Ok(None);
        };
        decode_revision(&bytes)
            .map(Some)
            .ok_or_else(|| undecodable("a record"))
    }

    /// Writes commits that the log holds whole, as it is or with `writes`; the last of them is `revision`. Not durable
    /// before [`DatabaseFile::make_durable`]; but of a commit that is long, pieces are on the way. Returns by how many bytes
    /// the records have grown.
    ///
    /// Neither a batch nor a transaction of the engine: either costs it one more write and one more wait for the
    /// disk. Its own log keeps what one thread writes in that order, and a crash cuts off the end; so the change
    /// log goes first and `meta` last, and what lies between the two is written again at the next opening
    /// (`replay.rs`).
    pub(super) fn apply_logged(
        &self,
        revision: Revision,
        writes: &Writes,
        database: &mut DatabaseFile,
    ) -> Result<i64, Fault> {
        let mut unsynced = Unsynced {
            trees: self,
            database,
            bytes: 0,
        };
        writes.log.write_to(&self.log, &mut unsynced)?;
        let grown = writes.kv.write_to(&self.kv, &mut unsynced)?;
        writes.exp.write_to(&self.exp, &mut unsynced)?;
        let revision = &revision.0.to_be_bytes();
        self.meta.insert(REVISION_KEY, revision).map_err(fault)?;
        Ok(grown)
    }

    /// Writes one commit or more, the last of them `revision`, all or nothing, whatever the log in `writes` holds.
    /// Not durable before [`DatabaseFile::make_durable`]. Returns by how many bytes the records have grown.
    ///
    /// A transaction of the engine, because nothing else of it writes several trees at once. It decides
    /// nothing and never runs twice: there is one writer.
    pub(super) fn apply(&self, revision: Revision, writes: &Writes) -> Result<i64, Fault> {
        let trees = (&self.kv, &self.log, &self.exp, &self.meta);
        let written = trees.transaction(|(kv, log, exp, meta)| {
            let grown = writes.kv.write_in(kv)?;
            writes.log.write_in(log)?;
            writes.exp.write_in(exp)?;
            meta.insert(REVISION_KEY, &revision.0.to_be_bytes())?;
            Ok(grown)
        });
        written.map_err(|error: TransactionError<()>| match error {
            TransactionError::Storage(error) => fault(error),
            TransactionError::Abort(()) => Fault::Damaged("a write was given up".into()),
        })
    }

    /// Hands everything written to the operating system. Not yet on the disk: the engine's flush ends
    /// with sync_file_range, which neither writes metadata nor empties the disk's cache.
    pub(super) fn flush(&self) -> Result<(), Fault> {
        self.db.flush().map(drop).map_err(fault)
    }

    /// The format, or `None` if the trees were never set up.
    pub(super) fn format(&self) -> Result<Option<u32>, Fault> {
        Ok(self.number(FORMAT_KEY)?.map(u32::from_be_bytes))
    }

    /// The identity.
    pub(super) fn id(&self) -> Result<StoreId, Fault> {
        let id = self.number(ID_KEY)?.ok_or_else(|| undecodable("the identity"))?;
        Ok(StoreId(u128::from_be_bytes(id)))
    }

    /// The revision of the last commit.
    pub(super) fn revision(&self) -> Result<Revision, Fault> {
        Ok(Revision(self.number(REVISION_KEY)?.map_or(0, u64::from_be_bytes)))
    }

    /// Sets up a new store. Durable like any write: not yet.
    pub(super) fn set_up(&self, id: StoreId) -> Result<(), Fault> {
        let mut batch = Batch::default();
        batch.insert(FORMAT_KEY, &FORMAT.to_be_bytes());
        batch.insert(ID_KEY, &id.0.to_be_bytes());
        self.meta.apply_batch(batch).map_err(fault)
    }

    /// Says that from now on the trees may be as only a version that knows `format` understands.
    pub(super) fn set_format(&self, format: u32) -> Result<(), Fault> {
        self.meta
            .insert(FORMAT_KEY, &format.to_be_bytes())
            .map(drop)
            .map_err(fault)
    }

    fn number<const N: usize>(&self, key: &[u8]) -> Result<Option<[u8; N]>, Fault> {
        let Some(bytes) = self.meta.get(key).map_err(fault)? else {
            return Ok(None);
        };
        let bytes: &IVec = &bytes;
        bytes
            .as_ref()
            .try_into()
            .map(Some)
            .map_err(|_| undecodable("a number in meta"))
    }
}

/// What an error of the engine means to a caller.
pub(super) fn fault(error: ::sled::Error) -> Fault {
    match error {
        ::sled::Error::Io(cause) => disk_fault(&cause),
        other => Fault::Damaged(Arc::from(other.to_string())),
    }
}

/// What an error of the operating system means to a caller.
pub(super) fn disk_fault(cause: &std::io::Error) -> Fault {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Fault::Full,
        _ => Fault::Disk(Arc::from(cause.to_string())),
    }
}

/// Bytes that passed the engine's checksum and are nothing we wrote.
pub(super) fn undecodable(what: &str) -> Fault {
    Fault::Damaged(Arc::from(format!("{what} cannot be decoded")))
}
