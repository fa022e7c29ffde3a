//! One rule as a sentence: `group cn=registry,dc=uni may write title of people`.
//!
//! ```text
//! rule    = who "may" verbs attributes ["of" entries]
//!         / who "may" ("add" / "delete" …) ["of"] entries
//! who     = "the public" / "members" / "self" / "services" / "service" NAME / "group" DN / "root"
//! entries = (NAMES / "everything" / FILTER) ["below" DN] / "below" DN
//! ```
//! Verbs, attributes and names of entries are lists, with commas or `and` between.

use std::sync::Arc;

use thiserror::Error;

use crate::domain::access::{
    Entries, EntrySet, Grantee, MAY, Never, Right, Rights, Rule, Sight, user_attributes,
};
use crate::domain::filter::Filter;
use crate::domain::filter::text::FilterTextError;
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, Dn, NormalDn};

/// What the words of a sentence may mean.
pub struct Vocabulary<'a> {
    /// The attributes there are.
    pub schema: &'a Schema,
    /// What is never granted.
    pub never: &'a Never,
    /// Names of sets of entries, each with its filter (RFC 4515).
    pub entries: &'a [(Box<str>, Box<str>)],
    /// The relying systems there are.
    pub services: &'a [Box<str>],
}

/// The word of a sentence that was not understood.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Misread {
    /// There is no `may` with somebody before and something after it.
    #[error("it does not say who may do what")]
    NoMay,
    /// Before `may` stands nobody.
    #[error("{0:?} is nobody")]
    Who(Box<str>),
    /// There is no service of this name.
    #[error("there is no service called {0:?}")]
    Service(Box<str>),
    /// A group or a place has no name of the schema's.
    #[error("{0:?} is not a distinguished name")]
    Name(Box<str>),
    /// After `may` stands nothing that can be done.
    #[error("{0:?} is nothing that can be granted")]
    Verb(Box<str>),
    /// This grantee can never do that.
    #[error("nobody lets {0} {1}")]
    Refused(&'static str, &'static str),
    /// Whole entries and attributes in one sentence.
    #[error("{0:?} is done to whole entries, not to attributes")]
    Mixed(Box<str>),
    /// No attribute is named.
    #[error("it does not say which attributes")]
    NoAttributes,
    /// The schema has no attribute of this name.
    #[error("no attribute is called {0:?}")]
    Attribute(Box<str>),
    /// The attribute is secret or its owner's only.
    #[error("{0:?} is granted to nobody")]
    Never(Box<str>),
    /// The attribute is never public.
    #[error("{0:?} is never open to the public")]
    NeverPublic(Box<str>),
    /// It does not say which entries are added or deleted.
    #[error("it does not say which entries")]
    NoEntries,
    /// There are no entries of this name.
    #[error("no entries are called {0:?}")]
    Entries(Box<str>),
    /// The entries are in parentheses, and are no filter.
    #[error("{0:?} is not a filter: {1}")]
    Filter(Box<str>, FilterTextError),
    /// A word where the list before it has ended.
    #[error("{0:?} does not follow")]
    Stray(Box<str>),
}

impl Misread {
    /// What would be right in its place.
    pub fn right(&self) -> &'static str {
        match self {
            Misread::NoMay => "write a sentence such as \"members may read cn, mail of people\"",
            Misread::Who(_) => {
                "begin with \"the public\", \"members\", \"self\", \"services\", \"service NAME\", \"group DN\" or \"root\""
            }
            Misread::Service(_) => "name one of [[ldap.service]]",
            Misread::Name(_) => "write one such as \"cn=registry,ou=groups,dc=uni,dc=example\" (RFC 4514)",
            Misread::Verb(_) => "write read, search, compare, write, add or delete",
            Misread::Refused(..) => "take it out; what is not granted is refused",
            Misread::Mixed(_) => "write two sentences, one of them such as \"… may add and delete people\"",
            Misread::NoAttributes => {
                "name them, such as cn, mail; * is every user attribute, + every operational one"
            }
            Misread::Attribute(_) => "name one of the schema, or add it by schema.folder",
            Misread::Never(_) => "take it out, here or out of access.owner_only",
            Misread::NeverPublic(_) => {
                "take it out, here or out of access.never_public and access.owner_only"
            }
            Misread::NoEntries => "name them, such as people, or write everything",
            Misread::Entries(_) => {
                "write everything, a name of access.entries, a filter in parentheses, or \"below DN\""
            }
            Misread::Filter(..) => "write one such as (objectClass=person) (RFC 4515)",
            Misread::Stray(_) => "write a comma, \"and\", \"of\" or \"below\" before it",
        }
    }
}

