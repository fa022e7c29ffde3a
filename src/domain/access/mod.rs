//! Who may know of which entry, and read which of its attributes.
//!
//! What a viewer may read of an entry is a set of attribute types, computed once per entry. Results, filters,
//! comparisons and sort keys all go by that set, so a value hidden in one of them is hidden in all
//! (DESIGN invariant 4). Grants only add up; the two sets nobody can grant are taken out last.

use thiserror::Error;

use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::{OBJECT_CLASS, Schema};
use crate::types::{AttributeSet, AttributeType, EntryId};

/// Who looks, as far as access is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer<'a> {
    /// A stranger.
    Public,
    /// The member whose entry has this id.
    Member(EntryId),
    /// A relying system, by its name.
    Service(&'a str),
    /// The emergency administrator.
    Root,
}

/// To whom a rule grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// Every member who has logged in.
    Members,
    /// Every relying system.
    Services,
    /// The relying system of this name.
    Service(Box<str>),
}

/// One rule of the configuration: a grantee may know these entries and read these attributes of them.
pub struct RuleSettings {
    /// To whom.
    pub grantee: Grantee,
    /// Of which entries; it is asked with every attribute in sight.
    pub entries: Filter,
    /// Attribute names; `*` is every user attribute, `+` every operational one, both without the secret, the
    /// owner's own and those that are never public: these last are granted by name.
    pub attributes: Vec<Box<str>>,
}

/// What the configuration says about access, attributes by name.
pub struct AccessSettings {
    /// Attributes that are Open to Public unless a person closes them.
    pub open_to_public: Vec<Box<str>>,
    /// Attributes that no person can open to the public. What is hidden, here and below, is hidden with its
    /// subtypes.
    pub never_public: Vec<Box<str>>,
    /// Attributes that only the entry's owner reads: recovery contacts and numbers.
    pub owner_only: Vec<Box<str>>,
    /// Attributes that nobody reads over any protocol: `userPassword` and the like.
    pub secret: Vec<Box<str>>,
    /// Which entries a stranger may know of; it is asked with every attribute in sight.
    pub public_entries: Filter,
    /// What members and services may read beyond that.
    pub rules: Vec<RuleSettings>,
}

/// Why access settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// The schema has no attribute of this name.
    #[error("no attribute is called `{0}`")]
    UnknownAttribute(Box<str>),
    /// A rule, or the public list, names an attribute that is secret or its owner's only.
    #[error("`{0}` can be granted to nobody")]
    NeverGranted(Box<str>),
    /// The public list names an attribute that is never public.
    #[error("`{0}` is both open to the public and never public")]
    NeverPublic(Box<str>),
}

/// [`AccessSettings`], compiled.
pub struct AccessRules {
    public: PublicRules,
    grants: Vec<(Grantee, Grant)>,
    /// Whoever may know of an entry may know these of it: they say what its name and its place say anyway.
    plain: AttributeSet,
    owner_only: AttributeSet,
    secret: AttributeSet,
}

struct PublicRules {
    entries: Filter,
    /// Open unless a person closes them.
    open: AttributeSet,
    /// What a person may open.
    can_open: AttributeSet,
    /// A person's own switches: their values are attribute names.
    opened_by_owner: AttributeType,
    closed_by_owner: AttributeType,
}

struct Grant {
    entries: Filter,
    readable: AttributeSet,
}

impl AccessRules {
    /// Compiles `settings`. Errors: [`AccessError`], naming the attribute.
    pub fn new(settings: AccessSettings, schema: &Schema) -> Result<AccessRules, AccessError> {
        let secret = with_subtypes(&named(&settings.secret, schema)?, schema);
        let owner_only = with_subtypes(&named(&settings.owner_only, schema)?, schema);
        let never = secret.union(&owner_only);
        let never_public = never.union(&with_subtypes(&named(&settings.never_public, schema)?, schema));
        let open = named(&settings.open_to_public, schema)?;
        let user = user_attributes(schema);
        refuse(&open.intersection(&never), schema, AccessError::NeverGranted)?;
        refuse(
            &open.intersection(&never_public),
            schema,
            AccessError::NeverPublic,
        )?;
        let types = schema.well_known();
        let public = PublicRules {
            entries: settings.public_entries,
            open,
            can_open: user.difference(&never_public),
            opened_by_owner: types.open_to_public,
            closed_by_owner: types.not_open_to_public,
        };
        let grant = |rule| grant(rule, &never, &never_public, schema);
        Ok(AccessRules {
            public,
            grants: settings.rules.into_iter().map(grant).collect::<Result<_, _>>()?,
            plain: [
                OBJECT_CLASS,
                types.structural_object_class,
                types.entry_dn,
                types.subschema_subentry,
                types.has_subordinates,
            ]
            .into_iter()
            .collect(),
            owner_only,
            secret,
        })
    }

    /// The attributes that nobody reads.
    pub fn secret(&self) -> &AttributeSet {
        &self.secret
    }

    /// How `viewer` sees entries.
    pub fn view<'a>(&'a self, viewer: Viewer<'a>, schema: &'a Schema) -> View<'a> {
        View {
            rules: self,
            schema,
            viewer,
        }
    }
}

fn grant(
    rule: RuleSettings,
    never: &AttributeSet,
    never_public: &AttributeSet,
    schema: &Schema,
) -> Result<(Grantee, Grant), AccessError> {
    let mut readable = AttributeSet::EMPTY;
    for name in &rule.attributes {
        let more = match &**name {
            "*" => user_attributes(schema).difference(never_public),
            "+" => schema.operational().difference(never_public),
            name => named(&[name], schema)?,
        };
        readable = readable.union(&more);
    }
    refuse(&readable.intersection(never), schema, AccessError::NeverGranted)?;
    let grant = Grant {
        entries: rule.entries,
        readable,
    };
    Ok((rule.grantee, grant))
}

