//! What a store survives: kills during writes and during opening, torn files, a full disk, a second
//! process. The process that is killed is this test binary again, told by its environment what to do.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use beadle::record::{Batch, Revision};
use beadle::store::sled::{SledSettings, SledStore, compact, verify};
use beadle::store::{LogBounds, OpenError, Store};
use beadle::types::SeededEntropy;

use crate::store_battery::{batch, contents, key, put, small};
use crate::store_compact::compact_in_little_room;
use crate::store_full::{fill_the_disk, refill};

const TASK: &str = "BEADLE_TEST_STORE_TASK";
const FOLDER: &str = "BEADLE_TEST_STORE_FOLDER";
/// The batches write this many keys, round and round.
pub const KEYS: u64 = 300;
/// How many commits are under way at a time, where more than one is.
const UNDER_WAY: usize = 8;

/// Not a test of its own: what the tests below start as another process. Without a task, nothing.
#[tokio::test]
async fn task_of_a_process_that_another_test_has_started() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else {
        return;
    };
    let settings = settings(Path::new(&folder));
    match task.as_str() {
        "write" => write_for_ever(&settings, UNDER_WAY).await,
        "write one by one" => write(&settings, 1, 20).await,
        "write big ones" => write_big_ones(&settings).await,
        "open" => open_for_ever(&settings).await,
        "open once" => drop(open(&settings)),
        "fill" => fill_the_disk(&settings).await,
        "refill" => refill(Path::new(&folder)).await,
        "compact" => drop(compact(&settings, &mut |_, _| ()).unwrap()),
        "compact in little room" => compact_in_little_room(&settings).await,
        other => panic!("no such task: {other}"),
    }
}

pub fn settings(folder: &Path) -> SledSettings {
    small(
        folder,
        LogBounds {
            commits_max: 500,
            bytes_max: 1 << 20,
        },
    )
}

pub fn open(settings: &SledSettings) -> Result<SledStore, OpenError> {
    SledStore::open(settings, &mut SeededEntropy::new(7))
}

/// Another process with this task, behind `wrapper` if there is one.
pub fn command(wrapper: &[&str], task: &str, folder: &Path) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut words = wrapper.iter().map(std::ffi::OsStr::new).chain([this.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command.args([
        "--exact",
        "--nocapture",
        "store_crash::task_of_a_process_that_another_test_has_started",
    ]);
    command.env(TASK, task).env(FOLDER, folder).stdout(Stdio::piped());
    command
}

/// A running process whose lines are read; killed when it is dropped.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(task: &str, folder: &Path) -> Running {
        let mut child = command(&[], task, folder).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    /// The number in the next line that says `what` and a number; `None` at the end.
    fn next(&mut self, what: &str) -> Option<u64> {
        let lines = self.lines.by_ref().map_while(Result::ok);
        lines
            .filter_map(|line| line.strip_prefix(what)?.trim().parse().ok())
            .next()
    }

    /// Kills the process and returns what else it said before.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last number that was said of `what`.
pub fn last_said(lines: &[String], what: &str) -> Option<u64> {
    lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix(what)?.trim().parse().ok())
}

/// Batch `number` writes its number, and one of the keys with a value that follows from it: so the
/// number in a store says what every record must be.
pub fn numbered(number: u64) -> Batch {
    let name = format!("{}", number % KEYS);
    batch([put("number", number.to_be_bytes()), put(&name, value(number))])
}

fn value(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(1 + (number % 60) as usize)
}

pub async fn number_in(store: &dyn Store) -> u64 {
    let (_, records) = store.get(&[key("number")]).await.unwrap();
    records[0].as_ref().map_or(0, |record| {
        u64::from_be_bytes((*record.value).try_into().unwrap())
    })
}

/// Writes on from the number in the store, and says `ack N` for each batch that is acknowledged.
pub async fn write(settings: &SledSettings, under_way: usize, batches: u64) {
    let store = open(settings).unwrap();
    let first = number_in(&store).await + 1;
    let mut tickets = std::collections::VecDeque::new();
    for number in first..first.saturating_add(batches) {
        tickets.push_back((number, store.submit(numbered(number)).await.unwrap()));
        if tickets.len() < under_way {
            continue;
        }
        let (number, ticket) = tickets.pop_front().unwrap();
        ticket.await.unwrap();
        say("ack", number);
    }
}

/// Values beside each other whose pages the engine writes to files of their own.
async fn write_big_ones(settings: &SledSettings) {
    let store = open(settings).unwrap();
    for number in 1..=24 {
        let puts = [put(&format!("{number:02}"), vec![7; 250_000])];
        store.commit(batch(puts)).await.unwrap();
        say("ack", number);
    }
}

async fn write_for_ever(settings: &SledSettings, under_way: usize) {
    write(settings, under_way, u64::MAX).await;
}

