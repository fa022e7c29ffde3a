//! The contract of `Store`, held against every engine: commits, guards, limits, reads. And what the other
//! tests of stores share.

use std::collections::BTreeMap;
use std::sync::Arc;

use beadle::record::{Batch, Change, Guard, Key, Kind, Operation, Record, Revision};
use beadle::store::memory::MemoryStore;
use beadle::store::sled::{SledSettings, SledStore};
use beadle::store::{BoxStream, CommitError, Feed, FeedError, Limits, LogBounds, Store, StoreId, next};
use beadle::types::{Entropy, SeededEntropy};

/// A store and the folder it lives in, if it needs one.
pub struct House {
    pub store: Arc<dyn Store>,
    _folder: Option<tempfile::TempDir>,
}

pub fn in_memory(feed: LogBounds) -> House {
    House {
        store: Arc::new(MemoryStore::new(StoreId(1), feed)),
        _folder: None,
    }
}

pub fn on_disk(feed: LogBounds) -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = open_sled(folder.path(), feed);
    House {
        store: Arc::new(store),
        _folder: Some(folder),
    }
}

/// A small sled store in `path`.
pub fn open_sled(path: &std::path::Path, log: LogBounds) -> SledStore {
    SledStore::open(&small(path, log), &mut SeededEntropy::new(7)).unwrap()
}

/// Settings for a small store in `path`.
pub fn small(path: &std::path::Path, log: LogBounds) -> SledSettings {
    SledSettings {
        log,
        reserve_bytes: 4096,
        ..SledSettings::at(path.join("store"))
    }
}

/// Runs every subject against every engine: `engine::subject` is a test.
macro_rules! engines {
    ($subjects:tt) => {
        $crate::store_battery::engines! { @one memory in_memory $subjects }
        $crate::store_battery::engines! { @one sled on_disk $subjects }
    };
    (@one $engine:ident $open:ident { $($subject:ident)* }) => {
        mod $engine {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $subject() {
                super::$subject($crate::store_battery::$open).await;
            })*
        }
    };
}
pub(crate) use engines;

engines! { {
    absent_admits_one_writer
    unchanged_since_refuses_who_has_not_seen_the_last_write
    a_deletion_is_a_change
    one_failing_guard_leaves_everything_as_it_was
    a_batch_of_nothing_checks_its_guards_and_makes_no_commit
    more_than_the_limits_is_refused_and_the_limits_are_not
    a_key_twice_or_empty_is_refused
    get_answers_in_the_order_of_the_keys
    batches_take_effect_in_the_order_of_submission
    writers_at_once_lose_no_update
} }

/// How a test gets a store whose feed keeps so much.
pub type Open = fn(LogBounds) -> House;

pub fn key(name: &str) -> Key {
    Key::new(Kind::Entry, name.as_bytes())
}

pub fn put(name: &str, value: impl AsRef<[u8]>) -> Operation {
    Operation::put(key(name), value.as_ref())
}

pub fn delete(name: &str) -> Operation {
    Operation::Delete { key: key(name) }
}

pub fn batch(operations: impl Into<Vec<Operation>>) -> Batch {
    Batch {
        guards: Vec::new(),
        operations: operations.into(),
    }
}

fn guarded(guard: Guard, operation: Operation) -> Batch {
    Batch {
        guards: vec![guard],
        operations: vec![operation],
    }
}

fn conflict(outcome: Result<Revision, CommitError>) -> Option<Revision> {
    match outcome {
        Err(CommitError::Conflict { at }) => Some(at),
        _ => None,
    }
}

pub type Contents = BTreeMap<Vec<u8>, (Vec<u8>, Revision)>;

pub fn pair(record: Record) -> (Vec<u8>, (Vec<u8>, Revision)) {
    (
        record.key.as_bytes().into(),
        (record.value.into(), record.revision),
    )
}

/// Every record under `prefix`, each seen once.
pub async fn contents(store: &dyn Store, prefix: &[u8]) -> (Revision, Contents) {
    let (revision, mut pieces) = store.snapshot(prefix).await.unwrap();
    let mut found = Contents::new();
    while let Some(piece) = next(&mut pieces).await {
        for (key, rest) in piece.unwrap().into_iter().map(pair) {
            assert!(found.insert(key, rest).is_none(), "a record came twice");
        }
    }
    (revision, found)
}

pub type Changes = BoxStream<'static, Result<Feed, FeedError>>;

/// The next change; `None` if the feed says that it was the last one so far.
pub async fn change(feed: &mut Changes) -> Option<Arc<Change>> {
    match next(feed).await.unwrap().unwrap() {
        Feed::Change(change) => Some(change),
        Feed::Progress(_) => None,
    }
}

