use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::super::client::RequireMessageAuthenticator::{self, Latch, No, Yes};
use super::super::tests::{accounting_request, client, hidden_pin, keys, packet, signed};
use super::*;
use crate::directory::request::{Authenticate, LoginName};
use crate::types::{Caller, EntryId, SeededEntropy};

const ADA: &[u8] = &[1, 5, b'a', b'd', b'a'];
const ACCEPT: u8 = 2;
const REJECT: u8 = 3;

/// A session that is stepped by hand.
struct Bench {
    session: Session,
    entropy: SeededEntropy,
    now: Timestamp,
}

fn bench(port: Port, required: RequireMessageAuthenticator) -> Bench {
    let clients = ClientTable::new([client(required)]).expect("a table");
    let settings = Settings {
        reject_jitter_ms: 0,
        ..Settings::default()
    };
    Bench {
        session: Session::new(port, Arc::new(clients), settings),
        entropy: SeededEntropy::new(1),
        now: Timestamp::from_unix_ms(1_795_339_800_000),
    }
}

impl Bench {
    fn from(&mut self, source: &str, bytes: &[u8]) -> Next {
        let peer = Peer {
            source: source.parse().unwrap(),
            local: None,
        };
        self.session.on_packet(bytes, peer, self.now, &mut self.entropy)
    }

    fn send(&mut self, bytes: &[u8]) -> Next {
        self.from("192.0.2.1:1024", bytes)
    }

    fn run(&mut self, bytes: &[u8]) -> (Pending, Authenticate) {
        match self.send(bytes) {
            Next::Run(pending, log_in) => (pending, log_in),
            Next::Drop(dropped) => panic!("dropped: {dropped:?}"),
            Next::Reply(reply) => panic!("answered: {reply:?}"),
        }
    }

    fn dropped(&mut self, bytes: &[u8]) -> &'static str {
        match self.send(bytes) {
            Next::Drop(dropped) => dropped.reason.label(),
            _ => panic!("not dropped"),
        }
    }

    fn answered(&mut self, bytes: &[u8]) -> Reply {
        match self.send(bytes) {
            Next::Reply(reply) => reply,
            Next::Run(..) => panic!("not answered but run"),
            Next::Drop(dropped) => panic!("dropped: {dropped:?}"),
        }
    }

    fn verdict(&mut self, pending: Pending, verdict: Verdict) -> Result<Reply, &'static str> {
        let result = self
            .session
            .on_verdict(pending, &verdict, self.now, &mut self.entropy);
        result.map_err(|dropped| dropped.reason.label())
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }
}

fn pap(pin: &[u8]) -> Vec<u8> {
    signed(1, &[ADA, &hidden_pin(pin)].concat(), &keys())
}

/// The same Identifier, another Request Authenticator, a Message-Authenticator that is right again.
fn under_another_authenticator(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4] ^= 1;
    bytes[22..38].fill(0);
    let proof = keys().message_authenticator(&[&bytes]);
    bytes[22..38].copy_from_slice(&proof);
    bytes
}

fn accepted() -> Verdict {
    Verdict::Accepted(Asker::Member(EntryId(1)))
}

#[test]
fn the_right_pin_is_accepted_at_once() {
    let mut bench = bench(Port::Authentication, Yes);
    let (pending, log_in) = bench.run(&pap(b"abcdef-7"));
    assert!(matches!(log_in.name, LoginName::Uid(uid) if uid.as_str() == "ada"));
    assert!(log_in.pin.same_as(b"abcdef-7"));
    assert_eq!(&**pending.client(), "vpn-1");
    bench.wait_ms(30);
    let reply = bench.verdict(pending, accepted()).unwrap();
    assert_eq!(
        (reply.octets[0], reply.octets[1], reply.kind),
        (ACCEPT, 7, ReplyKind::Accept)
    );
    assert!(reply.not_before <= bench.now);
}

#[test]
fn a_wrong_pin_is_rejected_a_fixed_time_after_receipt() {
    let mut bench = bench(Port::Authentication, Yes);
    let received = bench.now;
    let (pending, _) = bench.run(&pap(b"wrong"));
    bench.wait_ms(700);
    let reply = bench.verdict(pending, Verdict::Refused).unwrap();
    assert_eq!((reply.octets[0], reply.octets.len()), (REJECT, 38));
    assert_eq!(reply.not_before, received.plus_ms(1000));
}

#[test]
fn only_members_are_accepted() {
    for asker in [Asker::Public, Asker::Root, Asker::Service("mail".into())] {
        let mut bench = bench(Port::Authentication, Yes);
        let (pending, _) = bench.run(&pap(b"abcdef-7"));
        let reply = bench.verdict(pending, Verdict::Accepted(asker)).unwrap();
        assert_eq!(reply.kind, ReplyKind::Reject(RejectReason::Refused));
    }
}

