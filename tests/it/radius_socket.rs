//! The RADIUS listener on real sockets, asked by `radclient` and by sockets of our own.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use beadle::domain::audit::AuditEvent;
use beadle::radius::authenticator::{Keys, ZERO};
use beadle::radius::{
    Client, ClientSettings, ClientTable, Event, Port, RequireMessageAuthenticator, Session, Settings,
};
use beadle::server::boot::plan::Plan;
use beadle::server::observe::log::queue::{Lines, Log};
use beadle::server::observe::metrics::Metrics;
use beadle::server::radius::counters::RadiusCounters;
use beadle::server::radius::listener::{RadiusWiring, serve};
use beadle::server::radius::socket::BoundSocket;
use beadle::types::SharedSecret;
use radius::core::avp::AVP;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::{SECRET, run_with, said, stdout};
use crate::town::{PLAIN, Town, argon2id, person, plan};

struct Server {
    port: u16,
    counters: Arc<RadiusCounters>,
    log: Arc<Log>,
    events: UnboundedReceiver<Event>,
    stop: CancellationToken,
    served: JoinHandle<io::Result<()>>,
    // Last, so that it outlives the rest.
    runtime: Runtime,
}

fn server(listen: &str, port: Port, required: RequireMessageAuthenticator, reject_delay_ms: u64) -> Server {
    serve_town(plan(PLAIN), listen, port, required, reject_delay_ms)
}

/// A server for `ada`, whose hash costs nothing, and `slow`, whose hash does; the PIN of both is `right-pin`.
fn serve_town(
    plan: Plan,
    listen: &str,
    port: Port,
    required: RequireMessageAuthenticator,
    reject_delay_ms: u64,
) -> Server {
    let runtime = Runtime::new().unwrap();
    let socket = BoundSocket::bind(listen.parse().unwrap()).unwrap();
    let bound = socket.local_addr().unwrap().port();
    let settings = Settings {
        reject_delay_ms,
        ..Settings::default()
    };
    let session = Session::new(port, Arc::new(clients(required)), settings);
    let counters = Arc::<RadiusCounters>::default();
    let slow = person("slow", &[&argon2id("right-pin")]);
    let town = runtime.block_on(Town::new(plan, &[slow]));
    let (events, received) = unbounded_channel();
    let wiring = RadiusWiring {
        runner: town.runner,
        counters: counters.clone(),
        log: town.log.clone(),
        events,
    };
    let stop = CancellationToken::new();
    let served = runtime.spawn(serve(socket, session, wiring, stop.clone()));
    Server {
        port: bound,
        counters,
        log: town.log,
        events: received,
        stop,
        served,
        runtime,
    }
}

fn clients(required: RequireMessageAuthenticator) -> ClientTable {
    let client = |name: &str, network: &str| {
        let settings = ClientSettings {
            name: name.into(),
            network: network.parse().unwrap(),
            secret: SharedSecret::new(SECRET.as_bytes()),
            service: Some("vpn".into()),
            require_message_authenticator: required,
        };
        Client::new(settings).expect("a client")
    };
    ClientTable::new([client("four", "127.0.0.0/8"), client("six", "::1/128")]).expect("a table")
}

/// What monitoring is told of the metric `name` at this value of its label.
fn count(counters: &RadiusCounters, name: &str, value: &str) -> u64 {
    let text = Metrics::new(vec![Box::new(counters.clone())]).text();
    let (begin, label) = (format!("beadle_{name}_total{{"), format!("=\"{value}\"}} "));
    let mut lines = text.lines().filter(|line| line.starts_with(&begin));
    let figure = lines
        .find_map(|line| line.split_once(&label))
        .map(|(_, figure)| figure);
    figure.expect("such a metric").parse().expect("a number")
}

impl Server {
    /// How many log-ins the directory has judged, each for the service of the client.
    fn asked(&self) -> usize {
        let mut batch = Lines::default();
        self.log.take(&mut batch);
        let services = batch.audit_events().map(|(event, _)| match event {
            AuditEvent::LoginAccepted { origin, .. } | AuditEvent::LoginRefused { origin, .. } => {
                origin.service.as_deref()
            }
            _ => None,
        });
        services
            .inspect(|service| assert_eq!(*service, Some("vpn")))
            .count()
    }

