//! A daemon of which every write of its database, every sync and every answer is recorded in their order; of the record
//! as many power cuts are made as wanted, at any moment of it.

use std::collections::BTreeMap;
use std::process::Command;

use beadle::types::SeededEntropy;

use crate::harness::{Campus, Daemon, beadle, said, signal};
use crate::ldap_wire::{Attributes, Content};
use crate::store_crash::copy_store;
use crate::store_power_cut::cut;

/// Message ids tell the client, and the number of its request.
pub const CLIENT: i32 = 1_000_000;

/// The last request of each client that was answered.
pub type Answered = BTreeMap<i32, i32>;

/// What is kept of a daemon that is recorded.
pub struct Recording {
    /// The database before it was started.
    first: Vec<u8>,
    /// Where what a cut leaves is put.
    pub campus: Campus,
}

impl Recording {
    /// Starts the daemon of `campus`.
    pub fn begin(campus: Campus) -> (Recording, Daemon) {
        let first = std::fs::read(campus.path(DATABASE)).expect("a database");
        let recording = Recording {
            first,
            campus: Campus::new(""),
        };
        let mut strace = Command::new("strace");
        strace.args(["-f", "-y", "-xx", "-s", "33554432", "--seccomp-bpf"]);
        strace.args(["-e", "trace=pwrite64,fdatasync,sendto", "-o"]);
        strace.arg(recording.campus.path("record"));
        // However this ends, the daemon does not outlive what records it.
        strace.args(["setpriv", "--pdeathsig", "KILL", beadle()]);
        let daemon = Daemon::start_by(strace, campus, &[]);
        // The engine writes its other files when it opens, and when it is closed.
        copy_store(&daemon.campus.path(ENGINE), &recording.campus.path("engine"));
        (recording, daemon)
    }

    /// Kills the daemon and cuts the power right before the end of so many of its syncs, spread over all that began when
    /// `has_begun`. After each the store is sound, and `check` is told what was answered until then and what there is.
    /// Returns how many cuts there were.
    pub fn cut(
        &self,
        daemon: Daemon,
        cuts: usize,
        has_begun: &dyn Fn(&Answered) -> bool,
        check: &mut dyn FnMut(&Answered, &Content),
    ) -> usize {
        end(daemon);
        let record = std::fs::read_to_string(self.campus.path("record")).expect("a record");
        let name: String = format!("/{DATABASE}")
            .bytes()
            .map(|byte| format!("\\x{byte:02x}"))
            .collect();
        let syncs = record.lines().filter(|line| line.contains(" fdatasync(")).count();
        let (mut sync, mut made, mut entropy) = (0, 0, SeededEntropy::new(5));
        self.replay(&record, &name, &mut |disk| {
            if !has_begun(&disk.answered) {
                return;
            }
            sync += 1;
            if sync % (syncs / (cuts + 1)).max(1) == 0 {
                made += 1;
                self.plant(&cut(&disk.synced, &disk.written, &mut entropy));
                check(&disk.answered, &exported(&self.campus));
            }
        });
        made
    }

    /// Goes through the record; `before` sees the disk right before each sync ends.
    fn replay(&self, record: &str, database: &str, before: &mut dyn FnMut(&Disk)) {
        let mut disk = Disk {
            synced: self.first.clone(),
            written: self.first.clone(),
            ..Disk::default()
        };
        for line in record.lines().filter_map(|line| traced(line, database)) {
            disk.take(line, before);
        }
    }

    /// Puts a database where it can be looked at. None of the engine's files may be a blob, which nothing here takes away.
    fn plant(&self, database: &[u8]) {
        let engine = self.campus.path(ENGINE);
        let _ = std::fs::remove_dir_all(&engine);
        copy_store(&self.campus.path("engine"), &engine);
        assert_eq!(
            std::fs::read_dir(engine.join("blobs")).expect("a folder").count(),
            0
        );
        std::fs::write(self.campus.path(DATABASE), database).expect("writable");
        let verified = self.campus.beadle(&["store", "verify"], &[]);
        assert!(verified.status.success(), "{}", said(&verified));
    }
}

const ENGINE: &str = "store/sled";
const DATABASE: &str = "store/sled/db";

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
    answered: Answered,
}

struct Since {
    offset: usize,
    bytes: Vec<u8>,
    has_ended: bool,
    is_covered: bool,
}

impl Disk {
    /// Takes one line in; `before` sees the disk right before a sync ends.
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
                self.answered.insert(id / CLIENT, id % CLIENT);
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
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    };
    let bytes = text.as_bytes().chunks_exact(4);
    // The engine fills whole segments with zeros.
    bytes
        .map(|it| {
            if it == *b"\\x00" {
                0
            } else {
                digit(it[2]) << 4 | digit(it[3])
            }
        })
        .collect()
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

/// Kills the daemon that is recorded, and waits until its record is whole.
fn end(daemon: Daemon) {
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
        let mut entry = Attributes::new();
        for (name, value) in lines {
            entry.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
        Some((dn.to_owned(), entry))
    };
    text.split("\n\n").filter_map(entry).collect()
}