#[test]
fn jitter_stays_within_its_bounds_and_moves() {
    let mut bench = bench(Port::Authentication, Yes);
    bench.session.settings.reject_jitter_ms = 200;
    let mut delays: Vec<u64> = (0..200)
        .map(|_| {
            bench
                .session
                .reject_at(bench.now, &mut bench.entropy)
                .ms_since(bench.now)
        })
        .collect();
    assert!(delays.iter().all(|delay_ms| (800..=1200).contains(delay_ms)));
    delays.dedup();
    assert!(delays.len() > 100);
}

#[test]
fn settings_out_of_range_are_brought_into_it() {
    let settings = Settings {
        reject_delay_ms: 60_000,
        reject_jitter_ms: 90_000,
        ..Settings::default()
    };
    let session = Session::new(Port::Authentication, Arc::default(), settings);
    assert_eq!(session.settings.reject_delay_ms, REJECT_DELAY_MS_MAX);
    assert_eq!(session.settings.reject_jitter_ms, REJECT_DELAY_MS_MAX);
    let none = Settings {
        reject_delay_ms: 0,
        ..Settings::default()
    };
    assert_eq!(
        Session::new(Port::Authentication, Arc::default(), none)
            .settings
            .reject_jitter_ms,
        0
    );
}

#[test]
fn a_retransmission_waits_and_then_gets_the_same_octets() {
    let mut bench = bench(Port::Authentication, Yes);
    let request = pap(b"wrong");
    let (pending, _) = bench.run(&request);
    assert_eq!(bench.dropped(&request), "duplicate_in_progress");
    let reply = bench.verdict(pending, Verdict::Refused).unwrap();
    assert_eq!(bench.dropped(&request), "duplicate_in_progress");
    bench.wait_ms(1000);
    let again = bench.answered(&request);
    assert_eq!((again.kind, &again.octets), (ReplyKind::Resent, &reply.octets));
    bench.wait_ms(30_000);
    assert_eq!(bench.answered(&request).kind, ReplyKind::Resent);
    bench.wait_ms(1);
    assert_eq!(bench.dropped(&request), "duplicate_late");
    bench.run(&under_another_authenticator(request));
}

#[test]
fn a_verdict_that_takes_long_is_answered_and_its_answer_is_remembered_from_then() {
    let mut bench = bench(Port::Authentication, Yes);
    let request = pap(b"abcdef-7");
    let (pending, _) = bench.run(&request);
    for _ in 0..40 {
        bench.wait_ms(3_000);
        assert_eq!(bench.dropped(&request), "duplicate_in_progress");
    }
    let reply = bench.verdict(pending, accepted()).unwrap();
    assert_eq!(reply.not_before, bench.now);
    bench.wait_ms(29_000);
    assert_eq!(bench.answered(&request).octets, reply.octets);
}

/// How long a hash takes: bcrypt 12, nearly.
const HASH_MS: u64 = 240;
const STEP_MS: u64 = 40;

/// What comes of `count` log-ins at once by a NAS that repeats each every 3 s, with two threads that hash and `queue_max` places
/// before them: how many were answered, how many hashed, and how long that took in milliseconds.
fn log_ins_at_once(count: u64, queue_max: usize) -> (u64, u64, u64) {
    let mut bench = bench(Port::Authentication, Yes);
    let request = pap(b"abcdef-7");
    let start = bench.now;
    let mut waiting: VecDeque<(u64, Pending)> = VecDeque::new();
    let mut hashing: Vec<Option<(u64, Pending, Timestamp)>> = vec![None, None];
    let mut repeat_at: HashMap<u64, Timestamp> = (0..count).map(|number| (number, start)).collect();
    let (mut answered, mut hashed) = (HashSet::new(), 0);
    while answered.len() < count as usize {
        let due: Vec<u64> = repeat_at
            .iter()
            .filter(|(_, at)| **at <= bench.now)
            .map(|(it, _)| *it)
            .collect();
        for number in due {
            repeat_at.insert(number, bench.now.plus_ms(3_000));
            let source = format!("192.0.2.{}:{}", 1 + number / 200, 1024 + number % 200);
            if let Next::Run(pending, _) = bench.from(&source, &request) {
                match waiting.len() < queue_max {
                    true => waiting.push_back((number, pending)),
                    false => assert_eq!(bench.verdict(pending, Verdict::Busy).err(), Some("busy")),
                }
            }
        }
        for thread in &mut hashing {
            if thread.as_ref().is_some_and(|(_, _, done)| *done <= bench.now) {
                let (number, pending, _) = thread.take().unwrap();
                hashed += 1;
                bench.verdict(pending, accepted()).expect("an answer");
                assert!(answered.insert(number), "answered twice");
                repeat_at.remove(&number);
            }
            if thread.is_none() {
                let next = waiting.pop_front();
                *thread = next.map(|(number, pending)| (number, pending, bench.now.plus_ms(HASH_MS)));
            }
        }
        bench.wait_ms(STEP_MS);
    }
    (answered.len() as u64, hashed, bench.now.ms_since(start))
}