/// Everything after `after` up to now, checked for order, gaps and repeats.
pub async fn follow(store: &dyn Store, after: Revision) -> Vec<Arc<Change>> {
    let mut feed = store.changes(after);
    let mut changes: Vec<Arc<Change>> = Vec::new();
    while let Some(change) = change(&mut feed).await {
        let before = changes.last().map_or(after, |last| last.revision);
        assert_eq!(change.revision.0, before.0 + 1, "no gap and no repeat");
        changes.push(change);
    }
    changes
}

pub fn add_up(contents: &mut Contents, changes: &[Arc<Change>]) {
    for change in changes {
        for operation in change.operations.iter().cloned() {
            match operation {
                Operation::Put { key, value, .. } => {
                    contents.insert(key.as_bytes().into(), (value.into(), change.revision))
                }
                Operation::Delete { key } => contents.remove(key.as_bytes()),
            };
        }
    }
}

/// Random batches over a few hundred keys: writes, overwrites, deletions.
pub async fn churn(store: &dyn Store, seed: u64, batches: usize) -> Revision {
    let mut chance = SeededEntropy::new(seed);
    let mut last = Revision(0);
    for _ in 0..batches {
        let mut operations = BTreeMap::new();
        for _ in 0..=chance.next_u64() % 6 {
            let name = format!("{:03}", chance.next_u64() % 300);
            let mut value = vec![0; (chance.next_u64() % 400) as usize];
            chance.fill(&mut value);
            let gone = chance.next_u64().is_multiple_of(4);
            operations.insert(name.clone(), if gone { delete(&name) } else { put(&name, value) });
        }
        last = store
            .commit(batch(operations.into_values().collect::<Vec<_>>()))
            .await
            .unwrap();
    }
    last
}

async fn absent_admits_one_writer(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let first = store
        .commit(guarded(Guard::Absent(key("x")), put("x", "1")))
        .await
        .unwrap();
    assert_eq!(
        conflict(
            store
                .commit(guarded(Guard::Absent(key("x")), put("x", "2")))
                .await
        ),
        Some(first)
    );
    store.commit(batch([delete("x")])).await.unwrap();
    assert!(
        store
            .commit(guarded(Guard::Absent(key("x")), put("x", "3")))
            .await
            .is_ok()
    );
}

async fn unchanged_since_refuses_who_has_not_seen_the_last_write(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let since = |revision| guarded(Guard::UnchangedSince(key("x"), revision), put("y", "1"));
    assert!(
        store.commit(since(Revision(0))).await.is_ok(),
        "an absent key was written at revision 0"
    );
    let written = store.commit(batch([put("x", "1")])).await.unwrap();
    assert_eq!(
        conflict(store.commit(since(Revision(written.0 - 1))).await),
        Some(written)
    );
    assert!(store.commit(since(written)).await.is_ok());
    assert!(store.commit(since(Revision(written.0 + 99))).await.is_ok());
}

async fn a_deletion_is_a_change(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let seen = store.commit(batch([put("x", "1")])).await.unwrap();
    let deleted = store.commit(batch([delete("x")])).await.unwrap();
    let since = |revision| guarded(Guard::UnchangedSince(key("x"), revision), put("y", "1"));
    assert_eq!(conflict(store.commit(since(seen)).await), Some(deleted));
    assert!(store.commit(since(deleted)).await.is_ok());
}

async fn one_failing_guard_leaves_everything_as_it_was(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let written = store.commit(batch([put("x", "1")])).await.unwrap();
    let mut refused = batch([put("x", "2"), put("y", "2"), delete("z")]);
    refused.guards = vec![Guard::UnchangedSince(key("x"), written), Guard::Absent(key("x"))];
    assert_eq!(conflict(store.commit(refused).await), Some(written));
    assert_eq!(
        contents(&**store, b"").await,
        (written, [(b"ex".to_vec(), (b"1".to_vec(), written))].into())
    );
    assert_eq!(follow(&**store, Revision(0)).await.len(), 1);
}

async fn a_batch_of_nothing_checks_its_guards_and_makes_no_commit(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let written = store.commit(batch([put("x", "1")])).await.unwrap();
    assert_eq!(store.commit(Batch::default()).await.unwrap(), written);
    let refused = Batch {
        guards: vec![Guard::Absent(key("x"))],
        operations: Vec::new(),
    };
    assert_eq!(conflict(store.commit(refused).await), Some(written));
    assert_eq!(store.current().await.unwrap(), written);
}

