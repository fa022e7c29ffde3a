//! `[index]`, `[visibility]` and `[[access]]`.

use std::sync::Arc;

use toml::Spanned;

use super::Checker;
use crate::config::raw::{Raw, RawAccess, RawIndex};
use crate::config::settings::{AccessRule, AccessTo, IndexLists, Principals, Visibility};

impl Checker<'_> {
    pub(super) fn index_lists(&self, raw: &RawIndex) -> IndexLists {
        let default = IndexLists::default();
        IndexLists {
            equality: self.attributes(&raw.equality, default.equality, &[]),
            substring: self.attributes(&raw.substring, default.substring, &[]),
            ordering: self.attributes(&raw.ordering, default.ordering, &[]),
            membership: self.attributes(&raw.membership, default.membership, &[]),
        }
    }

    pub(super) fn visibility(&self, raw: &Raw, principals: &Principals) -> Visibility {
        let default = Visibility::default();
        let rules = raw.access.as_ref();
        Visibility {
            open_to_public: self.attributes(&raw.visibility.open_to_public, default.open_to_public, &[]),
            public_entries: self
                .filter(raw.visibility.public_entries.as_ref())
                .unwrap_or(default.public_entries),
            access: rules.map_or(default.access, |rules| {
                rules
                    .iter()
                    .filter_map(|rule| self.access_rule(rule, principals))
                    .collect()
            }),
        }
    }

    fn access_rule(&self, table: &Spanned<RawAccess>, principals: &Principals) -> Option<AccessRule> {
        let rule = table.get_ref();
        if rule.to.is_none() {
            self.missing(
                Some(&table.span()),
                "to",
                "write \"member\", \"services\" or \"service:NAME\"",
            );
        }
        if rule.read.is_none() {
            self.missing(
                Some(&table.span()),
                "read",
                "list the attributes, such as [\"cn\", \"mail\"], or [\"*\"]",
            );
        }
        let to = rule.to.as_ref().and_then(|to| self.access_to(to, principals));
        Some(AccessRule {
            to: to?,
            entries: self
                .filter(rule.entries.as_ref())
                .unwrap_or_else(|| "(objectClass=*)".into()),
            read: self.attributes(&rule.read, Vec::new(), &["*", "+"]),
        })
    }

    fn access_to(&self, written: &Spanned<String>, principals: &Principals) -> Option<AccessTo> {
        match written.get_ref().as_str() {
            "member" => return Some(AccessTo::Member),
            "services" => return Some(AccessTo::Services),
            _ => {}
        }
        let Some(name) = written.get_ref().strip_prefix("service:") else {
            let what = format!("{:?} is nobody", written.get_ref());
            self.error(
                &written.span(),
                what,
                "write \"member\", \"services\" or \"service:NAME\"",
            );
            return None;
        };
        if !principals.services.iter().any(|service| &*service.name == name) {
            let what = format!("there is no service called {name:?}");
            self.error(&written.span(), what, "name one of [[ldap.service]]");
        }
        Some(AccessTo::Service(Arc::from(name)))
    }

    /// A filter in the text of RFC 4515.
    fn filter(&self, written: Option<&Spanned<String>>) -> Option<String> {
        let written = written?;
        let text = written.get_ref();
        if text.starts_with('(') && text.ends_with(')') {
            return Some(text.clone());
        }
        let what = format!("{text:?} is not a filter");
        self.error(
            &written.span(),
            what,
            "write one such as \"(objectClass=person)\" (RFC 4515)",
        );
        None
    }
}
