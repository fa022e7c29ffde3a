//! Several clients write over LDAP at once, and the power is cut: at any moment, whichever pages of the disk it takes that
//! were written since the last sync.
//!
//! The daemon runs once, with every write of its database, every sync and every answer recorded in their order; of the
//! record as many cuts are made as wanted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use beadle::types::SeededEntropy;

use crate::harness::{BASE, Campus, Daemon, beadle, said, signal};
use crate::ldap_wire::{Content, Wire};
use crate::store_crash::copy_store;
use crate::store_power_cut::cut;
use crate::writer::{State, Writer, branches};
use crate::writes_crash::index_answers;

/// So many clients at once, and writes of each.
const WRITERS: usize = 3;
const WRITES: i32 = 70;
/// So many power cuts, unless this variable says how many.
const CUTS: usize = 8;
const CUTS_VARIABLE: &str = "BEADLE_TEST_POWER_CUTS";
/// Message ids tell the client and the number of its write.
const WRITES_MAX: i32 = 1_000_000;

/// A system call in the record.
enum Call<'t> {
    /// These bytes are written to the database, in hexadecimal, from this offset on.
    Write(&'t str, usize),
    /// The database is synced.
    Sync,
    /// The answer to this message is sent.
    Answer(i32),
}

/// A line of the record.
enum Traced<'t> {
    Begins(&'t str, Call<'t>, Ended),
    Ends(&'t str),
}

/// Whether a call ends where it begins; else another line says so.
#[derive(PartialEq)]
enum Ended {
    Here,
    Later,
}

/// The database at one moment of the record.
#[derive(Default)]
struct Disk {
    /// What is there whatever happens.
    synced: Vec<u8>,
    /// What is there if the power stays.
    written: Vec<u8>,
    /// Writes since the last sync: where, what, whether they have ended, and whether the sync under way covers them.
    since: Vec<Since>,
    /// Calls that have begun, by thread: the write of that place in `since`, or a sync.
    under_way: BTreeMap<String, Option<usize>>,
    /// The last answer that each client was sent.
    answered: BTreeMap<i32, i32>,
}

struct Since {
    offset: usize,
    bytes: Vec<u8>,
    has_ended: bool,
    is_covered: bool,
}

impl Disk {
    /// Takes one line in. Whether it ends a sync of something: then `before` has seen the disk right before.
    fn take(&mut self, line: Traced<'_>, before: &mut dyn FnMut(&Disk)) {
        match line {
            Traced::Begins(thread, call, ended) => {
                self.begin(thread, call);
                if ended == Ended::Here {
                    self.end(thread, before);
                }
            }
            Traced::Ends(thread) => self.end(thread, before),
        }
    }

    fn begin(&mut self, thread: &str, call: Call<'_>) {
        let place = match call {
            Call::Write(hex, offset) => {
                let bytes = unhex(hex);
                lay(&mut self.written, offset, &bytes);
                self.since.push(Since {
                    offset,
                    bytes,
                    has_ended: false,
                    is_covered: false,
                });
                Some(self.since.len() - 1)
            }
            Call::Sync => {
                self.since
                    .iter_mut()
                    .for_each(|write| write.is_covered = write.has_ended);
                None
            }
            Call::Answer(id) => {
                self.answered.insert(id / WRITES_MAX, id % WRITES_MAX);
                return;
            }
        };
        self.under_way.insert(thread.to_owned(), place);
    }

    fn end(&mut self, thread: &str, before: &mut dyn FnMut(&Disk)) {
        match self.under_way.remove(thread) {
            None => {}
            Some(Some(write)) => self.since[write].has_ended = true,
            Some(None) => {
                before(self);
                let (covered, since) = std::mem::take(&mut self.since)
                    .into_iter()
                    .partition(|write| write.is_covered);
                self.since = since;
                let covered: Vec<Since> = covered;
                covered
                    .iter()
                    .for_each(|write| lay(&mut self.synced, write.offset, &write.bytes));
            }
        }
    }
}

fn lay(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    image.resize(image.len().max(offset + bytes.len()), 0);
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// `\x30\x0c` as bytes.
fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).expect("a digit") as u8;
    text.as_bytes()
        .chunks(4)
        .map(|it| digit(it[2]) << 4 | digit(it[3]))
        .collect()
}

/// The database's own name, as the record has names.
fn hex_of(name: &str) -> String {
    name.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// What a line tells, if it is about the database or about an answer.
fn traced<'t>(line: &'t str, database: &str) -> Option<Traced<'t>> {
    let (thread, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    if rest.starts_with("<... ") {
        return Some(Traced::Ends(thread));
    }
    let (call, rest) = rest.split_once('(')?;
    let (file, rest) = rest.split_once('>')?;
    let ended = match rest.ends_with("<unfinished ...>") {
        true => Ended::Later,
        false => Ended::Here,
    };
    let call = match call {
        "fdatasync" if file.ends_with(database) => Call::Sync,
        "pwrite64" if file.ends_with(database) => {
            let mut parts = rest.split('"');
            let hex = parts.nth(1)?;
            let mut numbers = parts
                .next()?
                .split([',', ')', ' '])
                .filter_map(|text| text.parse().ok());
            Call::Write(hex, numbers.nth(1).expect("length and offset"))
        }
        "sendto" => Call::Answer(message_id(&unhex(rest.split('"').nth(1)?))?),
        _ => return None,
    };
    Some(Traced::Begins(thread, call, ended))
}

