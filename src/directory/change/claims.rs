//! What a change depends on and takes, as guards and operations of its batch.

use std::collections::{BTreeSet, HashSet};

use crate::directory::change::decide::World;
use crate::directory::change::draft::Draft;
use crate::directory::change::unique;
use crate::directory::request::{Answer, Refusal};
use crate::domain::schema::Schema;
use crate::index::{Candidates, EntryRef, Slot, Snapshot};
use crate::record::{Batch, Guard, Key, Operation, Revision};
use crate::types::{AttributeType, EntryId, NormalDnRef};

/// The buckets of who is below an entry. No attribute is called so.
const CHILDREN: &str = "children of";
/// The buckets of who refers to an entry.
const REFERENCES: &str = "references to";

/// A batch in the making.
pub(super) struct Claims {
    /// Everything was looked at as of this commit.
    seen: Revision,
    batch: Batch,
    /// Entries that must stay where they are.
    staying: BTreeSet<EntryId>,
    /// Buckets of children and of references that are all known.
    known: BTreeSet<Key>,
    /// Buckets that are taken: no two writers at a time.
    taken: BTreeSet<Key>,
    /// Buckets that are touched for those who have taken them.
    touched: BTreeSet<Key>,
}

impl Claims {
    /// Of nothing, against the snapshot of `world`.
    pub(super) fn new(world: &World<'_>) -> Claims {
        Claims {
            seen: world.snapshot.revision(),
            batch: Batch::default(),
            staying: BTreeSet::new(),
            known: BTreeSet::new(),
            taken: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Nobody has written the entry `id` since it was looked at.
    pub(super) fn unchanged(&mut self, id: EntryId) {
        self.batch
            .guards
            .push(Guard::UnchangedSince(Key::entry(id), self.seen));
    }

    /// Writes a new entry.
    pub(super) fn add(&mut self, id: EntryId, bytes: Vec<u8>) {
        self.batch.guards.push(Guard::Absent(Key::entry(id)));
        self.batch.operations.push(Operation::put(Key::entry(id), bytes));
    }

    /// Writes an entry in the place of what was looked at.
    pub(super) fn write(&mut self, id: EntryId, bytes: Vec<u8>) {
        self.unchanged(id);
        self.batch.operations.push(Operation::put(Key::entry(id), bytes));
    }

    /// Deletes an entry that nothing is below.
    pub(super) fn remove(&mut self, id: EntryId) {
        self.unchanged(id);
        self.known.insert(bucket(CHILDREN, id));
        self.batch
            .operations
            .push(Operation::Delete { key: Key::entry(id) });
    }

    /// Puts an entry below `parent`, which must stay, and so must everything above: whoever removes or moves one of them
    /// comes in between, or this does.
    pub(super) fn below(&mut self, parent: EntryRef<'_>) {
        self.touched.insert(bucket(CHILDREN, parent.id()));
        self.stays(parent);
    }

    /// Nobody renames, moves or removes an entry, or what is above it.
    fn stays(&mut self, entry: EntryRef<'_>) {
        let mut above = Some(entry);
        while let Some(entry) = above.filter(|entry| self.staying.insert(entry.id())) {
            self.unchanged(entry.id());
            above = entry.parent();
        }
    }

    /// The entries that `draft` refers to and the entry `own` does not must keep their names until it is stored, and who
    /// renames one, or anything above it, hears of it: a name is followed only where it is known to stand.
    pub(super) fn names(&mut self, world: &World<'_>, draft: &Draft<'_>, own: Option<EntryRef<'_>>) {
        let schema = world.directory.schema();
        for kind in draft.kinds().intersection(schema.dn_valued()).iter() {
            let normal = new_values(draft, own, kind).filter_map(|value| schema.normal_value(kind, value));
            for normal in normal {
                let named = NormalDnRef::from_bytes(&normal);
                if let Some(named) = world.snapshot.entry_by_normal_dn(named) {
                    self.referred(named);
                    self.stays(named);
                }
            }
        }
        self.member_uids(world, draft, own);
    }

    /// The entries that `draft` lists by UID must keep their UIDs until it is stored, and who changes one hears of it.
    fn member_uids(&mut self, world: &World<'_>, draft: &Draft<'_>, own: Option<EntryRef<'_>>) {
        let schema = world.directory.schema();
        let new = new_values(draft, own, schema.well_known().member_uid);
        let new = new.filter_map(|uid| std::str::from_utf8(uid).ok());
        for listed in new.filter_map(|uid| world.snapshot.entry_by_uid(uid, schema)) {
            self.touched.insert(bucket(REFERENCES, listed.id()));
            self.unchanged(listed.id());
        }
    }

    /// Somebody comes to refer to `entry` or to what is below it.
    pub(super) fn referred(&mut self, entry: EntryRef<'_>) {
        let above = std::iter::successors(Some(entry), EntryRef::parent);
        let buckets = above.map(|entry| bucket(REFERENCES, entry.id()));
        self.touched.extend(buckets);
    }

    /// Nobody has come to refer to the entry `id`, or to what is below it, since it was looked at.
    pub(super) fn followed(&mut self, id: EntryId) {
        self.known.insert(bucket(REFERENCES, id));
    }

    /// Takes a name.
    pub(super) fn name(&mut self, name: NormalDnRef<'_>) {
        let number = unique::bucket_number(name.as_bytes());
        self.taken.insert(unique::numbered(unique::NAMES, number));
    }

    /// Takes the unique values of `draft` that the entry `own` does not have yet. Errors: [`Answer::Constraint`] if
    /// another entry has one.
    pub(super) fn values(
        &mut self,
        world: &World<'_>,
        draft: &Draft<'_>,
        own: Option<EntryRef<'_>>,
    ) -> Result<(), Refusal> {
        let schema = world.directory.schema();
        for kind in &world.rules.unique {
            let mut new = new_values(draft, own, *kind).peekable();
            let had: HashSet<Vec<u8>> = match (new.peek(), own) {
                (Some(_), Some(own)) => normal_values(schema, &own, *kind),
                _ => HashSet::new(),
            };
            for value in new {
                let Some(normal) = schema.normal_value(*kind, value) else {
                    continue;
                };
                if had.contains(&normal) {
                    continue;
                }
                let but = own.map(|own| own.id());
                if holder(world.snapshot, schema, *kind, &normal, but).is_some() {
                    let why = format!("{}: another entry has this value", schema.name(*kind));
                    return Err(Refusal::because(Answer::Constraint, why));
                }
                let number = unique::bucket_number(&normal);
                self.taken.insert(unique::numbered(schema.name(*kind), number));
            }
        }
        Ok(())
    }

    /// The batch.
    pub(super) fn batch(mut self) -> Batch {
        // An import writes under no other bucket; who needs none is not in its way.
        if !(self.taken.is_empty() && self.known.is_empty() && self.touched.is_empty()) {
            let everything = Guard::UnchangedSince(unique::everything(), self.seen);
            self.batch.guards.push(everything);
        }
        self.touched.extend(self.taken.iter().cloned());
        let looked_at = self.taken.into_iter().chain(self.known);
        let unchanged = looked_at.map(|key| Guard::UnchangedSince(key, self.seen));
        self.batch.guards.extend(unchanged);
        let touched = self.touched.into_iter().map(unique::touch);
        self.batch.operations.extend(touched);
        self.batch
    }
}

fn bucket(of: &str, entry: EntryId) -> Key {
    unique::numbered(of, unique::bucket_number(&entry.to_bytes()))
}

/// An entry other than `but` that has this value, in normal form, in `kind`.
pub fn holder<'s>(
    snapshot: &'s Snapshot,
    schema: &Schema,
    kind: AttributeType,
    normal: &[u8],
    but: Option<EntryId>,
) -> Option<EntryRef<'s>> {
    let slots: Vec<Slot> = match snapshot.equality(kind, normal) {
        Candidates::Among(slots) => slots,
        Candidates::Anywhere => snapshot.entries().map(|entry| entry.slot()).collect(),
    };
    let others = slots.into_iter().filter_map(|slot| snapshot.entry(slot));
    let mut others = others.filter(|entry| Some(entry.id()) != but);
    others.find(|entry| has_value(schema, entry, kind, normal))
}

