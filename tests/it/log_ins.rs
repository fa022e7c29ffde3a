//! Log-ins from two networks: what a restart must not forget of them, and what one must not do to the other.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::harness::{BASE, Campus, Daemon, base, in_own_network, person, run_with, said};

const PIN: &str = "Orchid-42 tree";
/// Addresses of two networks. Who connects to one of this machine's own addresses comes from it.
const HOME: &str = "192.0.2.7";
const AWAY: &str = "203.0.113.9";

/// A campus that listens on every address there is, with one person, `ada`, and `more` in its configuration.
fn campus(more: &str) -> Campus {
    let campus = Campus::new(more);
    let config = std::fs::read_to_string(campus.config()).expect("a configuration");
    let config = config
        .replacen(r#"listen = ["127.0.0.1:0"]"#, r#"listen = ["0.0.0.0:0"]"#, 1)
        .replace(
            "cleartext_bind_from = [",
            r#"cleartext_bind_from = ["0.0.0.0/0", "#,
        );
    std::fs::write(campus.config(), config).expect("the configuration is written");
    campus.import(&format!("{}{}", base(), person("ada", PIN, "")));
    campus
}

fn serve(campus: Campus) -> Option<Daemon> {
    let addresses = format!("ip address add {HOME}/32 dev lo && ip address add {AWAY}/32 dev lo");
    Some(Daemon::start_by(in_own_network(&addresses)?, campus, &[]))
}

/// A client that logs in as `uid` with `pin` from `source`.
fn client(daemon: &Daemon, source: &str, uid: &str, pin: &str) -> Command {
    let port = daemon.address("ldap").rsplit(':').next().unwrap_or_default();
    let mut command = daemon.in_its_network("ldapwhoami");
    command
        .args(["-x", "-H", &format!("ldap://{source}:{port}")])
        .args(["-D", &format!("uid={uid},ou=people,{BASE}"), "-w", pin]);
    command
}

/// Whether `ada` may log in with `pin` from `source`.
fn logs_in(daemon: &Daemon, source: &str, pin: &str) -> bool {
    let output = run_with(&mut client(daemon, source, "ada", pin), "");
    let said = said(&output);
    assert!(
        output.status.success() || said.contains("Invalid credentials"),
        "{said}"
    );
    output.status.success()
}

#[test]
fn after_a_restart_a_stranger_still_cannot_lock_the_owner_out() {
    let Some(daemon) = serve(campus("")) else { return };
    assert!(logs_in(&daemon, HOME, PIN));
    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    let Some(daemon) = serve(campus) else { return };
    for number in 0..8 {
        assert!(!logs_in(&daemon, AWAY, &format!("wrong {number}")));
    }
    assert!(!logs_in(&daemon, AWAY, PIN), "it is locked");
    assert!(logs_in(&daemon, HOME, PIN));
    let Some(daemon) = serve(daemon.kill()) else {
        return;
    };
    assert!(
        !logs_in(&daemon, AWAY, PIN),
        "the lock is stored, and whom it is for"
    );
    assert!(logs_in(&daemon, HOME, PIN));
    let exported = daemon.campus.export(&["--with-secrets"]);
    assert!(exported.contains("uid: ada") && !exported.contains(HOME));
}

#[test]
fn a_flood_of_unknown_names_from_one_network_keeps_nobody_out_elsewhere() {
    let slow = "[hashing]\nthreads = 1\nqueue_max = 4\niterations = 8\nverified_cache_s = 0";
    let Some(daemon) = serve(campus(slow)) else { return };
    let (is_over, (busy, is_full)) = (AtomicBool::new(false), mpsc::channel());
    let flood = &|mut stranger: Command, busy: mpsc::Sender<()>| {
        while !is_over.load(Ordering::Relaxed) {
            let output = run_with(&mut stranger, "");
            if said(&output).contains("busy") {
                // Once heard, nobody listens.
                let _ = busy.send(());
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..12 {
            let (stranger, busy) = (client(&daemon, AWAY, "nobody", "any"), busy.clone());
            scope.spawn(move || flood(stranger, busy));
        }
        is_full.recv().expect("the queue fills");
        let log_in = || run_with(&mut client(&daemon, HOME, "ada", PIN), "");
        let outputs = [(); 5].map(|()| log_in());
        is_over.store(true, Ordering::Relaxed);
        for output in outputs {
            assert!(output.status.success(), "{}", said(&output));
        }
    });
}
