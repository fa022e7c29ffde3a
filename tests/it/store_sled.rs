//! What the store on disk promises beyond the contract of every store.

use std::time::Duration;

use beadle::record::{Operation, Revision};
use beadle::store::sled::{SledSettings, SledStore, verify};
use beadle::store::{Feed, FeedError, LogBounds, Store, next};
use beadle::types::{SeededEntropy, Timestamp};

use crate::store_battery::{batch, churn, contents, delete, follow, key, open_sled, put, small};

fn open(settings: &SledSettings) -> SledStore {
    SledStore::open(settings, &mut SeededEntropy::new(99)).unwrap()
}

#[tokio::test]
async fn a_reopened_store_is_the_same_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    let last = churn(&store, 1, 200).await;
    let (id, digest) = (store.id(), store.digest(b"").await.unwrap());
    let told = follow(&store, Revision(0)).await;
    drop(store);
    let store = open(&small(folder.path(), LogBounds::default()));
    assert_eq!((store.id(), store.digest(b"").await.unwrap()), (id, digest));
    assert_eq!(store.current().await.unwrap(), last);
    assert!(follow(&store, Revision(0)).await == told);
    assert!(follow(&store, Revision(150)).await == told[150..]);
    let more = store.commit(batch([put("more", "")])).await.unwrap();
    assert_eq!(more, Revision(last.0 + 1));
}

#[tokio::test]
async fn what_is_queued_when_the_store_closes_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    let mut tickets = Vec::new();
    for number in 0..100 {
        tickets.push(
            store
                .submit(batch([put(&format!("{number}"), "")]))
                .await
                .unwrap(),
        );
    }
    store.commit_soon(batch([put("soon", "")])).await.unwrap();
    drop(store);
    for ticket in tickets {
        assert!(ticket.await.is_ok());
    }
    assert_eq!(
        verify(&small(folder.path(), LogBounds::default()))
            .unwrap()
            .digest
            .count,
        101
    );
}

#[tokio::test]
async fn a_follower_that_memory_has_forgotten_catches_up_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    let mut slow = store.changes(Revision(0));
    // More bytes than memory keeps, in values that the log stores in several pieces.
    for number in 0..60u64 {
        let values = ["a", "b", "c"].map(|name| put(&format!("{name}{number}"), vec![number as u8; 70_000]));
        store.commit(batch(values)).await.unwrap();
    }
    let mut expected = 1;
    while let Feed::Change(change) = next(&mut slow).await.unwrap().unwrap() {
        assert_eq!(change.revision, Revision(expected));
        assert!(change.operations.iter().all(|operation| matches!(operation,
            Operation::Put { value, .. } if value.len() == 70_000 && u64::from(value[0]) + 1 == expected)));
        expected += 1;
    }
    assert_eq!(expected, 61);
}

#[tokio::test]
async fn the_log_stays_within_its_bounds_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    for bounds in [
        LogBounds {
            commits_max: 20,
            bytes_max: 1 << 20,
        },
        LogBounds {
            commits_max: 1000,
            bytes_max: 5000,
        },
    ] {
        let store = open_sled(folder.path(), bounds);
        churn(&store, 2, 300).await;
        let stats = store.stats().unwrap();
        assert!(stats.logged_commits <= bounds.commits_max as u64);
        assert!(stats.logged_bytes <= 2 * bounds.bytes_max as u64);
        drop(store);
        verify(&small(folder.path(), bounds)).unwrap();
    }
}

#[tokio::test]
async fn a_bulk_load_keeps_no_log_and_followers_hear_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(
        folder.path(),
        LogBounds {
            commits_max: 0,
            bytes_max: 0,
        },
    );
    let last = churn(&store, 3, 50).await;
    assert_eq!(store.stats().unwrap().logged_commits, 0);
    drop(store);
    let settings = small(folder.path(), LogBounds::default());
    assert_eq!(verify(&settings).unwrap().digest.revision, last);
    let store = open(&settings);
    let told = next(&mut store.changes(Revision(10))).await;
    assert!(matches!(told, Some(Err(FeedError::Compacted))));
    churn(&store, 4, 5).await;
    assert_eq!(follow(&store, last).await.len(), 5);
}

