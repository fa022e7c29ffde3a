//! `[index]` and `[access]`.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Checker;
use super::ldap::Named;
use crate::config::defaults;
use crate::config::nearest::nearest;
use crate::config::raw::{List, RawAccess, RawIndex};
use crate::config::settings::Access;
use crate::domain::access::{AccessRules, Grantee, Misread, Never, Right, Rule, TooManyGroups, Vocabulary};
use crate::index::IndexSettings;
use crate::types::AttributeType;

impl Checker<'_> {
    pub(super) fn index(&self, raw: &RawIndex) -> IndexSettings {
        let usual = IndexSettings::usual(&self.schema);
        let written = IndexSettings {
            equality: self.attribute_types(&raw.equality, usual.equality),
            substring: self.attribute_types(&raw.substring, usual.substring),
            ordering: self.attribute_types(&raw.ordering, usual.ordering),
            membership: self.attribute_types(&raw.membership, usual.membership),
        };
        written.with_needed(&self.schema)
    }

    pub(super) fn attribute_types(
        &self,
        written: &List<String>,
        default: Vec<AttributeType>,
    ) -> Vec<AttributeType> {
        self.list(written, default, |name| {
            self.attribute(name)
                .and_then(|name| self.schema.attribute(name.as_bytes()))
        })
    }

    /// What `[access]` says, and the rules it makes.
    pub(super) fn access(&self, raw: &RawAccess, services: &[Named]) -> (Access, Option<AccessRules>) {
        let default = Access::default();
        let never_public = self.names(&raw.never_public, default.never_public, &[]);
        let owner_only = self.names(&raw.owner_only, default.owner_only, &[]);
        let never = Never::new(&never_public, &owner_only, &defaults::secret(), &self.schema);
        let entries = self.sets(raw, default.entries);
        let boxed = |(name, filter): (&String, &String)| (name.as_str().into(), filter.as_str().into());
        let vocabulary = Vocabulary {
            schema: &self.schema,
            never: &never,
            entries: &entries.iter().map(boxed).collect::<Vec<_>>(),
            services: &services
                .iter()
                .map(|service| (*service.name).into())
                .collect::<Vec<_>>(),
        };
        let parsed: Vec<Rule> = match &raw.rules {
            Some(written) => {
                let rules = written.iter().filter_map(|rule| self.rule(rule, &vocabulary));
                rules.collect()
            }
            None => {
                let rules = default.rules.into_iter();
                rules.filter_map(|rule| default_rule(rule, &vocabulary)).collect()
            }
        };
        let access = Access {
            rules: parsed.iter().map(|rule| rule.text.to_string()).collect(),
            entries,
            never_public,
            owner_only,
        };
        (access, self.compiled(parsed, never, raw))
    }

    fn compiled(&self, rules: Vec<Rule>, never: Never, raw: &RawAccess) -> Option<AccessRules> {
        let too_many = |error: TooManyGroups| {
            let mut written = raw.rules.iter().flatten();
            let first = written.find(|written| **written.get_ref() == *error.0);
            let place = first.map(Spanned::span).unwrap_or_default();
            self.error(
                &place,
                error.to_string(),
                "put several groups into one, and write its name: who is in a group in a group counts",
            );
        };
        AccessRules::new(rules, never, &self.schema)
            .map_err(too_many)
            .ok()
    }

    /// The sets of entries that have names: those written, and of the others the defaults.
    fn sets(&self, raw: &RawAccess, mut sets: BTreeMap<String, String>) -> BTreeMap<String, String> {
        for (name, written) in raw.entries.iter().flatten() {
            let spelt = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if name.is_empty() || !name.chars().all(spelt) || RESERVED.contains(&name.as_str()) {
                let right = "write letters, digits, `-`, `_` or `.`, and no word of the sentences";
                self.error(&written.span(), format!("{name:?} cannot name entries"), right);
            }
            if let Some(filter) = self.filter(written) {
                sets.insert(name.clone(), filter);
            }
        }
        sets
    }

    fn rule(&self, written: &Spanned<String>, vocabulary: &Vocabulary<'_>) -> Option<Rule> {
        let line = self.document.line(&written.span());
        let refused = |misread: Misread| {
            let right = meant(&misread, vocabulary).unwrap_or_else(|| misread.right().into());
            self.error(&written.span(), misread.to_string(), right);
        };
        let rule = Rule::parse(written.get_ref(), line, vocabulary)
            .map_err(refused)
            .ok()?;
        if rule.grantee == Grantee::Root {
            self.warning(&written.span(), "root may do everything anyway", "take it out");
        }
        Some(rule)
    }
}

/// What cannot name a set of entries.
const RESERVED: &[&str] = &["everything", "below", "and"];

/// A default sentence without what is never granted: who closes more than it opens need not list what stays open.
fn default_rule(mut text: String, vocabulary: &Vocabulary<'_>) -> Option<Rule> {
    loop {
        let hidden = match Rule::parse(&text, 0, vocabulary) {
            Err(Misread::Never(word) | Misread::NeverPublic(word)) => word,
            rule => return rule.ok(),
        };
        let is_other = |word: &&str| word.trim_end_matches(',') != &*hidden;
        let rest: Vec<&str> = text.split(' ').filter(is_other).collect();
        text = rest.join(" ").replace(", of ", " of ");
    }
}

/// The word that was probably meant by the one that was misread.
fn meant(misread: &Misread, vocabulary: &Vocabulary<'_>) -> Option<String> {
    let sets = vocabulary.entries.iter().map(|(name, _)| &**name);
    let near = match misread {
        Misread::Attribute(word) => {
            let types = vocabulary.schema.attribute_types();
            nearest(word, types.map(|(_, definition)| definition.name()))
        }
        Misread::Entries(word) => nearest(word, sets.chain(["everything"])),
        Misread::Service(word) => nearest(word, vocabulary.services.iter().map(|name| &**name)),
        Misread::Verb(word) => nearest(word, Right::ALL.into_iter().map(Right::word)),
        Misread::Who(word) => nearest(word, WHO.iter().copied()),
        _ => None,
    };
    near.map(|near| format!("did you mean \"{near}\"?"))
}

const WHO: &[&str] = &["the public", "members", "self", "services", "root"];