async fn more_than_the_limits_is_refused_and_the_limits_are_not(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let Limits {
        operations_max,
        guards_max,
        value_bytes_max,
        batch_bytes_max,
    } = store.limits();
    let many = |count: usize| {
        batch(
            (0..count)
                .map(|number| put(&format!("{number:05}"), ""))
                .collect::<Vec<_>>(),
        )
    };
    let long = |bytes: usize| batch([put("long", vec![1; bytes])]);
    // Keys of four bytes, and values that together fill the batch.
    let heavy = |bytes: usize| {
        let count = bytes / value_bytes_max + 1;
        let (each, rest) = ((bytes / count) - 4, bytes % count);
        let length = |at| each + if at == 0 { rest } else { 0 };
        batch(
            (0..count)
                .map(|at| put(&format!("{at:03}"), vec![1; length(at)]))
                .collect::<Vec<_>>(),
        )
    };
    let wary = |count: usize| Batch {
        guards: (0..count)
            .map(|number| Guard::Absent(key(&format!("n{number}"))))
            .collect(),
        operations: vec![put("wary", "")],
    };
    let keyed = |bytes: usize| batch([put(&"k".repeat(bytes - 1), "")]);
    for good in [
        many(operations_max),
        long(value_bytes_max),
        heavy(batch_bytes_max),
        wary(guards_max),
        keyed(512),
    ] {
        assert!(store.commit(good).await.is_ok());
    }
    for bad in [
        many(operations_max + 1),
        long(value_bytes_max + 1),
        heavy(batch_bytes_max + 1),
        wary(guards_max + 1),
        keyed(513),
    ] {
        assert!(
            matches!(store.commit(bad).await, Err(CommitError::TooLarge(limits)) if limits == store.limits())
        );
    }
    assert_eq!(store.current().await.unwrap(), Revision(5));
}

async fn a_key_twice_or_empty_is_refused(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let empty = || Key::from_bytes(b"");
    for bad in [
        batch([put("x", "1"), delete("x")]),
        batch([Operation::Delete { key: empty() }]),
        guarded(Guard::Absent(empty()), put("x", "1")),
    ] {
        assert!(matches!(store.commit(bad).await, Err(CommitError::Malformed)));
    }
    assert_eq!(store.current().await.unwrap(), Revision(0));
}

async fn get_answers_in_the_order_of_the_keys(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let written = store.commit(batch([put("a", "1"), put("b", "2")])).await.unwrap();
    let (revision, records) = store
        .get(&[key("b"), key("none"), key("a"), key("b")])
        .await
        .unwrap();
    let values: Vec<_> = records
        .iter()
        .map(|record| record.as_ref().map(|record| &*record.value))
        .collect();
    assert_eq!(values, [Some(&b"2"[..]), None, Some(b"1"), Some(b"2")]);
    assert_eq!(revision, written);
    assert!(records.iter().flatten().all(|record| record.revision == written));
}

async fn batches_take_effect_in_the_order_of_submission(open: Open) {
    let House { store, .. } = &open(LogBounds::default());
    let mut tickets = Vec::new();
    for number in 0..500u64 {
        tickets.push(
            store
                .submit(batch([put("x", number.to_be_bytes())]))
                .await
                .unwrap(),
        );
    }
    for (number, ticket) in (1..).zip(tickets) {
        assert_eq!(ticket.await.unwrap(), Revision(number));
    }
    let (_, records) = store.get(&[key("x")]).await.unwrap();
    assert!(
        records[0]
            .as_ref()
            .is_some_and(|record| *record.value == 499u64.to_be_bytes())
    );
}

async fn writers_at_once_lose_no_update(open: Open) {
    let house = open(LogBounds::default());
    let writers = (0..16).map(|_| tokio::spawn(count_up(house.store.clone(), 25)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let (_, records) = house.store.get(&[key("count")]).await.unwrap();
    assert_eq!(*records[0].as_ref().unwrap().value, 400u64.to_be_bytes());
}

/// Adds one `times` times, each time on what it has read, until nobody came in between.
async fn count_up(store: Arc<dyn Store>, times: usize) {
    let mut done = 0;
    while done < times {
        let (revision, records) = store.get(&[key("count")]).await.unwrap();
        let before = records[0].as_ref().map_or(0, |record| {
            u64::from_be_bytes((*record.value).try_into().unwrap())
        });
        let guard = Guard::UnchangedSince(key("count"), revision);
        match store
            .commit(guarded(guard, put("count", (before + 1).to_be_bytes())))
            .await
        {
            Ok(_) => done += 1,
            Err(CommitError::Conflict { at }) => assert!(at > revision),
            Err(other) => panic!("{other}"),
        }
    }
}
