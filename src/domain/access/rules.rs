//! All sentences together, and entries as one viewer sees them.

use std::sync::Arc;

use thiserror::Error;

use crate::domain::access::public::Switches;
use crate::domain::access::{Entries, EntrySet, Grantee, Never, Rights, Rule, Sight, Viewer};
use crate::domain::packed::Attributes;
use crate::domain::schema::{OBJECT_CLASS, Schema};
use crate::types::{AttributeSet, EntryId, NormalDn, NormalDnRef};

/// The most groups that rules may speak of.
pub const GROUPS_MAX: usize = 64;

/// Rules speak of more than [`GROUPS_MAX`] groups: the first that does, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("rules speak of more than {GROUPS_MAX} groups")]
pub struct TooManyGroups(pub Box<str>);

/// The sentences of the configuration, compiled.
pub struct AccessRules {
    pub(super) never: Never,
    pub(super) switches: Switches,
    rules: Vec<Rule>,
    /// What the rules say to each grantee, those on the same entries added up.
    grants: Vec<Grants>,
    groups: Vec<NormalDn>,
    /// Whoever may know of an entry may know these of it: they say what its name and its place say anyway.
    pub(super) plain: AttributeSet,
    sets: Arc<[EntrySet]>,
}

struct Grants {
    to: Place,
    each: Vec<Grant>,
}

/// A grantee, found without comparing names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Public,
    Members,
    Owner,
    /// At this position of the groups.
    Group(usize),
    Services,
    /// Named by the rule at this position.
    Service(usize),
}

pub(super) struct Grant {
    /// Of the entries of the rule at this position.
    pub entries: usize,
    pub rights: Rights,
}

impl AccessRules {
    /// Compiles `rules`, which were read with the same `never`.
    pub fn new(mut rules: Vec<Rule>, never: Never, schema: &Schema) -> Result<AccessRules, TooManyGroups> {
        let types = schema.well_known();
        let plain = [
            OBJECT_CLASS,
            types.structural_object_class,
            types.entry_dn,
            types.subschema_subentry,
            types.has_subordinates,
        ];
        let mut compiled = AccessRules {
            switches: Switches::new(&never, schema),
            never,
            grants: Vec::new(),
            groups: Vec::new(),
            plain: plain.into_iter().collect(),
            sets: mark(&mut rules, schema),
            rules,
        };
        for position in 0..compiled.rules.len() {
            compiled.add(position)?;
        }
        Ok(compiled)
    }

    fn add(&mut self, position: usize) -> Result<(), TooManyGroups> {
        let Some(rule) = self.rules.get(position) else {
            return Ok(());
        };
        if let Grantee::Group(name) = &rule.grantee
            && !self.groups.contains(name)
        {
            if self.groups.len() == GROUPS_MAX {
                return Err(TooManyGroups(rule.text.clone()));
            }
            self.groups.push(name.clone());
        }
        let Some(to) = self.place(&rule.grantee) else {
            return Ok(());
        };
        let is_same = |grant: &&mut Grant| {
            let entries = self.rules.get(grant.entries).map(|rule| &rule.entries);
            entries.is_some_and(|entries| entries.are_those_of(&rule.entries))
        };
        let grant = Grant {
            entries: position,
            rights: rule.rights,
        };
        match self.grants.iter_mut().find(|grants| grants.to == to) {
            None => self.grants.push(Grants {
                to,
                each: vec![grant],
            }),
            Some(grants) => match grants.each.iter_mut().find(is_same) {
                Some(same) => same.rights = same.rights.and(&grant.rights),
                None => grants.each.push(grant),
            },
        }
        Ok(())
    }

    /// Where grants to `grantee` are; `None` for who may do everything and gains nothing by them.
    fn place(&self, grantee: &Grantee) -> Option<Place> {
        Some(match grantee {
            Grantee::Public => Place::Public,
            Grantee::Members => Place::Members,
            Grantee::Owner => Place::Owner,
            Grantee::Group(name) => Place::Group(self.groups.iter().position(|group| group == name)?),
            Grantee::Services => Place::Services,
            Grantee::Service(_) => {
                Place::Service(self.rules.iter().position(|rule| rule.grantee == *grantee)?)
            }
            Grantee::Root => return None,
        })
    }

