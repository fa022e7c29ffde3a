//! Attributes that are computed when they are asked for and never stored: `memberOf`, `entryDN` and the like.

use std::ops::Range;

use crate::domain::access::{Sight, View};
use crate::domain::effort::Effort;
use crate::domain::filter::{Assertion, Filter, Truth};
use crate::domain::packed::{AttributeView, Attributes, push_value};
use crate::domain::schema::{ClassPosition, OBJECT_CLASS, ObjectClass, Schema};
use crate::index::{Candidates, EntryRef, Snapshot};
use crate::types::{AttributeSet, AttributeType, Dn, NormalDnRef};

/// The attribute types that are computed.
pub struct ComputedTypes {
    all: AttributeSet,
    each: [(AttributeType, Computation); 6],
    /// The attributes of groups whose values are the DNs of members.
    memberships: [AttributeType; 2],
}

#[derive(Clone, Copy)]
enum Computation {
    MemberOf,
    EntryDn,
    HasSubordinates,
    NumSubordinates,
    StructuralObjectClass,
    SubschemaSubentry,
}

/// A larger group's members are not looked up one by one: entries are asked for their groups instead, in
/// pieces of bounded work.
const MEMBERS_MAX: usize = 10_000;
/// More children are not looked at for a viewer who may not know of all entries: `numSubordinates`, and
/// `hasSubordinates` if none of them is known, are then absent.
const COUNTED_MAX: usize = 10_000;
/// About the length of a member's DN: what a group's size is guessed by.
const MEMBER_BYTES: usize = 32;
/// The name of the one subschema subentry (RFC 4512 section 4.2).
pub const SUBSCHEMA_DN: &str = "cn=Subschema";

impl ComputedTypes {
    /// As `schema` calls them.
    pub fn new(schema: &Schema) -> ComputedTypes {
        let types = schema.well_known();
        let each = [
            (types.member_of, Computation::MemberOf),
            (types.entry_dn, Computation::EntryDn),
            (types.has_subordinates, Computation::HasSubordinates),
            (types.num_subordinates, Computation::NumSubordinates),
            (types.structural_object_class, Computation::StructuralObjectClass),
            (types.subschema_subentry, Computation::SubschemaSubentry),
        ];
        ComputedTypes {
            all: each.iter().map(|(kind, _)| *kind).collect(),
            each,
            memberships: [types.member, types.unique_member],
        }
    }

    /// All of them.
    pub fn all(&self) -> &AttributeSet {
        &self.all
    }

    /// The attributes of groups whose values are the DNs of members.
    pub(super) fn memberships(&self) -> &[AttributeType] {
        &self.memberships
    }

    fn computation(&self, kind: AttributeType) -> Option<Computation> {
        let mut each = self.each.iter();
        each.find(|(other, _)| *other == kind)
            .map(|(_, computation)| *computation)
    }

    /// The stored attribute whose index says where entries with a value of `kind` may be.
    pub(super) fn stored_like(&self, kind: AttributeType) -> Option<AttributeType> {
        matches!(self.computation(kind), Some(Computation::StructuralObjectClass)).then_some(OBJECT_CLASS)
    }

    /// About how many slots [`ComputedTypes::candidates`] would give; `None` if that is not known.
    pub(super) fn candidates_estimate(
        &self,
        assertion: &Assertion,
        snapshot: &Snapshot,
        view: &View<'_>,
    ) -> Option<usize> {
        match self.computation(assertion.target.kind)? {
            Computation::EntryDn => Some(1),
            Computation::MemberOf => {
                let group = snapshot.entry_by_normal_dn(NormalDnRef::from_bytes(&assertion.normal));
                group.map_or(Some(0), |group| self.members_estimate(group, view))
            }
            _ => None,
        }
    }