/// The id of the one message in these bytes.
fn message_id(bytes: &[u8]) -> Option<i32> {
    let (message, _) = crate::ldap_client::first_answer(bytes)?;
    Some(message.msgid)
}

/// Has all write at once to their ends. What was in the directory after each of their answers.
fn write_all(daemon: &Daemon) -> Vec<(Writer, Vec<State>)> {
    let threads: Vec<_> = (0..WRITERS)
        .map(|number| {
            let socket = daemon.campus.path("ldapi");
            std::thread::spawn(move || {
                let (mut wire, mut writer) = (Wire::connect(&socket), Writer::new(number, 23));
                wire.number(number as i32 * WRITES_MAX + 1);
                let mut states = vec![writer.state.clone()];
                for _ in 0..WRITES {
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

/// Starts the daemon with everything recorded in `record`.
fn recorded(campus: Campus, record: &Path) -> Daemon {
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-y",
        "-xx",
        "-s",
        "33554432",
        "--seccomp-bpf",
        "-e",
        "trace=pwrite64,fdatasync,sendto",
        "-o",
    ]);
    strace.arg(record).arg(beadle());
    Daemon::start_by(strace, campus, &[])
}

/// Kills the daemon that is recorded, and waits until its record is whole.
fn end_record(daemon: Daemon) {
    let strace = daemon.pid();
    let children =
        std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).expect("it runs");
    signal(children.trim().parse().expect("one child"), "KILL");
    let has_ended =
        || std::fs::read_to_string(format!("/proc/{strace}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    while !has_ended() {
        std::thread::yield_now();
    }
}

/// What `beadle export` says that there is.
fn exported(campus: &Campus) -> Content {
    let text = campus.export(&[]).replace("\n ", "");
    let entry = |text: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        let (_, dn) = lines.next()?;
        let mut entry = crate::ldap_wire::Attributes::new();
        for (name, value) in lines {
            entry.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
        Some((dn.to_owned(), entry))
    };
    text.split("\n\n").filter_map(entry).collect()
}

#[test]
fn whichever_pages_a_power_cut_takes_under_writes_of_many_there_is_what_was_acknowledged() {
    let (campus, planted) = (Campus::new(""), Campus::new(""));
    campus.import(&branches(WRITERS));
    let record = planted.path("record");
    let database = |campus: &Campus| campus.path("store/sled/db");
    let first = std::fs::read(database(&campus)).expect("a database");
    let daemon = recorded(campus, &record);
    // The engine writes its other files when it opens, and when it is closed.
    copy_store(&daemon.campus.path("store/sled"), &planted.path("original"));
    let written = write_all(&daemon);
    end_record(daemon);

    let record = std::fs::read_to_string(&record).expect("a record");
    let name = hex_of("/store/sled/db");
    let syncs = record.lines().filter(|line| line.contains("fdatasync(")).count();
    let cuts = std::env::var(CUTS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CUTS);
    let mut disk = Disk {
        synced: first.clone(),
        written: first,
        ..Disk::default()
    };
    let (mut entropy, mut sync, mut checked) = (SeededEntropy::new(5), 0, 0);
    let mut check = |disk: &Disk| {
        sync += 1;
        if disk.answered.len() < WRITERS || sync % (syncs / cuts).max(1) != 0 {
            return;
        }
        let _ = std::fs::remove_dir_all(planted.path("store/sled"));
        copy_store(&planted.path("original"), &planted.path("store/sled"));
        let blobs = std::fs::read_dir(planted.path("store/sled/blobs")).expect("a folder");
        assert_eq!(blobs.count(), 0, "nothing here takes them away");
        let left = cut(&disk.synced, &disk.written, &mut entropy);
        std::fs::write(database(&planted), left).expect("writable");
        let verified = planted.beadle(&["store", "verify"], &[]);
        assert!(verified.status.success(), "{}", said(&verified));
        let there = exported(&planted);
        for (number, (writer, states)) in written.iter().enumerate() {
            let acknowledged = disk.answered[&(number as i32)] as usize;
            let may_be = &states[acknowledged..states.len().min(acknowledged + 2)];
            let found = State::of(&there, &writer.top);
            assert!(
                may_be.contains(&found),
                "{acknowledged} of {number}: {found:#?}\nnot\n{may_be:#?}"
            );
        }
        checked += 1;
    };
    for line in record.lines().filter_map(|line| traced(line, &name)) {
        disk.take(line, &mut check);
    }
    assert!(checked >= cuts / 2, "{checked} cuts of {syncs} syncs");
    let daemon = planted.serve();
    let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
    let everything = wire.content(BASE);
    index_answers(&mut wire, &everything);
}