    /// The attributes that nobody reads.
    pub fn secret(&self) -> &AttributeSet {
        &self.never.secret
    }

    /// The sets that an index may keep with its entries ([`Attributes::marks`]): those that have switches of their owner's,
    /// and those of the sentences. At most 64.
    pub fn sets(&self) -> Arc<[EntrySet]> {
        self.sets.clone()
    }

    /// The sentences.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The groups that rules speak of, at most [`GROUPS_MAX`].
    pub fn groups(&self) -> impl Iterator<Item = NormalDnRef<'_>> {
        self.groups.iter().map(NormalDn::as_ref)
    }

    /// How `viewer` sees entries.
    pub fn view<'a>(&'a self, viewer: Viewer<'a>, schema: &'a Schema) -> View<'a> {
        View {
            rules: self,
            schema,
            viewer,
        }
    }

    pub(super) fn entries(&self, position: usize) -> Option<&Entries> {
        self.rules.get(position).map(|rule| &rule.entries)
    }

    fn is_service(&self, position: usize, name: &str) -> bool {
        let rule = self.rules.get(position);
        rule.is_some_and(|rule| matches!(&rule.grantee, Grantee::Service(granted) if **granted == *name))
    }
}

/// Gives the sets of `rules` positions, the same ones the same; those past the 64th have none, nor has everything.
fn mark(rules: &mut [Rule], schema: &Schema) -> Arc<[EntrySet]> {
    let switches = EntrySet {
        filter: Some(Arc::new(Switches::filter(schema))),
        below: None,
    };
    let mut sets = vec![switches];
    for position in 0..rules.len() {
        let (before, rest) = rules.split_at_mut(position);
        let Some(rule) = rest.first_mut().filter(|rule| !rule.entries.are_all()) else {
            continue;
        };
        let same = before
            .iter()
            .find(|other| other.entries.are_those_of(&rule.entries));
        rule.entries.mark = match same {
            Some(same) => same.entries.mark,
            None if sets.len() < MARKS_MAX => {
                sets.push(rule.entries.set.clone());
                Some(sets.len() - 1)
            }
            None => None,
        };
    }
    sets.into()
}

/// As many marks as [`Attributes::marks`] has bits.
const MARKS_MAX: usize = u64::BITS as usize;

/// Entries as one viewer sees them.
pub struct View<'a> {
    pub(super) rules: &'a AccessRules,
    pub(super) schema: &'a Schema,
    pub(super) viewer: Viewer<'a>,
}