fn user_attributes(schema: &Schema) -> AttributeSet {
    AttributeSet::ALL.difference(schema.operational())
}

fn named<N: AsRef<str>>(names: &[N], schema: &Schema) -> Result<AttributeSet, AccessError> {
    let kind = |name: &N| {
        let kind = schema.attribute(name.as_ref().as_bytes());
        kind.ok_or_else(|| AccessError::UnknownAttribute(name.as_ref().into()))
    };
    names.iter().map(kind).collect()
}

/// `kinds` and their subtypes.
fn with_subtypes(kinds: &AttributeSet, schema: &Schema) -> AttributeSet {
    let each = kinds.iter().map(|kind| schema.definition(kind).subtypes);
    each.fold(AttributeSet::EMPTY, |sum, set| sum.union(&set))
}

fn refuse(
    found: &AttributeSet,
    schema: &Schema,
    error: fn(Box<str>) -> AccessError,
) -> Result<(), AccessError> {
    match found.iter().next() {
        Some(kind) => Err(error(schema.name(kind).into())),
        None => Ok(()),
    }
}

/// Entries as one viewer sees them.
pub struct View<'a> {
    rules: &'a AccessRules,
    schema: &'a Schema,
    viewer: Viewer<'a>,
}

impl View<'_> {
    /// What the viewer may read of `entry`, whose id is `id`; `None` if the viewer may not even know of it.
    /// Allocates nothing.
    pub fn readable<E: Attributes>(&self, id: EntryId, entry: &E) -> Option<AttributeSet> {
        match self.viewer {
            Viewer::Root => Some(self.everything().difference(&self.rules.owner_only)),
            Viewer::Member(own) if own == id => Some(self.everything()),
            _ => self.granted(entry),
        }
    }

    /// Whether the viewer may know of `entry`, whose id is `id`.
    pub fn knows<E: Attributes>(&self, id: EntryId, entry: &E) -> bool {
        self.readable(id, entry).is_some()
    }

    /// Whether the viewer may know of every entry.
    pub fn knows_all(&self) -> bool {
        self.viewer == Viewer::Root
    }

    /// What the viewer may write of `entry`, whose id is `id`; secrets may be written by whom they may not be read.
    pub fn writable<E: Attributes>(&self, _id: EntryId, _entry: &E) -> AttributeSet {
        match self.viewer {
            Viewer::Root => AttributeSet::ALL,
            _ => AttributeSet::EMPTY,
        }
    }

    /// Whether the viewer may add `entry`, or have an entry become like it by a new name.
    pub fn may_add<E: Attributes>(&self, _entry: &E) -> bool {
        self.viewer == Viewer::Root
    }

    /// Whether the viewer may delete `entry`, whose id is `id`, or take it away from its name.
    pub fn may_delete<E: Attributes>(&self, _id: EntryId, _entry: &E) -> bool {
        self.viewer == Viewer::Root
    }

    fn everything(&self) -> AttributeSet {
        AttributeSet::ALL.difference(&self.rules.secret)
    }

    /// The sum of what everybody may read and what the viewer's grants add.
    fn granted<E: Attributes>(&self, entry: &E) -> Option<AttributeSet> {
        let public = self.rules.public.readable(entry, self.schema);
        let own = self.rules.grants.iter().filter(|(grantee, _)| self.is(grantee));
        own.map(|(_, grant)| grant)
            .filter(|grant| holds(&grant.entries, entry, self.schema))
            .map(|grant| grant.readable)
            .chain(public)
            .reduce(|sum, more| sum.union(&more))
            .map(|sum| sum.union(&self.rules.plain))
    }

    fn is(&self, grantee: &Grantee) -> bool {
        match (self.viewer, grantee) {
            (Viewer::Member(_), Grantee::Members) | (Viewer::Service(_), Grantee::Services) => true,
            (Viewer::Service(name), Grantee::Service(granted)) => *name == **granted,
            _ => false,
        }
    }
}

impl PublicRules {
    fn readable<E: Attributes>(&self, entry: &E, schema: &Schema) -> Option<AttributeSet> {
        if !holds(&self.entries, entry, schema) {
            return None;
        }
        let mut opened = AttributeSet::EMPTY;
        let mut closed = AttributeSet::EMPTY;
        for attribute in entry.attributes() {
            if attribute.kind == self.opened_by_owner {
                add_named(&mut opened, attribute, schema);
            } else if attribute.kind == self.closed_by_owner {
                add_named(&mut closed, attribute, schema);
            }
        }
        let open = self.open.union(&opened.intersection(&self.can_open));
        Some(match closed.is_empty() {
            true => open,
            false => open.difference(&with_subtypes(&closed, schema)),
        })
    }
}

/// Values that name no attribute say nothing.
fn add_named(set: &mut AttributeSet, names: AttributeView<'_>, schema: &Schema) {
    let kinds = names.values().filter_map(|name| schema.attribute(name));
    kinds.for_each(|kind| set.insert(kind));
}

fn holds<E: Attributes>(filter: &Filter, entry: &E, schema: &Schema) -> bool {
    filter.truth(schema, entry, &AttributeSet::ALL, &Effort::unlimited()) == Truth::True
}

#[cfg(test)]
mod tests;
