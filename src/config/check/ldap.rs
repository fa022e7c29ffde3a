//! `[ldap]`, `[limits]`, `[ldap.root]` and `[[ldap.service]]`.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

use super::Checker;
use crate::config::defaults;
use crate::config::document::Span;
use crate::config::raw::{Field, List, RawLdap, RawLimits, RawRoot, RawSecret, RawService};
use crate::config::settings::Ldap;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::login::principals::{PrincipalError, Principals};
use crate::index::IndexSettings;
use crate::ldap::limits::{Limits, MessageLimits};
use crate::ldap::names::{BindName, Names};
use crate::server::ldap::listener::LdapSettings;
use crate::server::local::users;
use crate::types::{Dn, IpNet, PinHash};

impl Checker<'_> {
    pub(super) fn ldap(&self, raw: &RawLdap) -> Ldap {
        self.cleartext_is_narrow(raw);
        Ldap {
            connections: self.connections(raw),
            messages: self.messages(raw),
            names: Names {
                bind: self.list(&raw.bind_names, Vec::new(), |written| self.bind_name(written)),
                default_search_base: raw.default_search_base.as_ref().and_then(|base| self.dn(base)),
            },
        }
    }

    fn bind_name(&self, written: &Spanned<String>) -> Option<BindName> {
        let text = written.get_ref().as_str();
        let is_realm = |realm: &&str| realm.chars().all(|c| c.is_ascii_graphic() && c != '@');
        let realm = text
            .strip_prefix("uid@")
            .filter(|realm| !realm.is_empty())
            .filter(is_realm);
        let name = match (text, realm) {
            ("uid", _) => Some(BindName::Uid),
            ("mail", _) => Some(BindName::Mail),
            (_, realm) => realm.map(|realm| BindName::Realm(realm.into())),
        };
        if name.is_none() {
            let right = "write \"uid\", \"mail\" or \"uid@REALM\", such as \"uid@uni.example\"";
            self.error(&written.span(), format!("{text:?} is not known"), right);
        }
        name
    }

    /// A stranger's bind by mail address must not look at every entry.
    pub(super) fn mail_is_found(&self, bind_names: &List<String>, index: &IndexSettings) {
        let mail = self.schema.well_known().mail;
        let by_mail = bind_names.iter().flatten().find(|name| *name.get_ref() == "mail");
        if let (Some(written), false) = (by_mail, index.equality.contains(&mail)) {
            let what = "every bind by mail address would look at every entry, as index.equality has no mail";
            self.error(
                &written.span(),
                what,
                "add \"mail\" to index.equality, or take it out here",
            );
        }
    }

    /// A search outside of `base_dn` would find nothing.
    pub(super) fn is_below(&self, written: &Field<String>, base: &Dn) {
        let Some(written) = written else { return };
        let normal = |dn: &Dn| self.schema.normal_dn(dn);
        let dn = Dn::parse(written.get_ref()).ok().and_then(|dn| normal(&dn));
        if let (Some(dn), Some(base_dn)) = (dn, normal(base))
            && !dn.as_ref().is_at_or_under(base_dn.as_ref())
        {
            let right = format!("name {base} or a name below it");
            self.error(&written.span(), "a name that is not under base_dn", right);
        }
    }

    fn connections(&self, raw: &RawLdap) -> LdapSettings {
        /// What one machine can have files for.
        const CONNECTIONS: u32 = 1_000_000;
        let default = LdapSettings::default();
        let per_source = &raw.connections_per_address_max;
        LdapSettings {
            connections_max: self.count(&raw.connections_max, default.connections_max, 1..=CONNECTIONS),
            connections_per_source_max: self.count(
                per_source,
                default.connections_per_source_max,
                1..=CONNECTIONS,
            ),
            first_message_limit_s: self.small_number(
                &raw.first_message_s,
                default.first_message_limit_s,
                1..=3_600,
            ),
            idle_limit_s: self.small_number(&raw.idle_s, default.idle_limit_s, 1..=86_400),
            write_limit_s: self.small_number(&raw.write_timeout_s, default.write_limit_s, 1..=3_600),
            cleartext_bind_from: self.networks(&raw.cleartext_bind_from, defaults::cleartext_bind_from()),
            administrators_group: self.group(&raw.administrators_group),
        }
    }

    /// A group of this machine. One that it does not have is no error: it may be made later, and has no member.
    fn group(&self, written: &Field<String>) -> Option<String> {
        let written = written.as_ref()?;
        let name = self.name(written)?;
        let groups = self.files.read(Path::new(users::GROUPS)).unwrap_or_default();
        if users::group_in(&String::from_utf8_lossy(&groups), &name).is_none() {
            let what = format!("there is no group {name:?} in {}", users::GROUPS);
            self.warning(
                &written.span(),
                what,
                "name a group of this machine, or make it with groupadd(8)",
            );
        }
        Some(name)
    }

    fn messages(&self, raw: &RawLdap) -> Limits {
        /// From the smallest bind to the largest message anybody should buffer.
        const BYTES: std::ops::RangeInclusive<u32> = 1_024..=16_777_216;
        let default = Limits::default();
        let messages = |written, default: MessageLimits| MessageLimits {
            bytes_max: self.count(written, default.bytes_max, BYTES),
            ..default
        };
        Limits {
            anonymous: messages(&raw.message_bytes_max_anonymous, default.anonymous),
            authenticated: messages(&raw.message_bytes_max_authenticated, default.authenticated),
        }
    }

    /// PINs in clear text from everywhere are allowed, but not silently.
    fn cleartext_is_narrow(&self, raw: &RawLdap) {
        for written in raw.cleartext_bind_from.iter().flatten() {
            let network = written.get_ref().parse::<IpNet>();
            if network.is_ok_and(|network| network.prefix_len() == 0) {
                self.warning(
                    &written.span(),
                    "PINs may cross every network in clear text",
                    "name only networks nobody listens on; elsewhere clients use LDAPS or StartTLS",
                );
            }
        }
    }

    pub(super) fn search_limits(&self, raw: &RawLimits) -> SearchLimits {
        const ENTRIES: u64 = 10_000_000;
        let default = defaults::search();
        SearchLimits {
            entries_max_public: self.number(&raw.entries_max_public, default.entries_max_public, 1..=ENTRIES),
            entries_max_member: self.number(&raw.entries_max_member, default.entries_max_member, 0..=ENTRIES),
            entries_max_service: self.number(
                &raw.entries_max_service,
                default.entries_max_service,
                0..=ENTRIES,
            ),
            candidates_max: self.number(&raw.candidates_max, default.candidates_max, 0..=ENTRIES),
            time_limit_s: self.number(&raw.time_limit_s, default.time_limit_s, 1..=3_600),
        }
    }

    /// The accounts of the configuration, under `base`.
    pub(super) fn principals(&self, root: Option<Root>, services: Vec<Named>, base: &Dn) -> Principals {
        let mut principals = Principals::default();
        if let Some(root) = root {
            let added = principals.add_root(root.dn, root.password_hash, &self.schema);
            self.taken(added, &root.span);
        }
        for service in services {
            let added = principals.add_service(service.name, base, service.password_hash, &self.schema);
            self.taken(added, &service.span);
        }
        principals
    }

    fn taken(&self, added: Result<(), PrincipalError>, span: &Span) {
        if let Err(error) = added {
            self.error(span, error.to_string(), "give each account a name of its own");
        }
    }

    pub(super) fn root(&self, written: &Field<RawRoot>) -> Option<Root> {
        let table = written.as_ref()?;
        let root = table.get_ref();
        if root.dn.is_none() {
            let right = "name the administrator, such as \"cn=admin,dc=uni,dc=example\"";
            self.missing(Some(&table.span()), "dn", right);
        }
        let dn = root.dn.as_ref().and_then(|dn| self.dn(dn));
        let password_hash = self.password_hash(&root.password_hash, &table.span());
        Some(Root {
            dn: dn?,
            password_hash: password_hash?,
            span: table.span(),
        })
    }

    /// Every service that is good. A second one of the same name is reported where it stands, also if the first
    /// has another fault.
    pub(super) fn services(&self, written: &List<RawService>) -> Vec<Named> {
        let (mut good, mut names) = (Vec::new(), Vec::new());
        for table in written.iter().flatten() {
            let named = self.service(table);
            let name = table.get_ref().name.as_ref().map(Spanned::get_ref);
            let same = |other: &&String| name.is_some_and(|name| name.eq_ignore_ascii_case(other));
            if names.iter().any(same) {
                self.taken(Err(PrincipalError::Taken), &table.span());
            } else {
                good.extend(named);
                names.extend(name);
            }
        }
        good
    }

    fn service(&self, table: &Spanned<RawService>) -> Option<Named> {
        let service = table.get_ref();
        if service.name.is_none() {
            self.missing(Some(&table.span()), "name", "name the service, such as \"mail\"");
        }
        let name = service.name.as_ref().and_then(|name| self.name(name));
        let password_hash = self.password_hash(&service.password_hash, &table.span());
        Some(Named {
            name: Arc::from(name?),
            password_hash: password_hash?,
            span: table.span(),
        })
    }

    fn password_hash(&self, written: &Field<RawSecret>, table: &Span) -> Option<PinHash> {
        if written.is_none() {
            self.missing(Some(table), "password_hash", "write what `beadle hash` prints");
        }
        written.as_ref().and_then(|hash| self.hash(hash))
    }
}

