//! Records of entries that cannot be served, set aside so that all others are.
//!
//! Every entry of a snapshot has its parent there, up to a topmost one. A record that cannot be read, and one without
//! a parent in the snapshot (that one is missing, or stands here itself, or the two stand in a circle), are kept here
//! instead, and so is all that is below them. A commit that writes the record, or the parent it waits for, takes it out again; one that deletes
//! it does too.

use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use thiserror::Error;

use super::incoming::entry_id;
use crate::record::entry::EntryError;
use crate::record::{Key, Revision};
use crate::types::EntryId;

/// Why a record of an entry cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// Its key does not hold an entry id.
    #[error("the key of an entry's record is damaged")]
    Key,
    /// Its bytes cannot be read.
    #[error(transparent)]
    Record(#[from] EntryError),
    /// It is below an entry that is not served.
    #[error("it is below entry {0}, which is missing, set aside or below this one")]
    Parent(EntryId),
}

impl Reason {
    /// What somebody can do about it, in half a sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Reason::Record(EntryError::Newer) => "start the version that wrote it",
            Reason::Parent(_) => {
                "it comes back with the entry above it; if that is lost, `beadle store discard` it and import it again"
            }
            Reason::Key | Reason::Record(EntryError::Damaged(_)) => {
                "put back an earlier copy of the store, or `beadle store discard` it and import the entry again"
            }
        }
    }

    /// Whether another version reads it.
    pub fn is_of_a_newer_version(self) -> bool {
        self == Reason::Record(EntryError::Newer)
    }
}

/// An entry that waits for its parent.
#[derive(Clone)]
pub(super) struct Orphan {
    /// The commit that wrote it.
    pub revision: Revision,
    /// As of a [`super::delta::DeltaEntry`].
    pub blob: Box<[u8]>,
}

/// The records that are set aside, by key. Copying it is cheap. Never more than the store holds, and an orphan takes
/// as much memory as when it was served.
#[derive(Clone, Default)]
pub struct Quarantine {
    records: OrdMap<Key, Reason>,
    /// By the parent that is waited for, and own id.
    orphans: OrdMap<(EntryId, EntryId), Arc<Orphan>>,
}

