//! Log-ins through the pool, on a made-up realm of one account.

use std::net::IpAddr;
use std::sync::mpsc;

use super::*;
use crate::directory::account::Standing;
use crate::directory::request::{Asker, LoginName, Member};
use crate::domain::audit::{Evidence, RefusalReason};
use crate::domain::lockout::{Holds, Lock, SourceGroup};
use crate::domain::log_ins::KnownSource;
use crate::domain::log_ins::LogInHistory;
use crate::domain::pin::{HashMemory, Hashing};
use crate::record::{
    Guard, Key, Kind, LockoutRecord, LockoutRecordError, LogInRecord, Operation, Record, Revision,
};
use crate::server::clock::ManualClock;
use crate::store::{LogBounds, MemoryStore, SledSettings, SledStore, Store, StoreId};
use crate::types::{Dn, Pin, PinHash, SeededEntropy, Uid};

const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
const SSHA: &[u8] = b"{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM";
const RIGHT: &str = "Orchid-42 tree";
const ENTRY: u64 = 7;
const HOME: &str = "192.0.2.7";
const AWAY: &str = "203.0.113.9";

/// A realm of one account, `ada`.
struct OneAccount {
    state: Mutex<Account>,
    store: Arc<dyn Store>,
    committed: Mutex<Vec<Batch>>,
    audited: Mutex<Vec<AuditEvent>>,
    soon: mpsc::Sender<(Batch, AuditEvent)>,
}

#[derive(Clone)]
struct Account {
    hash: Vec<u8>,
    standing: Standing,
    is_gone: bool,
    /// Whether the store answers nobody.
    is_silent: bool,
}

impl Accounts for Account {
    fn find(&self, name: &LoginName) -> Option<AccountView<'_>> {
        let LoginName::Uid(uid) = name else {
            return None;
        };
        let member = Member {
            entry: ENTRY,
            dn: Dn::default(),
        };
        (uid.as_str() == "ada").then(|| AccountView {
            asker: Asker::Member(Arc::new(member)),
            hash: Some(&self.hash),
            standing: self.standing,
            revision: Revision(5),
        })
    }

    fn is_gone(&self, _entry: u64) -> bool {
        self.is_gone
    }

    fn with_hash(&self, entry: u64, hash: &PinHash) -> Option<Operation> {
        Some(Operation::Put {
            key: Key::new(Kind::Entry, &entry.to_be_bytes()),
            value: hash.expose().into(),
            expires: None,
        })
    }
}

impl Realm for OneAccount {
    type Accounts = Account;

    fn accounts(&self) -> Account {
        self.state.lock().unwrap().clone()
    }

    async fn commit(&self, batch: Batch) {
        self.store.commit(batch.clone()).await.unwrap();
        self.committed.lock().unwrap().push(batch);
    }

    async fn store_soon(&self, batch: Batch) {
        self.store.commit(batch).await.unwrap();
    }

    async fn stored_log_ins(&self, entries: &[u64]) -> Vec<StoredLogIns> {
        if self.accounts().is_silent {
            std::future::pending::<()>().await;
        }
        let keys: Vec<Key> = entries.iter().map(|entry| LogInRecord::key(*entry)).collect();
        let Ok((_, records)) = self.store.get(&keys).await else {
            return entries.iter().map(|_| Err(Unread)).collect();
        };
        let history = |record: Record| LogInRecord::decode(&record.value).unwrap().0;
        records
            .into_iter()
            .map(|record| Ok(record.map(history)))
            .collect()
    }

    fn commit_soon(&self, batch: Batch, event: AuditEvent) {
        self.soon.send((batch, event)).unwrap();
    }

    fn audit(&self, event: AuditEvent, _now: Timestamp) {
        self.audited.lock().unwrap().push(event);
    }
}

/// Log-ins of `ada`, and the realm and the clock behind them.
struct Campus {
    logins: Logins<OneAccount>,
    realm: Arc<OneAccount>,
    clock: Arc<ManualClock>,
    soon: mpsc::Receiver<(Batch, AuditEvent)>,
    runtime: tokio::runtime::Runtime,
}

