//! `beadle import` into a running daemon, and what else is said on its administration socket.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use beadle::server::work::transfer::TRANSFERS_MAX;

use crate::harness::{BASE, Campus, Daemon, base, person, said, stdout};

const PIN: &str = "correct-PIN-42";

fn campus() -> Daemon {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    campus.serve()
}

/// A conversation with the daemon that began with `words`.
fn said_to(daemon: &Daemon, words: &str) -> UnixStream {
    let mut stream =
        UnixStream::connect(daemon.campus.path("store/admin.sock")).expect("the socket is there");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a time limit");
    stream.write_all(words.as_bytes()).expect("it listens");
    stream
}

fn finds(daemon: &Daemon, uid: &str) -> bool {
    let filter = format!("(uid={uid})");
    let found = daemon.ldap("ldapsearch", &["-LLL", "-b", BASE, &filter, "uid"]);
    assert!(found.status.success(), "{}", said(&found));
    stdout(&found).contains(uid)
}

#[test]
fn an_import_is_seen_as_soon_as_it_has_ended() {
    let daemon = campus();
    daemon.campus.import(&person("bob", PIN, ""));
    assert!(finds(&daemon, "bob"));
    let again = daemon.campus.beadle(&["export"], &[]);
    assert!(stdout(&again).contains("uid=bob"), "{}", said(&again));
}

/// An import of LDIF whose body goes on for ever.
fn half_an_import(daemon: &Daemon, ldif: &str) -> UnixStream {
    let head = format!("POST {IMPORT} HTTP/1.1\r\nHost: beadle\r\nTransfer-Encoding: chunked\r\n\r\n");
    said_to(daemon, &format!("{head}{:x}\r\n{ldif}\r\n", ldif.len()))
}

const IMPORT: &str = "/api/v1/imports?format=ldif&mode=apply&keep_going=no";

/// As many as may be imported at a time, all in the middle of their files.
fn half_imports(daemon: &Daemon) -> Vec<UnixStream> {
    let row = person("half", PIN, "");
    let streams = (0..TRANSFERS_MAX).map(|_| half_an_import(daemon, &row)).collect();
    while spooled(daemon) < TRANSFERS_MAX {
        std::thread::yield_now();
    }
    streams
}

/// Files that are being imported.
fn spooled(daemon: &Daemon) -> usize {
    let files = std::fs::read_dir(daemon.campus.path("store")).expect("a folder");
    let names = files.filter_map(Result::ok).map(|file| file.file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".spool"))
        .count()
}

/// Whether the daemon has neither answered nor hung up.
fn waits(mut stream: &UnixStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let read = stream.read(&mut [0; 1]);
    stream.set_nonblocking(false).expect("a socket");
    matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn answer(mut stream: UnixStream) -> String {
    let mut answer = Vec::new();
    // However the daemon hangs up, what it has said counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn of_half_an_upload_nothing_is_imported() {
    let daemon = campus();
    let stream = half_an_import(&daemon, &person("half", PIN, ""));
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("as a kill does");
    let answer = answer(stream);
    assert!(!answer.contains("200 OK") && !answer.contains("done"), "{answer}");
    assert!(!finds(&daemon, "half"));
    assert_eq!(spooled(&daemon), 0, "hashes are left on the disk");
}

#[test]
fn a_reload_waits_neither_for_imports_nor_for_silent_clients() {
    let daemon = campus();
    let imports = half_imports(&daemon);
    let _silent: Vec<_> = (0..8).map(|_| said_to(&daemon, "POST /api/v1/rel")).collect();
    let reloaded = daemon.campus.beadle(&["reload"], &[]);
    assert!(reloaded.status.success(), "{}", said(&reloaded));
    assert!(imports.iter().all(waits), "they were hung up on before");
}

#[test]
fn an_import_more_than_may_be_at_a_time_has_its_turn_when_one_ends() {
    let daemon = campus();
    let mut streams = half_imports(&daemon);
    let late = half_an_import(&daemon, &person("late", PIN, ""));
    (&late).write_all(b"0\r\n\r\n").expect("it listens");
    assert!(waits(&late));
    drop(streams.pop());
    let answer = answer(late);
    assert!(answer.contains("application/x-ndjson"), "{answer}");
    assert!(
        answer.contains(r#"{"done":{"counts":{"rows":1,"new":1,"#),
        "{answer}"
    );
    assert!(finds(&daemon, "late"));
}

#[test]
fn what_cannot_be_served_is_answered_with_a_problem() {
    let daemon = campus();
    let check = |method: &str, uri: &str, expected: [&str; 2]| {
        let answer = answer(said_to(
            &daemon,
            &format!("{method} {uri} HTTP/1.1\r\nHost: beadle\r\n\r\n"),
        ));
        assert!(
            answer.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert!(expected.iter().all(|part| answer.contains(part)), "{answer}");
    };
    check("GET", "/", ["404 Not Found", r#""type":"/problems/not-found""#]);
    check(
        "GET",
        "/api/v1/reload",
        ["405 Method", "/problems/method-not-allowed"],
    );
    check(
        "POST",
        "/api/v1/imports?format=xls",
        ["400 Bad", "/problems/bad-request"],
    );
    let columns = "/api/v1/export?secrets=left_out&columns=uid,nosuch";
    check(
        "GET",
        columns,
        ["400 Bad", "the schema knows no attribute `nosuch`"],
    );
}

#[test]
fn a_client_that_says_nothing_does_not_keep_the_daemon_from_ending() {
    let daemon = campus();
    let _silent = said_to(&daemon, "POST /api/v1/imp");
    let _half = half_imports(&daemon);
    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(
        !logged.iter().any(|line| line.contains("did not end in time")),
        "{logged:?}"
    );
    assert!(!campus.path("store/admin.sock").exists());
}

#[test]
fn socket_and_engine_are_their_owners_only() {
    let daemon = campus();
    let mode = |name: &str| {
        let path = daemon.campus.path(name);
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode("store"), 0o700);
    assert_eq!(mode("store/sled"), 0o700);
    assert_eq!(mode("store/admin.sock"), 0o600);
    assert_eq!(mode("store/self-signed-key.pem"), 0o600);
}
