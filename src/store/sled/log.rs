//! The change log on disk: what it holds, how it is kept short, and how the feed reads it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::record::{Change, Revision};
use crate::store::feed::{Backlog, Changes};
use crate::store::sled::codec::{
    PART_BYTES, change_length, decode_change, decode_log_key, encode_change, log_key,
};
use crate::store::sled::scan::in_thread;
use crate::store::sled::trees::{Trees, Writes, fault, undecodable};
use crate::store::sled::writer::guarded;
use crate::store::{Fault, FeedError, LogBounds, StoreError};

/// How many pieces one commit removes from the log at most; the rest is left to the next ones.
const TRIM_PARTS_MAX: usize = 100;

/// What the log on disk holds, oldest first.
pub(super) struct LogIndex {
    bounds: LogBounds,
    changes: VecDeque<Logged>,
    bytes: usize,
}

struct Logged {
    revision: Revision,
    parts: u16,
    bytes: usize,
}

impl LogIndex {
    /// Reads what the log holds.
    pub(super) fn load(trees: &Trees, bounds: LogBounds) -> Result<LogIndex, Fault> {
        let mut index = LogIndex {
            bounds,
            changes: VecDeque::new(),
            bytes: 0,
        };
        for item in trees.log.iter() {
            let (key, value) = item.map_err(fault)?;
            let (revision, part) = decode_log_key(&key).ok_or_else(|| undecodable("a key of the log"))?;
            index.count(revision, part + 1, value.len());
        }
        Ok(index)
    }

    /// Bytes it holds on disk, without the keys.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Whether it holds every commit after `after` up to `last`, its newest.
    pub(super) fn holds(&self, after: Revision, last: Revision) -> bool {
        let commits = (last.0 - after.0) as usize;
        let first = self.changes.len().checked_sub(commits);
        let newest = self.changes.back().map(|logged| logged.revision);
        // Revisions in it only grow: with so many up to the last one there is no room for a hole.
        first
            .and_then(|first| self.changes.get(first))
            .is_some_and(|first| first.revision.0 == after.0 + 1 && newest == Some(last))
    }

    fn count(&mut self, revision: Revision, parts: u16, bytes: usize) {
        self.bytes += bytes;
        match self.changes.back_mut() {
            Some(last) if last.revision == revision => {
                last.parts = parts;
                last.bytes += bytes;
            }
            _ => self.changes.push_back(Logged {
                revision,
                parts,
                bytes,
            }),
        }
    }

    /// Adds `change` to `writes`, and the removal of what is then too much.
    pub(super) fn append(&mut self, change: &Change, writes: &mut Writes) {
        let bytes = encode_change(&change.operations);
        if bytes.len() <= self.bounds.bytes_max {
            for (part, piece) in (0u16..).zip(bytes.chunks(PART_BYTES)) {
                writes.log.insert(&log_key(change.revision, part)[..], piece);
                self.count(change.revision, part + 1, piece.len());
            }
        }
        self.trim(bytes.len(), writes);
    }

    /// A commit that is not kept at all leaves a hole, so everything before it goes too.
    fn trim(&mut self, newest_bytes: usize, writes: &mut Writes) {
        let hole = newest_bytes > self.bounds.bytes_max;
        let mut parts = 0;
        while parts < TRIM_PARTS_MAX {
            let much = self.changes.len() > self.bounds.commits_max || self.bytes > self.bounds.bytes_max;
            if !much && !hole {
                break;
            }
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes;
            parts += usize::from(oldest.parts);
            (0..oldest.parts).for_each(|part| writes.log.remove(&log_key(oldest.revision, part)[..]));
        }
    }
}

/// The log as the feed reads it.
pub(super) struct LogBacklog(pub(super) Trees);

impl Backlog for LogBacklog {
    fn read(&self, after: Revision, last: Revision) -> Changes {
        let trees = self.0.clone();
        let stream = in_thread("store-feed", move |send| {
            let mut changes = LoggedChanges::after(&trees, after);
            for expected in after.0 + 1..=last.0 {
                let change = followed(changes.next(), Revision(expected));
                let over = change.is_err();
                if send(change).is_err() || over {
                    return;
                }
            }
        });
        stream.unwrap_or_else(|error| Box::pin(Once(Some(Err(FeedError::Unreadable(error))))))
    }
}

/// The change that should be `expected`. Anything else was trimmed before or while it was read, or is
/// unreadable: either way the follower takes a snapshot.
fn followed(change: Option<Result<Change, Fault>>, expected: Revision) -> Result<Arc<Change>, FeedError> {
    match change {
        Some(Ok(change)) if change.revision == expected => Ok(Arc::new(change)),
        None | Some(Ok(_) | Err(Fault::Damaged(_))) => Err(FeedError::Compacted),
        Some(Err(fault)) => Err(FeedError::Unreadable(StoreError::Fatal(fault))),
    }
}

/// Every change in the log after a revision, in order.
pub(super) struct LoggedChanges {
    pieces: ::sled::Iter,
}

impl LoggedChanges {
    /// What the log of `trees` has after `after`.
    pub(super) fn after(trees: &Trees, after: Revision) -> LoggedChanges {
        let first = log_key(Revision(after.0.saturating_add(1)), 0);
        LoggedChanges {
            pieces: trees.log.range(first..),
        }
    }

    fn change(&mut self) -> Result<Option<Change>, Fault> {
        let Some((revision, mut bytes)) = self.piece()? else {
            return Ok(None);
        };
        let length = change_length(&bytes).ok_or_else(|| undecodable("a change"))?;
        while bytes.len() < length {
            let Some((same, piece)) = self.piece()? else { break };
            if same != revision {
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        decode_change(revision, &bytes)
            .map(Some)
            .ok_or_else(|| undecodable("a change"))
    }

    fn piece(&mut self) -> Result<Option<(Revision, Vec<u8>)>, Fault> {
        let Some(item) = self.pieces.next() else {
            return Ok(None);
        };
        let (key, value) = item.map_err(fault)?;
        let (revision, _) = decode_log_key(&key).ok_or_else(|| undecodable("a key of the log"))?;
        Ok(Some((revision, value.to_vec())))
    }
}

impl Iterator for LoggedChanges {
    type Item = Result<Change, Fault>;

    fn next(&mut self) -> Option<Result<Change, Fault>> {
        guarded(|| self.change()).transpose()
    }
}

/// A stream of one item.
struct Once<T>(Option<T>);

impl<T: Unpin> futures_core::Stream for Once<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready(self.0.take())
    }
}
