//! What is stored of log-ins, on the realm of the tests beside.

use super::*;
use crate::domain::log_ins::{KnownSource, LogInHistory};
use crate::record::{Key, LogInRecord, Operation};
use crate::server::login::tests::*;
use crate::server::login::*;
use crate::store::sled::{SledSettings, SledStore};
use crate::types::SeededEntropy;

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
    let lock = campus.realm.committed.lock().unwrap().pop().unwrap();
    drop(campus);
    let campus = start();
    let heed = |operation: &Operation| campus.logins.heed(operation, START).unwrap();
    lock.operations.iter().for_each(heed);
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

#[test]
fn a_store_that_does_not_answer_holds_up_no_refusal_and_is_asked_again() {
    let store = Arc::new(memory_store());
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
    campus.set(|account| account.is_silent = true);
    let verdict = campus.logins.authenticate(request("ada", RIGHT), START);
    let answered = async { tokio::time::timeout(Duration::from_secs(10), verdict).await };
    assert!(matches!(campus.runtime.block_on(answered), Ok(Verdict::Refused)));
    campus.set(|account| account.is_silent = false);
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
    campus.set(|account| account.is_gone = true);
    let deleted = Operation::Delete {
        key: Key::entry(ENTRY),
    };
    campus.logins.heed(&deleted, START).unwrap();
    assert_eq!(campus.stored(), None);
    assert!(is_accepted(&campus.log_in_from(AWAY, "ada", RIGHT)));
    assert_eq!(
        campus.stored(),
        None,
        "a log-in that was on its way leaves nothing"
    );
}

#[test]
fn many_accounts_that_are_gone_are_forgotten_together() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    campus.set(|account| account.is_gone = true);
    for entry in 0..300_u64 {
        let key = Key::entry(EntryId(entry));
        campus.logins.heed(&Operation::Delete { key }, START).unwrap();
    }
    campus.runtime.block_on(async {
        let before = campus.realm.store.current().await.unwrap();
        campus.logins.store_due().await;
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
    campus.logins.heed(&record.put(ENTRY), START).unwrap();
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
