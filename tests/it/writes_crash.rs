//! Several clients write over LDAP at once, and the daemon is killed: what stands is what was acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

use ldap3_proto::proto::{LdapFilter, LdapSubstringFilter};

use crate::harness::{BASE, Campus, Daemon, said};
use crate::ldap_wire::{Content, Wire};
use crate::writer::{State, Writer, branches, shared};

/// So many clients at once.
const WRITERS: usize = 4;
/// So many kills, unless this variable says how many.
const ROUNDS: u64 = 6;
const ROUNDS_VARIABLE: &str = "BEADLE_TEST_KILLS";

/// Writes until the daemon has gone; tells of each answer.
fn write(socket: &Path, mut writer: Writer, told: &Sender<()>) -> Writer {
    let mut wire = Wire::connect(socket);
    loop {
        let op = writer.next();
        let Ok(code) = wire.ask(op) else { return writer };
        writer.answered(code);
        // Nobody counts any more once it is killed.
        let _ = told.send(());
    }
}

/// Has all write at once, kills the daemon after so many answers, and hands the folder and the writers back.
fn kill_after(daemon: Daemon, writers: Vec<Writer>, answers: u64) -> (Campus, Vec<Writer>) {
    let socket = daemon.campus.path("ldapi");
    let (told, heard) = channel();
    let threads: Vec<_> = writers
        .into_iter()
        .map(|writer| {
            let (socket, told) = (socket.clone(), told.clone());
            std::thread::spawn(move || write(&socket, writer, &told))
        })
        .collect();
    drop(told);
    for _ in 0..answers {
        heard.recv().expect("they write");
    }
    let campus = daemon.kill();
    let writers = threads
        .into_iter()
        .map(|thread| thread.join().expect("no wrong answer"));
    (campus, writers.collect())
}

/// Every way to find an entry finds exactly the entries that are there.
pub fn index_answers(wire: &mut Wire, everything: &Content) {
    let people = |test: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        everything.keys().filter(|dn| test(dn)).cloned().collect()
    };
    let has = |dn: &str, name: &str, test: &dyn Fn(&str) -> bool| {
        everything[dn]
            .get(name)
            .is_some_and(|values| values.iter().any(|value| test(value)))
    };
    for name in ["uid", "mail", "description", "member", "ou"] {
        let found = wire.names(BASE, LdapFilter::Present(name.to_owned()));
        assert_eq!(found, people(&|dn| has(dn, name, &|_| true)), "({name}=*)");
    }
    for (name, any) in [("description", "3 second"), ("mail", "p1"), ("cn", "w2p")] {
        let part = LdapSubstringFilter {
            any: vec![any.to_owned()],
            ..LdapSubstringFilter::default()
        };
        let found = wire.names(BASE, LdapFilter::Substring(name.to_owned(), part));
        assert_eq!(
            found,
            people(&|dn| has(dn, name, &|value| value.contains(any))),
            "({name}=*{any}*)"
        );
    }
    let state = State(everything.clone());
    for (dn, entry) in everything {
        let groups = state.groups_of(dn);
        assert_eq!(
            entry.get("memberOf").cloned().unwrap_or_default(),
            groups,
            "memberOf of {dn}"
        );
        let found = wire.names(BASE, LdapFilter::Equality("member".to_owned(), dn.clone()));
        assert_eq!(found, groups, "(member={dn})");
        for uid in entry.get("uid").into_iter().flatten() {
            let found = wire.names(BASE, LdapFilter::Equality("uid".to_owned(), uid.clone()));
            assert_eq!(found, BTreeSet::from([dn.clone()]), "(uid={uid})");
        }
        if let Some(members) = entry.get("member") {
            let found = wire.names(BASE, LdapFilter::Equality("memberOf".to_owned(), dn.clone()));
            let there = |member: &&String| everything.contains_key(*member);
            assert_eq!(
                found,
                members.iter().filter(there).cloned().collect(),
                "(memberOf={dn})"
            );
        }
    }
}

#[test]
fn after_a_kill_under_writes_of_many_there_is_what_was_acknowledged_and_every_index_says_so() {
    let campus = Campus::new("");
    campus.import(&branches(WRITERS));
    let mut daemon = campus.serve();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, 7)).collect();
    let rounds = std::env::var(ROUNDS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok());
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let (campus, stopped) = kill_after(daemon, writers, 40 + round * 61 % 300);
        writers = stopped;
        let verified = campus.beadle(&["store", "verify"], &[]);
        assert!(verified.status.success(), "{}", said(&verified));
        daemon = campus.serve();
        let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
        let everything = wire.content(BASE);
        writers.iter_mut().for_each(|writer| writer.resume(&everything));
        let own: usize = writers.iter().map(|writer| writer.state.0.len() - 1).sum();
        assert_eq!(
            everything.len(),
            own + ["base", "people", "groups", "shared"].len()
        );
        assert!(everything.contains_key(&shared()));
        index_answers(&mut wire, &everything);
    }
}
