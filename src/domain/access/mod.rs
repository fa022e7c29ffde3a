//! Who may know of which entry, and read, search, compare and write which of its attributes.
//!
//! The configuration says it in sentences ([`Rule::parse`]); [`AccessRules`] adds up those that speak of one asker
//! and one entry. What a viewer may see of an entry is sets of attribute types ([`Sight`]), computed once per entry:
//! results, filters and comparisons all go by them, so a value hidden in one is hidden in all (DESIGN invariant 4).
//! The lists of what is never granted ([`Never`]) win over every sentence.

mod explain;
mod horizon;
mod matrix;
mod public;
mod rules;
mod sentence;
#[cfg(test)]
mod tests;

pub use explain::Reason;
pub use matrix::matrix;
pub use public::HAS_SWITCHES;
pub use rules::{AccessRules, GROUPS_MAX, TooManyGroups, View};
pub use sentence::{Misread, Vocabulary};

use std::sync::Arc;

use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::Attributes;
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, AttributeType, EntryId, NormalDn};

/// Who looks, as far as access is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer<'a> {
    /// A stranger.
    Public,
    /// The member whose entry has this id, and the groups of rules that list it.
    Member(EntryId, Groups),
    /// A relying system, by its name.
    Service(&'a str),
    /// The emergency administrator.
    Root,
}

/// Which of the groups that rules speak of somebody is in: positions in [`AccessRules::groups`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups(u64);

impl Groups {
    /// No group.
    pub const NONE: Groups = Groups(0);

    /// These and the group at `position` too.
    pub fn and(self, position: usize) -> Groups {
        Groups(self.0 | 1u64.checked_shl(position as u32).unwrap_or(0))
    }

    fn contains(self, position: usize) -> bool {
        self.0.checked_shr(position as u32).unwrap_or(0) & 1 == 1
    }
}

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// Everybody, strangers included.
    Public,
    /// Every member who has logged in.
    Members,
    /// The member whose entry it is.
    Owner,
    /// The members of a group, those of groups in it included.
    Group(NormalDn),
    /// Every relying system.
    Services,
    /// The relying system of this name.
    Service(Box<str>),
    /// The emergency administrator, who may do everything without a rule.
    Root,
}

/// One thing that may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To have an attribute returned.
    Read,
    /// To ask about it in a filter.
    Search,
    /// To ask about it by Compare.
    Compare,
    /// To change it.
    Write,
    /// To add a whole entry.
    Add,
    /// To delete a whole entry.
    Delete,
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 6] = [
        Right::Read,
        Right::Search,
        Right::Compare,
        Right::Write,
        Right::Add,
        Right::Delete,
    ];

    /// The word for it in a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Search => "search",
            Right::Compare => "compare",
            Right::Write => "write",
            Right::Add => "add",
            Right::Delete => "delete",
        }
    }

    /// Whether it is done to whole entries rather than to attributes.
    pub fn is_of_whole_entries(self) -> bool {
        matches!(self, Right::Add | Right::Delete)
    }
}

/// What may be done. Who may read an attribute may search and compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What may be seen.
    pub sight: Sight,
    /// What may be written.
    pub write: AttributeSet,
    /// Whether whole entries may be added.
    pub add: bool,
    /// Whether whole entries may be deleted.
    pub delete: bool,
}

impl Rights {
    /// Nothing.
    pub const NONE: Rights = Rights {
        sight: Sight::NONE,
        write: AttributeSet::EMPTY,
        add: false,
        delete: false,
    };

    /// Whether they are to do `right`, to an attribute of `kind` if it is one of attributes.
    pub fn include(&self, right: Right, kind: Option<AttributeType>) -> bool {
        let has = |set: &AttributeSet| kind.is_some_and(|kind| set.contains(kind));
        match right {
            Right::Read => has(&self.sight.read),
            Right::Search => has(&self.sight.search),
            Right::Compare => has(&self.sight.compare),
            Right::Write => has(&self.write),
            Right::Add => self.add,
            Right::Delete => self.delete,
        }
    }

    fn and(mut self, more: &Rights) -> Rights {
        self.sight.add(&more.sight);
        Rights {
            sight: self.sight,
            write: self.write.union(&more.write),
            add: self.add || more.add,
            delete: self.delete || more.delete,
        }
    }
}

/// What may be seen of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What is returned.
    pub read: AttributeSet,
    /// What filters may ask about; an item on anything else is Undefined. All of `read`, and more.
    pub search: AttributeSet,
    /// What Compare may ask about. All of `read`, and more.
    pub compare: AttributeSet,
    /// What filters would be told but for the entry's owner, who has closed it: to them it is not there, so that closing an
    /// attribute and having none look the same. Nothing of `search`.
    pub closed: AttributeSet,
}

impl Sight {
    /// Nothing.
    pub const NONE: Sight = Sight::of(AttributeSet::EMPTY);

