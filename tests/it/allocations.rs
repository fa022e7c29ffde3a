//! What a log-in that needs no hash, and a search, allocate from the first octet to the last: counted, not timed.

use std::net::SocketAddr;

use allocation_counter::measure;
use beadle::directory::ask::search::TurnEnd;
use beadle::directory::request::{Asker, Outcome, Request};
use beadle::ldap::channel::Channel;
use beadle::ldap::entry_writer::EntryWriter;
use beadle::ldap::next::{Next, Pending, Trailing};
use beadle::radius::next::{Next as RadiusNext, Reply, ReplyKind};
use beadle::radius::{Peer, Port, Session, Settings};
use beadle::server::entropy::SystemEntropy;
use ldap3_proto::proto::{LdapFilter, LdapOp, LdapSearchScope};
use tokio::runtime::{Builder, Runtime};

use crate::ldap_client::{bind, request, search};
use crate::ldap_talk::Talk;
use crate::radius_socket::access_request_with;
use crate::town::{ADA, BASE, PLAIN, Town, argon2id, person, plan};

/// The most allocations of one log-in.
const ALLOCATIONS_MAX: u64 = 10;
/// The most allocations of a search by UID.
const SEARCH_ALLOCATIONS_MAX: u64 = 20;
/// resultCode success, and two empty strings: the end of an answer.
const SUCCESS: [u8; 7] = [10, 1, 0, 4, 0, 4, 0];
/// So many are made before counting, for what is allocated once, and so many while counting.
const REQUESTS: u64 = 300;

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

/// Allocations of one answer to `asked`, from its bytes to those of the answer.
fn allocations_of(asked: LdapOp) -> u64 {
    let runtime = runtime();
    let people = [person("bob", &[&argon2id("right-pin")])];
    let town = runtime.block_on(Town::new(plan(PLAIN), &people));
    let mut talk = Talk::over(Channel::Tls);
    let asked = request(7, asked);
    let mut answer = |_| {
        let mut counted = 0;
        let mut next = None;
        counted += measure(|| next = Some(talk.bytes(&asked, Trailing::Nothing))).count_total;
        let Some(Next::Run(pending, request)) = next else {
            panic!("something to do");
        };
        let (outcome, more) = outcome(&runtime, &town, &mut talk, &pending, request);
        counted += more;
        counted += measure(|| {
            talk.session.on_outcome(pending, outcome, &mut talk.out);
        })
        .count_total;
        assert!(talk.out.ends_with(&SUCCESS), "{:?}", &talk.out[..]);
        counted
    };
    (0..REQUESTS).for_each(|number| {
        answer(number);
    });
    (0..REQUESTS).map(answer).sum::<u64>() / REQUESTS
}

/// What becomes of `request`, and the allocations of that.
fn outcome(
    runtime: &Runtime,
    town: &Town,
    talk: &mut Talk,
    pending: &Pending,
    request: Request,
) -> (Outcome, u64) {
    let (now, mut outcome) = (town.runner.now(), None);
    match request {
        Request::Authenticate(log_in) => {
            let mut verdict = None;
            let counted = measure(|| verdict = town.runner.authenticate_now(&log_in, now)).count_total;
            let verdict = verdict.unwrap_or_else(|| runtime.block_on(town.runner.authenticate(log_in, now)));
            (Outcome::Authenticated(verdict), counted)
        }
        Request::Search(search) => {
            let counted = measure(|| {
                let mut cursor = town.runner.search(&Asker::Public, search).expect("an index");
                let mut writer = EntryWriter::new(&mut talk.out, pending.id(), pending.values());
                let TurnEnd::Done(answer) = cursor.run(&mut writer, 100, now) else {
                    panic!("one entry takes one turn");
                };
                outcome = Some(Outcome::Searched(answer, cursor.into_end()));
            });
            (outcome.expect("an answer"), counted.count_total)
        }
        _ => panic!("a log-in or a search"),
    }
}

/// Allocations of one log-in as `dn`.
fn allocations_of_a_bind(dn: &str) -> u64 {
    allocations_of(bind(3, dn, "right-pin"))
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
        let Some(RadiusNext::Run(pending, log_in)) = seen else {
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
    (0..REQUESTS).for_each(|number| {
        log_in(number);
    });
    (REQUESTS..2 * REQUESTS).map(log_in).sum::<u64>() / REQUESTS
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
    let count = allocations_of_a_bind(ADA);
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}

#[test]
fn a_bind_with_a_pin_that_is_remembered_allocates_little() {
    let count = allocations_of_a_bind(&format!("uid=bob,ou=people,{BASE}"));
    assert!(count <= ALLOCATIONS_MAX, "{count} allocations");
}

#[test]
fn a_search_by_uid_allocates_little() {
    let mut search = search(BASE, LdapSearchScope::Subtree, &[]);
    search.filter = LdapFilter::Equality("uid".into(), "bob".into());
    let count = allocations_of(LdapOp::SearchRequest(search));
    assert!(count <= SEARCH_ALLOCATIONS_MAX, "{count} allocations");
}