    fn count(&self, name: &str, value: &str) -> u64 {
        count(&self.counters, name, value)
    }

    /// Sends one packet and waits for the answer.
    fn radclient(&self, host: &str, kind: &str, secret: &str, attributes: &str) -> Output {
        self.radclient_waits("10", host, kind, secret, attributes)
    }

    /// Sends one packet that must get no answer.
    fn unanswered(&self, kind: &str, secret: &str, attributes: &str) {
        let output = self.radclient_waits("0.5", "127.0.0.1", kind, secret, attributes);
        assert!(
            !stdout(&output).contains("Received "),
            "an answer: {}",
            said(&output)
        );
    }

    fn radclient_waits(
        &self,
        seconds: &str,
        host: &str,
        kind: &str,
        secret: &str,
        attributes: &str,
    ) -> Output {
        let at = format!("{host}:{}", self.port);
        let mut command = Command::new("radclient");
        run_with(
            command.args(["-x", "-r", "1", "-t", seconds, &at, kind, secret]),
            attributes,
        )
    }

    fn log_in(&self, host: &str, user_name: &str, pin: &str) -> Output {
        let attributes =
            format!("User-Name=\"{user_name}\",User-Password=\"{pin}\",Message-Authenticator=0x00");
        self.radclient(host, "auth", SECRET, &attributes)
    }

    /// A socket that hears only what comes from the address it asks.
    fn socket(&self, host: &str) -> UdpSocket {
        let host: IpAddr = host.parse().unwrap();
        let any: IpAddr = if host.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0_u16; 8].into()
        };
        let socket = UdpSocket::bind((any, 0)).unwrap();
        socket.connect(SocketAddr::new(host, self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }
}

fn received(output: &Output, code: &str) {
    assert!(
        stdout(output).contains(&format!("Received {code} ")),
        "no {code}: {}",
        said(output)
    );
}

fn keys() -> Keys {
    Keys::new(SharedSecret::new(SECRET.as_bytes()))
}

/// A Status-Server with this Identifier.
pub fn status_server(identifier: u8) -> Vec<u8> {
    let mut bytes = [&[12, identifier, 0, 38][..], &[identifier; 16], &[80, 18], &ZERO].concat();
    let proof = keys().message_authenticator(&[&bytes]);
    bytes[22..].copy_from_slice(&proof);
    bytes
}

/// An Access-Request over PAP with Identifier 9 and nines for an authenticator.
pub fn access_request(user_name: &str, pin: &[u8]) -> Vec<u8> {
    access_request_under(&[9; 16], user_name, pin)
}

/// The same under another Request Authenticator.
fn access_request_under(authenticator: &[u8; 16], user_name: &str, pin: &[u8]) -> Vec<u8> {
    access_request_with(9, authenticator, user_name, pin, &[])
}

/// The same under another Identifier too, and with `more` attributes.
pub fn access_request_with(
    identifier: u8,
    authenticator: &[u8; 16],
    user_name: &str,
    pin: &[u8],
    more: &[u8],
) -> Vec<u8> {
    let hidden = AVP::from_user_password(2, pin, SECRET.as_bytes(), authenticator)
        .unwrap()
        .encode_bytes();
    let length = |value: &[u8]| 2 + value.len() as u8;
    let name = user_name.as_bytes();
    let attributes = [
        &[1, length(name)],
        name,
        &[2, length(&hidden)],
        &hidden,
        more,
        &[80, 18],
        &ZERO,
    ]
    .concat();
    let head = [1, identifier, 0, 20 + attributes.len() as u8];
    let mut bytes = [&head, &authenticator[..], &attributes].concat();
    let proof = keys().message_authenticator(&[&bytes]);
    let at = bytes.len() - proof.len();
    bytes[at..].copy_from_slice(&proof);
    bytes
}

const YES: RequireMessageAuthenticator = RequireMessageAuthenticator::Yes;