    /// About how many members `group` lists, none if the viewer may not know of it; `None` if they are very many, or if it is
    /// not for the viewer to know how many.
    fn members_estimate(&self, group: EntryRef<'_>, view: &View<'_>) -> Option<usize> {
        let Some(sight) = view.sight(group.id(), &group) else {
            return Some(0);
        };
        if !self.memberships.iter().all(|kind| sight.read.contains(*kind)) {
            return None;
        }
        // A member takes at least a few bytes of text to name.
        let bytes: usize = self.member_runs(group).map(|run| run.encoded.len()).sum();
        Some(bytes / MEMBER_BYTES).filter(|members| *members <= MEMBERS_MAX)
    }

    /// Where entries may be, for who may know of the entry that is named, that have the asserted value of a computed attribute.
    pub(super) fn candidates(
        &self,
        assertion: &Assertion,
        snapshot: &Snapshot,
        schema: &Schema,
        view: &View<'_>,
    ) -> Candidates {
        let named = snapshot.entry_by_normal_dn(NormalDnRef::from_bytes(&assertion.normal));
        let named = named.filter(|named| view.knows(named.id(), named));
        match self.computation(assertion.target.kind) {
            Some(Computation::EntryDn) => {
                Candidates::Among(named.into_iter().map(|entry| entry.slot()).collect())
            }
            Some(Computation::MemberOf) => {
                let runs = named.into_iter().flat_map(|group| self.member_runs(group));
                let members = runs.flat_map(|run| {
                    run.values().filter_map(move |value| {
                        let rule = schema.definition(run.kind).equality?;
                        let mut normal = Vec::new();
                        rule.normalize(schema, value, &mut normal).ok()?;
                        snapshot.entry_by_normal_dn(NormalDnRef::from_bytes(&normal))
                    })
                });
                Candidates::Among(members.map(|member| member.slot()).collect())
            }
            _ => Candidates::Anywhere,
        }
    }

    fn member_runs<'a>(&self, group: EntryRef<'a>) -> impl Iterator<Item = AttributeView<'a>> {
        group.packed().filter(|run| self.memberships.contains(&run.kind))
    }
}

/// The computed attributes of one entry after the other, in buffers that are used again.
#[derive(Default)]
pub struct Computed {
    runs: Vec<(AttributeType, Range<usize>)>,
    encoded: Vec<u8>,
}

