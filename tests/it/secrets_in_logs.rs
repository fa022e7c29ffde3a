//! A PIN, a secret or a hash appears in no log, at any level.

use crate::harness::{BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, SECRET, SERVICE_PIN, base, person, said};

const PIN: &str = "Correct-Horse-77";
const WRONG: &str = "Wrong-Horse-78";

#[test]
fn the_trace_of_a_full_run_holds_no_pin_secret_or_hash() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "mail: ada@uni.example\n")));
    let config = std::fs::read_to_string(campus.config()).expect("written");
    let mut daemon = Daemon::start(campus, &[("BEADLE_LOG", "trace")]);
    full_run(&daemon);
    let output = daemon.campus.beadle(&["export"], &["--with-secrets"]);
    assert!(output.status.success(), "{}", said(&output));
    let export = String::from_utf8_lossy(&output.stdout).into_owned();
    daemon.read_log();
    let (_, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    let log = logged.join("\n");
    assert!(
        log.contains("TRACE") && logged.len() > 20,
        "the trace level is on:\n{log}"
    );
    for secret in secrets(&config, &export) {
        assert!(!log.contains(&secret), "{secret:?} is in the log:\n{log}");
    }
}

/// Log-ins good and bad on every protocol, filters and comparisons with secrets in them, an import.
fn full_run(daemon: &Daemon) {
    let ada = format!("uid=ada,ou=people,{BASE}");
    let service = format!("cn=mail,ou=services,{BASE}");
    for (who, pin) in [
        (&ada[..], PIN),
        (&ada, WRONG),
        (ROOT_DN, ROOT_PIN),
        (&service, SERVICE_PIN),
    ] {
        for way in [Daemon::ldap, Daemon::start_tls, Daemon::ldaps] {
            way(
                daemon,
                "ldapsearch",
                &["-D", who, "-w", pin, "-b", BASE, "(uid=ada)"],
            );
        }
    }
    for pin in [PIN, WRONG] {
        let plain = ["-O", "none", "-Y", "PLAIN", "-U", "ada", "-w", pin];
        daemon.ldapi("ldapwhoami", &plain);
        daemon.sasl_ldaps("ldapwhoami", &plain);
        daemon.sasl_start_tls("ldapwhoami", &plain);
    }
    daemon.ldap("ldapsearch", &["-b", BASE, &format!("(userPassword={PIN})")]);
    daemon.ldap(
        "ldapcompare",
        &[
            "-D",
            ROOT_DN,
            "-w",
            ROOT_PIN,
            &ada,
            &format!("userPassword:{PIN}"),
        ],
    );
    daemon.ldap("ldappasswd", &["-D", &ada, "-w", PIN, "-s", WRONG]);
    for pin in [PIN, WRONG] {
        let attributes =
            format!("User-Name = \"ada\"\nUser-Password = \"{pin}\"\nMessage-Authenticator = 0x00\n");
        daemon.radclient("auth", "radius", &attributes);
    }
    let more = daemon.campus.path("more.ldif");
    std::fs::write(&more, person("bob", WRONG, "")).expect("written");
    let output = daemon
        .campus
        .beadle(&["import"], &[more.to_str().expect("UTF-8")]);
    assert!(output.status.success(), "{}", said(&output));
}

/// The PINs, the shared secret, and every hash of the configuration and the export, whole and without scheme.
fn secrets(config: &str, export: &str) -> Vec<String> {
    let mut secrets: Vec<String> = [PIN, WRONG, ROOT_PIN, SERVICE_PIN, SECRET]
        .map(str::to_owned)
        .into();
    let hashes = config
        .lines()
        .filter_map(|line| line.strip_prefix("password_hash = "))
        .map(|hash| hash.trim_matches('"'));
    secrets.extend(hashes.map(|hash| hash.rsplit('$').next().unwrap_or(hash).to_owned()));
    let exported: Vec<&str> = export
        .lines()
        .filter_map(|line| line.strip_prefix("userPassword:"))
        .collect();
    assert!(
        exported.len() >= 2,
        "the export with secrets has the hashes: {export}"
    );
    secrets.extend(
        exported
            .iter()
            .map(|value| value.trim_start_matches([':', ' ']).to_owned()),
    );
    secrets
}
