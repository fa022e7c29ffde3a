//! Compacting: the disk use falls, nothing else changes, and nothing that interrupts it does harm.

use std::path::Path;
use std::process::Stdio;

use beadle::record::{Operation, Revision};
use beadle::store::sled::{CompactError, SledSettings, SledStore, compact, verify};
use beadle::store::{LogBounds, Store};
use beadle::types::Timestamp;

use crate::harness::{Campus, base, person, said, stdout};
use crate::store_battery::{batch, churn, contents, delete, follow, key, put, small};
use crate::store_crash::{command, numbered, open, settings, trace, write};
use crate::store_full::run_on_a_small_disk;

fn compact_now(settings: &SledSettings) -> Result<beadle::store::sled::Compacted, CompactError> {
    compact(settings, &mut |_, _| ())
}

fn expiring(name: &str, at_ms: u64) -> Operation {
    Operation::Put {
        key: key(name),
        value: (*b"token").into(),
        expires: Some(Timestamp::from_unix_ms(at_ms)),
    }
}

/// Writes many records, overwrites some again and again and deletes most: much more was written than there is.
async fn waste(store: &SledStore) {
    let commit = async |operations: Vec<Operation>| store.commit(batch(operations)).await.unwrap();
    let name = |at: u64| format!("big {at}");
    for first in (0..3000).step_by(20) {
        commit(
            (first..first + 20)
                .map(|at| put(&name(at), vec![1; 8000]))
                .collect(),
        )
        .await;
    }
    for round in 0..20 {
        commit((0..20).map(|at| put(&name(at), vec![round; 8000])).collect()).await;
    }
    for first in (100..3000).step_by(100) {
        commit((first..first + 100).map(|at| delete(&name(at))).collect()).await;
    }
}

#[tokio::test]
async fn the_disk_use_falls_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let store = open(&settings).unwrap();
    waste(&store).await;
    let tokens = [expiring("early", 5), expiring("moved", 6), expiring("late", 900)];
    store.commit(batch(tokens)).await.unwrap();
    store
        .commit(batch([put("moved", "for ever"), delete("big 7")]))
        .await
        .unwrap();
    let last = churn(&store, 8, 100).await;
    let (id, before) = (store.id(), contents(&store, b"").await);
    let told = follow(&store, Revision(last.0 - 100)).await;
    drop(store);

    let mut copied = (0, 0);
    let compacted = compact(&settings, &mut |done, all| copied = (done, all)).unwrap();
    let count = before.1.len() as u64;
    assert_eq!(copied, (count, count));
    assert_eq!(
        (compacted.before.digest, compacted.before.logged_commits),
        (compacted.after.digest, compacted.after.logged_commits)
    );
    assert!(
        compacted.before.disk_bytes > 3 * compacted.after.disk_bytes,
        "{compacted:?}"
    );
    assert_eq!(verify(&settings).unwrap().digest, compacted.after.digest);

    let store = open(&settings).unwrap();
    assert_eq!((store.id(), contents(&store, b"").await), (id, before));
    assert!(follow(&store, Revision(last.0 - 100)).await == told);
    let now = Timestamp::from_unix_ms(100);
    assert_eq!(store.sweep(now).await.unwrap(), 1, "only `early` has expired");
    let next = store.commit(batch([put("next", "")])).await.unwrap();
    assert_eq!(next, Revision(last.0 + 2));
}

#[tokio::test]
async fn a_store_without_records_keeps_its_revision() {
    let folder = tempfile::tempdir().unwrap();
    let settings = small(
        folder.path(),
        LogBounds {
            commits_max: 0,
            bytes_max: 0,
        },
    );
    let store = open(&settings).unwrap();
    store.commit(batch([put("x", "")])).await.unwrap();
    let last = store.commit(batch([delete("x")])).await.unwrap();
    drop(store);
    compact_now(&settings).unwrap();
    assert_eq!(open(&settings).unwrap().current().await.unwrap(), last);
}

#[test]
fn nothing_to_compact_is_an_error_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = compact_now(&settings(folder.path())).unwrap_err().to_string();
    assert!(error.contains("there is no store"), "{error}");
    assert!(!folder.path().join("store").exists());
}

#[tokio::test]
async fn an_open_store_is_not_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let store = open(&settings).unwrap();
    let error = compact_now(&settings).unwrap_err().to_string();
    assert!(error.ends_with("is in use by another process"), "{error}");
    store.commit(numbered(1)).await.unwrap();
}

/// The same words in front of a process that make it meet `what` at the `when`th call of this name.
fn interrupted(call: &str, what: &str, when: &str) -> [String; 8] {
    let inject = format!("inject={call}:{what}:when={when}");
    let trace = format!("trace={call}");
    ["strace", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(str::to_owned)
}

/// Compacts in another process that is interrupted; whether it came to its end. The store must be what it was.
async fn survives(settings: &SledSettings, folder: &Path, words: &[String]) -> bool {
    let before = verify(settings).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let status = command(&words, "compact", folder).stderr(Stdio::null()).status();
    let ended = status.expect("strace is installed").success();
    let store = open(settings).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let number = store.current().await.unwrap().0 + 1;
    drop(store);
    let after = verify(settings).unwrap();
    assert_eq!((before.id, before.digest), (after.id, after.digest), "{words:?}");
    for leftover in ["compacting", "compacted"] {
        assert!(!settings.path.join(leftover).exists(), "{words:?}");
    }
    let store = open(settings).unwrap();
    store.commit(numbered(number)).await.unwrap();
    ended
}

#[tokio::test]
async fn a_kill_at_each_step_leaves_the_old_store_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    write(&settings, 1, 60).await;
    for (call, step) in [
        ("rename", 1),
        ("unlinkat", 1),
        ("mkdir", 1),
        ("fsync", 1),
        ("fdatasync", 1),
        ("pwrite64", 4),
    ] {
        let mut when = 1;
        while !survives(
            &settings,
            folder.path(),
            &interrupted(call, "signal=KILL", &when.to_string()),
        )
        .await
        {
            when += step;
        }
        assert!(when > 1, "{call} is one of its steps");
    }
}