impl Rule {
    /// Reads a sentence on line `line` of the configuration. Errors: the word that was not understood.
    pub fn parse(text: &str, line: usize, vocabulary: &Vocabulary<'_>) -> Result<Rule, Misread> {
        let (who, what) = text.split_once(MAY).ok_or(Misread::NoMay)?;
        let grantee = vocabulary.grantee(who.trim())?;
        let mut words = Words(what);
        let verbs = verbs(words.list())?;
        verbs.iter().try_for_each(|verb| verb.suits(&grantee))?;
        let whole = verbs.iter().filter(|verb| verb.is_of_whole_entries()).count();
        let (rights, entries) = if whole == 0 {
            let kinds = vocabulary.attributes(&mut words, &grantee, &verbs)?;
            let entries = match words.next() {
                None => Entries::all(),
                Some("of") => vocabulary.entries(words)?,
                Some(stray) => return Err(Misread::Stray(stray.into())),
            };
            (kinds, entries)
        } else if whole == verbs.len() {
            if words.peek() == Some("of") {
                words.next();
            }
            (of_whole_entries(&verbs), vocabulary.entries(words)?)
        } else {
            let whole = verbs.iter().find(|verb| verb.is_of_whole_entries());
            return Err(Misread::Mixed(whole.map_or("", |verb| verb.word()).into()));
        };
        Ok(Rule {
            grantee,
            rights,
            entries,
            text: text.into(),
            line,
        })
    }
}

impl Right {
    fn suits(self, grantee: &Grantee) -> Result<(), Misread> {
        match (grantee, self) {
            (Grantee::Public, Right::Write | Right::Add | Right::Delete) => {
                Err(Misread::Refused("strangers", self.word()))
            }
            // An entry that is not there yet is nobody's own.
            (Grantee::Owner, Right::Add) => Err(Misread::Refused("anybody", "add themselves")),
            _ => Ok(()),
        }
    }

    fn of(self, kinds: AttributeSet) -> Rights {
        let mut rights = Rights::NONE;
        match self {
            Right::Read => rights.sight = Sight::of(kinds),
            Right::Search => rights.sight.search = kinds,
            Right::Compare => rights.sight.compare = kinds,
            Right::Write => rights.write = kinds,
            Right::Add => rights.add = true,
            Right::Delete => rights.delete = true,
        }
        rights
    }
}

fn verbs(words: Vec<&str>) -> Result<Vec<Right>, Misread> {
    let verb = |word: &str| Right::ALL.into_iter().find(|verb| verb.word() == word);
    let each = words.into_iter();
    each.map(|word| verb(word).ok_or_else(|| Misread::Verb(word.into())))
        .collect()
}

fn of_whole_entries(verbs: &[Right]) -> Rights {
    let each = verbs.iter().map(|verb| verb.of(AttributeSet::EMPTY));
    each.fold(Rights::NONE, |sum, more| sum.and(&more))
}

