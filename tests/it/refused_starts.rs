//! A daemon that cannot start says why in one sentence, ends with 1 and damages nothing.

use std::net::{TcpListener, UdpSocket};

use crate::harness::{BASE, Campus, Daemon, base, person};

const PIN: &str = "correct-PIN-42";

/// The campus with one more piece of its configuration replaced, once.
fn with(campus: Campus, from: &str, to: &str) -> Campus {
    let text = std::fs::read_to_string(campus.config()).expect("written");
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(campus.config(), text.replacen(from, to, 1)).expect("writable");
    campus
}

/// Runs a command that must end with 1 and this one sentence, after whatever it has logged.
fn refused(campus: &Campus, command: &[&str], words: &[&str], expected: &str) {
    let output = campus.beadle(command, words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
    let sentences: Vec<&str> = said.lines().filter(|line| line.starts_with("beadle: ")).collect();
    assert_eq!(sentences, [format!("beadle: {expected}")], "{command:?}");
}

/// What this system says of an address in use.
fn in_use() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let error = TcpListener::bind(taken.local_addr().expect("bound")).expect_err("it is taken");
    error.to_string()
}

#[test]
fn a_port_in_use_is_named_whatever_listens_there() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0"));
    let (tcp, udp) = (tcp.expect("a port"), udp.expect("a port"));
    let (tcp, udp) = (tcp.local_addr().expect("bound"), udp.local_addr().expect("bound"));
    let any = "\"127.0.0.1:0\"";
    for (key, listener, address) in [
        ("[ldap]\nlisten = [", "ldap", tcp),
        ("listen_tls = [", "ldaps", tcp),
        ("[radius]\nlisten = [", "radius", udp),
        ("accounting_listen = [", "accounting", udp),
        ("admin_listen = [", "admin", tcp),
    ] {
        let campus = with(
            Campus::new(""),
            &format!("{key}{any}"),
            &format!("{key}\"{address}\""),
        );
        let expected = format!("cannot listen on {address} for {listener}: {}", in_use());
        refused(&campus, &["serve"], &[], &expected);
        assert!(!campus.path("store").exists(), "nothing is made before it");
    }
}

#[test]
fn a_store_in_use_is_named_and_who_uses_it_goes_on() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    let daemon = campus.serve();
    let store = daemon.campus.path("store").display().to_string();
    let in_use = format!("the store {store} is in use by another process");
    refused(&daemon.campus, &["store", "verify"], &[], &in_use);
    refused(&daemon.campus, &["store", "compact"], &[], &in_use);
    // Those that would ask the daemon, were its socket where this configuration says.
    let campus = with(
        Campus::new("[admin]\nsocket = \"ADMIN\""),
        "ADMIN",
        "/nowhere/admin.sock",
    );
    let own = campus.path("store").display().to_string();
    let campus = with(campus, &own, &store);
    refused(&campus, &["serve"], &[], &in_use);
    let file = campus.path("people.ldif").display().to_string();
    std::fs::write(&file, person("bob", PIN, "")).expect("written");
    refused(&campus, &["import"], &[&file], &format!("{file}: {in_use}"));
    refused(&campus, &["export"], &[], &in_use);
    log_in(&daemon);
}

#[test]
fn a_store_that_cannot_be_made_is_named() {
    let campus = Campus::new("");
    std::fs::write(campus.path("file"), "").expect("written");
    let (from, to) = (campus.path("store"), campus.path("file/store"));
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let campus = with(campus, &from, &to);
    let why = std::io::Error::from_raw_os_error(20);
    refused(
        &campus,
        &["serve"],
        &[],
        &format!("the store cannot use {to}: {why}"),
    );
}

#[test]
fn an_administration_socket_in_use_is_named_and_who_answers_there_goes_on() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    let daemon = campus.serve();
    let socket = daemon.campus.path("store/admin.sock").display().to_string();
    let other = Campus::new(&format!("[admin]\nsocket = \"{socket}\""));
    let expected = format!("the administration socket {socket} is in use by another daemon");
    refused(&other, &["serve"], &[], &expected);
    log_in(&daemon);
    daemon.campus.import(&person("bob", PIN, ""));
}

#[test]
fn a_socket_of_ldap_in_use_is_named_and_who_answers_there_goes_on() {
    let daemon = Campus::new("").serve();
    let socket = daemon.campus.path("ldapi").display().to_string();
    let other = Campus::new("");
    let own = other.path("ldapi").display().to_string();
    let other = with(other, &own, &socket);
    let expected = format!("the LDAP socket {socket} is in use by another daemon");
    refused(&other, &["serve"], &[], &expected);
    let output = daemon.ldapi("ldapwhoami", &["-x"]);
    assert!(output.status.success());
}

fn log_in(daemon: &Daemon) {
    let output = daemon.ldap(
        "ldapwhoami",
        &["-D", &format!("uid=ada,ou=people,{BASE}"), "-w", PIN],
    );
    assert!(output.status.success());
}

#[test]
fn a_store_that_was_filled_under_another_name_is_not_renamed() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    let store = campus.path("store").display().to_string();
    let why = |base: &str| {
        format!(
            "it is the one of {BASE}, and base_dn is {base}; correct base_dn, or export with the old one and import into \
             another folder"
        )
    };
    let other = "dc=uni,dc=elsewhere";
    let campus = with(
        campus,
        &format!("base_dn = \"{BASE}\""),
        &format!("base_dn = \"{other}\""),
    );
    let loaded = format!("the directory in {store} cannot be loaded: {}", why(other));
    refused(&campus, &["serve"], &[], &loaded);
    refused(&campus, &["export"], &[], &format!("{store}: {}", why(other)));
    // However it is spelt, the same name is the same.
    let campus = with(
        campus,
        &format!("base_dn = \"{other}\""),
        "base_dn = \"DC=uni, dc=example\"",
    );
    drop(campus.serve());
}

#[test]
fn a_store_of_another_user_is_not_written_into() {
    let campus = Campus::new("");
    campus.import(&base());
    let store = campus.path("store");
    // Only root can give it away, and only root would be let in.
    if std::os::unix::fs::chown(&store, Some(65_534), None).is_err() {
        return;
    }
    let expected = format!(
        "{} belongs to nobody, who could not use what another user writes there: run this as nobody, such as by \
         `runuser -u nobody -- beadle ...`",
        store.display()
    );
    refused(&campus, &["serve"], &[], &expected);
    refused(&campus, &["export"], &[], &expected);
    refused(&campus, &["store", "verify"], &[], &expected);
    refused(&campus, &["store", "compact"], &[], &expected);
}
