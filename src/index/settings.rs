//! Which attributes are indexed, and how.

use crate::domain::schema::Schema;
use crate::types::AttributeType;

/// Which attributes are indexed. An attribute in no list is searched entry by entry.
#[derive(Clone, Debug, Default)]
pub struct IndexSettings {
    /// For equality; about 8.5 bytes a value, a fraction of that for a value many entries have.
    pub equality: Vec<AttributeType>,
    /// For substrings; the length of the value and 5 bytes.
    pub substring: Vec<AttributeType>,
    /// For `>=` and `<=`; 12 bytes a value.
    pub ordering: Vec<AttributeType>,
    /// Those of which one entry may have very many values, as groups have members; 12 bytes a value.
    pub membership: Vec<AttributeType>,
}

const EQUALITY: &[&str] = &[
    "objectClass",
    "uid",
    "mail",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "employeeNumber",
    "employeeType",
    "departmentNumber",
    "telephoneNumber",
    "ou",
    "entryUUID",
    "uidNumber",
    "gidNumber",
    "eduPersonPrincipalName",
];
const SUBSTRING: &[&str] = &["uid", "mail", "cn", "sn", "givenName", "displayName"];
const ORDERING: &[&str] = &["modifyTimestamp", "createTimestamp", "uidNumber", "gidNumber"];
const MEMBERSHIP: &[&str] = &["member", "uniqueMember", "memberUid"];

impl IndexSettings {
    /// What clients are known to search by, as far as `schema` has it.
    pub fn usual(schema: &Schema) -> IndexSettings {
        let known = |names: &[&str]| {
            let kinds = names.iter().filter_map(|name| schema.attribute(name.as_bytes()));
            kinds.collect()
        };
        let usual = IndexSettings {
            equality: known(EQUALITY),
            substring: known(SUBSTRING),
            ordering: known(ORDERING),
            membership: known(MEMBERSHIP),
        };
        usual.with_needed(schema)
    }

    /// With what the directory itself looks for by value, if it is not there yet: the `uid` that people log in by, the
    /// `memberUid` of groups, and every attribute that names entries, whose values follow what they name. Costs nothing for
    /// an attribute that no entry has.
    pub fn with_needed(mut self, schema: &Schema) -> IndexSettings {
        let types = schema.well_known();
        let needed = [types.uid, types.member_uid].into_iter();
        for kind in needed.chain(schema.dn_valued().iter()) {
            if !self.equality.contains(&kind) && !self.membership.contains(&kind) {
                self.equality.push(kind);
            }
        }
        self
    }
}

/// [`IndexSettings`] by attribute type.
#[derive(Clone)]
pub(super) struct Roles(Vec<Role>);

/// How one attribute type is indexed.
#[derive(Clone, Copy, Default)]
pub(super) struct Role {
    pub equality: bool,
    pub substring: bool,
    pub ordering: bool,
    pub membership: bool,
}

impl Role {
    pub(super) fn is_none(self) -> bool {
        !(self.equality || self.substring || self.ordering || self.membership)
    }
}

impl Roles {
    pub(super) fn new(settings: &IndexSettings) -> Roles {
        let mut roles = Roles(Vec::new());
        settings
            .equality
            .iter()
            .for_each(|kind| roles.at(*kind).equality = true);
        settings
            .substring
            .iter()
            .for_each(|kind| roles.at(*kind).substring = true);
        settings
            .ordering
            .iter()
            .for_each(|kind| roles.at(*kind).ordering = true);
        for kind in &settings.membership {
            *roles.at(*kind) = Role {
                membership: true,
                equality: false,
                ..*roles.at(*kind)
            };
        }
        roles
    }

    fn at(&mut self, kind: AttributeType) -> &mut Role {
        let at = usize::from(kind.0);
        if at >= self.0.len() {
            self.0.resize(at + 1, Role::default());
        }
        &mut self.0[at]
    }

    /// The roles of every attribute type up to the last that has one.
    pub(super) fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    #[inline]
    pub(super) fn of(&self, kind: AttributeType) -> Role {
        self.0.get(usize::from(kind.0)).copied().unwrap_or_default()
    }
}