    /// These attributes, in every way.
    pub const fn of(kinds: AttributeSet) -> Sight {
        Sight {
            read: kinds,
            search: kinds,
            compare: kinds,
            closed: AttributeSet::EMPTY,
        }
    }

    /// In place, as this is done for every entry that is looked at, and sets are large.
    fn add(&mut self, more: &Sight) {
        self.read.add(&more.read);
        self.search.add(&more.search);
        self.compare.add(&more.compare);
        self.closed.add(&more.closed);
        self.closed.take(&self.search);
    }

    fn close(&mut self, kinds: &AttributeSet) {
        self.closed = self.search.intersection(kinds);
        self.read.take(kinds);
        self.search.take(kinds);
        self.compare.take(kinds);
    }

    fn is_blind(&self) -> bool {
        // What is read may be searched.
        self.search.is_empty() && self.compare.is_empty()
    }
}

/// One sentence of the configuration.
pub struct Rule {
    /// For whom.
    pub grantee: Grantee,
    /// What.
    pub rights: Rights,
    /// Of which entries.
    pub entries: Entries,
    /// As it was written.
    pub text: Box<str>,
    /// The line of the configuration it is on; 0 of a default.
    pub line: usize,
}

impl Rule {
    /// For whom, as it was written.
    pub fn who(&self) -> &str {
        self.text.split_once(MAY).map_or("", |(who, _)| who.trim())
    }
}

/// What stands between who and what.
const MAY: &str = " may ";

/// The entries that a rule is of.
pub struct Entries {
    set: EntrySet,
    /// The set's position in [`AccessRules::sets`].
    mark: Option<usize>,
    /// As they were written.
    said: Box<str>,
    /// The filter as it was written: what rules on the same entries are known by.
    text: Box<str>,
}

impl Entries {
    /// Whether `entry`, which has these marks, is one of them.
    fn holds<E: Attributes>(&self, entry: &E, marks: Option<u64>, schema: &Schema) -> bool {
        match self.mark.zip(marks) {
            Some((mark, marks)) => marks >> mark & 1 == 1,
            None => self.set.has(entry, schema),
        }
    }

    fn are_all(&self) -> bool {
        self.set.filter.is_none() && self.set.below.is_none()
    }

    fn are_those_of(&self, other: &Entries) -> bool {
        self.text == other.text && self.set.below == other.set.below
    }
}

/// Entries by what they are and where.
#[derive(Clone)]
pub struct EntrySet {
    /// Those this is true of, with every attribute in sight; `None`: all.
    filter: Option<Arc<Filter>>,
    /// Those at or under this name; `None`: all.
    below: Option<NormalDn>,
}

impl EntrySet {
    /// Whether `entry` is one of them.
    pub fn has<E: Attributes>(&self, entry: &E, schema: &Schema) -> bool {
        let within = |base: &NormalDn| entry.is_within(schema, base.as_ref());
        let is = |filter: &Arc<Filter>| {
            filter.truth(schema, entry, &AttributeSet::ALL, &Effort::unlimited()) == Truth::True
        };
        self.below.as_ref().is_none_or(within) && self.filter.as_ref().is_none_or(is)
    }

    /// Whether an entry leaves or enters it when one above it is renamed.
    pub fn is_of_a_place(&self) -> bool {
        self.below.is_some()
    }
}

/// What no sentence can grant, each with its subtypes.
#[derive(Clone, Copy, Debug)]
pub struct Never {
    /// What strangers never see, and others by its name only, never by `*` or `+`. All below is among it.
    pub public: AttributeSet,
    /// What only the entry's owner reads: recovery contacts and numbers.
    pub owner_only: AttributeSet,
    /// What nobody reads over any protocol: `userPassword` and the like.
    pub secret: AttributeSet,
}

impl Never {
    /// The lists with the subtypes of what they name; what names no attribute is left out.
    pub fn new<N: AsRef<str>>(public: &[N], owner_only: &[N], secret: &[N], schema: &Schema) -> Never {
        let set = |names: &[N]| {
            let kinds = names
                .iter()
                .filter_map(|name| schema.attribute(name.as_ref().as_bytes()));
            with_subtypes(kinds, schema)
        };
        let (owner_only, secret) = (set(owner_only), set(secret));
        Never {
            public: set(public).union(&owner_only).union(&secret),
            owner_only,
            secret,
        }
    }
}

/// `kinds` and their subtypes.
fn with_subtypes(kinds: impl Iterator<Item = AttributeType>, schema: &Schema) -> AttributeSet {
    let each = kinds.map(|kind| schema.definition(kind).subtypes);
    each.fold(AttributeSet::EMPTY, |sum, set| sum.union(&set))
}

fn user_attributes(schema: &Schema) -> AttributeSet {
    AttributeSet::ALL.difference(schema.operational())
}