#[test]
fn however_slow_the_hashes_every_right_pin_is_answered_once_and_hashed_once() {
    for (count, queue_max) in [(120, 256), (1_000, 1_000), (1_000, 256)] {
        let (answered, hashed, took_ms) = log_ins_at_once(count, queue_max);
        assert_eq!((answered, hashed), (count, count), "{count} {queue_max}");
        assert_eq!(took_ms, count * HASH_MS / 2 + STEP_MS, "{count} {queue_max}");
    }
}

#[test]
fn a_busy_directory_is_silence_and_the_retransmission_runs_again() {
    let mut bench = bench(Port::Authentication, Yes);
    let (pending, _) = bench.run(&pap(b"abcdef-7"));
    assert_eq!(bench.verdict(pending, Verdict::Busy).err(), Some("busy"));
    let (pending, _) = bench.run(&pap(b"abcdef-7"));
    assert!(bench.verdict(pending, accepted()).is_ok());
}

#[test]
fn a_new_request_under_the_same_identifier_replaces_the_old_one() {
    let mut bench = bench(Port::Authentication, Yes);
    let (old, _) = bench.run(&pap(b"abcdef-7"));
    let (new, _) = bench.run(&under_another_authenticator(pap(b"abcdef-7")));
    assert_eq!(bench.verdict(old, accepted()).err(), Some("abandoned"));
    assert!(bench.verdict(new, Verdict::Refused).is_ok());
}

#[test]
fn a_request_that_is_given_up_is_named_so_that_its_pin_need_not_be_hashed() {
    let mut bench = bench(Port::Authentication, Yes);
    let (old, _) = bench.run(&pap(b"abcdef-7"));
    assert_eq!(bench.session.next_event(), None);
    let (new, _) = bench.run(&under_another_authenticator(pap(b"abcdef-7")));
    assert_eq!(bench.session.next_event(), Some(Event::GivenUp(old.number())));
    bench.verdict(new, accepted()).unwrap();
    bench.run(&pap(b"abcdef-7"));
    assert_eq!(bench.session.next_event(), None, "that one had its answer");
}

