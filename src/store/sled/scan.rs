//! Snapshots: all records at one revision while the writer goes on.
//!
//! The engine has no snapshots of its own. While one is read, the writer keeps what was there before it
//! overwrites or deletes a record (an [`Overlay`]); the scan prefers the overlay to what it finds.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::record::{Key, Record, Revision};
use crate::store::sled::codec::{decode_record, record_bytes};
use crate::store::sled::space::Mark;
use crate::store::sled::trees::{Trees, fault, undecodable};
use crate::store::sled::writer::guarded;
use crate::store::stream::Received;
use crate::store::{BoxStream, Fault, Records, StoreError};

/// How many bytes of records a piece of a snapshot has, about.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces wait for a slow reader.
const PIECES_WAITING_MAX: usize = 4;
/// How many overwritten records are kept for one snapshot; at one more it ends with `Overtaken`.
const OVERLAY_RECORDS_MAX: usize = 500_000;

/// What the records under a prefix were at a revision, as far as they have changed since.
pub(super) struct Overlay {
    prefix: Box<[u8]>,
    revision: Revision,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    before: BTreeMap<Key, Option<Record>>,
    /// The scan has handed out everything up to this key.
    passed: Option<Key>,
    overtaken: bool,
}

impl Overlay {
    /// Of the records under `prefix` at `revision`, which must be the present one.
    pub(super) fn new(prefix: &[u8], revision: Revision) -> Overlay {
        Overlay {
            prefix: prefix.into(),
            revision,
            state: Mutex::default(),
        }
    }

    /// Called before `key` is written: keeps what was there, if the scan still needs it.
    pub(super) fn keep(
        &self,
        key: &Key,
        before: impl FnOnce() -> Result<Option<Record>, Fault>,
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        let needed = key.as_bytes().starts_with(&self.prefix)
            && state.passed.as_ref().is_none_or(|passed| key > passed)
            && !state.before.contains_key(key);
        if !needed || state.overtaken {
            return Ok(());
        }
        if state.before.len() >= OVERLAY_RECORDS_MAX {
            state.overtaken = true;
            state.before = BTreeMap::new();
            return Ok(());
        }
        state.before.insert(key.clone(), before()?);
        Ok(())
    }

    /// Turns what a scan found behind the last piece, up to `last` (`None`: to the end), into what was
    /// there at the revision.
    fn correct(&self, found: Vec<Record>, last: Option<&Key>) -> Result<Vec<Record>, StoreError> {
        let mut state = self.lock();
        if state.overtaken {
            return Err(StoreError::Overtaken);
        }
        let later = last
            .map(|last| split_after(&mut state.before, last))
            .unwrap_or_default();
        let before = std::mem::replace(&mut state.before, later);
        state.passed = last.cloned();
        drop(state);
        let untouched = found
            .into_iter()
            .filter(|record| record.revision <= self.revision && !before.contains_key(&record.key));
        let mut records: Vec<Record> = untouched.collect();
        records.extend(before.into_values().flatten());
        Ok(records)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes out of `map` what comes after `key`.
fn split_after<T>(map: &mut BTreeMap<Key, T>, key: &Key) -> BTreeMap<Key, T> {
    let mut after = map.split_off(key);
    if let Some((key, value)) = after.remove_entry(key) {
        map.insert(key, value);
    }
    after
}

/// Reads every record of `overlay`'s prefix as it was at its revision; if that is all there are, `mark` hears how
/// many bytes they have.
pub(super) fn scan(trees: Trees, overlay: Arc<Overlay>, mark: Mark) -> Result<Records, StoreError> {
    in_thread("store-scan", move |send| {
        let mut from = Bound::Included(overlay.prefix.to_vec());
        let mut bytes = 0;
        loop {
            let piece = guarded(|| read_piece(&trees, &overlay.prefix, from));
            let last = piece.as_ref().ok().and_then(|piece| piece.last.clone());
            let records = piece.map_err(StoreError::Fatal);
            let records = records.and_then(|piece| overlay.correct(piece.records, last.as_ref()));
            let failed = records.is_err();
            bytes += records.iter().flatten().map(record_bytes).sum::<u64>();
            if send(records).is_err() || failed {
                return;
            }
            let Some(last) = last else { break };
            from = Bound::Excluded(last.as_bytes().to_vec());
        }
        if overlay.prefix.is_empty() {
            mark.counted(bytes);
        }
    })
}

struct Piece {
    records: Vec<Record>,
    /// The last key, if there may be more behind it.
    last: Option<Key>,
}

fn read_piece(trees: &Trees, prefix: &[u8], from: Bound<Vec<u8>>) -> Result<Piece, Fault> {
    let mut piece = Piece {
        records: Vec::new(),
        last: None,
    };
    let mut bytes = 0;
    for item in trees.kv.range((from, Bound::Unbounded)) {
        let (key, value) = item.map_err(fault)?;
        if !key.starts_with(prefix) {
            break;
        }
        bytes += key.len() + value.len();
        let record = decode_record(&key, &value).ok_or_else(|| undecodable("a record"))?;
        if bytes >= PIECE_BYTES {
            piece.last = Some(record.key.clone());
        }
        piece.records.push(record);
        if piece.last.is_some() {
            break;
        }
    }
    Ok(piece)
}

/// A stream of what `work` sends from a thread of its own, a few items ahead of the reader. `send` fails
/// once nobody reads any more. Errors: `Unavailable` if there is no thread to be had.
pub(super) fn in_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&dyn Fn(T) -> Result<(), Unread>) + Send + 'static,
) -> Result<BoxStream<'static, T>, StoreError> {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let thread = std::thread::Builder::new().name(name.to_owned());
    let run = move || work(&|item| sender.blocking_send(item).map_err(|_| Unread));
    thread.spawn(run).map_err(|_| StoreError::Unavailable)?;
    Ok(Box::pin(Received(receiver)))
}

/// Nobody reads the stream any more.
pub(super) struct Unread;
