//! Every rule of a check with something that breaks it.

mod access;

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::*;
use crate::server::http::tls::self_signed;

/// One readable secret, two certificates with their keys, a few schema files, nothing else.
struct TwoFiles;

/// Two pairs, each a certificate and its key.
fn pairs() -> &'static [[Vec<u8>; 2]; 2] {
    static PAIRS: OnceLock<[[Vec<u8>; 2]; 2]> = OnceLock::new();
    PAIRS.get_or_init(|| {
        [(), ()].map(|()| {
            let folder = tempfile::tempdir().unwrap();
            let files = self_signed(folder.path(), vec!["localhost".into()]).unwrap();
            [files.certificate, files.private_key].map(|path| std::fs::read(path).unwrap())
        })
    })
}

impl Files for TwoFiles {
    fn is_open_to_all(&self, path: &Path) -> bool {
        path.starts_with("/open")
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        match path.to_str() {
            Some("/schema") => Ok(vec!["/schema/a.schema".into(), "/schema/README".into()]),
            Some("/broken") => Ok(vec!["/broken.schema".into()]),
            Some("/") => Ok(Vec::new()),
            Some("/mixed") => Ok(["/broken.schema", "/schema/a.schema", "/absent.schema"]
                .map(Into::into)
                .into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/group") => Ok(b"root:x:0:\n".into()),
            Some("/secret" | "/open/secret") => Ok(b"0123456789abcdef01234567\n".into()),
            Some("/schema/a.schema") => {
                Ok(b"attributetype ( 1.2.3.4 NAME 'shoeSize' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )".into())
            }
            Some("/broken.schema") => Ok(b"\nattributetype ( 1.2.3.4 NAME".into()),
            Some("/cert") => Ok(pairs()[0][0].clone()),
            Some("/key" | "/open/key") => Ok(pairs()[0][1].clone()),
            Some("/other") => Ok(pairs()[1][1].clone()),
            Some("/cut") => Ok(pairs()[0][0][..200].into()),
            Some("/encrypted") => Ok(
                b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n".into(),
            ),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

const HASH: &str = "{SSHA}wBIw4n7uTVLhJ+kdxMuUIzkNZCZ0ZXN0LXNhbHQ=";

/// What is said of `text` below a good `base_dn`, which is line 1; `HASH` in it becomes a good hash.
pub(super) fn says(text: &str) -> String {
    let text = format!("base_dn = \"dc=uni\"\n{}", text.replace("HASH", HASH));
    let source = Source::new("x".into(), text);
    check(&source, &TwoFiles)
        .map_or_else(|report| report, |good| good.1)
        .to_string()
}

/// Expects exactly one problem, which begins with `beginning`.
pub(super) fn one(text: &str, beginning: &str) {
    let said = says(text);
    assert!(
        said.starts_with(beginning) && said.lines().count() == 1,
        "{text}\nsays: {said}"
    );
}

#[test]
fn files_with_secrets_that_every_user_can_read_are_warned_of() {
    one(
        "[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\nsecret_file = \"/open/secret\"",
        "x:5: warning: radius.client[0].secret_file: every user of this machine can read /open/secret",
    );
    one(
        "[tls]\ncertificate = \"/cert\"\nprivate_key = \"/open/key\"",
        "x:4: warning: tls.private_key: every user of this machine can read /open/key",
    );
}

#[test]
fn a_good_file_is_taken_without_a_word() {
    assert_eq!(says(""), "");
    assert_eq!(says("[tls]\ncertificate = \"/cert\"\nprivate_key = \"/key\""), "");
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
            "[[ldap.service]]\nname = \"lms\"\npassword_hash = \"HASH\"\n[access]\nrules = [\"service lms may read + of people\"]"
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
        "x:3: error: index.equality[0]: no attribute is called \"no name\"",
    );
    one(
        "[access]\nentries = { law = \"x\" }",
        "x:3: error: access.entries.law: \"x\" is not a filter",
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
    let client = |more: &str| format!("[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\n{more}");
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
        "x:5: error: ldap.service[1]: the name is taken",
    );
    let client = |name: &str, network: &str| {
        format!("[[radius.client]]\nname = \"{name}\"\nnetwork = \"{network}\"\nsecret_file = \"/secret\"\n")
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
        "[tls]\ncertificate = \"/cert\"",
        "x:2: error: tls.private_key: missing",
    );
    one(
        "[tls]\ncertificate = \"/secret\"\nprivate_key = \"/key\"",
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
fn what_cannot_be_served_is_no_pair() {
    let tls = |certificate: &str, key: &str| {
        format!("[tls]\ncertificate = \"{certificate}\"\nprivate_key = \"{key}\"")
    };
    one(
        &tls("/cert", "/other"),
        "x:4: error: tls.private_key: the key in /other cannot be used with the certificate in /cert",
    );
    one(
        &tls("/key", "/cert"),
        "x:3: error: tls.certificate: /key holds no certificate",
    );
    one(
        &tls("/cut", "/key"),
        "x:3: error: tls.certificate: /cut is not a PEM file",
    );
    one(
        &tls("/cert", "/encrypted"),
        "x:4: error: tls.private_key: the key in /encrypted is encrypted",
    );
}

#[test]
fn what_a_wildcard_takes_is_not_listened_on_again() {
    let twice = |listen: &str| format!("[ldap]\nlisten = [{listen}]");
    for listen in [
        "\"[::]:1\", \"127.0.0.1:1\"",
        "\"[::ffff:127.0.0.1]:1\", \"127.0.0.1:1\"",
        "\"[::1]:1\", \"[::]:1\"",
        "\"0.0.0.0:1\", \"[::]:1\"",
        "\"0.0.0.0:1\", \"127.0.0.1:1\"",
    ] {
        one(&twice(listen), "x:3: error: ldap.listen[1]: an address that");
    }
    one(
        &twice("\"[::]:636\""),
        "x:3: error: ldap.listen[0]: an address that",
    );
    assert_eq!(says(&twice("\"0.0.0.0:1\", \"[::1]:1\", \"127.0.0.1:2\"")), "");
}

#[test]
fn networks_of_ipv4_are_written_so() {
    let network = |text: &str| format!("[ldap]\ncleartext_bind_from = [\"{text}\"]");
    for (written, right) in [
        ("::ffff:172.16.0.0/112", "172.16.0.0/16"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
    ] {
        let said =
            format!("x:3: error: ldap.cleartext_bind_from[0]: {written:?} is not a network; write {right:?}");
        one(&network(written), &said);
    }
}

#[test]
fn a_latch_is_for_one_machine() {
    let client = |network: &str| {
        format!(
            "[[radius.client]]\nname = \"a\"\nnetwork = \"{network}\"\nsecret_file = \"/secret\"\n\
             require_message_authenticator = \"latch\""
        )
    };
    assert_eq!(says(&client("192.0.2.1/32")), "");
    one(
        &client("192.0.2.0/31"),
        "x:6: warning: radius.client[0].require_message_authenticator: one machine in 192.0.2.0/31 that signs",
    );
}

/// Expects problems at these places and no others, each `line: key`.
fn at(text: &str, expected: &[&str]) {
    let said = says(text);
    let place = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        format!(
            "{} {}",
            words[0].trim_start_matches("x:").trim_end_matches(':'),
            words[2].trim_end_matches(':')
        )
    };
    assert_eq!(said.lines().map(place).collect::<Vec<_>>(), expected, "{said}");
}

#[test]
fn an_error_does_not_hide_another() {
    at(
        "[[ldap.service]]\nname = \"a\"\npassword_hash = \"clear\"\n[[ldap.service]]\nname = \"A\"\npassword_hash = \"HASH\"",
        &["4 ldap.service[0].password_hash", "5 ldap.service[1]"],
    );
    let client = "[[radius.client]]\nname = \"a\"\nnetwork = \"192.0.2.1/32\"\nsecret = \"short\"\n";
    at(
        &client.repeat(2),
        &[
            "5 radius.client[0].secret",
            "6 radius.client[1]",
            "6 radius.client[1]",
            "9 radius.client[1].secret",
        ],
    );
    at(
        "[hashing]\nmemory_kib = 4294967295\niterations = 0\nparallelism = 99",
        &[
            "3 hashing.memory_kib",
            "4 hashing.iterations",
            "5 hashing.parallelism",
        ],
    );
    at(
        "[schema]\nfolder = \"/mixed\"\n[index]\nequality = [\"shoeSize\"]",
        &["3 schema.folder", "3 schema.folder"],
    );
    at(
        "[[radius.client]]\nname = 1\nnetwork = 2\nsecret = 3\n[tls]\ncertificate = 4\nprivate_key = \"/key\"",
        &[
            "3 radius.client[0].name",
            "4 radius.client[0].network",
            "5 radius.client[0].secret",
            "7 tls.certificate",
        ],
    );
}

#[test]
fn one_run_finds_every_error() {
    let said = says("[ldap]\nidle_s = 0\nlisten = [\"x\", \"y\"]\n[logg]\n[web]\nadmin_listen = 3");
    let lines: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(lines, ["x:3:", "x:4:", "x:4:", "x:5:", "x:7:"], "{said}");
}

#[test]
fn names_and_filters_are_those_of_the_schema() {
    one(
        "[ldap.root]\ndn = \"nosuch=a\"\npassword_hash = \"HASH\"",
        "x:3: error: ldap.root.dn: \"nosuch=a\" is of an",
    );
}

#[test]
fn a_folder_of_schema_files_adds_names() {
    assert_eq!(
        says("[schema]\nfolder = \"/schema\"\n[index]\nequality = [\"shoeSize\"]"),
        ""
    );
    one(
        "[schema]\nfolder = \"/nowhere\"",
        "x:3: error: schema.folder: /nowhere cannot be read",
    );
    one(
        "[schema]\nfolder = \"/broken\"",
        "x:3: error: schema.folder: /broken.schema:2: ",
    );
}
