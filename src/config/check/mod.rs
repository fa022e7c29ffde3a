//! From what was written to what is meant: every value parsed, every contradiction found.

mod access;
mod ldap;
mod log_in;
mod places;
mod radius;
mod value;

use std::cell::RefCell;
use std::path::Path;

use toml::Spanned;

use super::document::{Document, Source, Span};
use super::files::Files;
use super::problem::{Problem, Report, Severity};
use super::raw::{Field, List, Raw, RawWeb};
use super::settings::{Listen, Plain, Settings};
use crate::types::Dn;

/// Checks a whole configuration: the settings with a report of warnings, or a report of everything.
///
/// Pure but for `files`, which reads the files whose contents must be judged.
pub fn check(source: &Source, files: &dyn Files) -> Result<(Settings, Report), Report> {
    let report = |problems| Report::new(source.name().into(), problems);
    let document = Document::parse(source).map_err(report)?;
    let (raw, problems) = document.read();
    let checker = Checker {
        document: &document,
        files,
        problems: RefCell::new(problems),
    };
    let settings = checker.settings(&raw);
    let report = report(checker.problems.into_inner());
    match settings {
        Some(settings) if report.errors() == 0 => Ok((settings, report)),
        _ => Err(report),
    }
}

/// Judges values one by one. A bad one leaves an error behind and its default in its place, so that one
/// run finds every error; the settings are thrown away if there is any.
struct Checker<'a> {
    document: &'a Document<'a>,
    files: &'a dyn Files,
    problems: RefCell<Vec<Problem>>,
}