#[test]
fn radclient_logs_in_with_the_right_pin_and_only_with_it() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 0);
    received(&server.log_in("127.0.0.1", "ada", "right-pin"), "Access-Accept");
    received(&server.log_in("127.0.0.1", "slow", "right-pin"), "Access-Accept");
    received(
        &server.log_in("127.0.0.1", "ada", "a PIN of more than sixteen octets"),
        "Access-Reject",
    );
    received(&server.log_in("127.0.0.1", "slow", "wrong"), "Access-Reject");
    assert_eq!(server.count("radius_replies", "accept"), 2);
    assert_eq!(server.count("radius_rejects", "refused"), 2);
}

#[test]
fn a_rejection_held_back_arrives_and_the_right_pin_does_not_wait_for_it() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 50);
    received(&server.log_in("127.0.0.1", "ada", "wrong"), "Access-Reject");
    received(&server.log_in("127.0.0.1", "ada", "right-pin"), "Access-Accept");
}

#[test]
fn both_families_reach_a_socket_bound_to_every_address() {
    let server = server("[::]:0", Port::Authentication, YES, 0);
    received(&server.log_in("127.0.0.1", "ada", "right-pin"), "Access-Accept");
    received(&server.log_in("[::1]", "ada", "right-pin"), "Access-Accept");
    received(&server.log_in("[::1]", "ada", "wrong"), "Access-Reject");
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for (listen, hosts) in [
        ("0.0.0.0:0", &["127.0.0.1", "127.0.0.2"][..]),
        ("[::]:0", &["127.0.0.1", "127.0.0.2", "::1"]),
    ] {
        let server = server(listen, Port::Authentication, YES, 0);
        for host in hosts {
            let socket = server.socket(host);
            socket.send(&status_server(1)).unwrap();
            let mut answer = [0; 4096];
            let length = socket
                .recv(&mut answer)
                .unwrap_or_else(|error| panic!("{listen} {host}: {error}"));
            assert_eq!((length, answer[0], answer[1]), (38, 2, 1), "{listen} {host}");
        }
    }
}

#[test]
fn status_server_is_answered_on_both_ports() {
    let status = "Message-Authenticator=0x00";
    let authentication = server("127.0.0.1:0", Port::Authentication, YES, 0);
    received(
        &authentication.radclient("127.0.0.1", "status", SECRET, status),
        "Access-Accept",
    );
    let accounting = server("127.0.0.1:0", Port::Accounting, YES, 0);
    received(
        &accounting.radclient("127.0.0.1", "status", SECRET, status),
        "Accounting-Response",
    );
}

#[test]
fn what_proves_nothing_gets_no_answer() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 0);
    let no_proof = "User-Name=ada,User-Password=right-pin";
    server.unanswered("auth", SECRET, no_proof);
    let proof = "User-Name=ada,User-Password=right-pin,Message-Authenticator=0x00";
    server.unanswered("auth", "another-secret-for-tests", proof);
    assert_eq!(server.count("radius_dropped", "message_authenticator_missing"), 1);
    assert_eq!(server.count("radius_dropped", "message_authenticator_wrong"), 1);
}

#[test]
fn a_log_in_that_finds_the_queue_full_gets_no_answer() {
    let mut plan = plan(PLAIN);
    plan.rules.login.queue_max = 0;
    let server = serve_town(plan, "127.0.0.1:0", Port::Authentication, YES, 0);
    let slow = "User-Name=slow,User-Password=right-pin,Message-Authenticator=0x00";
    // Busy is said after a while only; on a slow machine the client has gone by then.
    let asked = (1..=10).find(|_| {
        server.unanswered("auth", SECRET, slow);
        server.count("radius_dropped", "busy") > 0
    });
    assert!(asked.is_some());
}

#[test]
fn a_client_without_message_authenticator_is_served_until_it_shows_one() {
    let latch = RequireMessageAuthenticator::Latch;
    let mut server = server("127.0.0.1:0", Port::Authentication, latch, 0);
    let no_proof = "User-Name=ada,User-Password=right-pin";
    received(
        &server.radclient("127.0.0.1", "auth", SECRET, no_proof),
        "Access-Accept",
    );
    // Another secret makes noise of the PIN: refused unasked, lest it lock ada out. `radclient` cannot
    // verify that answer and takes it for none.
    let long_pin = "User-Name=ada,User-Password=right-pin-right-pin-right-pin-right-pin";
    server.unanswered("auth", "another-secret-for-tests", long_pin);
    assert_eq!(server.count("radius_rejects", "secret?"), 1);
    assert_eq!(server.asked(), 1);
    received(&server.log_in("127.0.0.1", "ada", "right-pin"), "Access-Accept");
    assert_eq!(server.events.try_recv().ok(), Some(Event::Latched("four".into())));
    server.unanswered("auth", SECRET, no_proof);
}