#[tokio::test]
async fn a_guard_older_than_the_opening_is_refused_for_an_absent_key_only() {
    use beadle::record::{Batch, Guard};
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    let seen = store
        .commit(batch([put("x", ""), put("kept", "")]))
        .await
        .unwrap();
    let deleted = store.commit(batch([delete("x")])).await.unwrap();
    drop(store);
    let store = open(&small(folder.path(), LogBounds::default()));
    let since = |name: &str, revision| Batch {
        guards: vec![Guard::UnchangedSince(key(name), revision)],
        operations: vec![put("y", "")],
    };
    assert!(
        store.commit(since("x", seen)).await.is_err(),
        "somebody deleted it after that"
    );
    assert!(store.commit(since("kept", seen)).await.is_ok());
    assert!(store.commit(since("x", deleted)).await.is_ok());
}

#[tokio::test]
async fn soon_commits_wait_for_company_and_a_read_is_company_enough() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SledSettings {
        soon_delay: Duration::from_secs(3600),
        ..small(folder.path(), LogBounds::default())
    };
    let store = open(&settings);
    store.commit_soon(batch([put("soon", "")])).await.unwrap();
    assert_eq!(
        store.current().await.unwrap(),
        Revision(0),
        "nobody is in a hurry"
    );
    assert!(store.get(&[key("soon")]).await.unwrap().1[0].is_some());
    store.commit_soon(batch([put("later", "")])).await.unwrap();
    assert_eq!(store.commit(batch([put("now", "")])).await.unwrap(), Revision(3));
}

#[tokio::test]
async fn verify_counts_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    churn(&store, 5, 100).await;
    let expires = Some(Timestamp::from_unix_ms(5));
    let record = Operation::Put {
        key: key("token"),
        value: (*b"v").into(),
        expires,
    };
    store.commit(batch([record])).await.unwrap();
    let (digest, stats) = (store.digest(b"").await.unwrap(), store.stats().unwrap());
    let count = contents(&store, b"").await.1.len() as u64;
    drop(store);
    let verified = verify(&small(folder.path(), LogBounds::default())).unwrap();
    assert_eq!((verified.digest, stats.digest), (digest, digest));
    assert_eq!((verified.digest.count, verified.logged_commits), (count, 101));
    assert!(
        verified.live_bytes > 1000
            && verified.disk_bytes > verified.live_bytes
            && !verified.space().is_wasteful()
    );
}

#[tokio::test]
async fn the_space_is_known_once_everything_was_read_and_stays_true() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), LogBounds::default());
    churn(&store, 6, 100).await;
    drop(store);
    let store = open(&small(folder.path(), LogBounds::default()));
    assert_eq!(store.space(), None, "nobody has read the records");
    churn(&store, 7, 50).await;
    let (_, unread) = store.snapshot(b"").await.unwrap();
    drop(unread);
    let (_, mut records) = store.snapshot(b"").await.unwrap();
    churn(&store, 8, 50).await;
    while let Some(piece) = next(&mut records).await {
        piece.unwrap();
    }
    let expiring = Operation::Put {
        key: key("token"),
        value: (*b"v").into(),
        expires: Some(Timestamp::from_unix_ms(5)),
    };
    store.commit(batch([expiring, delete("7")])).await.unwrap();
    let (space, stats) = (store.space().unwrap(), store.stats().unwrap());
    assert_eq!(space.live_bytes, stats.live_bytes);
    assert_eq!(space.disk_bytes, stats.disk_bytes);
    // Keys of the log are not counted while it is written: ten bytes each.
    assert_eq!(space.logged_bytes + 10 * stats.logged_commits, stats.logged_bytes);
    assert!(!space.is_wasteful());
}
