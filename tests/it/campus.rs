//! Real clients log in to the real binary, and fail as they should (the "a campus logs in").

use std::process::{Command, Output};

use crate::harness::{
    BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, SERVICE_PIN, base, person, run_with, said, stdout,
};
use crate::ldap_commands::{PIN, campus, dn};

const WRONG: &str = "wrong-PIN-42";
/// Of the PIN, imported from elsewhere.
const BCRYPT: &str = "{CRYPT}$2b$09$abcdefghijklmnopqrstuu6c2PDLWeEBEVGgmprAyL1tSnZoGfAxS";

fn radius_log_in(daemon: &Daemon, uid: &str, pin: &str) -> Output {
    let attributes =
        format!("User-Name = \"{uid}\"\nUser-Password = \"{pin}\"\nMessage-Authenticator = 0x00\n");
    daemon.radclient("auth", "radius", &attributes)
}

/// Runs an LDAP client by the three ways and expects the same exit code by each.
fn by_every_way(daemon: &Daemon, client: &str, words: &[&str], code: i32, expected: &str) {
    for way in [Daemon::ldap, Daemon::start_tls, Daemon::ldaps] {
        let output = way(daemon, client, words);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{client} {words:?}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(expected),
            "{client} {words:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn ldapwhoami_says_who_logged_in_by_every_way() {
    let daemon = campus();
    let ada = dn("ada");
    by_every_way(
        &daemon,
        "ldapwhoami",
        &["-D", &ada, "-w", PIN],
        0,
        &format!("dn:{ada}"),
    );
    by_every_way(&daemon, "ldapwhoami", &[], 0, "anonymous");
    by_every_way(
        &daemon,
        "ldapwhoami",
        &["-D", ROOT_DN, "-w", ROOT_PIN],
        0,
        &format!("dn:{ROOT_DN}"),
    );
    let mail = format!("cn=mail,ou=services,{BASE}");
    by_every_way(
        &daemon,
        "ldapwhoami",
        &["-D", &mail, "-w", SERVICE_PIN],
        0,
        &format!("dn:{mail}"),
    );
}

#[test]
fn a_wrong_pin_an_unknown_uid_and_an_account_without_pin_hear_the_same() {
    let campus = Campus::new("");
    let nobody = format!(
        "dn: {}\nobjectClass: inetOrgPerson\nuid: nopin\ncn: N\nsn: N\n\n",
        dn("nopin")
    );
    campus.import(&(base() + &person("ada", PIN, "") + &nobody));
    let daemon = campus.serve();
    let answers: Vec<String> = ["ada", "nobody", "nopin"]
        .iter()
        .map(|uid| {
            let output = daemon.ldap("ldapwhoami", &["-D", &dn(uid), "-w", WRONG]);
            assert_eq!(output.status.code(), Some(49), "{}", said(&output));
            said(&output)
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[test]
fn ldapsearch_finds_a_person_and_an_absent_base_is_no_such_object() {
    let daemon = campus();
    let root = ["-D", ROOT_DN, "-w", ROOT_PIN, "-LLL", "-b", BASE];
    by_every_way(
        &daemon,
        "ldapsearch",
        &[&root[..], &["(uid=ADA)", "mail"]].concat(),
        0,
        "mail: ada@uni.example",
    );
    let output = daemon.ldap("ldapsearch", &["-b", &format!("ou=nowhere,{BASE}")]);
    assert_eq!(output.status.code(), Some(32), "{}", said(&output));
    assert!(
        stdout(&output).contains(&format!("matchedDN: {BASE}")),
        "{}",
        said(&output)
    );
}

#[test]
fn the_root_dse_and_the_schema_are_there_for_everybody() {
    let daemon = campus();
    let dse = stdout(&daemon.ldap("ldapsearch", &["-LLL", "-s", "base", "-b", "", "*", "+"]));
    for line in [
        &format!("namingContexts: {BASE}")[..],
        "supportedLDAPVersion: 3",
        "1.3.6.1.4.1.1466.20037",
    ] {
        assert!(dse.contains(line), "{line} in {dse}");
    }
    let subschema = dse
        .lines()
        .find_map(|line| line.strip_prefix("subschemaSubentry: "))
        .expect("named there");
    let words = [
        "-LLL",
        "-o",
        "ldif-wrap=no",
        "-s",
        "base",
        "-b",
        subschema,
        "attributeTypes",
        "objectClasses",
        "modifyTimestamp",
    ];
    let schema = stdout(&daemon.ldap("ldapsearch", &words));
    for name in [
        "NAME 'inetOrgPerson'",
        "'givenName'",
        "'entryUUID'",
        "modifyTimestamp: 20",
    ] {
        assert!(schema.contains(name), "{name} in the subschema subentry");
    }
}

#[test]
fn ldapcompare_tells_true_from_false_and_hides_the_pin() {
    let daemon = campus();
    let (ada, root) = (dn("ada"), ["-D", ROOT_DN, "-w", ROOT_PIN]);
    for (assertion, code, expected) in [
        ("sn:person", 6, "TRUE"),
        ("sn:nobody", 5, "FALSE"),
        ("mobile:1", 16, "No such attribute"),
        ("nonsense:1", 17, "Undefined attribute type"),
        ("userPassword:x", 50, "Insufficient access"),
    ] {
        by_every_way(
            &daemon,
            "ldapcompare",
            &[&root[..], &[&ada, assertion]].concat(),
            code,
            expected,
        );
    }
}

#[test]
fn a_name_without_a_pin_is_no_log_in() {
    let daemon = campus();
    let output = daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", ""]);
    assert_eq!(output.status.code(), Some(53), "{}", said(&output));
}

#[test]
fn a_bind_in_clear_text_from_elsewhere_is_refused_before_the_pin_is_looked_at() {
    let campus = Campus::new("");
    let text = std::fs::read_to_string(campus.config()).expect("written");
    let elsewhere = text.replace(
        "cleartext_bind_from = [\"127.0.0.0/8\"]",
        "cleartext_bind_from = [\"192.0.2.0/24\"]",
    );
    std::fs::write(campus.config(), elsewhere).expect("writable");
    campus.import(&(base() + &person("ada", PIN, "")));
    let daemon = campus.serve();
    for pin in [PIN, WRONG] {
        let output = daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", pin]);
        assert_eq!(output.status.code(), Some(13), "{}", said(&output));
    }
    let output = daemon.start_tls("ldapwhoami", &["-D", &dn("ada"), "-w", PIN]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_critical_control_that_nobody_knows_is_refused_and_the_connection_lives() {
    let daemon = campus();
    let output = daemon.ldap("ldapsearch", &["-b", BASE, "-E", "!1.2.3.4.5"]);
    assert_eq!(output.status.code(), Some(12), "{}", said(&output));
}

#[test]
fn radclient_is_accepted_with_the_pin_and_rejected_without() {
    let daemon = campus();
    let ask = |uid: &str, pin: &str| {
        let attributes =
            format!("User-Name = \"{uid}\"\nUser-Password = \"{pin}\"\nMessage-Authenticator = 0x00\n");
        daemon.radclient("auth", "radius", &attributes)
    };
    let accepted = ask("ada", PIN);
    assert!(
        stdout(&accepted).contains("Received Access-Accept"),
        "{}",
        said(&accepted)
    );
    for (uid, pin) in [("ada", WRONG), ("nobody", PIN), ("ada", "")] {
        let rejected = ask(uid, pin);
        assert!(
            stdout(&rejected).contains("Received Access-Reject"),
            "{}",
            said(&rejected)
        );
        assert!(
            !stdout(&rejected).contains("Reply-Message"),
            "{}",
            said(&rejected)
        );
    }
}

#[test]
fn radclient_hears_that_both_ports_live() {
    let daemon = campus();
    for (listener, expected) in [("radius", "Access-Accept"), ("accounting", "Accounting-Response")] {
        let output = daemon.radclient("status", listener, "Message-Authenticator = 0x00\n");
        assert!(
            stdout(&output).contains(expected),
            "{listener}: {}",
            said(&output)
        );
    }
}

#[test]
fn radclient_without_a_message_authenticator_is_not_answered() {
    let daemon = campus();
    let output = daemon.radclient(
        "auth",
        "radius",
        &format!("User-Name = \"ada\"\nUser-Password = \"{PIN}\"\n"),
    );
    assert!(
        !output.status.success() && !stdout(&output).contains("Received"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_uid_of_two_words_or_with_an_at_sign_logs_in_by_every_protocol() {
    let campus = Campus::new("");
    let uids = ["two words", "a@b", "grace@uni.example"];
    let people = uids.map(|uid| person(uid, PIN, "")).concat();
    campus.import(&(base() + &people));
    let daemon = campus.serve();
    for uid in uids {
        let output = daemon.ldap("ldapwhoami", &["-D", &dn(uid), "-w", PIN]);
        assert!(output.status.success(), "{uid}: {}", said(&output));
        for (pin, answer) in [(PIN, "Access-Accept"), (WRONG, "Access-Reject")] {
            let output = radius_log_in(&daemon, uid, pin);
            assert!(stdout(&output).contains(answer), "{uid}: {}", said(&output));
        }
    }
    let output = radius_log_in(&daemon, "nobody@", PIN);
    assert!(stdout(&output).contains("Access-Reject"), "{}", said(&output));
}

#[test]
fn the_log_names_a_radius_client_it_does_not_know_and_where_a_bind_comes_from() {
    let campus = Campus::new("");
    let text = std::fs::read_to_string(campus.config()).unwrap();
    let known = "network = \"127.0.0.0/8\"";
    let other = text.replace(known, "network = \"192.0.2.10/32\"");
    assert_ne!(text, other);
    std::fs::write(campus.config(), other).unwrap();
    let daemon = campus.serve();
    for _ in 0..2 {
        let output = radius_log_in(&daemon, "ada", PIN);
        assert!(!stdout(&output).contains("Received"), "{}", said(&output));
    }
    daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", PIN]);
    let (_, _, logged) = daemon.stop();
    let lines = |words: [&str; 2]| {
        let has_all = |line: &&String| words.iter().all(|word| line.contains(word));
        logged.iter().filter(has_all).count()
    };
    assert_eq!(
        lines(["no client in the configuration", "127.0.0.1"]),
        1,
        "{logged:?}"
    );
    assert_eq!(lines(["bind", "source=127.0.0.1"]), 1, "{logged:?}");
}

/// Of three at once on two threads the third is checked while the hash that was right for the first is replaced.
#[test]
fn three_devices_that_log_in_at_once_after_an_import_are_all_let_in() {
    let campus = Campus::new("[hashing]\nthreads = 2");
    let uids: Vec<String> = (0..6).map(|number| format!("device{number}")).collect();
    let people = uids.iter().map(|uid| {
        format!(
            "dn: {}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: D\nsn: D\nuserPassword: {BCRYPT}\n\n",
            dn(uid)
        )
    });
    campus.import(&(base() + &people.collect::<String>()));
    let daemon = campus.serve();
    let url = format!("ldap://{}", daemon.address("ldap"));
    let log_in = |uid: &str| {
        let mut client = Command::new("ldapwhoami");
        run_with(client.args(["-x", "-H", &url, "-D", &dn(uid), "-w", PIN]), "")
    };
    for uid in &uids {
        let outputs = std::thread::scope(|scope| {
            let devices = [(); 3].map(|()| scope.spawn(|| log_in(uid)));
            devices.map(|device| device.join().expect("the client ends"))
        });
        for output in outputs {
            assert!(output.status.success(), "{uid}: {}", said(&output));
        }
    }
}

#[test]
fn eight_different_wrong_pins_lock_on_every_protocol() {
    let daemon = campus();
    for n in 0..8 {
        let output = daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", &format!("{WRONG}-{n}")]);
        assert_eq!(output.status.code(), Some(49), "{}", said(&output));
    }
    let output = daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", PIN]);
    assert_eq!(output.status.code(), Some(49), "locked: {}", said(&output));
    let output = radius_log_in(&daemon, "ada", PIN);
    assert!(
        stdout(&output).contains("Access-Reject"),
        "one verdict: {}",
        said(&output)
    );
    let output = daemon.ldap("ldapwhoami", &["-D", &dn("bob"), "-w", PIN]);
    assert!(output.status.success(), "bob is not locked: {}", said(&output));
}

#[test]
fn a_lock_outlives_a_restart() {
    let daemon = campus();
    for n in 0..8 {
        daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", &format!("{WRONG}-{n}")]);
    }
    let daemon = daemon.kill().serve();
    let output = daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", PIN]);
    assert_eq!(output.status.code(), Some(49), "{}", said(&output));
}

#[test]
fn sigterm_closes_cleanly_and_metrics_and_health_are_served() {
    let daemon = campus();
    daemon.ldap("ldapwhoami", &["-D", &dn("ada"), "-w", PIN]);
    let admin = format!("http://{}", daemon.address("admin"));
    let health = crate::harness::http_get(&format!("{admin}/healthz"));
    assert!(health.contains("200") && health.contains("ok"), "{health}");
    let metrics = crate::harness::http_get(&format!("{admin}/metrics"));
    assert!(metrics.contains("beadle_"), "{metrics}");
    let (_, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
}

/// OpenLDAP's clients say of it "Can't contact LDAP server", whatever it is.
#[test]
fn the_log_says_why_there_is_no_tls_with_a_client() {
    let daemon = campus();
    let url = format!("ldap://{}", daemon.address("ldaps"));
    let output = run_with(Command::new("ldapwhoami").args(["-x", "-H", &url]), "");
    assert!(
        said(&output).contains("Can't contact LDAP server"),
        "{}",
        said(&output)
    );
    let (_, _, logged) = daemon.stop();
    let told = logged
        .iter()
        .find(|line| line.contains("TLS handshake failed"))
        .expect("a line");
    assert!(
        told.contains("source=127.0.0.1 error=received corrupt message"),
        "{told}"
    );
}