#[test]
fn accounting_is_not_acknowledged_while_nothing_records_it() {
    let server = server("127.0.0.1:0", Port::Accounting, YES, 0);
    let start = "Acct-Status-Type=Start,Acct-Session-Id=1,User-Name=ada";
    server.unanswered("acct", SECRET, start);
    assert_eq!(server.count("radius_dropped", "accounting_not_recorded"), 1);
}

#[test]
fn chap_is_rejected_with_a_reason_and_asks_no_one() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 0);
    let chap = "User-Name=ada,CHAP-Password=right-pin,Message-Authenticator=0x00";
    let output = server.radclient("127.0.0.1", "auth", SECRET, chap);
    received(&output, "Access-Reject");
    assert!(
        stdout(&output).contains("CHAP is not supported"),
        "{}",
        said(&output)
    );
    assert_eq!(server.asked(), 0);
}

#[test]
fn noise_ends_nothing_and_a_burst_is_answered_whole() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 0);
    let socket = server.socket("127.0.0.1");
    // By default it holds 256 answers that came one by one, and some fewer that came together.
    socket2::SockRef::from(&socket)
        .set_recv_buffer_size(200_000)
        .unwrap();
    socket.send(&[]).unwrap();
    socket.send(&[0xff; 5000]).unwrap();
    socket.send(&[1, 1, 0xff, 0xff]).unwrap();
    for identifier in 0..=255 {
        socket.send(&status_server(identifier)).unwrap();
    }
    let mut answered: Vec<u8> = (0..256)
        .map(|_| {
            let mut answer = [0; 64];
            socket.recv(&mut answer).expect("an answer");
            answer[1]
        })
        .collect();
    answered.sort_unstable();
    answered.dedup();
    assert_eq!(answered.len(), 256);
    assert_eq!(server.count("radius_dropped", "too_short"), 2);
}

#[test]
fn a_retransmission_gets_the_same_octets_and_is_carried_out_once() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 0);
    let socket = server.socket("127.0.0.1");
    let answers = [(); 2].map(|()| {
        socket.send(&access_request("ada", b"right-pin")).unwrap();
        let mut answer = [0; 64];
        let length = socket.recv(&mut answer).expect("an answer");
        answer[..length].to_vec()
    });
    assert_eq!(answers[0][0], 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(server.asked(), 1);
    assert_eq!(server.count("radius_replies", "resent"), 1);
}

#[test]
fn a_rejection_held_back_is_not_sent_to_a_client_that_has_asked_anew() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 300);
    let socket = server.socket("127.0.0.1");
    let next = || {
        let mut answer = [0; 64];
        socket.recv(&mut answer).expect("an answer");
        (answer[0], answer[1])
    };
    socket.send(&access_request("ada", b"wrong")).unwrap();
    socket
        .send(&access_request_under(&[8; 16], "ada", b"right-pin"))
        .unwrap();
    assert_eq!(next(), (2, 9), "Access-Accept");
    while server.count("radius_dropped", "abandoned") == 0 {
        std::thread::yield_now();
    }
    socket.send(&status_server(1)).unwrap();
    assert_eq!(next(), (2, 1), "nothing came in between");
}

#[test]
fn a_stopped_listener_sends_what_it_holds_back_and_ends() {
    let server = server("127.0.0.1:0", Port::Authentication, YES, 300);
    let stop = server.stop.clone();
    let counters = server.counters.clone();
    let stopper = std::thread::spawn(move || {
        while count(&counters, "radius_rejects", "refused") == 0 {
            std::thread::yield_now();
        }
        stop.cancel();
    });
    received(&server.log_in("127.0.0.1", "ada", "wrong"), "Access-Reject");
    stopper.join().unwrap();
    server.runtime.block_on(server.served).unwrap().unwrap();
}