impl View<'_> {
    /// What the viewer may see of `entry`, whose id is `id`; `None` if the viewer may not even know of it.
    /// Allocates nothing.
    pub fn sight<E: Attributes>(&self, id: EntryId, entry: &E) -> Option<Sight> {
        let never = &self.rules.never;
        let all_but = |hidden| Some(Sight::of(AttributeSet::ALL.difference(hidden)));
        match self.viewer {
            Viewer::Root => all_but(&never.secret.union(&never.owner_only)),
            Viewer::Member(own, _) if own == id => all_but(&never.secret),
            _ => self.granted_sight(id, entry),
        }
    }

    /// Whether the viewer may know of `entry`, whose id is `id`.
    pub fn knows<E: Attributes>(&self, id: EntryId, entry: &E) -> bool {
        match self.viewer {
            Viewer::Root => true,
            Viewer::Member(own, _) if own == id => true,
            _ => self
                .granted(Some(id), entry, |_, rights| !rights.sight.is_blind())
                .next()
                .is_some(),
        }
    }

    /// Whether the viewer may know of every entry.
    pub fn knows_all(&self) -> bool {
        self.viewer == Viewer::Root
    }

    /// What the viewer may write of `entry`, whose id is `id`; secrets may be written by whom they may not be read.
    pub fn writable<E: Attributes>(&self, id: EntryId, entry: &E) -> AttributeSet {
        if self.viewer == Viewer::Root {
            return AttributeSet::ALL;
        }
        let granted = self.granted(Some(id), entry, |_, rights| !rights.write.is_empty());
        granted.fold(AttributeSet::EMPTY, |sum, rights| sum.union(&rights.write))
    }

    /// Whether the viewer may add `entry`, or have an entry become like it by a new name.
    pub fn may_add<E: Attributes>(&self, entry: &E) -> bool {
        self.viewer == Viewer::Root || self.granted(None, entry, |_, rights| rights.add).next().is_some()
    }

    /// Whether the viewer may delete `entry`, whose id is `id`, or take it away from its name.
    pub fn may_delete<E: Attributes>(&self, id: EntryId, entry: &E) -> bool {
        let mut granted = self.granted(Some(id), entry, |_, rights| rights.delete);
        self.viewer == Viewer::Root || granted.next().is_some()
    }

    /// The sum of what everybody may see, by the owner's switches, and what the viewer's other grants add.
    fn granted_sight<E: Attributes>(&self, id: EntryId, entry: &E) -> Option<Sight> {
        let (mut sight, mut is_known) = (Sight::NONE, false);
        for is_public in [true, false] {
            let granted = self.granted(Some(id), entry, |to, rights| {
                (to == Place::Public) == is_public && !rights.sight.is_blind()
            });
            for rights in granted {
                sight.add(&rights.sight);
                is_known = true;
            }
            if is_public && is_known {
                self.rules
                    .switches
                    .turn(&mut sight, entry, entry.marks(), self.schema);
            }
        }
        is_known.then(|| {
            sight.add(&Sight::of(self.rules.plain));
            sight
        })
    }

    /// The grants to the viewer that say something of `wanted` of `entry`; of an entry that is not there yet, nobody is
    /// the owner.
    fn granted<'v, E: Attributes>(
        &'v self,
        id: Option<EntryId>,
        entry: &'v E,
        wanted: impl Fn(Place, &Rights) -> bool + 'v,
    ) -> impl Iterator<Item = &'v Rights> {
        let marks = entry.marks();
        self.grants_to(id)
            .filter(move |(to, grant)| wanted(*to, &grant.rights))
            .filter(move |(_, grant)| {
                let entries = self.rules.entries(grant.entries);
                entries.is_some_and(|entries| entries.holds(entry, marks, self.schema))
            })
            .map(|(_, grant)| &grant.rights)
    }

    /// All grants to the viewer of the entry with this id, whatever entries they are of.
    pub(super) fn grants_to(&self, id: Option<EntryId>) -> impl Iterator<Item = (Place, &Grant)> {
        let own = self
            .rules
            .grants
            .iter()
            .filter(move |grants| self.is(grants.to, id));
        own.flat_map(|grants| grants.each.iter().map(|grant| (grants.to, grant)))
    }

    /// Whether `rule` says something to the viewer about the entry `entry`, whose id is `id`.
    pub(super) fn hears<E: Attributes>(&self, rule: &Rule, id: EntryId, entry: &E) -> bool {
        let place = self.rules.place(&rule.grantee);
        place.is_some_and(|place| self.is(place, Some(id)))
            && rule.entries.holds(entry, entry.marks(), self.schema)
    }

    fn is(&self, place: Place, id: Option<EntryId>) -> bool {
        match (place, self.viewer) {
            (Place::Public, _) => true,
            (Place::Members, Viewer::Member(..)) | (Place::Services, Viewer::Service(_)) => true,
            (Place::Owner, Viewer::Member(own, _)) => id == Some(own),
            (Place::Group(group), Viewer::Member(_, groups)) => groups.contains(group),
            (Place::Service(rule), Viewer::Service(name)) => self.rules.is_service(rule, name),
            _ => false,
        }
    }
}
