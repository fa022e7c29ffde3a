//! A disk without room: writes are refused, nothing is damaged, and it goes on when there is room again.

use std::path::Path;
use std::process::{Command, Stdio};

use beadle::record::Revision;
use beadle::store::sled::SledSettings;
use beadle::store::{CommitError, Fault, Store};

use crate::store_battery::{contents, follow, key};
use crate::store_crash::{KEYS, check, command, last_said, number_in, numbered, open, say, settings, write};

/// Writes until the disk is full, then says how far it came. From then on every write is refused.
pub async fn fill_the_disk(settings: &SledSettings) {
    let store = open(settings).unwrap();
    let first = number_in(&store).await;
    let mut number = first;
    let fault = loop {
        match store.commit(numbered(number + 1)).await {
            Ok(_) => number += 1,
            Err(CommitError::Fatal(fault)) => break fault,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(matches!(fault, Fault::Full), "{fault}");
    assert!(matches!(
        store.commit(numbered(number + 1)).await,
        Err(CommitError::Fatal(Fault::Full))
    ));
    assert!(matches!(store.fault(), Some(Fault::Full)));
    assert_eq!(store.current().await.unwrap(), Revision(number));
    // What the index has followed so far stays true: nothing is told that is not durable.
    let told = follow(&store, Revision(first)).await;
    assert_eq!(told.len() as u64, number - first);
    assert!(
        told.iter()
            .all(|change| change.operations == numbered(change.revision.0).operations)
    );
    assert!(
        store.get(&[key("number")]).await.is_err(),
        "the engine may hold what is not durable"
    );
    say("ack", number);
}

#[tokio::test]
async fn a_disk_that_has_no_room_refuses_writes_and_damages_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for calls in [20, 47, 3] {
        let database = folder.path().join("store/sled/db");
        let inject = format!("inject=pwrite64:error=ENOSPC:when={calls}+");
        let strace = [
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-P",
            database.to_str().unwrap(),
        ];
        let strace = [&strace[..], &["-e", "trace=pwrite64", "-e", &inject]].concat();
        let output = command(&strace, "fill", folder.path())
            .output()
            .expect("strace is installed");
        assert!(output.status.success());
        let said: Vec<String> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        check(&settings(folder.path()), last_said(&said, "ack").unwrap()).await;
    }
}

/// Runs a process with this task to its end on a file system of its own with so many MB, where the system lets a test
/// make one: root and most users may.
pub fn run_on_a_small_disk(task: &str, megabytes: u32) {
    let unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c"];
    let allowed = Command::new(unshare[0])
        .args(&unshare[1..])
        .arg("mount -t tmpfs tmpfs /mnt")
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={megabytes}m tmpfs '{}' && exec \"$@\"",
        folder.path().display()
    );
    let wrapper = [&unshare[..], &[&script, "sh"]].concat();
    let output = command(&wrapper, task, folder.path())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_store_on_a_full_disk_opens_for_reading_and_goes_on_when_there_is_room() {
    run_on_a_small_disk("refill", 48);
}

/// Fills the disk, sees that the store opens for reading while it is full, makes room, sees that it goes on.
pub async fn refill(folder: &Path) {
    let settings = SledSettings {
        reserve_bytes: 16 << 20,
        ..settings(folder)
    };
    write(&settings, 1, 300).await;
    let ballast = folder.join("ballast");
    assert!(std::fs::write(&ballast, vec![1; 64 << 20]).is_err());
    let full = open(&settings).unwrap();
    assert!(
        matches!(full.fault(), Some(Fault::Full)),
        "without room for a reserve it only reads"
    );
    assert_eq!(contents(&full, b"").await.1.len() as u64, KEYS + 1);
    assert!(matches!(
        full.commit(numbered(301)).await,
        Err(CommitError::Fatal(Fault::Full))
    ));
    drop(full);
    std::fs::remove_file(&ballast).unwrap();
    write(&settings, 1, 1).await;
    assert_eq!(check(&settings, 301).await, 301);
}
