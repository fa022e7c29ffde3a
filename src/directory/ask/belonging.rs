//! Which of the groups that rules speak of a member is in.
//!
//! Groups list members by name (`member`, `uniqueMember`) or by UID (`memberUid`), and a group in a group brings its
//! members along. Goes from the member outwards, so that no group's members are read: there may be very many.

use std::collections::{HashSet, VecDeque};

use crate::directory::ask::directory::Directory;
use crate::domain::access::Groups;
use crate::index::{EntryRef, Slot, Snapshot};
use crate::types::{AttributeType, NormalDnRef};

/// The most groups around one member that are looked at, nearest first; a right by one further out is not granted.
const GROUPS_MAX: usize = 1 << 12;

impl Directory {
    /// The groups of the rules that `member` is in.
    pub(super) fn groups_of(&self, snapshot: &Snapshot, member: EntryRef<'_>) -> Groups {
        let named = |name: NormalDnRef<'_>| Some(snapshot.entry_by_normal_dn(name)?.slot());
        let wanted: Vec<Option<Slot>> = self.access().groups().map(named).collect();
        if wanted.iter().all(Option::is_none) {
            return Groups::NONE;
        }
        let around = self.groups_around(snapshot, member);
        let is_in = |group: &Option<Slot>| group.is_some_and(|group| around.contains(&group));
        let positions = wanted.iter().enumerate().filter(|(_, group)| is_in(group));
        positions.fold(Groups::NONE, |sum, (position, _)| sum.and(position))
    }

    /// Every group around `member`, each looked at once: circles end.
    fn groups_around(&self, snapshot: &Snapshot, member: EntryRef<'_>) -> HashSet<Slot> {
        let listing = |inner: EntryRef<'_>| {
            let groups = self.listing(snapshot, inner.normal_dn().as_bytes());
            groups.into_iter().map(|(group, _)| group)
        };
        let mut due: VecDeque<EntryRef<'_>> = self.listing_uid(snapshot, member).into();
        due.extend(listing(member));
        let mut seen = HashSet::new();
        while let Some(group) = due.pop_front().filter(|_| seen.len() < GROUPS_MAX) {
            if seen.insert(group.slot()) {
                due.extend(listing(group));
            }
        }
        seen
    }

    /// The entries that list the one called `name`, and by which attribute.
    pub(super) fn listing<'s>(
        &self,
        snapshot: &'s Snapshot,
        name: &[u8],
    ) -> Vec<(EntryRef<'s>, AttributeType)> {
        let kinds = self.computed().memberships().iter();
        let holders = |kind: &AttributeType| {
            let kind = *kind;
            snapshot
                .holders(kind, name, self.schema())
                .map(move |group| (group, kind))
        };
        kinds.flat_map(holders).collect()
    }

    /// The entries that list `member` by a UID that is nobody else's.
    fn listing_uid<'s>(&self, snapshot: &'s Snapshot, member: EntryRef<'_>) -> Vec<EntryRef<'s>> {
        let (schema, types) = (self.schema(), self.schema().well_known());
        let uids = member
            .attribute(types.uid)
            .into_iter()
            .flat_map(|run| run.values());
        let own = |uid: &&[u8]| {
            let text = std::str::from_utf8(uid).ok();
            let holder = text.and_then(|uid| snapshot.entry_by_uid(uid, schema));
            holder.is_some_and(|holder| holder.id() == member.id())
        };
        let normal = uids
            .filter(own)
            .filter_map(|uid| schema.normal_value(types.member_uid, uid));
        normal
            .flat_map(|uid| {
                snapshot
                    .holders(types.member_uid, &uid, schema)
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}