fn settings(upgrade: UpgradeOnLogIn) -> LoginSettings {
    LoginSettings {
        policy: LoginPolicy {
            hashing: Hashing::new(64, 1, 1).unwrap(),
            upgrade,
            ..LoginPolicy::default()
        },
        refusal_floor_ms: 0,
        threads: 1,
        ..LoginSettings::default()
    }
}

fn campus(hash: &[u8], settings: LoginSettings) -> Campus {
    campus_on(Arc::new(memory_store()), hash, settings)
}

fn memory_store() -> MemoryStore {
    MemoryStore::new(StoreId(1), LogBounds::default())
}

/// Log-ins of a process that has just started.
fn campus_on(store: Arc<dyn Store>, hash: &[u8], settings: LoginSettings) -> Campus {
    let (soon, receiver) = mpsc::channel();
    let realm = Arc::new(OneAccount {
        state: Mutex::new(Account {
            hash: hash.into(),
            standing: Standing::Enabled,
            is_gone: false,
            is_silent: false,
        }),
        store,
        committed: Mutex::default(),
        audited: Mutex::default(),
        soon,
    });
    let clock = Arc::new(ManualClock::at(START));
    Campus {
        logins: Logins::start(realm.clone(), clock.clone(), settings).unwrap(),
        realm,
        clock,
        soon: receiver,
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap(),
    }
}

fn group(source: &str) -> SourceGroup {
    SourceGroup::from(source.parse::<IpAddr>().unwrap())
}

fn lock(until: Timestamp, holds: Holds) -> Lock {
    Lock { until, holds }
}

/// An argon2id hash that needs no replacing.
fn argon2id() -> Vec<u8> {
    let pin = Pin::new(RIGHT.as_bytes());
    let hashing = Hashing::new(64, 1, 1).unwrap();
    pin::hash(&pin, hashing, [3; 16], &mut HashMemory::default())
        .expose()
        .into()
}

fn request(uid: &str, pin: &str) -> Authenticate {
    request_from(HOME, uid, pin)
}

fn request_from(source: &str, uid: &str, pin: &str) -> Authenticate {
    Authenticate {
        name: LoginName::Uid(Uid::parse(uid.as_bytes()).unwrap()),
        pin: Pin::new(pin.as_bytes()),
        service: None,
        source: source.parse().unwrap(),
    }
}

impl Campus {
    fn at_once(&self, uid: &str, pin: &str) -> Option<Verdict> {
        self.logins.authenticate_now(&request(uid, pin), self.clock.now())
    }

    fn log_in(&self, uid: &str, pin: &str) -> Verdict {
        self.log_in_from(HOME, uid, pin)
    }

    fn log_in_from(&self, source: &str, uid: &str, pin: &str) -> Verdict {
        let now = self.clock.now();
        let verdict = self.logins.authenticate(request_from(source, uid, pin), now);
        self.runtime.block_on(verdict)
    }

    /// A stranger guesses until the account is locked.
    fn lock_from(&self, source: &str) {
        for number in 0..8 {
            let _ = self.log_in_from(source, "ada", &format!("wrong {number}"));
        }
    }

    /// What is stored of ada's log-ins once all that is due has been.
    fn stored(&self) -> Option<LogInHistory> {
        self.runtime.block_on(async {
            self.logins.store_due().await;
            self.realm.stored_log_ins(&[ENTRY]).await.remove(0).unwrap()
        })
    }

    /// Keeps the pool's one thread until what is returned is dropped.
    fn hold_the_pool(&self) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel::<()>();
        let (started, begun) = mpsc::channel();
        let elsewhere = Urgency::LogIn(SourceGroup::Local);
        let hold = move |_: &mut HashMemory| {
            started.send(()).unwrap();
            let _ = held.recv();
        };
        self.logins.pool().post(elsewhere, hold).unwrap();
        begun.recv().unwrap();
        release
    }

    fn last_event(&self) -> AuditEvent {
        self.realm.audited.lock().unwrap().last().cloned().unwrap()
    }

    fn set(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.realm.state.lock().unwrap());
    }
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}