async fn open_for_ever(settings: &SledSettings) {
    for round in 0.. {
        say("opening", round);
        let store = open(settings).unwrap();
        // Without something new the engine has nothing to write at the next opening.
        let number = number_in(&store).await + 1;
        store.commit(numbered(number)).await.unwrap();
        say("ack", number);
    }
}

#[allow(clippy::print_stdout, reason = "the parent reads it")]
pub fn say(what: &str, number: u64) {
    println!("{what} {number}");
}

/// The store opens, is sound, and holds exactly batches 1 to some number not below `acknowledged`.
pub async fn check(settings: &SledSettings, acknowledged: u64) -> u64 {
    let store = open(settings).unwrap();
    let last = number_in(&store).await;
    assert!(
        last >= acknowledged,
        "batch {acknowledged} was acknowledged and is lost; the last is {last}"
    );
    let (_, found) = contents(&store, b"").await;
    drop(store);
    assert_eq!(verify(settings).unwrap().digest.revision, Revision(last));
    assert_eq!(found.len() as u64, last.min(KEYS) + u64::from(last > 0));
    for number in last.saturating_sub(KEYS - 1).max(1)..=last {
        let name = key(&format!("{}", number % KEYS));
        let (found, revision) = &found[name.as_bytes()];
        assert!(
            (found, *revision) == (&value(number), Revision(number)),
            "the record of batch {number}"
        );
    }
    last
}

#[tokio::test]
async fn fifty_kills_during_writes_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..50 {
        let mut writer = Running::start("write", folder.path());
        let mut acknowledged = last;
        for _ in 0..round * 37 % 200 {
            acknowledged = writer.next("ack").unwrap();
        }
        let acknowledged = last_said(&writer.kill(), "ack").unwrap_or(acknowledged);
        last = check(&settings(folder.path()), acknowledged).await;
    }
    assert!(last > 1000, "the rounds did write");
}

/// Copies the files of a store.
pub fn copy_store(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_store(&path, &copy),
            false => drop(std::fs::copy(&path, &copy).unwrap()),
        }
    }
}

/// What a power cut may leave: everything up to some byte, and then nothing.
#[tokio::test]
async fn wherever_the_file_ends_the_store_opens_at_a_whole_commit() {
    let (folder, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let original = settings(folder.path());
    write(&original, 1, 20).await;
    let store = open(&original).unwrap();
    let database = original.path.join("sled/db");
    let before = std::fs::read(&database).unwrap();
    for number in 21..=30 {
        store.commit(numbered(number)).await.unwrap();
    }
    let mut together = Vec::new();
    for number in 31..=40 {
        together.push(store.submit(numbered(number)).await.unwrap());
    }
    for ticket in together {
        ticket.await.unwrap();
    }
    let after = std::fs::read(&database).unwrap();
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    let first = (0..after.len()).find(differs).unwrap();
    let last = (0..after.len()).rev().find(differs).unwrap();
    let mut number = 20;
    for end in (first..=last).step_by((last - first) / 150) {
        let _ = std::fs::remove_dir_all(cut.path().join("store"));
        copy_store(&original.path, &cut.path().join("store"));
        let mut bytes = after.clone();
        bytes[end..].fill(0);
        std::fs::write(cut.path().join("store/sled/db"), bytes).unwrap();
        number = check(&settings(cut.path()), number).await;
    }
    assert!(number >= 39, "the last cut is within the last commit");
}

#[tokio::test]
async fn twenty_kills_during_opening_do_not_shut_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (mut last, mut during_opening) = (0, 0);
    for round in 0..20 {
        plant_torn_snapshot(&settings(folder.path()), round);
        let mut opener = Running::start("open", folder.path());
        while opener.next("opening").unwrap() < round % 4 {}
        // Looking at the folder takes a moment, so that every round kills at another one.
        for _ in 0..round * round {
            let _ = std::fs::read_dir(folder.path().join("store/sled")).map(Iterator::count);
        }
        let said = opener.kill();
        during_opening += u64::from(said.last().is_none_or(|line| line.starts_with("opening")));
        last = check(&settings(folder.path()), last_said(&said, "ack").unwrap_or(last)).await;
    }
    assert!(
        during_opening >= 5,
        "only {during_opening} of the kills came while the store was opening"
    );
}

/// In every other round, what an engine killed while it writes its snapshot leaves.
fn plant_torn_snapshot(settings: &SledSettings, round: u64) {
    let engine = settings.path.join("sled");
    if round % 2 == 1 && engine.exists() {
        std::fs::write(
            engine.join(format!("snap.{:016X}.generating", u64::MAX - round)),
            [7; 11],
        )
        .unwrap();
    }
}

