//! `[index]`, `[visibility]` and `[[access]]`.

use toml::Spanned;

use super::Checker;
use super::ldap::Named;
use crate::config::defaults::{self, EVERY_ENTRY};
use crate::config::raw::{List, Raw, RawAccess, RawIndex, RawVisibility};
use crate::config::settings::{AccessRule, Visibility};
use crate::domain::access::{AccessError, AccessRules, AccessSettings, Grantee, RuleSettings};
use crate::domain::filter::Filter;
use crate::domain::schema::Schema;
use crate::index::IndexSettings;
use crate::types::{AttributeSet, AttributeType};

impl Checker<'_> {
    pub(super) fn index(&self, raw: &RawIndex) -> IndexSettings {
        let usual = IndexSettings::usual(&self.schema);
        IndexSettings {
            equality: self.attribute_types(&raw.equality, usual.equality),
            substring: self.attribute_types(&raw.substring, usual.substring),
            ordering: self.attribute_types(&raw.ordering, usual.ordering),
            membership: self.attribute_types(&raw.membership, usual.membership),
        }
    }

    fn attribute_types(&self, written: &List<String>, default: Vec<AttributeType>) -> Vec<AttributeType> {
        self.list(written, default, |name| {
            self.attribute(name)
                .and_then(|name| self.schema.attribute(name.as_bytes()))
        })
    }

    pub(super) fn visibility(&self, raw: &Raw, services: &[Named]) -> Visibility {
        let default = Visibility::default();
        let public_entries = raw.visibility.public_entries.as_ref();
        let hidden = self.hidden(&raw.visibility);
        let rules = raw.access.as_ref().map(|tables| {
            let rules = tables.iter();
            rules
                .filter_map(|table| self.access_rule(table, services, &hidden))
                .collect()
        });
        Visibility {
            open_to_public: self.open_to_public(&raw.visibility, &hidden),
            public_entries: public_entries
                .and_then(|written| self.filter(written))
                .unwrap_or(default.public_entries),
            rules: rules.unwrap_or(default.rules),
            never_public: hidden.never_public,
            owner_only: hidden.owner_only,
        }
    }

    fn hidden(&self, raw: &RawVisibility) -> Hidden {
        let default = Visibility::default();
        let never_public = self.names(&raw.never_public, default.never_public, &[]);
        let owner_only = self.names(&raw.owner_only, default.owner_only, &[]);
        let types = |names: &[String]| -> AttributeSet {
            let types = names
                .iter()
                .filter_map(|name| self.schema.attribute(name.as_bytes()));
            let subtypes = types.map(|kind| self.schema.definition(kind).subtypes);
            subtypes.fold(AttributeSet::EMPTY, |sum, set| sum.union(&set))
        };
        let never_granted = types(&owner_only).union(&types(&defaults::secret()));
        Hidden {
            from_public: types(&never_public).union(&never_granted),
            from_everybody: never_granted,
            never_public,
            owner_only,
        }
    }

    fn open_to_public(&self, raw: &RawVisibility, hidden: &Hidden) -> Vec<String> {
        let default = Visibility::default().open_to_public;
        let advice = "take it out here, or out of visibility.never_public or owner_only";
        self.visible(
            &raw.open_to_public,
            &hidden.from_public,
            "never open to the public",
            advice,
        );
        // Who closes more than the default opens need not list what stays open.
        let open = default.into_iter().filter(|name| {
            let kind = self.schema.attribute(name.as_bytes());
            kind.is_some_and(|kind| !hidden.from_public.contains(kind))
        });
        self.names(&raw.open_to_public, open.collect(), &[])
    }

    fn access_rule(
        &self,
        table: &Spanned<RawAccess>,
        services: &[Named],
        hidden: &Hidden,
    ) -> Option<AccessRule> {
        let rule = table.get_ref();
        if rule.to.is_none() {
            self.missing(Some(&table.span()), "to", GRANTEES);
        }
        if rule.read.is_none() {
            let right = "list the attributes, such as [\"cn\", \"mail\"], or [\"*\"]";
            self.missing(Some(&table.span()), "read", right);
        }
        let advice = "take it out, here or out of visibility.owner_only";
        self.visible(&rule.read, &hidden.from_everybody, "granted to nobody", advice);
        let entries = rule.entries.as_ref().and_then(|written| self.filter(written));
        Some(AccessRule {
            grantee: self.grantee(rule.to.as_ref()?, services)?,
            entries: entries.unwrap_or_else(|| EVERY_ENTRY.into()),
            read: self.names(&rule.read, Vec::new(), &["*", "+"]),
        })
    }

    /// An error at each name of `written` that is among `hidden`.
    fn visible(&self, written: &List<String>, hidden: &AttributeSet, what: &str, right: &str) {
        for name in written.iter().flatten() {
            let kind = self.schema.attribute(name.get_ref().as_bytes());
            if kind.is_some_and(|kind| hidden.contains(kind)) {
                self.error(&name.span(), format!("{:?} is {what}", name.get_ref()), right);
            }
        }
    }

    fn grantee(&self, written: &Spanned<String>, services: &[Named]) -> Option<Grantee> {
        match written.get_ref().as_str() {
            "member" => return Some(Grantee::Members),
            "services" => return Some(Grantee::Services),
            _ => {}
        }
        let Some(name) = written.get_ref().strip_prefix("service:") else {
            self.error(
                &written.span(),
                format!("{:?} is nobody", written.get_ref()),
                GRANTEES,
            );
            return None;
        };
        if !services.iter().any(|service| &*service.name == name) {
            let what = format!("there is no service called {name:?}");
            self.error(&written.span(), what, "name one of [[ldap.service]]");
        }
        Some(Grantee::Service(name.into()))
    }
}

/// What `to` of a rule may say.
const GRANTEES: &str = "write \"member\", \"services\" or \"service:NAME\"";

/// What lists must not open again.
struct Hidden {
    never_public: Vec<String>,
    owner_only: Vec<String>,
    from_public: AttributeSet,
    from_everybody: AttributeSet,
}

/// The rules that `visibility` says. Errors: [`AccessError`]; none for what was checked.
pub(super) fn compile(visibility: &Visibility, schema: &Schema) -> Result<AccessRules, AccessError> {
    // A filter that was checked parses; one that did not would match nothing, which hides.
    let filter = |text: &str| Filter::parse(schema, text).unwrap_or(Filter::Undefined);
    let rule = |rule: &AccessRule| RuleSettings {
        grantee: rule.grantee.clone(),
        entries: filter(&rule.entries),
        attributes: boxed(&rule.read),
    };
    let settings = AccessSettings {
        open_to_public: boxed(&visibility.open_to_public),
        never_public: boxed(&visibility.never_public),
        owner_only: boxed(&visibility.owner_only),
        secret: boxed(&defaults::secret()),
        public_entries: filter(&visibility.public_entries),
        rules: visibility.rules.iter().map(rule).collect(),
    };
    AccessRules::new(settings, schema)
}

fn boxed(names: &[String]) -> Vec<Box<str>> {
    names.iter().map(|name| name.as_str().into()).collect()
}
