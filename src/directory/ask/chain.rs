//! Groups in groups: what `memberOf`, `member` and `uniqueMember` say by the rule 1.2.840.113556.1.4.1941 of MS-ADTS.
//!
//! Before a search looks for anything, such an item becomes one of plain items: an entry is a member of a group in the
//! end if it is one of the group or of any group inside, and a group has a member in the end if it lists it or any group
//! around it. A link that the asker may not search by is none, and each group is looked at once, so circles end.

use std::collections::{HashMap, HashSet};

use crate::directory::ask::directory::Directory;
use crate::domain::access::View;
use crate::domain::filter::{ExtensibleAssertion, Filter};
use crate::domain::matching::Purpose;
use crate::domain::schema::OBJECT_CLASS;
use crate::index::{Candidates, EntryRef, Slot, Snapshot};
use crate::types::{AttributeType, NormalDnRef};

/// The most groups that one filter may have looked at, one by one for each item: some hundredths of a second.
const STEPS_MAX: usize = 1 << 15;

/// There are too many groups to look at: `AdminLimitExceeded`.
pub(super) struct TooLong;

/// The normal form of an entry's DN.
type Name = Box<[u8]>;

/// What chains are followed on.
pub(super) struct Chains<'a> {
    directory: &'a Directory,
    snapshot: &'a Snapshot,
    view: &'a View<'a>,
    steps: usize,
}

impl<'a> Chains<'a> {
    /// As `view` sees `snapshot`.
    pub(super) fn new(directory: &'a Directory, snapshot: &'a Snapshot, view: &'a View<'a>) -> Chains<'a> {
        Chains {
            directory,
            snapshot,
            view,
            steps: 0,
        }
    }

    /// Replaces the items of `filter` that ask for a chain. Errors: [`TooLong`].
    pub(super) fn unfold(&mut self, filter: &mut Filter) -> Result<(), TooLong> {
        match filter {
            Filter::And(filters) | Filter::Or(filters) => {
                filters.iter_mut().try_for_each(|filter| self.unfold(filter))
            }
            Filter::Not(filter) => self.unfold(filter),
            Filter::Extensible(assertion) if assertion.rule.purpose == Purpose::InChain => {
                let unfolded = self.links(assertion)?;
                *filter = unfolded;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn links(&mut self, assertion: &ExtensibleAssertion) -> Result<Filter, TooLong> {
        let schema = self.directory.schema();
        let kind = assertion.target.kind;
        let names = if kind == schema.well_known().member_of {
            self.groups_inside(&assertion.normal)?
        } else if self.directory.computed().memberships().contains(&kind) {
            self.groups_around(&assertion.normal)?
        } else {
            return Ok(Filter::Undefined);
        };
        let items = names.into_iter().map(|name| assertion.equality(schema, name));
        Ok(Filter::Or(items.collect()))
    }

    fn step(&mut self) -> Result<(), TooLong> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(TooLong);
        }
        Ok(())
    }

    /// The entry called `name`, and every group that lists one of these.
    fn groups_around(&mut self, name: &[u8]) -> Result<Vec<Name>, TooLong> {
        let mut names: Vec<Name> = vec![name.into()];
        let mut seen = HashSet::new();
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            for (group, kind) in self.directory.listing(self.snapshot, &name) {
                self.step()?;
                if self.may_search(group, kind) && seen.insert(group.slot()) {
                    names.push(group.normal_dn().as_bytes().into());
                }
            }
        }
        Ok(names)
    }

    /// The group called `name`, and every group that is in one of these.
    fn groups_inside(&mut self, name: &[u8]) -> Result<Vec<Name>, TooLong> {
        let mut names: Vec<Name> = vec![name.into()];
        let outermost = self.snapshot.entry_by_normal_dn(NormalDnRef::from_bytes(name));
        let Some(outermost) = outermost else {
            return Ok(names);
        };
        let inside = self.nested()?;
        let mut seen = HashSet::from([outermost.slot()]);
        let mut due = vec![outermost.slot()];
        while let Some(group) = due.pop() {
            for (slot, name) in inside.get(&group).into_iter().flatten() {
                if seen.insert(*slot) {
                    due.push(*slot);
                    names.push(name.clone());
                }
            }
        }
        Ok(names)
    }

    /// The groups right inside each group. Reads no group's members: there may be very many.
    fn nested(&mut self) -> Result<HashMap<Slot, Vec<(Slot, Name)>>, TooLong> {
        let member_of = self.directory.schema().well_known().member_of;
        let mut inside: HashMap<Slot, Vec<(Slot, Name)>> = HashMap::new();
        for slot in self.groups()? {
            self.step()?;
            let group = self.snapshot.entry(slot);
            let Some(group) = group.filter(|group| self.may_search(*group, member_of)) else {
                continue;
            };
            let name: Name = group.normal_dn().as_bytes().into();
            for (around, _) in self.directory.listing(self.snapshot, &name) {
                if self.view.knows(around.id(), &around) {
                    inside
                        .entry(around.slot())
                        .or_default()
                        .push((slot, name.clone()));
                }
            }
        }
        Ok(inside)
    }

    /// Every entry of a class that has members.
    fn groups(&self) -> Result<Vec<Slot>, TooLong> {
        let schema = self.directory.schema();
        let memberships = self.directory.computed().memberships().iter().copied().collect();
        let classes = schema.object_classes().iter();
        let classes =
            classes.filter(|class| !class.must.union(&class.may).intersection(&memberships).is_empty());
        let mut slots = Vec::new();
        for class in classes {
            let Filter::Equality(assertion) =
                Filter::equality(schema, b"objectClass", class.name().as_bytes())
            else {
                continue;
            };
            match self.snapshot.equality(OBJECT_CLASS, &assertion.normal) {
                Candidates::Among(more) => slots.extend(more),
                Candidates::Anywhere => return Err(TooLong),
            }
        }
        slots.sort_unstable();
        slots.dedup();
        Ok(slots)
    }

    fn may_search(&self, entry: EntryRef<'_>, kind: AttributeType) -> bool {
        let sight = self.view.sight(entry.id(), &entry);
        sight.is_some_and(|sight| sight.search.contains(kind))
    }
}