/// The values of an entry in normal form.
fn normal_values(schema: &Schema, entry: &EntryRef<'_>, kind: AttributeType) -> HashSet<Vec<u8>> {
    let values = entry
        .packed()
        .filter(|attribute| attribute.kind == kind)
        .flat_map(|attribute| attribute.values());
    values
        .filter_map(|value| schema.normal_value(kind, value))
        .collect()
}

/// The values of `kind` in `draft`, with whatever options, that are written otherwise in the entry `own`, or not there.
fn new_values<'d>(
    draft: &'d Draft<'_>,
    own: Option<EntryRef<'_>>,
    kind: AttributeType,
) -> impl Iterator<Item = &'d [u8]> {
    let own = own.into_iter().flat_map(|own| own.packed());
    let had = own.filter(|attribute| attribute.kind == kind);
    let had: HashSet<&[u8]> = had.flat_map(|attribute| attribute.values()).collect();
    draft
        .values_of_any(kind)
        .filter(move |value| !had.contains(value))
}

fn has_value(schema: &Schema, entry: &EntryRef<'_>, kind: AttributeType, normal: &[u8]) -> bool {
    let mut values = entry
        .packed()
        .filter(|attribute| attribute.kind == kind)
        .flat_map(|attribute| attribute.values());
    values.any(|value| schema.normal_value(kind, value).as_deref() == Some(normal))
}