/// `[ldap.root]`, checked.
pub(super) struct Root {
    dn: Dn,
    password_hash: PinHash,
    span: Span,
}

/// One `[[ldap.service]]`, checked.
pub(super) struct Named {
    pub(super) name: Arc<str>,
    password_hash: PinHash,
    span: Span,
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{one, says};

    #[test]
    fn names_for_appliances_are_words_and_a_default_base_is_one_that_can_be_found() {
        let binds = |name: &str| format!("[ldap]\nbind_names = [\"{name}\"]");
        for name in ["cn", "uid@", "uid@a@b", "uid@a b", ""] {
            let expected =
                format!("x:3: error: ldap.bind_names[0]: {name:?} is not known; write \"uid\", \"mail\" or");
            one(&binds(name), &expected);
        }
        for name in ["uid", "mail", "uid@uni.example"] {
            assert_eq!(says(&binds(name)), "");
        }
        let unindexed = |name: &str| format!("{}\n[index]\nequality = [\"cn\"]", binds(name));
        let slow = "x:3: error: ldap.bind_names[0]: every bind by mail address would look at every entry, as \
            index.equality has no mail; add \"mail\" to index.equality";
        one(&unindexed("mail"), slow);
        assert_eq!(says(&unindexed("uid")), "");
        let base = |dn: &str| format!("[ldap]\ndefault_search_base = \"{dn}\"");
        let outside = "x:3: error: ldap.default_search_base: a name that is not under base_dn; name dc=uni";
        for dn in ["dc=elsewhere", ""] {
            one(&base(dn), outside);
        }
        assert_eq!(says(&base("OU=people,DC=uni")), "");
        one(
            "[ldap]\nadministrators_group = \"nosuch\"",
            "x:3: warning: ldap.administrators_group: there is no group \"nosuch\" in /etc/group; name a group",
        );
        assert_eq!(says("[ldap]\nadministrators_group = \"root\""), "");
        one(
            "[ldap]\nadministrators_group = \"a b\"",
            "x:3: error: ldap.administrators_group: \"a b\" is not a name",
        );
    }
}