impl Checker<'_> {
    /// All settings; `None` if a part that has no default is missing or wrong.
    fn settings(&self, raw: &Raw) -> Option<Settings> {
        let base_dn = self.base_dn(&raw.base_dn);
        let principals = self.principals(&raw.ldap);
        let radius_clients = self.radius_clients(&raw.radius);
        let plain = Plain {
            places: self.places(raw),
            listen: self.listen(raw),
            ldap: self.ldap_limits(&raw.ldap),
            search: self.search_limits(&raw.limits),
            radius: self.radius_times(&raw.radius),
            log_in: self.log_in(raw),
            index: self.index_lists(&raw.index),
            visibility: self.visibility(raw, &principals),
        };
        Some(Settings {
            base_dn: base_dn?,
            principals,
            radius_clients,
            plain,
        })
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
        let default = Listen::default();
        let listen = Listen {
            ldap: self.addresses(&raw.ldap.listen, default.ldap),
            ldaps: self.addresses(&raw.ldap.listen_tls, default.ldaps),
            radius: self.addresses(&raw.radius.listen, default.radius),
            accounting: self.addresses(&raw.radius.accounting_listen, default.accounting),
            admin: self.addresses(&raw.web.admin_listen, default.admin),
        };
        self.each_once(&[&raw.ldap.listen, &raw.ldap.listen_tls, &raw.web.admin_listen]);
        self.each_once(&[&raw.radius.listen, &raw.radius.accounting_listen]);
        self.admin_is_local(&raw.web);
        listen
    }

    /// An address may be written once only among lists of the same transport.
    fn each_once(&self, lists: &[&List<String>]) {
        let written: Vec<&Spanned<String>> = lists.iter().copied().flatten().flatten().collect();
        for (at, address) in written.iter().enumerate() {
            let fixed_port = !address.get_ref().ends_with(":0");
            if fixed_port
                && written
                    .iter()
                    .take(at)
                    .any(|earlier| earlier.get_ref() == address.get_ref())
            {
                self.error(
                    &address.span(),
                    "an address that is listened on already",
                    "give each listener its own port",
                );
            }
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

    /// An error about the key `key` that is not there, in the table at `table` or at the top.
    fn missing(&self, table: Option<&Span>, key: &str, right: &str) {
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// One readable secret, one PEM file, nothing else.
    struct TwoFiles;

    impl Files for TwoFiles {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            match path.to_str() {
                Some("/secret") => Ok(b"0123456789abcdef01234567\n".into()),
                Some("/pem") => Ok(b"-----BEGIN CERTIFICATE-----\n".into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    const HASH: &str = "{SSHA}wBIw4n7uTVLhJ+kdxMuUIzkNZCZ0ZXN0LXNhbHQ=";

    /// What is said of `text` below a good `base_dn`, which is line 1; `HASH` in it becomes a good hash.
    fn says(text: &str) -> String {
        let text = format!("base_dn = \"dc=uni\"\n{}", text.replace("HASH", HASH));
        let source = Source::new("x".into(), text);
        check(&source, &TwoFiles)
            .map_or_else(|report| report, |good| good.1)
            .to_string()
    }

    /// Expects exactly one problem, which begins with `beginning`.
    fn one(text: &str, beginning: &str) {
        let said = says(text);
        assert!(
            said.starts_with(beginning) && said.lines().count() == 1,
            "{text}\nsays: {said}"
        );
    }

    #[test]
    fn a_good_file_is_taken_without_a_word() {
        assert_eq!(says(""), "");
        assert_eq!(says("[tls]\ncertificate = \"/pem\"\nprivate_key = \"/pem\""), "");
        assert_eq!(
            says("[ldap.root]\ndn = \"cn=a,dc=uni\"\npassword_hash = \"HASH\""),
            ""
        );
        assert_eq!(
            says("[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\nsecret_file = \"/secret\""),
            ""
        );
        assert_eq!(
            says(
                "[[ldap.service]]\nname = \"lms\"\npassword_hash = \"HASH\"\n[[access]]\nto = \"service:lms\"\nread = [\"+\"]"
            ),
            ""
        );
    }

    #[test]
    fn a_file_without_base_dn_or_with_a_wrong_one_is_refused() {
        let refused = |text: &str| {
            let source = Source::new("x".into(), text.into());
            check(&source, &TwoFiles).err().map(|report| report.to_string())
        };
        let says = |text, beginning: &str| {
            assert!(
                refused(text).is_some_and(|said| said.starts_with(beginning)),
                "{text}"
            )
        };
        says("", "x: error: base_dn: missing; set the name");
        says("base_dn = \"\"", "x:1: error: base_dn: the empty name;");
        says(
            "base_dn = \"uni\"",
            "x:1: error: base_dn: \"uni\" is not a distinguished name",
        );
    }

    #[test]
    fn values_out_of_range_or_of_no_meaning_are_refused() {
        one(
            "[ldap]\nidle_s = 0",
            "x:3: error: ldap.idle_s: 0 is out of range; write 1 to 86400",
        );
        one(
            "[store]\nengine = \"mdb\"",
            "x:3: error: store.engine: \"mdb\" is not known; write \"sled\"",
        );
        one("[store]\npath = \"\"", "x:3: error: store.path: the empty path");
        one(
            "[ldap]\nlisten = [\"389\"]",
            "x:3: error: ldap.listen[0]: \"389\" is not an address with a port",
        );
        one(
            "[log]\nlevel = \"loud\"",
            "x:3: error: log.level: \"loud\" is not known; write \"error\" or",
        );
        one(
            "[index]\nequality = [\"no name\"]",
            "x:3: error: index.equality[0]: \"no name\" is not the name",
        );
        one(
            "[visibility]\npublic_entries = \"x\"",
            "x:3: error: visibility.public_entries: \"x\" is not a filter",
        );
        one(
            "[hashing]\nparallelism = 65",
            "x:3: error: hashing.parallelism: an impossible cost",
        );
    }

    #[test]
    fn networks_have_no_host_bits_and_say_what_is_right() {
        let network = |text: &str| format!("[ldap]\ncleartext_bind_from = [\"{text}\"]");
        one(
            &network("192.0.2.7/24"),
            "x:3: error: ldap.cleartext_bind_from[0]: \"192.0.2.7/24\" is not a network; write \"192.0.2.0/24\"",
        );
        one(
            &network("192.0.2.7"),
            "x:3: error: ldap.cleartext_bind_from[0]: \"192.0.2.7\" is not a network; write \"192.0.2.7/32\"",
        );
        one(
            &network("::/0"),
            "x:3: warning: ldap.cleartext_bind_from[0]: PINs may cross every network",
        );
    }

    #[test]
    fn shared_secrets_are_long_and_written_once() {
        let client =
            |more: &str| format!("[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\n{more}");
        one(
            &client("secret = \"123456789012345\""),
            "x:5: error: radius.client[0].secret: a shared secret of 15 octets is refused",
        );
        one(
            &client("secret = \"12345678901234567890123\""),
            "x:5: warning: radius.client[0].secret: a shared secret of 23 octets is short",
        );
        one(&client(""), "x:2: error: radius.client[0].secret: missing");
        one(
            &client("secret_file = \"/nowhere\""),
            "x:5: error: radius.client[0].secret_file: /nowhere cannot be read",
        );
        one(
            &client("secret = \"123456789012345678901234\"\nsecret_file = \"/secret\""),
            "x:6: error: radius.client[0].secret_file: a second secret",
        );
    }

    #[test]
    fn nothing_is_listened_on_or_called_the_same_twice() {
        one(
            "[ldap]\nlisten = [\"[::]:1\"]\nlisten_tls = [\"[::]:1\"]",
            "x:4: error: ldap.listen_tls[0]: an address that",
        );
        assert_eq!(
            says("[ldap]\nlisten = [\"[::]:0\", \"[::]:0\"]\n[radius]\nlisten = [\"[::]:636\"]"),
            ""
        );
        let service = "[[ldap.service]]\nname = \"mail\"\npassword_hash = \"HASH\"\n";
        one(
            &service.repeat(2),
            "x:5: error: ldap.service[1]: a second service called \"mail\"",
        );
        let client = |name: &str, network: &str| {
            format!(
                "[[radius.client]]\nname = \"{name}\"\nnetwork = \"{network}\"\nsecret_file = \"/secret\"\n"
            )
        };
        one(
            &(client("a", "192.0.2.0/24") + &client("a", "192.0.2.1/32")),
            "x:6: error: radius.client[1]: a second client",
        );
        one(
            &(client("a", "192.0.2.0/24") + &client("b", "192.0.2.0/24")),
            "x:6: error: radius.client[1]: 192.0.2.0/24 is",
        );
    }

    #[test]
    fn what_is_unsafe_is_warned_of() {
        one(
            "[hashing]\nmemory_kib = 1024",
            "x:3: warning: hashing.memory_kib: so little memory",
        );
        one(
            "[web]\nadmin_listen = [\"[::]:8081\"]",
            "x:3: warning: web.admin_listen[0]: health and metrics",
        );
        one(
            "[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\nsecret_file = \"/secret\"\nrequire_message_authenticator = \"no\"",
            "x:6: warning: radius.client[0].require_message_authenticator: answers of this client can be forged",
        );
    }

    #[test]
    fn rules_for_nobody_and_half_tables_are_refused() {
        one(
            "[[access]]\nto = \"service:lms\"\nread = []",
            "x:3: error: access[0].to: there is no service called \"lms\"",
        );
        one(
            "[[access]]\nto = \"all\"\nread = []",
            "x:3: error: access[0].to: \"all\" is nobody",
        );
        one(
            "[[access]]\nto = \"member\"",
            "x:2: error: access[0].read: missing",
        );
        one(
            "[tls]\ncertificate = \"/pem\"",
            "x:2: error: tls.private_key: missing",
        );
        one(
            "[tls]\ncertificate = \"/secret\"\nprivate_key = \"/pem\"",
            "x:3: error: tls.certificate: /secret is not a PEM file",
        );
        one(
            "[ldap.root]\ndn = \"cn=a\"",
            "x:2: error: ldap.root.password_hash: missing",
        );
    }

    #[test]
    fn clear_text_in_the_place_of_a_hash_is_refused_and_not_repeated() {
        let said = says("[ldap.root]\ndn = \"cn=a\"\npassword_hash = \"hunter2hunter2\"");
        assert!(
            said.starts_with("x:4: error: ldap.root.password_hash: a PIN in clear text is never accepted"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn one_run_finds_every_error() {
        let said = says("[ldap]\nidle_s = 0\nlisten = [\"x\", \"y\"]\n[logg]\n[web]\nadmin_listen = 3");
        let lines: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(lines, ["x:3:", "x:4:", "x:4:", "x:5:", "x:7:"], "{said}");
    }
}
