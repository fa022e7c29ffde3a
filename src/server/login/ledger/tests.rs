//! What is stored of log-ins, on the campus of the tests beside.

use async_trait::async_trait;

use super::*;
use crate::directory::login::authenticate::UpgradeOnLogIn;
use crate::directory::request::Verdict;
use crate::domain::audit::AuditEvent;
use crate::domain::lockout::Holds;
use crate::domain::log_ins::{KnownSource, LogInHistory};
use crate::record::{Key, LogInRecord, Operation, Revision};
use crate::server::login::LoginSettings;
use crate::server::login::testing::*;
use crate::store::memory::MemoryStore;
use crate::store::sled::{SledSettings, SledStore};
use crate::store::*;
use crate::types::SeededEntropy;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_log_in_is_stored_when_its_source_is_new_and_then_once_an_hour() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let log_in = || {
        assert!(is_accepted(&campus.log_in("ada", RIGHT)));
        campus.stored().unwrap().last
    };
    assert_eq!(campus.stored(), None);
    assert_eq!(log_in(), START);
    campus.clock.advance_ms(3_600_000 - 1);
    assert_eq!(log_in(), START);
    campus.clock.advance_ms(1);
    assert_eq!(log_in(), START.plus_s(3600));
    assert!(is_accepted(&campus.log_in_from(AWAY, "ada", RIGHT)));
    assert_eq!(campus.stored().unwrap().sources.len(), 2);
    let _ = campus.log_in_from("198.51.100.1", "ada", "wrong");
    assert_eq!(campus.stored().unwrap().sources.len(), 2);
}

#[test]
fn neither_before_nor_after_a_restart_can_a_stranger_lock_the_owner_out() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let settings_of_store = SledSettings::at(folder.path());
        let store = SledStore::open(&settings_of_store, &mut SeededEntropy::new(1)).unwrap();
        campus_on(Arc::new(store), &argon2id(), settings(UpgradeOnLogIn::Yes))
    };
    let before = start();
    assert!(is_accepted(&before.log_in("ada", RIGHT)));
    assert!(before.stored().is_some());
    drop(before);
    let campus = start();
    campus.lock_from(AWAY);
    assert!(matches!(campus.last_event(), AuditEvent::AccountLocked { .. }));
    let lock = campus.record(&LockoutRecord::key(ENTRY)).unwrap();
    drop(campus);
    let campus = start();
    campus
        .logins
        .ledger()
        .heed(&Operation::put(lock.key, lock.value), START)
        .unwrap();
    assert!(matches!(campus.log_in_from(AWAY, "ada", RIGHT), Verdict::Refused));
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    campus.lock_from(HOME);
    assert!(
        matches!(campus.log_in("ada", RIGHT), Verdict::Refused),
        "its own counter locks it"
    );
}

#[test]
fn sources_that_were_stored_are_not_lost_to_one_that_is_new() {
    let store = Arc::new(memory_store());
    let start = || campus_on(store.clone(), &argon2id(), settings(UpgradeOnLogIn::Yes));
    let before = start();
    assert!(is_accepted(&before.log_in("ada", RIGHT)));
    assert!(before.stored().is_some());
    let campus = start();
    assert!(is_accepted(&campus.log_in_from(AWAY, "ada", RIGHT)));
    let groups: Vec<_> = campus
        .stored()
        .unwrap()
        .sources
        .iter()
        .map(|known| known.group)
        .collect();
    assert_eq!(groups, [AWAY, HOME].map(group));
}

/// A store in memory that answers no reader while it is told to be silent.
struct Silent {
    store: MemoryStore,
    is_silent: AtomicBool,
}

#[async_trait]
impl Store for Silent {
    fn limits(&self) -> Limits {
        self.store.limits()
    }

    fn id(&self) -> StoreId {
        self.store.id()
    }

    fn fault(&self) -> Option<Fault> {
        self.store.fault()
    }

    async fn submit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        self.store.submit(batch).await
    }

    async fn commit_soon(&self, batch: Batch) -> Result<(), CommitError> {
        self.store.commit_soon(batch).await
    }

    async fn get(&self, keys: &[Key]) -> Result<(Revision, Vec<Option<Record>>), StoreError> {
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.store.get(keys).await
    }

    async fn current(&self) -> Result<Revision, StoreError> {
        self.store.current().await
    }

    async fn snapshot(&self, prefix: &[u8]) -> Result<(Revision, Records), StoreError> {
        self.store.snapshot(prefix).await
    }

    fn changes(&self, after: Revision) -> BoxStream<'static, Result<Feed, FeedError>> {
        self.store.changes(after)
    }

    async fn sweep(&self, now: Timestamp) -> Result<usize, CommitError> {
        self.store.sweep(now).await
    }
}

