//! The real binary before a NAS that repeats itself, asks on behalf of many and sends what not every path takes whole.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use super::harness::{Campus, Daemon, base, in_own_network, person, run_with, said, stdout};
use super::radius_socket::access_request_with;

const PIN: &str = "Orchid-42 tree";
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;

/// A campus of one person, `ada`.
fn campus() -> Campus {
    let campus = Campus::new("");
    campus.import(&format!("{}{}", base(), person("ada", PIN, "")));
    campus
}

/// Changes the configuration.
fn with(campus: &Campus, written: &str, instead: &str) {
    let text = std::fs::read_to_string(campus.config()).expect("a configuration");
    assert!(text.contains(written));
    std::fs::write(campus.config(), text.replacen(written, instead, 1))
        .expect("the configuration is written");
}

/// Requests of one NAS, each under an authenticator of its own.
struct Nas {
    socket: UdpSocket,
    asked: u8,
}

impl Nas {
    fn of(daemon: &Daemon) -> Nas {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(daemon.address("radius")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Nas { socket, asked: 0 }
    }

    /// The code of the answer to ada's log-in with `pin` and `more` attributes.
    fn log_in(&mut self, pin: &[u8], more: &[u8]) -> u8 {
        self.asked += 1;
        let request = access_request_with(self.asked, &[self.asked; 16], "ada", pin, more);
        self.socket.send(&request).unwrap();
        let mut answer = [0; 4096];
        self.socket.recv(&mut answer).expect("an answer");
        assert_eq!(answer[1], self.asked);
        answer[0]
    }
}

fn calling_station(id: &str) -> Vec<u8> {
    [&[31, 2 + id.len() as u8], id.as_bytes()].concat()
}

#[test]
fn behind_one_vpn_box_a_strangers_guesses_do_not_lock_the_owner_out() {
    let daemon = campus().serve();
    let mut nas = Nas::of(&daemon);
    let (owner, stranger) = (calling_station("198.51.100.7"), calling_station("203.0.113.9"));
    assert_eq!(nas.log_in(PIN.as_bytes(), &owner), ACCEPT);
    for number in 0..8 {
        let guess = format!("wrong {number}");
        assert_eq!(nas.log_in(guess.as_bytes(), &stranger), REJECT);
    }
    assert_eq!(nas.log_in(PIN.as_bytes(), &stranger), REJECT, "it is locked");
    assert_eq!(
        nas.log_in(PIN.as_bytes(), &[]),
        REJECT,
        "the box itself is a stranger too"
    );
    assert_eq!(nas.log_in(PIN.as_bytes(), &owner), ACCEPT);
    let (_, _, logged) = daemon.stop();
    let both = "source=127.0.0.1 caller=203.0.113.9";
    for line in ["login_refused", "account_locked", "result=\"reject\""] {
        assert!(
            logged.iter().any(|it| it.contains(line) && it.contains(both)),
            "{line}: {logged:?}"
        );
    }
}

#[test]
fn rubbish_behind_the_nul_of_a_right_pin_locks_nobody_out() {
    let daemon = campus().serve();
    let mut nas = Nas::of(&daemon);
    for number in 0..10 {
        let padded = [PIN.as_bytes(), b"\0", &[number | 0x80; 3]].concat();
        assert_eq!(nas.log_in(&padded, &[]), ACCEPT);
    }
}

/// Loopback of 1,500 octets, as any path beyond this machine.
#[test]
fn packets_longer_than_the_path_takes_whole_arrive_in_both_families() {
    let campus = campus();
    with(
        &campus,
        "[radius]\nlisten = [\"127.0.0.1:0\"]",
        "[radius]\nlisten = [\"[::]:0\"]",
    );
    let six = "[[radius.client]]\nname = \"six\"\nnetwork = \"::1/128\"\nsecret = \"a-shared-secret-for-tests-only\"\n\
               service = \"vpn\"\n[[radius.client]]";
    with(&campus, "[[radius.client]]", six);
    let Some(command) = in_own_network("ip link set lo mtu 1500") else {
        return;
    };
    let daemon = Daemon::start_by(command, campus, &[]);
    let port = daemon.address("radius").rsplit(':').next().unwrap_or_default();
    let states = format!(",Proxy-State=0x{}", "5a".repeat(250)).repeat(10);
    let request = format!("User-Name=ada,User-Password=\"{PIN}\",Message-Authenticator=0x00{states}");
    for host in ["127.0.0.1", "[::1]"] {
        let mut radclient = daemon.in_its_network("radclient");
        let at = format!("{host}:{port}");
        radclient.args(["-x", "-r", "1", "-t", "10", &at, "auth", super::harness::SECRET]);
        let output = run_with(&mut radclient, &request);
        assert!(
            stdout(&output).contains("Received Access-Accept") && stdout(&output).contains("length 2558"),
            "{host}: {}",
            said(&output)
        );
    }
}

/// Everybody's hash is bcrypt of this cost: 2^(cost - 12) of a quarter of a second.
fn slow_campus(count: usize, cost: u32, more: &str) -> Campus {
    let campus = Campus::new(more);
    with(
        &campus,
        "reject_jitter_ms = 0",
        "reject_jitter_ms = 0\nduplicate_lifetime_s = 5",
    );
    let hash = bcrypt::hash_with_salt(PIN, cost, *b"salt of the test").expect("a hash");
    let hash = format!("{{CRYPT}}{}", hash.format_for_version(bcrypt::Version::TwoB));
    let people = (0..count).map(|number| {
        let person = person(&format!("u{number}"), PIN, "");
        let (before, ssha) = person.split_once("{SSHA}").expect("a hash");
        let after = ssha.split_once('\n').map_or("", |(_, after)| after);
        format!("{before}{hash}\n{after}")
    });
    campus.import(&format!("{}{}", base(), people.collect::<String>()));
    campus
}

/// Logs `count` people in at once, 250 on each socket, and repeats what is unanswered every 3 s, as a NAS does. How many
/// were accepted.
fn storm(daemon: &Daemon, count: usize) -> usize {
    let sockets: Vec<UdpSocket> = (0..count.div_ceil(250)).map(|_| Nas::of(daemon).socket).collect();
    std::thread::scope(|scope| {
        let threads = sockets.iter().enumerate().map(|(number, socket)| {
            let people = (number * 250..count.min((number + 1) * 250)).map(|it| format!("u{it}"));
            let requests = people.enumerate().map(|(id, uid)| {
                let mut authenticator = [id as u8; 16];
                authenticator[0] = number as u8;
                access_request_with(id as u8, &authenticator, &uid, PIN.as_bytes(), &[])
            });
            let requests: Vec<Vec<u8>> = requests.collect();
            scope.spawn(move || accepted(socket, requests))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|it| it.join().expect("a NAS")).sum()
    })
}

fn accepted(socket: &UdpSocket, requests: Vec<Vec<u8>>) -> usize {
    const REPEAT: Duration = Duration::from_secs(3);
    let mut open: Vec<Option<Vec<u8>>> = requests.into_iter().map(Some).collect();
    let (mut accepted, mut answer) = (0, [0; 64]);
    while open.iter().any(Option::is_some) {
        open.iter().flatten().for_each(|request| {
            socket.send(request).expect("a request leaves");
        });
        let repeat_at = Instant::now() + REPEAT;
        while let Some(wait) = repeat_at
            .checked_duration_since(Instant::now())
            .filter(|it| !it.is_zero())
        {
            socket.set_read_timeout(Some(wait)).expect("a time limit");
            if socket.recv(&mut answer).is_ok() && open[usize::from(answer[1])].take().is_some() {
                accepted += usize::from(answer[0] == ACCEPT);
            }
            if open.iter().all(Option::is_none) {
                break;
            }
        }
    }
    accepted
}

#[test]
fn right_pins_with_slow_hashes_are_all_answered_though_the_nas_repeats_itself() {
    let count = 1_000;
    let campus = slow_campus(
        count,
        7,
        "[hashing]\nthreads = 1\nqueue_max = 1000\nupgrade_on_log_in = false",
    );
    let daemon = campus.serve();
    assert_eq!(storm(&daemon, count), count);
    let (_, _, logged) = daemon.stop();
    let audited = logged.iter().filter(|line| line.contains("login_accepted"));
    assert_eq!(audited.count(), count, "none is hashed twice");
}
