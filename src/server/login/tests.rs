//! Log-ins through the pool, on a made-up realm of one account.

use std::net::IpAddr;
use std::sync::mpsc;
use std::task::Poll;

use super::*;
use crate::directory::login::account::Standing;
use crate::directory::request::{Asker, LoginName, Member};
use crate::domain::audit::{Evidence, RefusalReason};
use crate::domain::lockout::{Attempts, Holds, Lock};
use crate::domain::log_ins::LogInHistory;
use crate::domain::pin::{HashMemory, Hashing};
use crate::record::{
    Guard, Key, LockoutRecord, LockoutRecordError, LogInRecord, Operation, Record, Revision,
};
use crate::server::clock::ManualClock;
use crate::store::memory::MemoryStore;
use crate::store::{LogBounds, Store, StoreId};
use crate::types::{Caller, Dn, Pin, PinHash, SourceGroup, Uid};

pub(super) const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
pub(super) const SSHA: &[u8] = b"{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM";
pub(super) const RIGHT: &str = "Orchid-42 tree";
pub(super) const ENTRY: EntryId = EntryId(7);
pub(super) const HOME: &str = "192.0.2.7";
pub(super) const AWAY: &str = "203.0.113.9";

/// A realm of one account, `ada`.
pub(super) struct OneAccount {
    pub(super) state: Mutex<Account>,
    pub(super) store: Arc<dyn Store>,
    pub(super) committed: Mutex<Vec<Batch>>,
    pub(super) audited: Mutex<Vec<AuditEvent>>,
    pub(super) soon: mpsc::Sender<(Batch, AuditEvent)>,
}

#[derive(Clone)]
pub(super) struct Account {
    pub(super) hash: Vec<u8>,
    pub(super) standing: Standing,
    pub(super) is_gone: bool,
    /// Whether the store answers nobody.
    pub(super) is_silent: bool,
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

    fn is_gone(&self, _entry: EntryId) -> bool {
        self.is_gone
    }