#[tokio::test]
async fn a_disk_that_fails_on_the_way_leaves_the_old_store() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    write(&settings, 1, 60).await;
    for (call, what, when) in [
        ("pwrite64", "error=ENOSPC", "3+"),
        ("fsync", "error=EIO", "9"),
        ("rename", "error=EIO", "3"),
    ] {
        survives(&settings, folder.path(), &interrupted(call, what, when)).await;
    }
}

#[tokio::test]
async fn the_copy_is_on_the_disk_before_it_counts_and_counts_before_the_old_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    write(&settings, 1, 20).await;
    let trace = trace("compact", "fsync,rename,unlinkat", folder.path());
    let mut lines = trace.lines();
    for step in [
        &["fsync(", "/store/compacting/db>"][..],
        &["fsync(", "/store/compacting>"],
        &["rename(", "/store/compacting\"", "/store/compacted\""],
        &["fsync(", "/store>"],
        &["unlinkat(", "/store/sled>"],
        &["rename(", "/store/compacted\"", "/store/sled\""],
        &["fsync(", "/store>"],
    ] {
        let found = lines.any(|line| step.iter().all(|part| line.contains(part)));
        assert!(found, "{step:?} in its place in\n{trace}");
    }
}

#[test]
fn without_room_for_the_copy_nothing_is_begun() {
    run_on_a_small_disk("compact in little room", 24);
}

/// The task of the process that the test above starts.
pub async fn compact_in_little_room(settings: &SledSettings) {
    write(settings, 1, 30).await;
    let before = verify(settings).unwrap();
    match compact_now(settings) {
        Err(CompactError::NoRoom { free, needed }) => {
            assert!(free > 1 << 20 && free < 24 << 20 && needed > free);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(verify(settings).unwrap(), before);
}

/// Takes 72 MB of the disk and holds nothing of it.
async fn waste_much(settings: &SledSettings) {
    let store = open(settings).unwrap();
    let name = |at: u64| format!("junk {at}");
    for first in (0..1200).step_by(10) {
        let puts = (first..first + 10).map(|at| put(&name(at), vec![1; 60_000]));
        store.commit(batch(puts.collect::<Vec<_>>())).await.unwrap();
    }
    for first in (0..1200).step_by(100) {
        let deletes = (first..first + 100).map(|at| delete(&name(at)));
        store.commit(batch(deletes.collect::<Vec<_>>())).await.unwrap();
    }
}

#[tokio::test]
async fn the_daemon_tells_of_a_wasteful_store_once_and_what_helps() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", "starferry88", "")));
    let settings = SledSettings {
        log: LogBounds {
            commits_max: 1,
            bytes_max: 1 << 20,
        },
        ..SledSettings::at(campus.path("store"))
    };
    waste_much(&settings).await;
    let daemon = campus.serve();
    let address = format!("http://{}/metrics", daemon.address("admin"));
    // It counts once it is ready.
    let metrics = (0..2000)
        .map(|_| crate::harness::http_get(&address))
        .find(|metrics| metrics.contains("beadle_store_disk_bytes"))
        .expect("the store is looked at");
    let figure = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name} in {metrics}"))
    };
    let (disk, live) = (
        figure("beadle_store_disk_bytes "),
        figure("beadle_store_live_bytes "),
    );
    assert!(live > 500 && disk > 3 * (live + figure("beadle_store_logged_bytes ")));
    let (campus, _, logged) = daemon.stop();
    let told = logged
        .iter()
        .filter(|line| line.contains("`beadle store compact`"));
    assert_eq!(told.count(), 1, "{logged:?}");
    assert!(campus.beadle(&["store", "compact"], &[]).status.success());
    let (_, _, logged) = campus.serve().stop();
    assert!(!logged.iter().any(|line| line.contains("compact")), "{logged:?}");
}

#[test]
fn the_command_compacts_and_tells_what_the_store_took() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", "starferry88", "") + &person("bob", "lionrock495", "")));
    let exported = campus.export(&["--with-secrets"]);
    let output = campus.beadle(&["store", "compact"], &["--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let found: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let verified = campus.beadle(&["store", "verify"], &["--json"]);
    let verified: serde_json::Value = serde_json::from_str(&stdout(&verified)).expect("JSON");
    for key in ["id", "revision", "records", "digest", "live_bytes"] {
        assert_eq!(found[key], verified[key], "{key}");
    }
    assert!(found["disk_bytes_before"].as_u64() > Some(0));
    let output = campus.beadle(&["store", "compact"], &[]);
    let store = campus.path("store").display().to_string();
    let text = stdout(&output);
    assert!(
        text.starts_with(&format!("{store}: compacted; ")),
        "{}",
        said(&output)
    );
    assert!(text.trim_end().ends_with(" now"), "{text}");
    assert_eq!(campus.export(&["--with-secrets"]), exported);
    let elsewhere = campus.path("nowhere").display().to_string();
    let output = campus.beadle(&["store", "compact"], &["--path", &elsewhere]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&format!("there is no store at {elsewhere}")));
}