#[tokio::test]
async fn a_kill_at_each_step_of_the_engines_snapshot_leaves_a_store_that_opens() {
    for (call, when) in [("write", 2), ("write", 3), ("fsync", 2), ("rename", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        let store = open(&settings).unwrap();
        for number in 1..=50 {
            store.commit(numbered(number)).await.unwrap();
        }
        drop(store);
        let inject = format!("inject={call}:signal=KILL:when={when}");
        let strace = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &inject,
        ];
        let status = command(&strace, "open once", folder.path())
            .status()
            .expect("strace is installed");
        assert!(!status.success(), "{call} {when}: the process was killed");
        assert!(
            has_torn_snapshot(&settings),
            "{call} {when}: it was killed while it wrote the snapshot"
        );
        assert_eq!(check(&settings, 50).await, 50);
        assert!(!has_torn_snapshot(&settings));
    }
}

fn has_torn_snapshot(settings: &SledSettings) -> bool {
    let mut names = std::fs::read_dir(settings.path.join("sled"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names.any(|name| name.to_string_lossy().ends_with(".generating"))
}

/// The trace of these system calls, with the files they are about, of a process with this task.
pub fn trace(task: &str, calls: &str, folder: &Path) -> String {
    let (trace, calls) = (folder.join("trace"), format!("trace={calls}"));
    let strace = ["strace", "-f", "-y", "-o", trace.to_str().unwrap(), "-e", &calls];
    let status = command(&strace, task, folder).status();
    assert!(status.expect("strace is installed").success());
    std::fs::read_to_string(&trace).unwrap()
}

/// What a system-call trace tells, in its order.
#[derive(Debug, PartialEq)]
enum Traced {
    Written,
    SyncBegun,
    Synced,
    Acknowledged,
}

#[test]
fn every_acknowledgement_comes_after_an_fdatasync_of_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace("write one by one", "pwrite64,fdatasync,write", folder.path());
    let mut since: Vec<Traced> = Vec::new();
    let mut acknowledged = 0;
    for event in traced(&trace) {
        if event == Traced::Acknowledged {
            acknowledged += 1;
            let written = since.iter().rposition(|event| *event == Traced::Written);
            let after = &since[written.expect("something was written")..];
            assert!(after.ends_with(&[Traced::SyncBegun, Traced::Synced]), "{after:?}");
            since.clear();
        } else {
            since.push(event);
        }
    }
    assert_eq!(acknowledged, 20);
}

#[test]
fn every_blob_is_synced_before_an_acknowledgement() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace("write big ones", "write,fsync", folder.path());
    let blob = |line: &str| {
        let (_, name) = line.split_once("/store/sled/blobs/")?;
        Some(name.split_once('>')?.0.to_owned())
    };
    let mut unsynced = std::collections::BTreeSet::new();
    let (mut synced, mut acknowledged) = (0, 0);
    for line in trace.lines() {
        match blob(line) {
            Some(name) if line.contains("write(") => drop(unsynced.insert(name)),
            Some(name) if line.contains("fsync(") => synced += u64::from(unsynced.remove(&name)),
            _ if line.contains("\"ack ") => {
                assert!(unsynced.is_empty(), "{unsynced:?}");
                acknowledged += 1;
            }
            _ => {}
        }
    }
    assert!(acknowledged == 24 && synced >= 1, "{acknowledged} {synced}");
}

/// The calls on the engine's file and the acknowledgements. A call that another thread interrupts is
/// written in two lines; it is done at the second.
fn traced(trace: &str) -> Vec<Traced> {
    let mut events = Vec::new();
    for line in trace.lines() {
        let on_database = line.contains("/store/sled/db>");
        let done = !line.contains("<unfinished");
        if line.contains("fdatasync(") && on_database {
            events.push(Traced::SyncBegun);
        }
        if line.contains("fdatasync resumed") || line.contains("fdatasync(") && on_database && done {
            events.push(Traced::Synced);
        }
        if line.contains("pwrite64 resumed") || line.contains("pwrite64(") && on_database && done {
            events.push(Traced::Written);
        }
        if line.contains("write(1<") && line.contains("\"ack ") {
            events.push(Traced::Acknowledged);
        }
    }
    events
}

#[test]
fn a_second_process_is_refused_with_the_path_and_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Running::start("write", folder.path());
    writer.next("ack").unwrap();
    let refused = open(&settings(folder.path())).err().unwrap();
    let path = folder.path().join("store");
    assert_eq!(
        refused.to_string(),
        format!("the store {} is in use by another process", path.display())
    );
    assert!(verify(&settings(folder.path())).is_err());
    assert!(writer.next("ack").is_some(), "the first goes on");
}

#[test]
fn nothing_to_verify_is_an_error_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(
        verify(&settings(folder.path()))
            .unwrap_err()
            .to_string()
            .contains("there is no store")
    );
    assert!(!folder.path().join("store").exists());
}
