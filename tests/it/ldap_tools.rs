//! The OpenLDAP command-line clients against the listeners. They are in Debian's `ldap-utils`, which
//! `scripts/test` installs.

use std::process::{Command, Output};

use beadle::server::ldap::listener::LdapSettings;

use crate::ldap_serving::{Serving, run, trusting};
use crate::town::ADA;

/// Runs a client to its end: its exit code and what it printed.
async fn client(serving: &Serving, program: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program);
    command.args(arguments).arg("-x");
    // Nothing of the machine's own configuration.
    command.env("LDAPCONF", "/dev/null").env("LDAPRC", "none");
    command.env(
        "LDAPTLS_CACERT",
        serving.folder.path().join("self-signed-certificate.pem"),
    );
    let ended = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("not interrupted");
    let Output {
        status,
        stdout,
        stderr,
    } = ended.unwrap_or_else(|error| panic!("{program}: {error} (ldap-utils)"));
    let printed = [stdout, stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    (status.code().unwrap_or(-1), printed)
}

fn uris(serving: &Serving) -> (String, String) {
    let (plain, tls) = (serving.cleartext.port(), serving.ldaps.port());
    (
        format!("ldap://127.0.0.1:{plain}"),
        format!("ldaps://127.0.0.1:{tls}"),
    )
}

#[test]
fn ldapwhoami_logs_in_over_ldap_start_tls_and_ldaps() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let (ldap, ldaps) = uris(&serving);
        let log_in = ["-D", ADA, "-w"];
        for way in [vec!["-H", &ldap], vec!["-H", &ldap, "-ZZ"], vec!["-H", &ldaps]] {
            let right = [&way[..], &log_in, &["right-pin"]].concat();
            assert_eq!(
                client(&serving, "ldapwhoami", &right).await,
                (0, format!("dn:{ADA}\n"))
            );
            let wrong = [&way[..], &log_in, &["wrong-pin"]].concat();
            let (code, printed) = client(&serving, "ldapwhoami", &wrong).await;
            assert_eq!(code, 49, "{printed}");
            assert_eq!(
                client(&serving, "ldapwhoami", &way).await,
                (0, "anonymous\n".to_owned())
            );
        }
    });
}

#[test]
fn a_log_in_in_clear_is_refused_where_it_is_not_allowed() {
    run(async {
        let serving = Serving::with(LdapSettings::default()).await;
        let (ldap, _) = uris(&serving);
        let plain = ["-H", &ldap, "-D", ADA, "-w", "right-pin"];
        assert_eq!(client(&serving, "ldapwhoami", &plain).await.0, 13);
        let (code, printed) = client(&serving, "ldapwhoami", &[&plain[..], &["-ZZ"]].concat()).await;
        assert_eq!(code, 0, "{printed}");
    });
}

#[test]
fn ldapsearch_reads_entries_the_root_dse_and_the_schema() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let (ldap, ldaps) = uris(&serving);
        let entries = ["-H", &ldaps, "-LLL", "-b", "dc=uni,dc=example", "(uid=ada)"];
        let (code, printed) = client(&serving, "ldapsearch", &entries).await;
        assert_eq!(
            (code, printed.matches("dn: uid=ada").count()),
            (0, 1),
            "{printed}"
        );
        let check = async |base: &str, attribute: &str, expected: &str| {
            let asked = [
                "-H",
                &ldap,
                "-LLL",
                "-o",
                "ldif-wrap=no",
                "-s",
                "base",
                "-b",
                base,
                attribute,
            ];
            let (code, printed) = client(&serving, "ldapsearch", &asked).await;
            assert!(code == 0 && printed.contains(expected), "{printed}");
        };
        check("", "namingContexts", "namingContexts: dc=uni,dc=example").await;
        check("", "+", "supportedLDAPVersion: 3").await;
        check("cn=Subschema", "objectClasses", "NAME 'inetOrgPerson'").await;
        check("cn=subschema", "ldapSyntaxes", "1.3.6.1.4.1.1466.115.121.1.15").await;
    });
}

#[test]
fn ldapcompare_and_writes_get_their_own_codes() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let (ldap, _) = uris(&serving);
        let compared = client(&serving, "ldapcompare", &["-H", &ldap, ADA, "cn:x"]).await;
        assert_eq!(compared.0, 6, "{}", compared.1);
        // Strangers change nothing.
        assert_eq!(client(&serving, "ldapdelete", &["-H", &ldap, ADA]).await.0, 8);
    });
}

#[test]
fn ldapsearch_reads_all_pages() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let (ldap, _) = uris(&serving);
        let log_in = ["-H", &ldap, "-D", ADA, "-w", "right-pin", "-LLL"];
        let found = async |filter: &str, size: &str| {
            let asked = ["-b", "dc=uni,dc=example", "-E", size, filter, "1.1"];
            let (code, printed) = client(&serving, "ldapsearch", &[&log_in[..], &asked].concat()).await;
            (code, printed.matches("dn: uid=u").count())
        };
        for size in ["pr=100/noprompt", "!pr=997/noprompt", "pr=100000/noprompt"] {
            assert_eq!(found("(uid=u1*)", size).await, (0, 1_110), "{size}");
        }
        // A member's limit is for all pages together.
        assert_eq!(found("(uid=u*)", "pr=900/noprompt").await, (4, 2_000));
    });
}

#[test]
fn ldapsearch_reads_in_order_in_pages_and_under_an_assertion() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let (ldap, _) = uris(&serving);
        let log_in = [
            "-H",
            &ldap,
            "-D",
            ADA,
            "-w",
            "right-pin",
            "-LLL",
            "-b",
            "dc=uni,dc=example",
        ];
        let uids = async |extensions: &[&str], filter: &str| {
            let extensions = extensions.iter().flat_map(|extension| ["-E", extension]);
            let asked: Vec<&str> = log_in
                .into_iter()
                .chain(extensions)
                .chain([filter, "uid"])
                .collect();
            let (code, printed) = client(&serving, "ldapsearch", &asked).await;
            let uids = printed.lines().filter_map(|line| line.strip_prefix("uid: "));
            (code, uids.map(str::to_owned).collect::<Vec<_>>())
        };
        let teens: String = (10..20).map(|number| format!("(uid=u{number})")).collect();
        let teens = format!("(|{teens})");
        let mut expected: Vec<String> = (10..20).map(|number| format!("u{number}")).collect();
        for pages in ["pr=3/noprompt", "pr=1000/noprompt"] {
            assert_eq!(uids(&[pages, "!sss=uid"], &teens).await, (0, expected.clone()));
        }
        expected.reverse();
        let down = uids(&["!sss=-uid:caseIgnoreOrderingMatch"], &teens).await;
        assert_eq!(down, (0, expected));
        assert_eq!(uids(&["!sss=nosuch"], "(uid=u10)").await.0, 12);
        assert_eq!(
            uids(&["sss=nosuch"], "(uid=u10)").await,
            (0, vec!["u10".to_owned()])
        );
        let asserted = async |filter: &str| {
            let asked = [&log_in[..], &["-e", filter, "-s", "base"]].concat();
            client(&serving, "ldapsearch", &asked).await.0
        };
        assert_eq!(asserted("!assert=(o=University)").await, 0);
        assert_eq!(asserted("!assert=(o=Other)").await, 122);
    });
}
