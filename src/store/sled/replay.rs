//! What a crash in the middle of a write has left, made whole.
//!
//! A commit is written to the change log first, then to the other trees, and to `meta` last
//! ([`Trees::apply_logged`]). A crash leaves a beginning of that. So what the log has beyond the revision in `meta`
//! is written again, which does no harm where it was written already; and a commit that the log has only in part
//! is taken back: nothing else has any of it. Whether such commits are kept or not is all the same, as none of them
//! was acknowledged; that each is whole or gone is what counts.

use crate::record::{Change, Operation, Revision};
use crate::store::Fault;
use crate::store::sled::codec::{decode_log_key, encode_expiry, encode_record, log_key};
use crate::store::sled::files::DatabaseFile;
use crate::store::sled::log::LoggedChanges;
use crate::store::sled::trees::{Trees, Writes, fault, undecodable};

/// Makes `trees` whole, whose file is `database`; not durably yet. Errors: `Damaged` if no crash leaves them so; `Disk`
/// if they cannot be read.
pub(super) fn replay(trees: &Trees, database: &mut DatabaseFile) -> Result<(), Fault> {
    let mut last = trees.revision()?;
    // What only the system has of the log must not be lost beside what is written of it again.
    database.make_durable(trees)?;
    let mut changes = LoggedChanges::after(trees, last);
    loop {
        match changes.next() {
            Some(Ok(change)) if change.revision.0 == last.0 + 1 => {
                trees.apply_logged(change.revision, &again(&change), database)?;
                last = change.revision;
            }
            // What is cut off does not decode.
            None | Some(Ok(_) | Err(Fault::Damaged(_))) => return take_back(trees, last),
            Some(Err(fault)) => return Err(fault),
        }
    }
}

/// What `change` writes, without the log that has it already. Expiries of records that it replaces are left over
/// for the sweep.
fn again(change: &Change) -> Writes {
    let mut writes = Writes::default();
    for operation in &change.operations {
        match operation {
            Operation::Put { key, value, expires } => {
                let record = encode_record(change.revision, *expires, value);
                writes.kv.insert(key.as_bytes(), record);
                if let Some(expires) = expires {
                    writes.exp.insert(encode_expiry(*expires, key), &[]);
                }
            }
            Operation::Delete { key } => writes.kv.remove(key.as_bytes()),
        }
    }
    writes
}

/// Removes the pieces of one commit after `last` from the log, if there are any.
fn take_back(trees: &Trees, last: Revision) -> Result<(), Fault> {
    let torn = Revision(last.0 + 1);
    let mut pieces = Vec::new();
    for key in trees.log.range(log_key(torn, 0)..).keys() {
        let key = key.map_err(fault)?;
        match decode_log_key(&key) {
            Some((revision, _)) if revision == torn => pieces.push(key),
            _ => return Err(undecodable("the end of the log")),
        }
    }
    for piece in &pieces {
        trees.log.remove(piece).map_err(fault)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Key, Kind};
    use crate::store::sled::codec::{PART_BYTES, encode_change};
    use crate::store::sled::files::Files;
    use crate::types::Timestamp;

    fn trees() -> (tempfile::TempDir, Trees) {
        let folder = tempfile::tempdir().unwrap();
        let db = ::sled::Config::new()
            .path(folder.path().join("sled"))
            .flush_every_ms(None);
        let trees = Trees::of(db.open().unwrap()).unwrap();
        trees.apply(Revision(4), &Writes::default()).unwrap();
        (folder, trees)
    }

    fn replay_in(folder: &tempfile::TempDir, trees: &Trees) -> Result<(), Fault> {
        let mut database = DatabaseFile::open(&Files::of(folder.path())).unwrap();
        replay(trees, &mut database)
    }

    fn key(name: &str) -> Key {
        Key::new(Kind::Entry, name.as_bytes())
    }

    fn put(name: &str, bytes: usize, expires: Option<u64>) -> Operation {
        Operation::Put {
            key: key(name),
            value: vec![7; bytes].into(),
            expires: expires.map(Timestamp::from_unix_ms),
        }
    }

    /// Puts a change into the log and nowhere else, as far as its first `parts`.
    fn log(trees: &Trees, revision: u64, operations: &[Operation], parts: usize) {
        let bytes = encode_change(operations);
        for (part, piece) in (0u16..).zip(bytes.chunks(PART_BYTES)).take(parts) {
            trees
                .log
                .insert(&log_key(Revision(revision), part)[..], piece)
                .unwrap();
        }
    }

    #[test]
    fn what_only_the_log_has_is_written_again() {
        let (folder, trees) = trees();
        log(&trees, 5, &[put("a", 3, None), put("b", 3, Some(9))], 1);
        log(
            &trees,
            6,
            &[Operation::Delete { key: key("a") }, put("c", PART_BYTES, None)],
            9,
        );
        replay_in(&folder, &trees).unwrap();
        assert_eq!(trees.revision().unwrap(), Revision(6));
        let revision = |name: &str| trees.revision_of(&key(name)).unwrap();
        assert_eq!(revision("a"), None);
        assert_eq!(revision("b"), Some(Revision(5)));
        assert_eq!(revision("c"), Some(Revision(6)));
        let expiry = encode_expiry(Timestamp::from_unix_ms(9), &key("b"));
        assert!(trees.exp.contains_key(expiry).unwrap());
        assert_eq!(trees.log.len(), 3);
    }

    #[test]
    fn a_commit_that_the_log_has_in_part_never_was() {
        let (folder, trees) = trees();
        log(&trees, 5, &[put("a", 3, None)], 1);
        log(&trees, 6, &[put("b", 2 * PART_BYTES, None)], 2);
        replay_in(&folder, &trees).unwrap();
        assert_eq!(trees.revision().unwrap(), Revision(5));
        assert_eq!(trees.revision_of(&key("b")).unwrap(), None);
        assert_eq!(trees.log.len(), 1);
    }

    #[test]
    fn a_log_that_no_crash_leaves_so_is_damaged() {
        for (torn, next) in [(0, 6), (2, 6), (0, 7)] {
            let (folder, trees) = trees();
            log(&trees, 5, &[put("b", 2 * PART_BYTES, None)], torn);
            log(&trees, next, &[put("c", 3, None)], 1);
            assert!(
                matches!(replay_in(&folder, &trees), Err(Fault::Damaged(_))),
                "{torn} {next}"
            );
        }
    }
}
