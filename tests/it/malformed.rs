//! The running daemon hears nonsense on every port, counts it, and goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use beadle::types::{Entropy, SeededEntropy};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::harness::{BASE, Campus, Daemon, base, http_get, person, said, stdout};
use crate::ldap_vectors::frames;
use crate::radius_socket::{access_request, status_server};

const PIN: &str = "correct-PIN-42";
/// After this long in silence a conversation counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);
/// Each frame that is written down is sent in so many wrong ways.
const MUTATIONS: usize = 5;
/// Pieces of pure noise for each port.
const NOISE: usize = 100;
/// Datagrams sent before the next answer is waited for; the system keeps at least so many.
const DATAGRAMS: usize = 8;

/// Wrong bytes that follow from a seed.
struct Chance(SeededEntropy);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end.max(1) as u64) as usize
    }

    /// Random octets, up to so many.
    fn noise(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.below(most + 1)];
        self.0.fill(&mut bytes);
        bytes
    }

    /// The bytes with a few mistakes in them.
    fn spoiled(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let (end, octet) = (at + self.below(bytes.len() - at), self.below(256) as u8);
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, octet),
                2 => drop(bytes.drain(at..end)),
                3 => bytes.extend_from_within(at..end),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = octet),
            }
        }
        bytes
    }
}

/// What is sent to the LDAP ports: frames that mean something, the same spoiled, noise, and lengths that lie.
fn ldap_nonsense(chance: &mut Chance) -> Vec<Vec<u8>> {
    let mut all = frames();
    for frame in frames() {
        all.extend((0..MUTATIONS).map(|_| chance.spoiled(&frame)));
    }
    all.extend((0..NOISE).map(|_| chance.noise(400)));
    all.extend((0..NOISE).map(|_| [&[0x30][..], &chance.noise(100)].concat()));
    all.push([&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff][..], &[0; 100]].concat());
    all.push([0x30, 0x80].repeat(5_000));
    all
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// Sends the bytes and the end, and reads to the other's end. Being cut off is an answer; silence is not.
fn converse(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    heard_out(stream, bytes);
}

fn heard_out(stream: &mut impl Read, said: &[u8]) {
    if let Err(error) = stream.read_to_end(&mut Vec::new()) {
        let hangs = [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind());
        assert!(!hangs, "it hangs after {said:02x?}");
    }
}

/// The same inside TLS.
fn converse_in_tls(config: &Arc<rustls::ClientConfig>, address: &str, bytes: &[u8]) {
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = rustls::ClientConnection::new(config.clone(), name).expect("a connection");
    let mut stream = rustls::StreamOwned::new(connection, connect(address));
    let _ = stream.write_all(bytes);
    stream.conn.send_close_notify();
    let _ = stream.flush();
    let _ = stream.sock.shutdown(Shutdown::Write);
    heard_out(&mut stream, bytes);
}

fn trusting(daemon: &Daemon) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let file = daemon.campus.path("store/self-signed-certificate.pem");
    for certificate in CertificateDer::pem_file_iter(file).expect("its certificate") {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(
        versions
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn campus() -> Daemon {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "")));
    campus.serve()
}

/// Both protocols still log Ada in, and nothing has died.
fn lives(daemon: &mut Daemon) {
    let ada = format!("uid=ada,ou=people,{BASE}");
    for way in [Daemon::ldap, Daemon::start_tls, Daemon::ldaps] {
        let output = way(daemon, "ldapwhoami", &["-D", &ada, "-w", PIN]);
        assert!(output.status.success(), "{}", said(&output));
    }
    let attributes =
        format!("User-Name = \"ada\"\nUser-Password = \"{PIN}\"\nMessage-Authenticator = 0x00\n");
    let output = daemon.radclient("auth", "radius", &attributes);
    assert!(
        stdout(&output).contains("Received Access-Accept"),
        "{}",
        said(&output)
    );
    let died: Vec<String> = daemon
        .read_log()
        .into_iter()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert!(died.is_empty(), "{died:?}");
}

/// The sum of the metrics whose lines begin so.
fn counted(daemon: &Daemon, begin: &str) -> u64 {
    let metrics = http_get(&format!("http://{}/metrics", daemon.address("admin")));
    let lines = metrics.lines().filter(|line| line.starts_with(begin));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[test]
fn nonsense_on_the_ldap_ports_is_counted_and_harms_nobody() {
    let mut daemon = campus();
    let (plain, tls) = (
        daemon.address("ldap").to_owned(),
        daemon.address("ldaps").to_owned(),
    );
    let nonsense = ldap_nonsense(&mut Chance(SeededEntropy::new(4511)));
    // Some who say half a message and stay.
    let halves: Vec<TcpStream> = frames()
        .iter()
        .flat_map(|frame| [(&plain, frame), (&tls, frame)])
        .map(|(address, frame)| {
            let mut stream = connect(address);
            stream.write_all(&frame[..frame.len() / 2]).expect("it reads");
            stream
        })
        .collect();
    let config = trusting(&daemon);
    for bytes in &nonsense {
        converse(&mut connect(&plain), bytes);
        converse(&mut connect(&tls), bytes);
        converse_in_tls(&config, &tls, bytes);
    }
    lives(&mut daemon);
    drop(halves);
    for kind in [
        "protocol_error",
        "malformed",
        "not_ldap",
        "too_long",
        "tls_failure",
    ] {
        let metric = format!("beadle_ldap_faults_total{{kind=\"{kind}\"}}");
        assert!(counted(&daemon, &metric) > 0, "{kind} is counted");
    }
    assert!(counted(&daemon, "beadle_ldap_connections_total") >= 2 * nonsense.len() as u64);
}

#[test]
fn nonsense_on_the_radius_ports_is_counted_and_harms_nobody() {
    let mut daemon = campus();
    let mut chance = Chance(SeededEntropy::new(2865));
    let good = access_request("nobody", b"wrong-PIN-42");
    let mut nonsense: Vec<Vec<u8>> = (0..300).map(|_| chance.spoiled(&good)).collect();
    nonsense.extend((0..300).map(|_| chance.spoiled(&status_server(7))));
    nonsense.extend((0..NOISE).map(|_| chance.noise(300)));
    nonsense.extend((0..NOISE).map(|_| [&[1, 1, 0, 64][..], &chance.noise(60)].concat()));
    nonsense.extend([0, 1, 19, 20, 21, 4096, 4097, 9000].map(|length| vec![1; length]));
    let mut sent = 0;
    for listener in ["radius", "accounting"] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.connect(daemon.address(listener)).expect("an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        for (round, some) in nonsense.chunks(DATAGRAMS).enumerate() {
            for bytes in some {
                socket.send(bytes).expect("it is sent");
            }
            let alive = status_server(round as u8);
            socket.send(&alive).expect("it is sent");
            wait_for_answer(&socket, round as u8);
            sent += some.len() as u64 + 1;
        }
    }
    lives(&mut daemon);
    assert!(counted(&daemon, "beadle_radius_packets_total") > sent);
    let dropped = counted(&daemon, "beadle_radius_dropped_total");
    assert!(dropped > sent / 2, "{dropped} of {sent} were dropped");
}

/// Waits for the answer to the Status-Server of this Identifier.
fn wait_for_answer(socket: &UdpSocket, identifier: u8) {
    let mut bytes = [0; 4096];
    loop {
        let length = socket.recv(&mut bytes).expect("Status-Server is answered");
        let is_answer = matches!(bytes[..length], [2 | 5, of, ..] if of == identifier);
        if is_answer {
            return;
        }
    }
}
