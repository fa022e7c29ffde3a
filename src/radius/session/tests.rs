use std::sync::Arc;

use proptest::prelude::*;

use super::super::authenticator::{digest, message_authenticator};
use super::super::client::RequireMessageAuthenticator::{self, Latch, No, Yes};
use super::super::tests::{accounting_request, client, hidden_pin, packet, secret, signed};
use super::*;
use crate::directory::request::{LoginName, Member};
use crate::types::{Dn, EntryId, SeededEntropy};

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
        let result = self.session.on_verdict(pending, &verdict, &mut self.entropy);
        result.map_err(|dropped| dropped.reason.label())
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }
}

fn pap(pin: &[u8]) -> Vec<u8> {
    signed(1, &[ADA, &hidden_pin(pin)].concat(), &secret())
}

/// The same Identifier, another Request Authenticator, a Message-Authenticator that is right again.
fn under_another_authenticator(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4] ^= 1;
    bytes[22..38].fill(0);
    let proof = message_authenticator(&[&bytes], &secret());
    bytes[22..38].copy_from_slice(&proof);
    bytes
}

fn accepted() -> Verdict {
    Verdict::Accepted(Asker::Member(Arc::new(Member {
        entry: EntryId(1),
        dn: Dn::default(),
    })))
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
    bench.wait_ms(10_001);
    bench.run(&request);
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
    let chap = signed(1, &[ADA, &[3, 3, 0]].concat(), &secret());
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
    let status = signed(12, &[33, 3, b'p'], &secret());
    for (port, code) in [(Port::Authentication, 2), (Port::Accounting, 5)] {
        let mut bench = bench(port, Yes);
        for _ in 0..2 {
            let reply = bench.answered(&status);
            assert_eq!((reply.octets[0], reply.kind), (code, ReplyKind::Status));
            assert_eq!(reply.octets[38..], [33, 3, b'p']);
            let response = digest(&[&reply.octets[..4], &[7; 16], &reply.octets[20..]], &secret());
            assert_eq!(response, reply.octets[4..20]);
        }
        assert!(bench.session.duplicates.is_empty());
    }
}

#[test]
fn accounting_is_verified_and_left_unanswered() {
    let mut bench = bench(Port::Accounting, Yes);
    let request = accounting_request(&secret());
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
    bench.answered(&signed(12, &[], &secret()));
    bench.wait_ms(20_000);
    bench.answered(&signed(1, &[79, 6, 2, 1, 0, 4], &secret()));
    assert_eq!(bench.session.next_event(), None);
    bench.run(&under_another_authenticator(pap(b"abcdef-7")));
    assert_eq!(bench.session.next_event(), Some(Event::Latched("vpn-1".into())));
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
    let request = signed(1, &[&states, &filler, ADA].concat(), &secret());
    // No User-Password: rejected unasked, with room to spare.
    assert_eq!(
        bench.answered(&request).octets.len(),
        20 + 18 + states.len() + filler.len()
    );
    bench.wait_ms(20_000);
    let chap = signed(1, &[&states[..], &filler, &[3, 3, 0]].concat(), &secret());
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
            for bytes in [&bytes, &mutated, &packet(1, &attributes), &signed(1, &attributes, &secret())] {
                if let Next::Run(pending, _) = bench.send(bytes) {
                    let _ = bench.verdict(pending, Verdict::Refused);
                }
            }
        }
    }
}