#[test]
fn a_proved_client_says_for_whom_it_asks_and_the_answer_says_so_too() {
    let station: &[u8] = b"\x1f\x13AA-BB-CC-DD-EE-FF";
    let request = [ADA, &hidden_pin(b"abcdef-7"), station].concat();
    let mut bench = bench(Port::Authentication, No);
    let (pending, log_in) = bench.run(&signed(1, &request, &keys()));
    let caller = Caller::Mac([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
    assert_eq!(log_in.source_group(), caller.into());
    assert_eq!(bench.verdict(pending, accepted()).unwrap().caller, Some(caller));
    let (_, log_in) = bench.run(&packet(1, &request));
    assert_eq!(
        (log_in.caller, log_in.source_group()),
        (None, log_in.source.into())
    );
    let unusable = [ADA, &hidden_pin(b"abcdef-7"), b"\x1f\x06a555"].concat();
    let (_, log_in) = bench.run(&signed(1, &unusable, &keys()));
    assert_eq!(log_in.source_group(), log_in.source.into());
}

#[test]
fn a_rejection_held_back_is_not_wanted_once_its_request_is_replaced() {
    let mut bench = bench(Port::Authentication, Yes);
    let (old, _) = bench.run(&pap(b"wrong"));
    let rejection = bench.verdict(old, Verdict::Refused).unwrap();
    assert!(bench.session.is_wanted(&rejection));
    bench.wait_ms(300);
    let (new, _) = bench.run(&under_another_authenticator(pap(b"abcdef-7")));
    assert!(!bench.session.is_wanted(&rejection));
    let acceptance = bench.verdict(new, accepted()).unwrap();
    bench.wait_ms(700);
    assert!(!bench.session.is_wanted(&rejection) && bench.session.is_wanted(&acceptance));
}

#[test]
fn a_forged_packet_never_touches_what_is_remembered() {
    let mut bench = bench(Port::Authentication, Yes);
    let request = pap(b"abcdef-7");
    let (pending, _) = bench.run(&request);
    let mut forged = request.clone();
    forged[4] ^= 1;
    assert_eq!(bench.dropped(&forged), "message_authenticator_wrong");
    assert!(bench.verdict(pending, accepted()).is_ok());
    assert_eq!(bench.answered(&request).kind, ReplyKind::Resent);
}

#[test]
fn methods_refused_by_design_are_rejected_unasked_after_the_same_delay() {
    let mut bench = bench(Port::Authentication, Yes);
    let chap = signed(1, &[ADA, &[3, 3, 0]].concat(), &keys());
    let reply = bench.answered(&chap);
    assert_eq!(reply.kind, ReplyKind::Reject(RejectReason::Chap));
    assert_eq!(reply.not_before, bench.now.plus_ms(1000));
    assert!(reply.octets[40..].starts_with(b"CHAP"));
}

#[test]
fn a_stranger_and_noise_are_dropped() {
    let mut bench = bench(Port::Authentication, Yes);
    let stranger = bench.from("198.51.100.1:1024", &pap(b"abcdef-7"));
    assert!(matches!(stranger, Next::Drop(Dropped { client: None, .. })));
    assert_eq!(bench.dropped(b"noise"), "too_short");
    assert_eq!(bench.dropped(&packet(1, ADA)), "message_authenticator_missing");
    assert!(bench.session.duplicates.is_empty());
}

#[test]
fn status_server_is_answered_afresh_with_the_code_of_the_port() {
    let status = signed(12, &[33, 3, b'p'], &keys());
    for (port, code) in [(Port::Authentication, 2), (Port::Accounting, 5)] {
        let mut bench = bench(port, Yes);
        for _ in 0..2 {
            let reply = bench.answered(&status);
            assert_eq!((reply.octets[0], reply.kind), (code, ReplyKind::Status));
            assert_eq!(reply.octets[38..], [33, 3, b'p']);
            let response = keys().digest(&[&reply.octets[..4], &[7; 16], &reply.octets[20..]]);
            assert_eq!(response, reply.octets[4..20]);
        }
        assert!(bench.session.duplicates.is_empty());
    }
}

#[test]
fn accounting_is_verified_and_left_unanswered() {
    let mut bench = bench(Port::Accounting, Yes);
    let request = accounting_request(&keys());
    assert_eq!(bench.dropped(&request), "accounting_not_recorded");
    let mut forged = request.clone();
    forged[4] ^= 1;
    assert_eq!(bench.dropped(&forged), "request_authenticator_wrong");
    assert_eq!(bench.dropped(&pap(b"abcdef-7")), "unexpected_code");
}

#[test]
fn a_latch_goes_up_with_the_first_proof_outside_eap() {
    let mut bench = bench(Port::Authentication, Latch);
    let plain = packet(1, &[ADA, &hidden_pin(b"abcdef-7")].concat());
    let (pending, _) = bench.run(&plain);
    bench.verdict(pending, accepted()).unwrap();
    bench.answered(&signed(12, &[], &keys()));
    bench.wait_ms(20_000);
    bench.answered(&signed(1, &[79, 6, 2, 1, 0, 4], &keys()));
    assert_eq!(bench.session.next_event(), None);
    let (pending, _) = bench.run(&under_another_authenticator(pap(b"abcdef-7")));
    assert_eq!(bench.session.next_event(), Some(Event::Latched("vpn-1".into())));
    bench.verdict(pending, accepted()).unwrap();
    assert_eq!(bench.dropped(&plain), "message_authenticator_missing");
    bench.wait_ms(20_000);
    bench.run(&pap(b"abcdef-7"));
    assert_eq!(bench.session.next_event(), None, "a latch goes up once");
}

#[test]
fn a_request_whose_proxy_state_leaves_no_room_gets_no_answer() {
    let mut bench = bench(Port::Authentication, Yes);
    let states = [&[33, 255][..], &[0; 253]].concat().repeat(15);
    let filler = [&[33, 200][..], &[0; 198]].concat();
    let request = signed(1, &[&states, &filler, ADA].concat(), &keys());
    // No User-Password: rejected unasked, with room to spare.
    assert_eq!(
        bench.answered(&request).octets.len(),
        20 + 18 + states.len() + filler.len()
    );
    bench.wait_ms(20_000);
    let chap = signed(1, &[&states[..], &filler, &[3, 3, 0]].concat(), &keys());
    assert_eq!(bench.dropped(&chap), "reply_too_large");
}

proptest! {
    #[test]
    fn no_packet_ends_a_session(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        attributes in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..60,
        flip in 1_u8..,
    ) {
        let mut mutated = pap(b"abcdef-7");
        if let Some(octet) = mutated.get_mut(at) {
            *octet ^= flip;
        }
        for port in [Port::Authentication, Port::Accounting] {
            let mut bench = bench(port, No);
            for bytes in [&bytes, &mutated, &packet(1, &attributes), &signed(1, &attributes, &keys())] {
                if let Next::Run(pending, _) = bench.send(bytes) {
                    let _ = bench.verdict(pending, Verdict::Refused);
                }
            }
        }
    }
}