    fn with_hash(&self, entry: EntryId, hash: &PinHash) -> Option<Operation> {
        Some(Operation::Put {
            key: Key::entry(entry),
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

    async fn stored_log_ins(&self, entries: &[EntryId]) -> Vec<StoredLogIns> {
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
pub(super) struct Campus {
    pub(super) logins: Logins<OneAccount>,
    pub(super) realm: Arc<OneAccount>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) soon: mpsc::Receiver<(Batch, AuditEvent)>,
    pub(super) runtime: tokio::runtime::Runtime,
}

pub(super) fn settings(upgrade: UpgradeOnLogIn) -> LoginSettings {
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

pub(super) fn campus(hash: &[u8], settings: LoginSettings) -> Campus {
    campus_on(Arc::new(memory_store()), hash, settings)
}

pub(super) fn memory_store() -> MemoryStore {
    MemoryStore::new(StoreId(1), LogBounds::default())
}

/// Log-ins of a process that has just started.
pub(super) fn campus_on(store: Arc<dyn Store>, hash: &[u8], settings: LoginSettings) -> Campus {
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

pub(super) fn group(source: &str) -> SourceGroup {
    SourceGroup::from(source.parse::<IpAddr>().unwrap())
}

pub(super) fn lock(until: Timestamp, holds: Holds) -> Lock {
    Lock { until, holds }
}

/// An argon2id hash that needs no replacing.
pub(super) fn argon2id() -> Vec<u8> {
    let pin = Pin::new(RIGHT.as_bytes());
    let hashing = Hashing::new(64, 1, 1).unwrap();
    pin::hash(&pin, hashing, [3; 16], &mut HashMemory::default())
        .expose()
        .into()
}

pub(super) fn request(uid: &str, pin: &str) -> Authenticate {
    request_from(HOME, uid, pin)
}

pub(super) fn request_from(source: &str, uid: &str, pin: &str) -> Authenticate {
    Authenticate {
        name: LoginName::Uid(Uid::parse(uid.as_bytes()).unwrap()),
        pin: Pin::new(pin.as_bytes()),
        service: None,
        source: source.parse().unwrap(),
        caller: None,
    }
}

impl Campus {
    pub(super) fn at_once(&self, uid: &str, pin: &str) -> Option<Verdict> {
        self.logins.authenticate_now(&request(uid, pin), self.clock.now())
    }

    pub(super) fn log_in(&self, uid: &str, pin: &str) -> Verdict {
        self.log_in_from(HOME, uid, pin)
    }

    pub(super) fn log_in_from(&self, source: &str, uid: &str, pin: &str) -> Verdict {
        let now = self.clock.now();
        let verdict = self.logins.authenticate(request_from(source, uid, pin), now);
        self.runtime.block_on(verdict)
    }

    /// A stranger guesses until the account is locked.
    pub(super) fn lock_from(&self, source: &str) {
        for number in 0..8 {
            let _ = self.log_in_from(source, "ada", &format!("wrong {number}"));
        }
    }

    /// What is stored of ada's log-ins once all that is due has been.
    pub(super) fn stored(&self) -> Option<LogInHistory> {
        self.runtime.block_on(async {
            self.logins.store_due().await;
            self.realm.stored_log_ins(&[ENTRY]).await.remove(0).unwrap()
        })
    }

    /// Keeps the pool's one thread until what is returned is dropped.
    pub(super) fn hold_the_pool(&self) -> mpsc::Sender<()> {
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

    pub(super) fn last_event(&self) -> AuditEvent {
        self.realm.audited.lock().unwrap().last().cloned().unwrap()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.realm.state.lock().unwrap());
    }
}

pub(super) fn is_accepted(verdict: &Verdict) -> bool {
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
    let entry = put(Key::entry(ENTRY), b"\x01");
    assert_eq!(campus.logins.heed(&entry, START), Ok(()));
    let newer = put(LockoutRecord::key(ENTRY), b"\x03");
    assert_eq!(
        campus.logins.heed(&newer, START),
        Err(LockoutRecordError::Newer(3).into())
    );
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
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
    let key = Key::entry(ENTRY);
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
    let turn = Turn::take(&upgrading, EntryId(7)).unwrap();
    assert!(Turn::take(&upgrading, EntryId(7)).is_none() && Turn::take(&upgrading, EntryId(8)).is_some());
    drop(turn);
    assert!(Turn::take(&upgrading, EntryId(7)).is_some());
}

#[test]
fn a_lock_is_stored_and_told_though_whoever_guessed_is_gone() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
    (0..7).for_each(|number| {
        campus.log_in("ada", &format!("wrong {number}"));
    });
    campus.runtime.block_on(async {
        let mut guess = std::pin::pin!(campus.logins.authenticate(request("ada", "wrong 7"), START));
        // Until it is decided; what follows from that has not begun.
        std::future::poll_fn(|context| {
            let _ = guess.as_mut().poll(context);
            let is_locked = |attempts: &mut Attempts| attempts.is_locked(START);
            match campus.logins.attempts.with(Some(ENTRY), START, is_locked) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    });
    campus.runtime.block_on(async {
        while !matches!(campus.last_event(), AuditEvent::AccountLocked { .. }) {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(campus.realm.committed.lock().unwrap().len(), 1);
}

#[test]
fn behind_one_client_a_strangers_guesses_do_not_lock_the_owner_out() {
    let owner = Caller::Mac([2, 0, 0, 0, 0, 1]);
    for stranger in [
        Caller::Mac([2, 0, 0, 0, 0, 2]),
        Caller::Address(AWAY.parse().unwrap()),
    ] {
        let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
        let log_in = |caller, pin: &str| {
            let caller = Some(caller);
            let request = Authenticate {
                caller,
                ..request("ada", pin)
            };
            let verdict = campus.logins.authenticate(request, START);
            matches!(campus.runtime.block_on(verdict), Verdict::Accepted(_))
        };
        assert!(log_in(owner, RIGHT));
        for number in 0..8 {
            assert!(!log_in(stranger, &format!("wrong {number}")));
        }
        assert!(!log_in(stranger, RIGHT), "it is locked for the stranger");
        assert!(log_in(owner, RIGHT));
        let AuditEvent::LoginAccepted { origin, .. } = campus.last_event() else {
            panic!("not accepted");
        };
        assert_eq!(
            (origin.source.to_string().as_str(), origin.caller),
            (HOME, Some(owner))
        );
    }
}
