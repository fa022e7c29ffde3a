//! The reader of the log stalls, or the daemon ends, and nothing is lost that must not be.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use ldap3_proto::proto::{LdapOp, LdapSearchScope};

use crate::harness::{Campus, Daemon, ROOT_DN, ROOT_PIN, base, http_get};
use crate::ldap_client::{Client, request, search};

/// More than wait in the queue, are being written and are in the pipe.
const SEARCHES: usize = 40_000;
const LOG_INS: usize = 50;

fn daemon() -> Daemon {
    let campus = Campus::new("");
    campus.import(&base());
    campus.serve()
}

fn lines(logged: &[String], part: &str) -> usize {
    logged.iter().filter(|line| line.contains(part)).count()
}

#[test]
fn a_log_that_nobody_reads_stops_no_request_and_says_what_it_lost() {
    let daemon = daemon();
    let stalled = daemon.stall();
    let mut client = Client::of(daemon.address("ldap"));
    let nothing = search("dc=nowhere", LdapSearchScope::Base, &[]);
    let hundred = request(1, LdapOp::SearchRequest(nothing)).repeat(100);
    for _ in 0..SEARCHES / 100 {
        assert!(client.ask(&hundred).is_continue());
        (0..100).for_each(|_| assert_eq!(client.answer(), ControlFlow::Continue(("done", 32))));
    }
    for _ in 0..LOG_INS {
        assert_eq!(
            client.log_in(ROOT_DN, ROOT_PIN),
            ControlFlow::Continue(("bind", 0))
        );
    }
    let admin = format!("http://{}", daemon.address("admin"));
    assert!(http_get(&format!("{admin}/healthz")).starts_with("HTTP/1.1 200"));
    assert!(!http_get(&format!("{admin}/metrics")).contains("beadle_log_lines_dropped_total 0\n"));
    drop(stalled);
    let (_, code, logged) = daemon.stop();
    assert_eq!(code, Some(0));
    assert_eq!(lines(&logged, "event=\"login_accepted\""), LOG_INS);
    let lost = logged.iter().filter_map(|line| line.split_once(" lost="));
    let lost: usize = lost
        .map(|(_, count)| count.parse::<usize>().expect("a number"))
        .sum();
    assert!(lost > 0);
    // The daemon's own farewell shares their room.
    let told = lines(&logged, "beadle::ldap: conn=0 ") + lines(&logged, "beadle: stopping");
    assert_eq!(told + lost, SEARCHES + LOG_INS + 1);
}

#[test]
fn every_log_in_that_was_answered_before_sigterm_has_its_audit_line() {
    let daemon = daemon();
    let (sender, many) = mpsc::channel();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (mut client, sender) = (Client::of(daemon.address("ldap")), sender.clone());
            thread::spawn(move || {
                let mut accepted = 0;
                while client.log_in(ROOT_DN, ROOT_PIN) == ControlFlow::Continue(("bind", 0)) {
                    accepted += 1;
                    if accepted == 200 {
                        sender.send(()).expect("it is waited for");
                    }
                }
                accepted
            })
        })
        .collect();
    drop(sender);
    assert_eq!(many.iter().take(4).count(), 4, "all are under way");
    let (_, code, logged) = daemon.stop();
    assert_eq!(code, Some(0));
    let accepted: usize = clients
        .into_iter()
        .map(|client| client.join().expect("it ends"))
        .sum();
    let told = lines(&logged, "event=\"login_accepted\"");
    assert!(accepted >= 800 && told >= accepted, "{told} of {accepted}");
}