impl Vocabulary<'_> {
    fn grantee(&self, who: &str) -> Result<Grantee, Misread> {
        Ok(match who {
            "the public" | "public" => Grantee::Public,
            "members" => Grantee::Members,
            "self" => Grantee::Owner,
            "services" => Grantee::Services,
            "root" => Grantee::Root,
            who => match who.split_once(' ') {
                Some(("service", name)) => self.service(name.trim())?,
                Some(("group", name)) => Grantee::Group(self.name(name)?),
                _ => return Err(Misread::Who(who.into())),
            },
        })
    }

    fn service(&self, name: &str) -> Result<Grantee, Misread> {
        let known = self.services.iter().any(|service| **service == *name);
        let unknown = || Misread::Service(name.into());
        known.then(|| Grantee::Service(name.into())).ok_or_else(unknown)
    }

    fn name(&self, text: &str) -> Result<NormalDn, Misread> {
        let text = text.trim();
        let dn = Dn::parse(text).ok().filter(|dn| !dn.rdns.is_empty());
        let normal = dn.and_then(|dn| self.schema.normal_dn(&dn));
        normal.ok_or_else(|| Misread::Name(text.into()))
    }

    /// What `verbs` mean of the attributes that come next.
    fn attributes(
        &self,
        words: &mut Words<'_>,
        grantee: &Grantee,
        verbs: &[Right],
    ) -> Result<Rights, Misread> {
        if matches!(words.peek(), None | Some("of")) {
            return Err(Misread::NoAttributes);
        }
        let names = words.list();
        let mut rights = Rights::NONE;
        for verb in verbs {
            for name in &names {
                rights = rights.and(&verb.of(self.attribute(name, grantee, *verb)?));
            }
        }
        Ok(rights)
    }

    fn attribute(&self, name: &str, grantee: &Grantee, verb: Right) -> Result<AttributeSet, Misread> {
        match name {
            "*" => return Ok(user_attributes(self.schema).difference(&self.never.public)),
            "+" => return Ok(self.schema.operational().difference(&self.never.public)),
            _ => {}
        }
        let kind = self.schema.attribute(name.as_bytes());
        let kind = kind.ok_or_else(|| Misread::Attribute(name.into()))?;
        let never = self.never;
        let is_hidden = match grantee {
            // What is written need not be read: a registry sets the numbers that only their owner sees.
            _ if verb == Right::Write => false,
            Grantee::Owner => never.secret.contains(kind),
            _ => never.secret.contains(kind) || never.owner_only.contains(kind),
        };
        if is_hidden {
            return Err(Misread::Never(name.into()));
        }
        if *grantee == Grantee::Public && never.public.contains(kind) {
            return Err(Misread::NeverPublic(name.into()));
        }
        Ok([kind].into_iter().collect())
    }

    /// The entries that the rest of the sentence names.
    fn entries(&self, mut words: Words<'_>) -> Result<Entries, Misread> {
        let said = words.0.trim();
        let filter = match words.peek() {
            None => return Err(Misread::NoEntries),
            Some("below") => None,
            Some(word) if word.starts_with('(') => Some(words.parenthesis().into()),
            Some(_) => self.named(words.list())?,
        };
        let below = match words.next() {
            None => None,
            Some("below") => Some(self.name(words.0)?),
            Some(stray) => return Err(Misread::Stray(stray.into())),
        };
        let text: Box<str> = filter.unwrap_or_default();
        let parsed = match &*text {
            "" => None,
            text => {
                Some(Filter::parse(self.schema, text).map_err(|error| Misread::Filter(text.into(), error))?)
            }
        };
        let filter = parsed.map(Arc::new);
        Ok(Entries {
            set: EntrySet { filter, below },
            mark: None,
            said: said.into(),
            text,
        })
    }

    /// The filter of the sets with these names; `None` if one of them is `everything`.
    fn named(&self, names: Vec<&str>) -> Result<Option<Box<str>>, Misread> {
        let mut filters = Vec::new();
        for name in &names {
            if *name == "everything" {
                return Ok(None);
            }
            let set = self.entries.iter().find(|(known, _)| **known == **name);
            filters.push(&*set.ok_or_else(|| Misread::Entries((*name).into()))?.1);
        }
        Ok(Some(match *filters {
            [one] => one.into(),
            _ => format!("(|{})", filters.concat()).into(),
        }))
    }
}

impl Entries {
    fn all() -> Entries {
        Entries {
            set: EntrySet {
                filter: None,
                below: None,
            },
            mark: None,
            said: "everything".into(),
            text: "".into(),
        }
    }
}

/// The rest of a sentence, taken word by word; a comma is a word.
struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    fn peek(&self) -> Option<&'t str> {
        let rest = self.0.trim_start();
        let end = match rest.starts_with(',') {
            true => 1,
            false => rest
                .find(|c: char| c.is_whitespace() || c == ',')
                .unwrap_or(rest.len()),
        };
        rest.get(..end).filter(|word| !word.is_empty())
    }

    fn next(&mut self) -> Option<&'t str> {
        let word = self.peek()?;
        self.0 = self.0.trim_start().get(word.len()..).unwrap_or_default();
        Some(word)
    }

    /// Words with commas or `and` between.
    fn list(&mut self) -> Vec<&'t str> {
        let mut words: Vec<_> = self.next().into_iter().collect();
        while matches!(self.peek(), Some("," | "and")) {
            self.next();
            if self.peek() != Some("and") {
                words.extend(self.next());
            }
        }
        words
    }

    /// Everything up to the parenthesis that closes the first one. Within values they are escaped (RFC 4515).
    fn parenthesis(&mut self) -> &'t str {
        let rest = self.0.trim_start();
        let mut depth = 0usize;
        let closes = |c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        };
        let end = rest.find(closes).map_or(rest.len(), |at| at + 1);
        let (filter, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.0 = after;
        filter
    }
}
