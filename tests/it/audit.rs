//! Audit lines: who did what, in words the help desk knows, at every log level.

use std::process::Output;

use crate::harness::{BASE, Campus, Daemon, base, person, said};

const PIN: &str = "correct-PIN-42";

/// Whether one of the lines has all of these parts.
pub fn tells(lines: &[String], parts: &[&str]) -> bool {
    lines
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)))
}

fn campus() -> Campus {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    campus
}

/// The lines of standard error.
fn complaints(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn people_are_called_by_their_names_whatever_else_is_logged() {
    // Nothing but what the tests wait for.
    let daemon = Daemon::start(campus(), &[("BEADLE_LOG", "beadle=info")]);
    let ada = format!("uid=ada,ou=people,{BASE}");
    for (pin, code) in [(PIN, 0), ("wrong-PIN-42", 49)] {
        let output = daemon.ldap("ldapwhoami", &["-D", &ada, "-w", pin]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    }
    let (_, _, logged) = daemon.stop();
    let subject = format!("subject={ada} ");
    for event in ["login_accepted", "login_refused"] {
        assert!(
            tells(&logged, &[&format!("event=\"{event}\""), &subject]),
            "{logged:?}"
        );
    }
}

#[test]
fn who_exports_what_is_told_by_the_daemon_and_by_the_command_itself() {
    let campus = campus();
    let event = "event=\"entries_exported\" subject=operator:";
    let told = complaints(&campus.beadle(&["export"], &["--with-secrets"]));
    assert!(
        tells(&told, &[event, "entries=4 hashes=\"included\""]),
        "{told:?}"
    );
    let daemon = campus.serve();
    complaints(&daemon.campus.beadle(&["export"], &[]));
    let (_, _, logged) = daemon.stop();
    assert!(
        tells(&logged, &[event, "entries=4 hashes=\"left_out\""]),
        "{logged:?}"
    );
}

#[test]
fn an_export_that_is_refused_is_not_told() {
    let refused = |campus: &Campus, words: &[&str]| {
        let output = campus.beadle(&["export"], words);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(!said(&output).contains("entries_exported"), "{}", said(&output));
    };
    let forms = [["--columns", "nosuch"], ["--columns", "userPassword"]];
    let campus = campus();
    forms.iter().for_each(|words| refused(&campus, words));
    let daemon = campus.serve();
    forms.iter().for_each(|words| refused(&daemon.campus, words));
    let (_, _, logged) = daemon.stop();
    assert!(!tells(&logged, &["entries_exported"]), "{logged:?}");
}

#[test]
fn an_import_into_a_stopped_store_tells_what_it_wrote_and_one_that_changes_nothing_does_not() {
    let campus = campus();
    let import = || complaints(&campus.try_import(&person("eve", PIN, ""), &[]));
    let parts = [
        "event=\"entries_imported\" subject=operator:",
        "/people.ldif\" entries=1",
    ];
    assert!(tells(&import(), &parts));
    assert!(!tells(&import(), &["entries_imported"]));
}