/// How a record's place changed.
pub enum Moved<'a> {
    /// It is set aside, or for another reason than before.
    Aside(&'a Key, Reason),
    /// It is set aside no more: it is served, or was deleted.
    Back(&'a Key),
}

impl Quarantine {
    /// How many records are set aside.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether the record of the entry `id` is.
    pub fn has(&self, id: EntryId) -> bool {
        self.records.contains_key(&Key::entry(id))
    }

    /// The records with their reasons, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, Reason)> {
        self.records.iter().map(|(key, reason)| (key, *reason))
    }

    /// What differs from what it was `before`, in the order of keys.
    pub fn moved_since<'a>(&'a self, before: &'a Quarantine) -> impl Iterator<Item = Moved<'a>> {
        before.records.diff(&self.records).map(|item| match item {
            DiffItem::Add(key, reason)
            | DiffItem::Update {
                new: (key, reason), ..
            } => Moved::Aside(key, *reason),
            DiffItem::Remove(key, _) => Moved::Back(key),
        })
    }

    /// An id above those of all records here.
    pub(super) fn next_id(&self) -> EntryId {
        let ids = self.records.keys().rev().filter_map(|key| entry_id(key).ok()?);
        ids.map(EntryId::next).next().unwrap_or(EntryId::FIRST)
    }

    pub(super) fn put(&mut self, key: Key, reason: Reason) {
        self.remove(&key);
        self.records.insert(key, reason);
    }

    pub(super) fn put_orphan(&mut self, id: EntryId, parent: EntryId, orphan: Orphan) {
        self.put(Key::entry(id), Reason::Parent(parent));
        self.orphans.insert((parent, id), Arc::new(orphan));
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(Reason::Parent(parent)) = self.records.remove(key)
            && let Ok(Some(id)) = entry_id(key)
        {
            self.orphans.remove(&(parent, id));
        }
    }

    /// Takes out all that wait for `parent`.
    pub(super) fn take_below(&mut self, parent: EntryId) -> Vec<(EntryId, Arc<Orphan>)> {
        let all = (parent, EntryId(0))..=(parent, EntryId(u64::MAX));
        let waiting = self.orphans.range(all);
        let taken: Vec<_> = waiting.map(|((_, id), orphan)| (*id, orphan.clone())).collect();
        taken.iter().for_each(|(id, _)| self.remove(&Key::entry(*id)));
        taken
    }

    /// Adds `more`, which has none of the same keys.
    pub(super) fn add(&mut self, more: Quarantine) {
        self.records = std::mem::take(&mut self.records).union(more.records);
        self.orphans = std::mem::take(&mut self.orphans).union(more.orphans);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;

    use super::super::testing::{Row, UNIVERSITY, built, change, key, put, record, schema, snapshot};
    use super::super::{EntryRef, Snapshot};
    use super::*;
    use crate::record::{Kind, Operation, Record};
    use crate::types::SeededEntropy;

    fn damaged(key: Key) -> Operation {
        Operation::put(key, *b"\x01")
    }

    /// What is set aside: key and reason.
    fn aside(snapshot: &Snapshot) -> Vec<(Key, Reason)> {
        let records = snapshot.quarantine().iter();
        records.map(|(key, reason)| (key.clone(), reason)).collect()
    }

    /// The DNs that are served, with the commits that wrote them.
    fn served(snapshot: &Snapshot) -> BTreeMap<String, (u64, Revision)> {
        let all = snapshot.entries();
        all.map(|entry| (entry.dn_text(), (entry.id().0, entry.revision())))
            .collect()
    }

    fn after(snapshot: &Snapshot, operations: Vec<Operation>) -> Snapshot {
        let next = change(snapshot.revision().0 + 1, operations);
        let next = snapshot.apply(&[next], schema()).unwrap();
        assert_eq!(next.len(), next.entries().count());
        next
    }

    fn folded(snapshot: &Snapshot) -> Snapshot {
        snapshot.folded(schema(), NonZeroUsize::MIN).unwrap()
    }

    #[test]
    fn what_no_directory_writes_is_set_aside_and_the_rest_is_served() {
        let old = snapshot(schema(), UNIVERSITY);
        let orphan = Row(9, 77, "cn=x", &["cn: x"]);
        let short = Key::new(Kind::Entry, b"4");
        let newer = Operation::put(key(8), *b"\x09");
        let new = after(
            &old,
            vec![
                damaged(key(6)),
                damaged(short.clone()),
                put(schema(), &orphan),
                newer,
            ],
        );
        let expected = [
            (key(6), Reason::Record(EntryError::Damaged(1))),
            (key(8), Reason::Record(EntryError::Newer)),
            (key(9), Reason::Parent(EntryId(77))),
            (short, Reason::Key),
        ];
        for snapshot in [&new, &folded(&new)] {
            assert_eq!(aside(snapshot), expected);
            assert_eq!((snapshot.len(), snapshot.next_id()), (6, EntryId(10)));
            assert!(snapshot.entry_by_uid("ada", schema()).is_some());
            assert!(snapshot.entry_by_uid("shy", schema()).is_none());
        }
    }

    #[test]
    fn what_is_below_comes_and_goes_with_its_parent() {
        let old = snapshot(schema(), UNIVERSITY);
        let people = put(schema(), &UNIVERSITY[1]);
        for gone in [Operation::Delete { key: key(2) }, damaged(key(2))] {
            let cut = folded(&after(&old, vec![gone]));
            let below = (cut.quarantine().iter()).filter(|(_, reason)| *reason == Reason::Parent(EntryId(2)));
            assert_eq!((below.count(), cut.len()), (3, 4));
            assert!(cut.entry_by_uid("ada", schema()).is_none());
            let back = after(&cut, vec![people.clone()]);
            assert!(back.quarantine().is_empty());
            let ada = back.entry_by_uid("ada", schema()).unwrap();
            assert_eq!(ada.revision(), Revision(1), "it is not written anew");
            assert!(
                ada.to_stored(schema()).unwrap().encode()
                    == super::super::testing::stored(schema(), &UNIVERSITY[3])
            );
        }
    }

    #[test]
    fn a_circle_is_set_aside_until_it_is_opened() {
        let old = snapshot(schema(), UNIVERSITY);
        let rows = [Row(20, 21, "ou=a", &["ou: a"]), Row(21, 20, "ou=b", &["ou: b"])];
        let circle = after(&old, rows.iter().map(|row| put(schema(), row)).collect());
        assert_eq!((circle.len(), circle.quarantine().len()), (8, 2));
        let opened = after(&circle, vec![put(schema(), &Row(21, 1, "ou=b", &["ou: b"]))]);
        assert!(opened.quarantine().is_empty());
        let closed = after(&opened, vec![put(schema(), &rows[1])]);
        assert_eq!(aside(&closed), aside(&circle));
        let itself = after(&opened, vec![put(schema(), &Row(21, 21, "ou=b", &["ou: b"]))]);
        assert_eq!((itself.len(), itself.quarantine().len()), (8, 2));
    }

    #[test]
    fn a_deleted_record_is_set_aside_no_more() {
        let short = Key::new(Kind::Entry, b"4");
        let orphan = put(schema(), &Row(9, 77, "cn=x", &["cn: x"]));
        let old = after(
            &snapshot(schema(), UNIVERSITY),
            vec![damaged(key(6)), damaged(short.clone()), orphan],
        );
        let gone = [key(6), short, key(9)].map(|key| Operation::Delete { key });
        let new = after(&old, gone.into());
        assert!(new.quarantine().is_empty());
        let moved: Vec<_> = new.quarantine().moved_since(old.quarantine()).collect();
        assert!(matches!(
            moved[..],
            [Moved::Back(_), Moved::Back(_), Moved::Back(_)]
        ));
        let late = after(&new, vec![put(schema(), &Row(77, 1, "ou=late", &["ou: late"]))]);
        assert_eq!(late.len(), 8, "nothing waits any more");
    }

    /// A record under one of few ids, with a parent that may be there, missing, itself or below it.
    fn random_operation(entropy: &mut SeededEntropy) -> Operation {
        let mut pick = |count: u64| entropy.next_u64() % count;
        let id = 9 + pick(12);
        match pick(8) {
            0 => Operation::Delete { key: key(id) },
            1 => damaged(key(id)),
            choice => {
                let parent = if choice == 2 { 2 } else { 9 + pick(12) };
                put(
                    schema(),
                    &Row(id, parent, &format!("cn=p{id}"), &["objectClass: device"]),
                )
            }
        }
    }

    #[test]
    fn random_damage_leads_where_building_anew_leads() {
        for seed in 0..8 {
            let mut entropy = SeededEntropy::new(seed);
            let start = UNIVERSITY.iter().map(|row| record(schema(), row));
            let mut records: BTreeMap<Key, Record> =
                start.map(|record| (record.key.clone(), record)).collect();
            let mut current = snapshot(schema(), UNIVERSITY);
            for revision in 2..60 {
                let operations: Vec<_> = (0..3).map(|_| random_operation(&mut entropy)).collect();
                for operation in &operations {
                    match operation.clone() {
                        Operation::Delete { key } => drop(records.remove(&key)),
                        Operation::Put { key, value, expires } => {
                            let revision = Revision(revision);
                            records.insert(
                                key.clone(),
                                Record {
                                    key,
                                    value,
                                    revision,
                                    expires,
                                },
                            );
                        }
                    }
                }
                current = after(&current, operations);
                if revision % 20 == 13 {
                    current = folded(&current);
                }
                let anew = built(schema(), records.values().cloned()).unwrap();
                assert_eq!(served(&current), served(&anew), "seed {seed}");
                assert_eq!(aside(&current), aside(&anew), "seed {seed}");
                assert!(
                    current
                        .entries()
                        .all(|entry: EntryRef<'_>| entry.normal_dn()
                            == schema().normal_dn(&entry.dn()).unwrap())
                );
            }
        }
    }
}