#[test]
fn a_right_pin_is_hashed_once_and_then_known_for_a_minute() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    assert!(campus.at_once("ada", RIGHT).is_none());
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(
        campus
            .at_once("ada", RIGHT)
            .is_some_and(|verdict| is_accepted(&verdict))
    );
    let AuditEvent::LoginAccepted { evidence, .. } = campus.last_event() else {
        panic!("it was accepted");
    };
    assert_eq!(evidence, Evidence::RecentLogin);
    assert!(campus.at_once("ada", "another").is_none());
    campus.clock.advance_ms(59_999);
    assert!(campus.at_once("ada", RIGHT).is_some());
    campus.clock.advance_ms(1);
    assert!(campus.at_once("ada", RIGHT).is_none());
}

#[test]
fn what_is_known_ends_with_the_pin_the_account_and_the_lock() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let is_known = || campus.at_once("ada", RIGHT).is_some();
    assert!(is_accepted(&campus.log_in("ada", RIGHT)) && is_known());
    campus.set(|account| account.standing = Standing::Disabled);
    assert!(!is_known());
    campus.set(|account| account.standing = Standing::Enabled);
    let lock = LockoutRecord(lock(START.plus_s(60), Holds::ForAll));
    campus.logins.heed(&lock.put(ENTRY), START).unwrap();
    assert!(!is_known());
    let unlock = Operation::Delete {
        key: LockoutRecord::key(ENTRY),
    };
    campus.logins.heed(&unlock, START).unwrap();
    assert!(is_known());
    campus.set(|account| account.hash = SSHA.into());
    assert!(!is_known());
}

#[test]
fn with_no_time_to_live_every_log_in_is_hashed() {
    let settings = LoginSettings {
        verified_s: 0,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(campus.at_once("ada", RIGHT).is_none());
}

#[test]
fn eight_different_wrong_pins_lock_for_half_an_hour_and_are_stored_before_the_answer() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    for number in 0..7 {
        assert!(matches!(
            campus.log_in("ada", &format!("wrong {number}")),
            Verdict::Refused
        ));
    }
    assert!(campus.realm.committed.lock().unwrap().is_empty());
    assert!(matches!(campus.log_in("ada", "wrong 7"), Verdict::Refused));
    let until = START.plus_s(1800);
    let committed = campus.realm.committed.lock().unwrap().pop().unwrap();
    let holds = Holds::ForOffenders(vec![group(HOME)]);
    assert!(committed.operations == [LockoutRecord(lock(until, holds)).put(ENTRY)]);
    assert!(matches!(campus.last_event(), AuditEvent::AccountLocked { .. }));
    campus.clock.advance_ms(30 * 60_000 - 1);
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    campus.clock.advance_ms(1);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn a_lock_found_at_start_holds() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let until = START.plus_s(60);
    let record = LockoutRecord(lock(until, Holds::ForAll));
    campus.logins.heed(&record.put(ENTRY), START).unwrap();
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    let AuditEvent::LoginRefused { reason, .. } = campus.last_event() else {
        panic!("it was refused");
    };
    assert_eq!(reason, RefusalReason::Locked(until));
}

#[test]
fn records_that_are_no_locks_are_not_heeded() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let put = |key, value: &[u8]| Operation::Put {
        key,
        value: value.into(),
        expires: None,
    };
    let entry = put(Key::new(Kind::Entry, &ENTRY.to_be_bytes()), b"\x01");
    assert_eq!(campus.logins.heed(&entry, START), Ok(()));
    let newer = put(LockoutRecord::key(ENTRY), b"\x03");
    assert_eq!(
        campus.logins.heed(&newer, START),
        Err(LockoutRecordError::Newer(3).into())
    );
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

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
        key: Key::new(Kind::Entry, &ENTRY.to_be_bytes()),
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
        let key = Key::new(Kind::Entry, &entry.to_be_bytes());
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
        unstored.add(entry);
    }
    assert_eq!(unstored.take().len(), UNSTORED_MAX);
    assert!(unstored.take().is_empty());
}

