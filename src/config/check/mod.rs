//! From what was written to what is meant: every value parsed, every contradiction found.

mod access;
mod ldap;
mod log_in;
mod places;
mod radius;
mod schema;
mod sockets;
#[cfg(test)]
mod tests;
mod value;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;

use super::defaults;
use super::document::{Document, Source, Span};
use super::files::Files;
use super::problem::{Problem, Report, Severity};
use super::raw::{Field, List, Raw, RawWeb};
use super::settings::{Plain, Settings};
use crate::directory::change::decide::ChangeRules;
use crate::directory::change::unique;
use crate::domain::access::AccessRules;
use crate::domain::schema::Schema;
use crate::server::boot::plan::Listen;
use crate::types::Dn;
use ldap::Named;

/// Checks a whole configuration: the settings with a report of warnings, or a report of everything.
///
/// Pure but for `files`, which reads the files whose contents must be judged.
pub fn check(source: &Source, files: &dyn Files) -> Result<(Settings, Report), Report> {
    let report = |problems| Report::new(source.name().into(), problems);
    let document = Document::parse(source).map_err(report)?;
    let (raw, problems) = document.read();
    let (schema, broken) = schema::load(&raw.schema.folder, files);
    let checker = Checker {
        document: &document,
        files,
        schema: Arc::new(schema),
        problems: RefCell::new(problems),
    };
    for (why, folder) in broken.into_iter().zip(std::iter::repeat(&raw.schema.folder)) {
        let place = folder.as_ref().map(Spanned::span).unwrap_or_default();
        checker.error(&place, why, "mend the files there, or leave the key out");
    }
    let settings = checker.settings(&raw);
    let report = report(checker.problems.into_inner());
    match settings {
        Some(settings) if report.errors() == 0 => Ok((settings, report)),
        _ => Err(report),
    }
}

/// The addresses of a list with their places; those of a default have none.
fn placed<'a>((written, default): (&'a List<String>, &'a [SocketAddr])) -> Vec<(SocketAddr, Option<Span>)> {
    let parsed = |written: &Spanned<String>| Some((written.get_ref().parse().ok()?, Some(written.span())));
    match written {
        Some(written) => written.iter().filter_map(parsed).collect(),
        None => default.iter().map(|address| (*address, None)).collect(),
    }
}

/// Whether two sockets of one transport cannot be bound both; port 0 is any free one. An IPv4 address written as one of
/// IPv6 is the same address (RFC 4291 section 2.5.5.2).
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let takes = |any: IpAddr, one: IpAddr| match any {
        IpAddr::V4(any) => any.is_unspecified() && one.is_ipv4(),
        IpAddr::V6(any) => any.is_unspecified(),
    };
    let (here, there) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() == other.port()
        && one.port() != 0
        && (here == there || takes(here, there) || takes(there, here))
}

/// Judges values one by one. A bad one leaves an error behind and its default in its place, so that one
/// run finds every error; the settings are thrown away if there is any.
struct Checker<'a> {
    document: &'a Document<'a>,
    files: &'a dyn Files,
    schema: Arc<Schema>,
    problems: RefCell<Vec<Problem>>,
}

