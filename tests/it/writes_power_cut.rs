//! Several clients write over LDAP at once, and the power is cut: at any moment, whichever pages of the disk it takes that
//! were written since the last sync.

use crate::harness::{BASE, Campus, Daemon, base, person};
use crate::ldap_wire::{Content, Wire, delete, rename};
use crate::power_record::{Answered, CLIENT, Recording};
use crate::writer::{State, Writer, branches};
use crate::writes_crash::index_answers;

/// So many clients at once, and writes of each; for many cuts they are more.
const WRITERS: usize = 3;
const WRITES: usize = 70;
/// So many power cuts, unless this variable says how many.
const CUTS: usize = 8;
const CUTS_VARIABLE: &str = "BEADLE_TEST_POWER_CUTS";
/// As what the record knows a writer; 0 is everybody who is logging in.
fn number_of(writer: usize) -> i32 {
    writer as i32 + 1
}

/// Has all write at once to their ends. What was in the directory after each of their answers.
fn write_all(daemon: &Daemon, writes: usize) -> Vec<(Writer, Vec<State>)> {
    let threads: Vec<_> = (0..WRITERS)
        .map(|number| {
            let socket = daemon.campus.path("ldapi");
            std::thread::spawn(move || {
                let (mut wire, mut writer) = (Wire::connect(&socket), Writer::new(number, 23));
                wire.number(number_of(number) * CLIENT + 1);
                let mut states = vec![writer.state.clone()];
                for _ in 0..writes {
                    let op = writer.next();
                    writer.answered(wire.code(op));
                    states.push(writer.state.clone());
                }
                (writer, states)
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().expect("no wrong answer"))
        .collect()
}

#[test]
fn whichever_pages_a_power_cut_takes_under_writes_of_many_there_is_what_was_acknowledged() {
    let campus = Campus::new("");
    campus.import(&branches(WRITERS));
    let (recording, daemon) = Recording::begin(campus);
    let cuts = std::env::var(CUTS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CUTS);
    // A cut is at a sync, and several writes share one.
    let written = write_all(&daemon, WRITES.max(2 * cuts));
    let mut check = |answered: &Answered, there: &Content| {
        for (number, (writer, states)) in written.iter().enumerate() {
            let acknowledged = answered[&number_of(number)] as usize;
            let may_be = &states[acknowledged..states.len().min(acknowledged + 2)];
            let found = State::of(there, &writer.top);
            assert!(
                may_be.contains(&found),
                "{acknowledged} of {number}: {found:#?}\nnot\n{may_be:#?}"
            );
        }
    };
    let made = recording.cut(
        daemon,
        cuts,
        &|answered| answered.len() == WRITERS + 1,
        &mut check,
    );
    assert!(made >= cuts, "{made} cuts");
    let daemon = recording.campus.serve();
    let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
    let everything = wire.content(BASE);
    index_answers(&mut wire, &everything);
}

/// So many groups of so many members: some MiB in all, more than is written between two syncs.
const GROUPS: usize = 1_500;
const MEMBERS: usize = 30;

#[test]
fn who_is_in_thousands_of_groups_is_renamed_and_deleted_in_all_of_them_or_in_none_by_a_power_cut() {
    let campus = Campus::new("");
    let (ada, countess) = (
        format!("uid=ada,ou=people,{BASE}"),
        format!("uid=countess,ou=people,{BASE}"),
    );
    let others: String = (1..MEMBERS)
        .map(|at| format!("member: uid=u{at:05},ou=people,{BASE}\n"))
        .collect();
    let group = |at| {
        format!(
            "dn: cn=g{at:05},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: g{at:05}\nmember: {ada}\n{others}\n"
        )
    };
    let groups: String = (0..GROUPS).map(group).collect();
    campus.import(&(base() + &person("ada", "a-PIN-of-ada", "") + &groups));
    let (recording, daemon) = Recording::begin(campus);
    let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
    wire.number(number_of(0) * CLIENT + 1);
    assert_eq!(wire.code(rename(&ada, "uid=countess", None)), 0);
    assert_eq!(wire.code(delete(&countess)), 0);
    let mut check = |answered: &Answered, there: &Content| {
        let count = |dn: &String| {
            there
                .values()
                .filter(|entry| entry.get("member").is_some_and(|it| it.contains(dn)))
                .count()
        };
        let found = [&ada, &countess].map(|dn| (there.contains_key(dn), count(dn)));
        let may_be = [
            [(true, GROUPS), (false, 0)],
            [(false, 0), (true, GROUPS)],
            [(false, 0), (false, 0)],
        ];
        let acknowledged = answered.get(&number_of(0)).copied().unwrap_or(0) as usize;
        let at = may_be.iter().position(|it| *it == found);
        assert!(
            at.is_some_and(|at| (acknowledged..=acknowledged + 1).contains(&at)),
            "{acknowledged}: {found:?}"
        );
    };
    let made = recording.cut(daemon, 3, &|_| true, &mut check);
    assert!(made >= 3, "{made} cuts");
}