impl Computed {
    /// Forgets the entry before.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.encoded.clear();
    }

    /// Computes those of `wanted` for `entry`. A group that the viewer may not know of is no value of `memberOf`.
    pub fn compute(
        &mut self,
        entry: EntryRef<'_>,
        wanted: &AttributeSet,
        types: &ComputedTypes,
        schema: &Schema,
        view: &View<'_>,
    ) {
        self.clear();
        for (kind, computation) in &types.each {
            if !wanted.contains(*kind) {
                continue;
            }
            let start = self.encoded.len();
            match computation {
                Computation::MemberOf => self.push_groups(entry, types, schema, view),
                Computation::EntryDn => push_value(&mut self.encoded, entry.dn_text().as_bytes()),
                Computation::HasSubordinates => self.push_has_children(entry, view),
                Computation::NumSubordinates => self.push_children(entry, view),
                Computation::StructuralObjectClass => self.push_class(entry, schema),
                Computation::SubschemaSubentry => push_value(&mut self.encoded, SUBSCHEMA_DN.as_bytes()),
            }
            if self.encoded.len() > start {
                self.runs.push((*kind, start..self.encoded.len()));
            }
        }
    }

    fn push_groups(&mut self, entry: EntryRef<'_>, types: &ComputedTypes, schema: &Schema, view: &View<'_>) {
        let normal = entry.normal_dn();
        let snapshot = entry.snapshot();
        let groups = types
            .memberships
            .iter()
            .flat_map(|kind| snapshot.holders(*kind, normal.as_bytes(), schema));
        let mut groups: Vec<_> = groups.filter(|group| view.knows(group.id(), group)).collect();
        groups.sort_unstable_by_key(|group| group.slot());
        groups.dedup_by_key(|group| group.slot());
        for group in groups {
            push_value(&mut self.encoded, group.dn_text().as_bytes());
        }
    }

    /// A child that the viewer may not know of is none.
    fn push_has_children(&mut self, entry: EntryRef<'_>, view: &View<'_>) {
        let mut children = entry.snapshot().children(entry.slot());
        let mut counted = children.by_ref().take(COUNTED_MAX);
        let known = counted.any(|child| view.knows(child.id(), &child));
        match (known, children.next()) {
            (true, _) => push_value(&mut self.encoded, b"TRUE"),
            (false, None) => push_value(&mut self.encoded, b"FALSE"),
            (false, Some(_)) => {}
        }
    }

    /// Counts those only that the viewer may know of.
    fn push_children(&mut self, entry: EntryRef<'_>, view: &View<'_>) {
        let snapshot = entry.snapshot();
        let count = if view.knows_all() {
            snapshot.child_slots(entry.slot()).count()
        } else if snapshot.child_slots(entry.slot()).nth(COUNTED_MAX).is_none() {
            let children = snapshot.children(entry.slot());
            children.filter(|child| view.knows(child.id(), child)).count()
        } else {
            return;
        };
        push_value(&mut self.encoded, count.to_string().as_bytes());
    }

    fn push_class(&mut self, entry: EntryRef<'_>, schema: &Schema) {
        let names = entry.attribute(OBJECT_CLASS);
        let names = names.iter().flat_map(|names| names.values());
        let classes = names.filter_map(|name| schema.class(name));
        if let Some(class) = ObjectClass::structural(classes) {
            push_value(&mut self.encoded, class.name().as_bytes());
        }
    }

    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.runs.iter().map(|(kind, range)| AttributeView {
            kind: *kind,
            options: "",
            encoded: self.encoded.get(range.clone()).unwrap_or_default(),
        })
    }
}

/// An entry with its computed attributes, as filters and answers see it.
#[derive(Clone, Copy)]
pub struct WholeEntry<'a> {
    /// What its values are compared by.
    pub schema: &'a Schema,
    /// What is stored.
    pub stored: EntryRef<'a>,
    /// What was computed of it.
    pub computed: &'a Computed,
}

impl WholeEntry<'_> {
    /// What `filter` says of it to somebody with this sight: an item on what they may not search is Undefined, and what its
    /// owner has closed to them is not there.
    pub fn truth(&self, filter: &Filter, sight: &Sight, effort: &Effort) -> Truth {
        if sight.closed.is_empty() {
            return filter.truth(self.schema, self, &sight.search, effort);
        }
        let open = Open {
            entry: self,
            kinds: &sight.search,
        };
        filter.truth(self.schema, &open, &sight.search.union(&sight.closed), effort)
    }
}

/// An entry as if it had attributes of these kinds only.
struct Open<'a> {
    entry: &'a WholeEntry<'a>,
    kinds: &'a AttributeSet,
}

impl Attributes for Open<'_> {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        let all = self.entry.attributes();
        all.filter(|attribute| self.kinds.contains(attribute.kind))
    }

    fn dn(&self) -> Option<Dn> {
        self.entry.dn()
    }
}

impl Attributes for WholeEntry<'_> {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.stored.packed().chain(self.computed.attributes())
    }

    fn dn(&self) -> Option<Dn> {
        Attributes::dn(&self.stored)
    }

    fn marks(&self) -> Option<u64> {
        self.stored.marks()
    }

    fn is_within(&self, _schema: &Schema, base: NormalDnRef<'_>) -> bool {
        self.stored.is_named_within(base)
    }

    fn has_class(&self, class: ClassPosition) -> Option<bool> {
        self.stored.has_class(class)
    }

    fn has_value(&self, kind: AttributeType, normal: &[u8]) -> Option<bool> {
        self.stored
            .snapshot()
            .holds(self.stored.slot(), kind, normal, self.schema)
    }
}