#[test]
fn an_imported_hash_is_replaced_after_the_answer() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    assert!(
        campus.at_once("ada", RIGHT).is_none(),
        "the first log-in replaces it"
    );
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    let (batch, event) = campus.soon.recv().unwrap();
    let key = Key::new(Kind::Entry, &ENTRY.to_be_bytes());
    assert_eq!(batch.guards, [Guard::UnchangedSince(key, Revision(5))]);
    let [Operation::Put { value, .. }] = &batch.operations[..] else {
        panic!("one record is written");
    };
    assert!(value.starts_with(b"{ARGON2}$argon2id$v=19$m=64,t=1,p=1$"));
    assert!(matches!(event, AuditEvent::HashUpgraded { .. }));
    campus.set(|account| account.hash = value.to_vec());
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(campus.soon.try_recv().is_err(), "once is enough");
}

#[test]
fn log_ins_in_flight_while_the_hash_is_replaced_are_judged_by_the_new_one() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    let release = campus.hold_the_pool();
    let log_in = |source, pin| {
        campus
            .logins
            .authenticate(request_from(source, "ada", pin), START)
    };
    let replace = async {
        campus.set(|account| account.hash = argon2id());
        drop(release);
    };
    let (right, wrong, ()) = campus
        .runtime
        .block_on(async { tokio::join!(log_in(HOME, RIGHT), log_in(AWAY, "wrong 0"), replace) });
    assert!(is_accepted(&right) && matches!(wrong, Verdict::Refused));
    assert!(
        campus.at_once("ada", RIGHT).is_some(),
        "it is known with the hash it was right for"
    );
    for number in 1..8 {
        let _ = campus.log_in_from(AWAY, "ada", &format!("wrong {number}"));
    }
    assert!(
        matches!(campus.last_event(), AuditEvent::AccountLocked { .. }),
        "the one in flight counts"
    );
}

#[test]
fn a_cheap_hash_that_may_stay_is_checked_at_once_if_the_pin_is_right() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
    assert!(
        campus
            .at_once("ada", RIGHT)
            .is_some_and(|verdict| is_accepted(&verdict))
    );
    for (uid, pin) in [("ada", "wrong"), ("bob", RIGHT), ("ada", "")] {
        assert!(campus.at_once(uid, pin).is_none(), "a refusal takes its time");
        assert!(matches!(campus.log_in(uid, pin), Verdict::Refused));
    }
}

#[test]
fn a_full_pool_is_busy() {
    let settings = LoginSettings {
        queue_max: 0,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    for uid in ["ada", "bob"] {
        assert!(matches!(campus.log_in(uid, RIGHT), Verdict::Busy));
    }
}

#[test]
fn a_flood_from_one_source_keeps_nobody_else_out() {
    let settings = LoginSettings {
        queue_max: 2,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    let release = campus.hold_the_pool();
    let log_in = |source, uid| {
        campus
            .logins
            .authenticate(request_from(source, uid, RIGHT), START)
    };
    let flood = |uid| log_in(AWAY, uid);
    let (first, second, third, honest, ()) = campus.runtime.block_on(async {
        tokio::join!(
            flood("x1"),
            flood("x2"),
            flood("x3"),
            log_in(HOME, "ada"),
            async { drop(release) }
        )
    });
    assert!(is_accepted(&honest));
    assert!(matches!(first, Verdict::Refused));
    assert!(matches!((second, third), (Verdict::Busy, Verdict::Busy)));
}

#[test]
fn a_refusal_and_busy_wait_for_their_floor_and_a_good_log_in_does_not() {
    let asked = Instant::now();
    let held = |verdict| held_until(&verdict, asked, 100).map(|moment| moment - asked);
    assert_eq!(held(Verdict::Refused), Some(Duration::from_millis(100)));
    assert_eq!(held(Verdict::Busy), Some(Duration::from_millis(100)));
    assert_eq!(held(Verdict::Accepted(Asker::Root)), None);
}

#[test]
fn one_account_is_upgraded_once_at_a_time() {
    let upgrading = Arc::default();
    let turn = Turn::take(&upgrading, 7).unwrap();
    assert!(Turn::take(&upgrading, 7).is_none() && Turn::take(&upgrading, 8).is_some());
    drop(turn);
    assert!(Turn::take(&upgrading, 7).is_some());
}
