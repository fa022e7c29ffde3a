//! `[ldap]`, `[limits]`, `[ldap.root]` and `[[ldap.service]]`.

use std::sync::Arc;

use toml::Spanned;

use super::Checker;
use crate::config::defaults;
use crate::config::document::Span;
use crate::config::raw::{Field, List, RawLdap, RawLimits, RawRoot, RawSecret, RawService};
use crate::config::settings::Ldap;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::login::principals::{PrincipalError, Principals};
use crate::ldap::limits::{Limits, MessageLimits};
use crate::server::ldap::listener::LdapSettings;
use crate::types::{Dn, IpNet, PinHash};

impl Checker<'_> {
    pub(super) fn ldap(&self, raw: &RawLdap) -> Ldap {
        self.cleartext_is_narrow(raw);
        Ldap {
            connections: self.connections(raw),
            messages: self.messages(raw),
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
        }
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
