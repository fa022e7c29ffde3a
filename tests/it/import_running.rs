//! `beadle import` and `beadle export` while the daemon runs: the same as when it is stopped.

use crate::audit::tells;
use crate::harness::{BASE, Campus, Daemon, base, person, said, stdout};

const PIN: &str = "correct-PIN-42";

/// What is hard to write down: names and values with special characters, base64, bytes, long lines, many values.
fn university() -> String {
    let members: String = (0..40)
        .map(|n| format!("member: uid=m{n},ou=people,{BASE}\n"))
        .collect();
    let odd = format!(
        "dn: ou=Odd\\, \\2B unit,{BASE}\nobjectClass: organizationalUnit\nou: Odd, + unit\n\n\
         dn:: {dn}\nobjectClass: inetOrgPerson\nuid: émile\ncn:: w4ltaWxlIExlIMKrIEdyYW5kIMK7\ncn;lang-fr:: w4ltaWxl\n\
         sn: Zola\nsn: van der  Berg\njpegPhoto:: AAEC/w==\ndescription::  IHBhZGRlZCA=\n\
         seeAlso: uid=ada , OU=People,{BASE}\n\n\
         dn: cn=all,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: all\n{members}\n",
        dn = "dWlkPcOpbWlsZSxvdT1wZW9wbGUsZGM9dW5pLGRjPWV4YW1wbGU=",
    );
    let long = format!("description: {}\n", "a long sentence ".repeat(40).trim_end());
    base() + &odd + &person("ada", PIN, "mail: ada@uni.example\n") + &person("bob", PIN, &long)
}

fn running() -> Daemon {
    let campus = Campus::new("");
    campus.import(&university());
    campus.serve()
}

const SECRETS: &[&str] = &["--with-secrets"];

/// New, changed, unchanged and refused rows.
fn figures(campus: &Campus, file: &str) -> [u64; 4] {
    let output = campus.try_import(file, &["--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    ["new", "changed", "unchanged", "refused"].map(|key| json[key].as_u64().expect("a number"))
}

fn entries(ldif: &str) -> u64 {
    ldif.lines().filter(|line| line.starts_with("dn:")).count() as u64
}

/// Ada logs in, and her imported hash is seen to be replaced.
fn upgrade(daemon: &Daemon) {
    let ada = format!("uid=ada,ou=people,{BASE}");
    let output = daemon.ldap("ldapwhoami", &["-D", &ada, "-w", PIN]);
    assert!(output.status.success(), "{}", said(&output));
    // The answer does not wait for the new hash.
    let upgraded = (0..200).any(|_| hash_of_ada(&daemon.campus).starts_with("{ARGON2}"));
    assert!(upgraded, "{}", hash_of_ada(&daemon.campus));
}

fn hash_of_ada(campus: &Campus) -> String {
    use base64::Engine;
    let rows = campus.export(&["--with-secrets", "--columns", "uid,userPassword"]);
    let row = rows.lines().find_map(|line| line.strip_prefix("ada,"));
    let value = row.expect("a row").trim_matches('"').to_owned();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&value);
    bytes.map_or(value, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn a_running_daemon_exports_the_same_bytes_as_its_stopped_store() {
    let daemon = running();
    upgrade(&daemon);
    let forms: [&[&str]; 3] = [
        &[],
        SECRETS,
        &["--columns", "dn,uid,cn,mail,description,jpegPhoto"],
    ];
    let running = forms.map(|words| daemon.campus.export(words));
    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    assert_eq!(forms.map(|words| campus.export(words)), running);
    assert!(entries(&running[0]) >= 8 && !running[0].contains("userPassword"));
}

#[test]
fn an_export_of_one_daemon_makes_an_empty_one_the_same() {
    let (one, other) = (running(), Campus::new("").serve());
    upgrade(&one);
    let exported = one.campus.export(SECRETS);
    assert_eq!(figures(&other.campus, &exported), [entries(&exported), 0, 0, 0]);
    assert_eq!(other.campus.export(SECRETS), exported);
    assert_eq!(other.campus.export(&[]), one.campus.export(&[]));
    let ada = format!("uid=ada,ou=people,{BASE}");
    let output = other.ldap("ldapwhoami", &["-D", &ada, "-w", PIN]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_same_file_again_changes_nothing_though_a_log_in_has_replaced_a_hash() {
    let daemon = running();
    let (file, all) = (university(), entries(&university()));
    assert_eq!(figures(&daemon.campus, &file), [0, 0, all, 0]);
    upgrade(&daemon);
    let before = daemon.campus.export(SECRETS);
    assert_eq!(figures(&daemon.campus, &file), [0, 0, all, 0]);
    assert_eq!(
        figures(&daemon.campus, &before),
        [0, 0, all, 0],
        "nor does its own export"
    );
    let table = daemon.campus.export(&["--columns", "dn,uid,cn"]);
    assert_eq!(daemon.campus.export(SECRETS), before);
    let (campus, ..) = daemon.stop();
    assert_eq!(figures(&campus, &file), [0, 0, all, 0], "nor while it is stopped");
    assert_eq!(campus.export(SECRETS), before);
    assert_eq!(campus.export(&["--columns", "dn,uid,cn"]), table);
}

#[test]
fn a_new_hash_in_the_file_replaces_the_one_a_log_in_has_made() {
    let daemon = running();
    upgrade(&daemon);
    let changed = person("ada", "another-PIN-43", "mail: ada@uni.example\n");
    assert_eq!(figures(&daemon.campus, &changed), [0, 1, 0, 0]);
    assert!(hash_of_ada(&daemon.campus).starts_with("{SSHA}"));
    let ada = format!("uid=ada,ou=people,{BASE}");
    for (pin, code) in [(PIN, 49), ("another-PIN-43", 0)] {
        let output = daemon.ldap("ldapwhoami", &["-D", &ada, "-w", pin]);
        assert_eq!(output.status.code(), Some(code), "{pin}: {}", said(&output));
    }
}

#[test]
fn what_an_import_wrote_is_told_to_the_audit_log_and_counted() {
    let mut daemon = running();
    let more = person("eve", PIN, "") + &person("fay", PIN, "");
    assert_eq!(figures(&daemon.campus, &more), [2, 0, 0, 0]);
    let metrics = crate::harness::http_get(&format!("http://{}/metrics", daemon.address("admin")));
    assert!(metrics.contains("beadle_entries_imported_total 2"), "{metrics}");
    daemon.read_log();
    let (_, _, logged) = daemon.stop();
    let parts = [
        "event=\"entries_imported\" subject=operator:",
        "/people.ldif\" entries=2",
    ];
    assert!(tells(&logged, &parts), "{logged:?}");
}