#[test]
fn a_store_that_does_not_answer_holds_up_no_refusal_and_is_asked_again() {
    let store = Arc::new(Silent {
        store: memory_store(),
        is_silent: AtomicBool::new(false),
    });
    let start = || {
        let settings = LoginSettings {
            refusal_floor_ms: 8,
            ..settings(UpgradeOnLogIn::Yes)
        };
        campus_on(store.clone(), &argon2id(), settings)
    };
    let before = start();
    assert!(is_accepted(&before.log_in("ada", RIGHT)));
    assert!(before.stored().is_some());
    let campus = start();
    campus.lock_from(AWAY);
    store.is_silent.store(true, Ordering::Relaxed);
    let verdict = campus.logins.authenticate(request("ada", RIGHT), START);
    let answered = async { tokio::time::timeout(Duration::from_secs(10), verdict).await };
    assert!(matches!(campus.runtime.block_on(answered), Ok(Verdict::Refused)));
    store.is_silent.store(false, Ordering::Relaxed);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn what_is_known_is_waited_for_a_quarter_of_the_time_of_a_refusal() {
    let check = |refusal_floor_ms, expected_ms| {
        let settings = LoginSettings {
            refusal_floor_ms,
            ..LoginSettings::default()
        };
        assert_eq!(settings.recall_within(), Duration::from_millis(expected_ms));
    };
    check(100, 25);
    check(20, 5);
    check(5_000, 25);
    check(0, 25);
}

#[test]
fn what_is_stored_of_an_account_goes_after_its_entry() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(campus.stored().is_some());
    // This one is still to be stored when the entry goes, and leaves nothing.
    assert!(is_accepted(&campus.log_in_from(AWAY, "ada", RIGHT)));
    campus.remove();
    let deleted = Operation::Delete {
        key: Key::entry(ENTRY),
    };
    campus.logins.ledger().heed(&deleted, START).unwrap();
    assert_eq!(campus.stored(), None);
}

#[test]
fn nothing_is_forgotten_of_an_account_that_is_set_aside() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    let stored = campus.stored();
    campus.apply(Operation::put(Key::entry(ENTRY), *b"\x01"));
    campus.logins.ledger().store_soon(ENTRY);
    assert!(stored.is_some() && campus.stored() == stored);
}

#[test]
fn an_index_that_was_built_anew_tells_of_locks_that_are_there_and_of_those_that_are_not() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let unlocked = campus.realm.snapshot().unwrap();
    let lock = LockoutRecord(Lock {
        until: START.plus_s(60),
        holds: Holds::ForAll,
    });
    campus.apply(lock.put(ENTRY));
    let locked = campus.realm.snapshot().unwrap();
    let ledger = campus.logins.ledger();
    let built = |before, after| Heard::Built { before, after };
    ledger.hear(built(None, &locked), START);
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    ledger.hear(built(Some(&locked), &unlocked), START);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn many_accounts_that_are_gone_are_forgotten_together() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    campus.remove();
    for entry in 0..300_u64 {
        let key = Key::entry(EntryId(entry));
        campus
            .logins
            .ledger()
            .heed(&Operation::Delete { key }, START)
            .unwrap();
    }
    campus.runtime.block_on(async {
        let before = campus.realm.store.current().await.unwrap();
        campus.logins.ledger().store_due().await;
        let after = campus.realm.store.current().await.unwrap();
        assert_eq!(after.0 - before.0, 3);
    });
}

#[test]
fn log_ins_that_another_node_has_stored_are_heard_of() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    campus.lock_from(AWAY);
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    let known = KnownSource {
        group: group(HOME),
        at: START,
    };
    let record = LogInRecord(LogInHistory {
        last: START,
        sources: vec![known],
    });
    campus.logins.ledger().heed(&record.put(ENTRY), START).unwrap();
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn log_ins_wait_to_be_stored_in_a_bounded_queue() {
    let unstored = Unstored::default();
    for entry in 0..=UNSTORED_MAX as u64 {
        unstored.add(EntryId(entry));
    }
    assert_eq!(unstored.take().len(), UNSTORED_MAX);
    assert!(unstored.take().is_empty());
}
