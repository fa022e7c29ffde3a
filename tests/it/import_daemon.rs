//! `beadle import` into a running daemon, and what else is said on its administration socket.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

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

#[test]
fn of_half_an_upload_nothing_is_imported() {
    let daemon = campus();
    let row = person("half", PIN, "");
    let mut stream = said_to(
        &daemon,
        &format!("import\nformat: ldif\n\ndata {}\n{row}", row.len()),
    );
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("as a kill does");
    let mut answer = Vec::new();
    // However the daemon hangs up, it does not say that it has done it.
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert!(!finds(&daemon, "half"));
}

#[test]
fn a_client_that_says_nothing_does_not_keep_the_daemon_from_ending() {
    let daemon = campus();
    let _silent = said_to(&daemon, "import\n");
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
