//! Finding entries by name and by value.

use std::hint::black_box;

use roaring::RoaringBitmap;

use super::membership::Posting;
use super::ordered::OrderedColumn;
use super::terms::normal_value;
use super::{EntryRef, Slot, Snapshot, text};
use crate::domain::packed::value_at;
use crate::domain::schema::Schema;
use crate::types::{AttributeType, Dn, NormalDnRef};

/// How far a name leads from the top.
pub enum Walk<'a> {
    /// To an entry of that name.
    Found(EntryRef<'a>),
    /// Not all the way: the deepest entry on it, if any.
    Missing(Option<EntryRef<'a>>),
}

/// An answer of the indexes: where to look, not yet what was found.
pub enum Candidates {
    /// Every match is among these slots, each of which occurs once or more.
    Among(Vec<Slot>),
    /// The indexes do not know: look at every entry.
    Anywhere,
}

impl Candidates {
    /// The slots; `None` if the indexes do not know.
    pub fn among(self) -> Option<Vec<Slot>> {
        match self {
            Candidates::Among(slots) => Some(slots),
            Candidates::Anywhere => None,
        }
    }
}

impl Snapshot {
    /// The entry named `dn`, by the matching rules of its attributes.
    pub fn entry_by_dn(&self, dn: &Dn, schema: &Schema) -> Option<EntryRef<'_>> {
        match self.walk(dn, schema) {
            Walk::Found(entry) => Some(entry),
            Walk::Missing(_) => None,
        }
    }

    /// Follows `dn` from its topmost entry downwards. A name the schema cannot read leads as far as it can.
    pub fn walk(&self, dn: &Dn, schema: &Schema) -> Walk<'_> {
        if let Some(normal) = schema.normal_dn(dn) {
            return self.walk_normal(normal.as_ref());
        }
        let above = dn
            .parent()
            .map_or(Walk::Missing(None), |parent| self.walk(&parent, schema));
        match above {
            Walk::Found(entry) => Walk::Missing(Some(entry)),
            missing => missing,
        }
    }

    /// The entry whose DN has this normal form.
    pub fn entry_by_normal_dn(&self, normal: NormalDnRef<'_>) -> Option<EntryRef<'_>> {
        match self.walk_normal(normal) {
            Walk::Found(entry) => Some(entry),
            Walk::Missing(_) => None,
        }
    }

    /// The same by the normal form of a name.
    pub fn walk_normal(&self, normal: NormalDnRef<'_>) -> Walk<'_> {
        let Some((mut at, mut below)) = self.topmost_of(normal) else {
            return Walk::Missing(None);
        };
        while let Some((rest, rdn)) = below.split_last_rdn() {
            match self.child(at.slot(), rdn) {
                Some(child) => at = child,
                None => {
                    self.walk_nowhere(at, rest);
                    return Walk::Missing(Some(at));
                }
            }
            below = rest;
        }
        Walk::Found(at)
    }

    /// Looks for each part of `below` where it cannot be: a name takes as long if it leads through entries that who asks
    /// may not know of.
    fn walk_nowhere(&self, at: EntryRef<'_>, mut below: NormalDnRef<'_>) {
        while let Some((rest, rdn)) = below.split_last_rdn() {
            black_box(self.child(at.slot(), rdn));
            below = rest;
        }
    }

    /// The topmost entry that a normal DN ends in, and what is in front of it.
    fn topmost_of<'n>(&self, normal: NormalDnRef<'n>) -> Option<(EntryRef<'_>, NormalDnRef<'n>)> {
        self.children(Slot::NONE).find_map(|topmost| {
            let below = normal.below(topmost.normal_name())?;
            Some((topmost, below))
        })
    }

    /// The child of `parent` with this normal name.
    fn child(&self, parent: Slot, normal: NormalDnRef<'_>) -> Option<EntryRef<'_>> {
        let hash = self.base.fixed.hasher.name(parent, normal.as_bytes());
        let based = self.base.names.slots(hash).map(Slot);
        let based = based.filter(|slot| !self.delta.hides(*slot));
        based
            .chain(self.delta.indexes.names(hash))
            .filter_map(|slot| self.entry(slot))
            .find(|entry| entry.is_child_of(parent) && entry.normal_name() == normal)
    }

    /// The one entry with this `uid`. `None` also if several have it: nobody logs in by an ambiguous name.
    pub fn entry_by_uid(&self, uid: &str, schema: &Schema) -> Option<EntryRef<'_>> {
        self.only_entry_with(schema.well_known().uid, uid.as_bytes(), schema)
    }

    /// The one entry with this `mail`. `None` also if several have it, people or lists.
    pub fn entry_by_mail(&self, mail: &str, schema: &Schema) -> Option<EntryRef<'_>> {
        self.only_entry_with(schema.well_known().mail, mail.as_bytes(), schema)
    }

    fn only_entry_with(&self, kind: AttributeType, asked: &[u8], schema: &Schema) -> Option<EntryRef<'_>> {
        let wanted = normal_value(schema, kind, asked)?;
        let has_it = |entry: &EntryRef<'_>| {
            let mut values = entry.attribute(kind).into_iter().flat_map(|run| run.values());
            // Most are typed as they are stored, and then there is nothing to prepare.
            values.any(|value| value == asked || normal_value(schema, kind, value).as_ref() == Some(&wanted))
        };
        match self.equal_slots(kind, &wanted) {
            Some(slots) => only(slots.filter_map(|slot| self.entry(slot)).filter(has_it)),
            None => only(self.entries().filter(has_it)),
        }
    }

    /// About how many slots [`Snapshot::equality`] would give; `None` if the attribute is not indexed.
    pub fn equality_estimate(&self, kind: AttributeType, normal: &[u8]) -> Option<usize> {
        let column = self.base.columns.of(kind)?;
        let hash = self.base.fixed.hasher.value(normal);
        if let Some(membership) = &column.membership {
            return Some(membership.find(hash).len() + self.delta.indexes.membership(kind, hash).count());
        }
        let postings = column.equality.as_ref()?;
        Some(postings.count(hash) + self.delta.indexes.equality(kind, hash).count())
    }

    /// Whether more than a thousand entries may have a value of `kind` with this normal form, for all the equality index
    /// knows.
    pub fn has_very_many(&self, kind: AttributeType, normal: &[u8]) -> bool {
        let hash = self.base.fixed.hasher.value(normal);
        let column = self.base.columns.of(kind);
        let postings = column.and_then(|column| column.equality.as_ref());
        postings.is_some_and(|postings| postings.bitmap(hash).is_some())
    }

    /// As [`Snapshot::equality_estimate`], of the slots only that `counts`; of a value that very many entries have, all
    /// those in any of these sets, a bit each; `None`: in whatever set.
    pub fn equality_count(
        &self,
        kind: AttributeType,
        normal: &[u8],
        sets: Option<u64>,
        counts: impl Fn(Slot) -> bool,
    ) -> Option<usize> {
        let hash = self.base.fixed.hasher.value(normal);
        let column = self.base.columns.of(kind)?;
        let heavy = column
            .equality
            .as_ref()
            .and_then(|postings| postings.bitmap(hash));
        if let (Some(heavy), Some(marks)) = (heavy, self.base.marks.get()) {
            let common = |sets| marks.sets(sets).map(|set| heavy.intersection_len(set)).sum();
            let based = sets.map_or(heavy.len(), common) as usize;
            let written = self.delta.indexes.equality(kind, hash);
            return Some(based + written.filter(|slot| counts(*slot)).count());
        }
        match self.equality(kind, normal) {
            Candidates::Among(slots) => Some(slots.into_iter().filter(|slot| counts(*slot)).count()),
            Candidates::Anywhere => None,
        }
    }

    /// Where entries may be that have a value of `kind` with this normal form.
    pub fn equality(&self, kind: AttributeType, normal: &[u8]) -> Candidates {
        let hash = self.base.fixed.hasher.value(normal);
        if self
            .base
            .columns
            .of(kind)
            .is_some_and(|column| column.membership.is_some())
        {
            return Candidates::Among(self.members(kind, hash).map(|posting| posting.slot).collect());
        }
        match self.equal_slots(kind, normal) {
            Some(slots) => Candidates::Among(slots.collect()),
            None => Candidates::Anywhere,
        }
    }

    /// The same; if very many have the value, without those that are in none of these sets, a bit each.
    pub fn equality_in(&self, kind: AttributeType, normal: &[u8], sets: u64) -> Candidates {
        let hash = self.base.fixed.hasher.value(normal);
        let column = self.base.columns.of(kind);
        let postings = column.and_then(|column| column.equality.as_ref());
        let heavy = postings.and_then(|postings| postings.bitmap(hash));
        let Some((heavy, marks)) = heavy.zip(self.base.marks.get()) else {
            return self.equality(kind, normal);
        };
        let common = marks
            .sets(sets)
            .fold(RoaringBitmap::new(), |sum, set| sum | (heavy & set));
        let mut slots = self.unhidden(common.iter().map(Slot));
        slots.extend(self.delta.indexes.equality(kind, hash));
        Candidates::Among(slots)
    }

    /// The slots that the equality index has for this normal form; `None` if `kind` has no such index.
    fn equal_slots(&self, kind: AttributeType, normal: &[u8]) -> Option<impl Iterator<Item = Slot> + '_> {
        let postings = self.base.columns.of(kind)?.equality.as_ref()?;
        let hash = self.base.fixed.hasher.value(normal);
        let based = postings.slots(hash).map(Slot);
        let based = based.filter(|slot| !self.delta.hides(*slot));
        Some(based.chain(self.delta.indexes.equality(kind, hash)))
    }

    /// Where entries may be that have a value of `kind` with these parts, in normal form. Gives up
    /// ([`Candidates::Anywhere`]) past `slots_max` hits.
    pub fn substring(&self, kind: AttributeType, parts: &SubstringParts<'_>, slots_max: usize) -> Candidates {
        let column = self.base.columns.of(kind).and_then(|column| column.text.as_ref());
        let needle = text::needle(parts.initial, &parts.any, parts.last);
        let mut slots = Vec::new();
        match column.is_some_and(|column| column.find(&needle, slots_max, &mut slots)) {
            true => self.with_delta(slots.into_iter().map(Slot)),
            false => Candidates::Anywhere,
        }
    }

    /// Where entries may be that have a value of `kind` whose ordering key is at least `key`.
    pub fn at_least(&self, kind: AttributeType, key: &[u8]) -> Candidates {
        self.ordered(kind, |column| column.at_least(key))
    }

    /// Where entries may be that have a value of `kind` whose ordering key is at most `key`.
    pub fn at_most(&self, kind: AttributeType, key: &[u8]) -> Candidates {
        self.ordered(kind, |column| column.at_most(key))
    }

    fn ordered(&self, kind: AttributeType, part: impl FnOnce(&OrderedColumn) -> &[u32]) -> Candidates {
        let column = self.base.columns.of(kind);
        match column.and_then(|column| column.ordering.as_ref()) {
            Some(column) => self.with_delta(part(column).iter().copied().map(Slot)),
            None => Candidates::Anywhere,
        }
    }

    fn unhidden(&self, slots: impl Iterator<Item = Slot>) -> Vec<Slot> {
        slots.filter(|slot| !self.delta.hides(*slot)).collect()
    }

    /// The base's word and every slot of the delta, which has no such index.
    fn with_delta(&self, based: impl Iterator<Item = Slot>) -> Candidates {
        let mut slots = self.unhidden(based);
        slots.extend(self.delta.written());
        Candidates::Among(slots)
    }

    /// The membership values with this hash, unverified.
    fn members(&self, kind: AttributeType, hash: u32) -> impl Iterator<Item = Posting> + '_ {
        let column = self
            .base
            .columns
            .of(kind)
            .and_then(|column| column.membership.as_ref());
        let based = column.map_or(&[][..], |column| column.find(hash)).iter().copied();
        let based = based.filter(|posting| !self.delta.hides(posting.slot));
        based.chain(self.delta.indexes.membership(kind, hash))
    }

    /// The entries that have the value with this normal form among their values of `kind`, verified; none if `kind` is
    /// indexed neither for equality nor as a membership attribute.
    pub fn holders<'s>(
        &'s self,
        kind: AttributeType,
        normal: &[u8],
        schema: &Schema,
    ) -> impl Iterator<Item = EntryRef<'s>> {
        let equal = self.equal_slots(kind, normal).into_iter().flatten();
        let equal = equal.filter_map(|slot| self.entry(slot));
        let equal = equal.filter(move |entry| entry.holds(kind, normal, schema));
        self.listing(kind, normal, schema).chain(equal)
    }

    /// Those of [`Snapshot::holders`] that an index of a membership attribute knows.
    fn listing<'s>(
        &'s self,
        kind: AttributeType,
        normal: &[u8],
        schema: &Schema,
    ) -> impl Iterator<Item = EntryRef<'s>> {
        let postings = self.members(kind, self.base.fixed.hasher.value(normal));
        postings.filter_map(move |posting| {
            let entry = self.entry(posting.slot)?;
            self.verified(entry, kind, posting.offset, normal, schema)
                .then_some(entry)
        })
    }

    /// Whether the entry at `slot` has the value with this normal form; `None` if `kind` is not indexed as a
    /// membership attribute.
    pub fn holds(&self, slot: Slot, kind: AttributeType, normal: &[u8], schema: &Schema) -> Option<bool> {
        let column = self.base.columns.of(kind)?.membership.as_ref()?;
        let Some(entry) = self.entry(slot) else {
            return Some(false);
        };
        let hash = self.base.fixed.hasher.value(normal);
        let based: &[Posting] = match self.delta.hides(slot) {
            true => &[],
            false => column.find_in(hash, slot),
        };
        let written = self.delta.indexes.membership_in(kind, hash, slot);
        let mut postings = based.iter().copied().chain(written);
        Some(postings.any(|posting| self.verified(entry, kind, posting.offset, normal, schema)))
    }

    fn verified(
        &self,
        entry: EntryRef<'_>,
        kind: AttributeType,
        offset: u32,
        normal: &[u8],
        schema: &Schema,
    ) -> bool {
        let same = |value| normal_value(schema, kind, value).as_deref() == Some(normal);
        let mut runs = entry.packed().filter(|attribute| attribute.kind == kind);
        match (runs.next(), runs.next()) {
            (Some(run), None) => value_at(run.encoded, offset as usize).is_some_and(same),
            // The attribute also occurs with options: an offset is only one where a value of its run begins.
            _ => entry
                .packed()
                .filter(|attribute| attribute.kind == kind)
                .any(|run| {
                    run.values_with_offsets()
                        .any(|(at, value)| at == offset as usize && same(value))
                }),
        }
    }
}

/// The parts of a substring assertion in normal form.
pub struct SubstringParts<'a> {
    /// What the value begins with.
    pub initial: Option<&'a [u8]>,
    /// What follows, in this order.
    pub any: Vec<&'a [u8]>,
    /// What the value ends with.
    pub last: Option<&'a [u8]>,
}
/// The only entry among `entries`, of which one may come several times; `None` if there are others.
fn only<'s>(mut entries: impl Iterator<Item = EntryRef<'s>>) -> Option<EntryRef<'s>> {
    let first = entries.next()?;
    entries.all(|entry| entry.slot() == first.slot()).then_some(first)
}
