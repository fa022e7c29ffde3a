//! What a log-in that needs no hash allocates, from the first octet to the last: counted, not timed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use allocation_counter::measure;
use beadle::radius::next::{Next, Reply, ReplyKind};
use beadle::radius::{Peer, Port, Session, Settings};
use beadle::server::entropy::SystemEntropy;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::ldap_client::{bind, request};
use crate::ldap_serving::{Serving, trusting};
use crate::radius_socket::access_request_with;
use crate::town::{ADA, BASE, PLAIN, Town, argon2id, person, plan};

/// The most allocations of one log-in.
const ALLOCATIONS_MAX: u64 = 10;
/// So many are made before counting, for what is allocated once, and so many while counting.
const LOG_INS: u64 = 300;

const CLIENT: &str = r#"
[[radius.client]]
name = "vpn"
network = "127.0.0.1/32"
secret = "a-shared-secret-for-tests-only"
service = "vpn"
"#;

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A client that logs in [`LOG_INS`] times, is heard, and does it again when told to.
fn log_in_twice(
    server: SocketAddr,
    dn: String,
    ready: oneshot::Sender<()>,
    again: mpsc::Receiver<()>,
    done: oneshot::Sender<()>,
) {
    let mut stream = TcpStream::connect(server).expect("a connection");
    let asked = request(7, bind(3, &dn, "right-pin"));
    let mut log_in = || {
        stream.write_all(&asked).expect("sent");
        // SEQUENCE of 12 octets: messageID, BindResponse with success and two empty strings.
        let mut answer = [0; 14];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(answer[..10], [0x30, 12, 2, 1, 7, 0x61, 7, 10, 1, 0]);
    };
    (0..LOG_INS).for_each(|_| log_in());
    ready.send(()).expect("somebody waits");
    again.recv().expect("told");
    (0..LOG_INS).for_each(|_| log_in());
    done.send(()).expect("somebody waits");
}

/// Allocations of the thread that serves connections, for one log-in as `dn`.
fn allocations_of_a_bind(dn: String) -> u64 {
    let runtime = runtime();
    let serving = runtime.block_on(async {
        let town = Town::new(plan(PLAIN), &[person("bob", &[&argon2id("right-pin")])]).await;
        Serving::serve(town, trusting()).await
    });
    let (ready, is_ready) = oneshot::channel();
    let (go_on, again) = mpsc::channel();
    let (done, is_done) = oneshot::channel();
    let server = serving.cleartext;
    let client = std::thread::spawn(move || log_in_twice(server, dn, ready, again, done));
    runtime.block_on(is_ready).expect("the client goes on");
    let counted = measure(|| {
        go_on.send(()).expect("the client waits");
        runtime.block_on(is_done).expect("the client goes on");
    });
    client.join().expect("every log-in was good");
    counted.count_total / LOG_INS
}

/// Allocations of one PAP log-in of `uid`, from the packet to its answer.
fn allocations_of_a_pap(uid: &str) -> u64 {
    let runtime = runtime();
    let people = [person("bob", &[&argon2id("right-pin")])];
    let town = runtime.block_on(Town::new(plan(&format!("{PLAIN}{CLIENT}")), &people));
    let clients = town.plan.radius.clients.clone();
    let mut session = Session::new(Port::Authentication, clients, Settings::default());
    let mut log_in = |number: u64| {
        let mut authenticator = [0; 16];
        authenticator[..8].copy_from_slice(&number.to_be_bytes());
        let asked = access_request_with(9, &authenticator, uid, b"right-pin", &[]);
        let peer = Peer {
            source: SocketAddr::from(([127, 0, 0, 1], 1024)),
            local: None,
        };
        let now = town.runner.now();
        let mut counted = 0;
        let mut seen = None;
        counted +=
            measure(|| seen = Some(session.on_packet(&asked, peer, now, &mut SystemEntropy))).count_total;
        let Some(Next::Run(pending, log_in)) = seen else {
            panic!("a log-in");
        };
        let mut verdict = None;
        counted += measure(|| verdict = town.runner.authenticate_now(&log_in, now)).count_total;
        let verdict = verdict.unwrap_or_else(|| runtime.block_on(town.runner.authenticate(log_in, now)));
        let mut reply = None;
        counted += measure(|| reply = Some(session.on_verdict(pending, &verdict, now, &mut SystemEntropy)))
            .count_total;
        let Some(Ok(Reply {
            kind: ReplyKind::Accept,
            ..
        })) = reply
        else {
            panic!("accepted");
        };
        counted
    };
    (0..LOG_INS).for_each(|number| {
        log_in(number);
    });
    (LOG_INS..2 * LOG_INS).map(log_in).sum::<u64>() / LOG_INS
}

#[test]
fn a_pap_with_a_hash_that_costs_nothing_allocates_little() {
    let count = allocations_of_a_pap("ada");
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}

#[test]
fn a_pap_with_a_pin_that_is_remembered_allocates_little() {
    let count = allocations_of_a_pap("bob");
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}

#[test]
fn a_bind_with_a_hash_that_costs_nothing_allocates_little() {
    let count = allocations_of_a_bind(ADA.to_owned());
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}

#[test]
fn a_bind_with_a_pin_that_is_remembered_allocates_little() {
    let count = allocations_of_a_bind(format!("uid=bob,ou=people,{BASE}"));
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}