impl Checker<'_> {
    /// All settings; `None` if a part that has no default is missing or wrong.
    fn settings(&self, raw: &Raw) -> Option<Settings> {
        let base_dn = self.base_dn(&raw.base_dn);
        let root = self.root(&raw.ldap.root);
        let services = self.services(&raw.ldap.service);
        let radius_clients = self.radius_clients(&raw.radius);
        let (plain, access) = self.plain(raw, &services);
        let unique = self.attribute_types(&raw.unique.attributes, unique::usual(&self.schema));
        // Without a base no service has a name; the services themselves are checked by now.
        let base_dn = base_dn?;
        self.is_below(&raw.ldap.default_search_base, &base_dn);
        let base = self.schema.normal_dn(&base_dn)?;
        Some(Settings {
            schema: self.schema.clone(),
            principals: self.principals(root, services, &base_dn),
            base_dn,
            access: access?,
            changes: ChangeRules { base, unique },
            radius_clients,
            plain,
        })
    }

    fn plain(&self, raw: &Raw, services: &[Named]) -> (Plain, Option<AccessRules>) {
        let (access, rules) = self.access(&raw.access, services);
        let index = self.index(&raw.index);
        self.mail_is_found(&raw.ldap.bind_names, &index);
        let plain = Plain {
            places: self.places(raw),
            listen: self.listen(raw),
            ldap: self.ldap(&raw.ldap),
            search: self.search_limits(&raw.limits),
            radius: self.radius(&raw.radius),
            log_in: self.log_in(raw),
            index,
            access,
        };
        (plain, rules)
    }

    fn base_dn(&self, written: &Field<String>) -> Option<Dn> {
        let Some(written) = written else {
            let example = "set the name every entry is under, such as \"dc=uni,dc=example\"";
            self.missing(None, "base_dn", example);
            return None;
        };
        let dn = self.dn(written)?;
        if dn.rdns.is_empty() {
            self.error(
                &written.span(),
                "the empty name",
                "name at least one RDN, such as \"dc=uni,dc=example\"",
            );
            return None;
        }
        Some(dn)
    }

    fn listen(&self, raw: &Raw) -> Listen {
        let default = defaults::listen();
        let listen = Listen {
            ldap: self.addresses(&raw.ldap.listen, default.ldap),
            ldaps: self.addresses(&raw.ldap.listen_tls, default.ldaps),
            ldapi: self.ldapi(&raw.ldap.listen_ldapi, default.ldapi),
            radius: self.addresses(&raw.radius.listen, default.radius),
            accounting: self.addresses(&raw.radius.accounting_listen, default.accounting),
            admin: self.addresses(&raw.web.admin_listen, default.admin),
        };
        self.each_once(&[
            (&raw.ldap.listen, &listen.ldap),
            (&raw.ldap.listen_tls, &listen.ldaps),
            (&raw.web.admin_listen, &listen.admin),
        ]);
        self.each_once(&[
            (&raw.radius.listen, &listen.radius),
            (&raw.radius.accounting_listen, &listen.accounting),
        ]);
        self.admin_is_local(&raw.web);
        listen
    }

    /// An address may be listened on once only among lists of the same transport, as written or by default.
    fn each_once(&self, lists: &[(&List<String>, &[SocketAddr])]) {
        let mut earlier: Vec<(SocketAddr, Option<Span>)> = Vec::new();
        for (address, span) in lists.iter().copied().flat_map(placed) {
            let other = earlier.iter().find(|(other, _)| collide(*other, address));
            if let Some(place) = other.and_then(|(_, other)| span.as_ref().or(other.as_ref())) {
                self.error(
                    place,
                    "an address that is listened on already",
                    "give each listener its own port; [::] takes every address, 0.0.0.0 every one of IPv4",
                );
            }
            earlier.push((address, span));
        }
    }

    fn admin_is_local(&self, web: &RawWeb) {
        for written in web.admin_listen.iter().flatten() {
            let address = written.get_ref().parse::<std::net::SocketAddr>();
            if address.is_ok_and(|address| !address.ip().is_loopback()) {
                self.warning(
                    &written.span(),
                    "health and metrics are open to whoever reaches this address",
                    "listen on 127.0.0.1 or [::1], or on a management network",
                );
            }
        }
    }

    fn error(&self, span: &Span, what: impl Into<String>, right: impl Into<String>) {
        self.note(Severity::Error, span, what.into(), right.into());
    }

    fn warning(&self, span: &Span, what: impl Into<String>, right: impl Into<String>) {
        self.note(Severity::Warning, span, what.into(), right.into());
    }

    fn note(&self, severity: Severity, span: &Span, what: String, right: String) {
        let problem = self.document.problem(severity, span, what, right);
        self.problems.borrow_mut().push(problem);
    }

    /// An error about the key `key` that is not there, in the table at `table` or at the top; none if it is there
    /// and was of the wrong type.
    fn missing(&self, table: Option<&Span>, key: &str, right: &str) {
        if self.document.sets(table, key) {
            return;
        }
        let place = table.cloned().unwrap_or_default();
        let mut problem = self
            .document
            .problem(Severity::Error, &place, "missing".into(), right.into());
        problem.key = match table {
            Some(span) => format!("{}.{key}", self.document.path(span).trim_end_matches('.')),
            None => key.into(),
        };
        problem.line = table.and(problem.line);
        self.problems.borrow_mut().push(problem);
    }

    /// The contents of the file that `written` names; an error at that key if it cannot be read.
    fn file(&self, written: &Spanned<String>) -> Option<Vec<u8>> {
        let read = self.files.read(Path::new(written.get_ref()));
        let failed = |error: std::io::Error| {
            let what = format!("{} cannot be read: {error}", written.get_ref());
            self.error(
                &written.span(),
                what,
                "name a file that the daemon's user may read",
            );
        };
        read.map_err(failed).ok()
    }
}
