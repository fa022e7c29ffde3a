//! Frames of `tests/vectors/ldap_frames.txt`, from the stream to the answer.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use beadle::directory::request::{Answer, Changed, Outcome, Request, Verdict};
use beadle::domain::schema::Schema;
use beadle::ldap::channel::Channel;
use beadle::ldap::envelope::{Frame, Message, frame};
use beadle::ldap::limits::Limits;
use beadle::ldap::next::{Next, Trailing};
use beadle::ldap::root_dse::StartTls;
use beadle::ldap::session::Session;
use beadle::ldap::shared::Shared;
use beadle::types::{Dn, SeededEntropy, Timestamp};
use bytes::BytesMut;

use crate::ldap_client::{answers, told};

const VECTORS: &str = include_str!("../vectors/ldap_frames.txt");

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).expect("hex"));
    digits
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}

/// The vectors: a line each.
fn lines() -> impl Iterator<Item = &'static str> {
    VECTORS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// The bytes of every vector.
pub fn frames() -> Vec<Vec<u8>> {
    let frames = lines().filter_map(|line| line.split(" | ").nth(1));
    frames.map(bytes).collect()
}

fn next(session: &mut Session, bytes: &[u8], out: &mut BytesMut) -> Result<Next, &'static str> {
    let bytes = match frame(bytes, session.limits().bytes_max) {
        Frame::Complete(length) => &bytes[..length],
        Frame::Incomplete(_) => return Err("incomplete"),
        Frame::TooLong | Frame::NotLdap => return Err("close"),
    };
    Ok(match Message::parse(bytes, session.limits()) {
        Ok(message) => session.on_message(&message, Trailing::Nothing, out),
        Err(refusal) => session.on_refusal(refusal, out),
    })
}

fn outcome(request: &Request) -> Outcome {
    match request {
        Request::Authenticate(_) | Request::AuthenticateLocal(_) => Outcome::Authenticated(Verdict::Refused),
        Request::Search(_) => Outcome::Answered(Answer::Success),
        Request::Compare(_) => Outcome::Answered(Answer::True),
        Request::Change(..) => Outcome::Changed(Ok(Changed::default())),
        Request::Identify => Outcome::Identified(None),
    }
}

fn heard(shared: &Arc<Shared>, bytes: &[u8]) -> String {
    let mut session = Session::new(Arc::clone(shared), IpAddr::V4(Ipv4Addr::LOCALHOST), Channel::Tls);
    let mut out = BytesMut::new();
    let last = match next(&mut session, bytes, &mut out) {
        Err(word) => Some(word),
        Ok(Next::Close) => Some("close"),
        Ok(Next::StartTls) => Some("start_tls"),
        Ok(Next::Run(pending, request)) => {
            session.on_outcome(pending, outcome(&request), &mut out);
            None
        }
        Ok(Next::Answered(_) | Next::Unanswered) => None,
    };
    let answers = answers(&out);
    let words = answers.iter().map(|answer| match told(answer) {
        (0, "extended", code) => format!("notice:{code}"),
        (_, "entry", _) => "entry".to_owned(),
        (_, kind, code) => format!("{kind}:{code}"),
    });
    let words: Vec<String> = words.chain(last.map(ToOwned::to_owned)).collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(" ")
    }
}

#[test]
fn every_frame_is_answered_as_written() {
    let base = Dn::parse("dc=uni,dc=example").expect("a name");
    let schema = Arc::new(Schema::built_in());
    let shared = Arc::new(Shared::new(
        schema,
        &base,
        StartTls::Offered,
        Limits::default(),
        Timestamp::default(),
        &mut SeededEntropy::new(1),
    ));
    let mut wrong = Vec::new();
    for line in lines() {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [name, hex, expected] = parts.as_slice() else {
            panic!("three parts: {line}")
        };
        let heard = heard(&shared, &bytes(hex));
        if heard != *expected {
            wrong.push(format!("{name}: {heard} and not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
