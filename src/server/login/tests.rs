//! Log-ins through the pool, in a directory of one account on a store in memory.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, mpsc};
use std::task::Poll;

use tokio::sync::watch;

use super::*;
use crate::directory::login::authenticate::{LoginPolicy, UpgradeOnLogIn};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Authenticate, LoginName, Verdict};
use crate::domain::audit::{AuditEvent, Evidence, RefusalReason};
use crate::domain::lockout::{Attempts, Holds, Lock};
use crate::domain::log_ins::LogInHistory;
use crate::domain::pin::{self, HashMemory, Hashing};
use crate::index::testing::{Row, schema, snapshot};
use crate::index::{IndexHandle, Snapshot};
use crate::record::{Key, LockoutRecord, LockoutRecordError, LogInRecord, Operation, Record, Revision};
use crate::server::clock::{Clock, ManualClock};
use crate::server::index::realm::{Loaded, Realm};
use crate::server::login::hash_pool::Urgency;
use crate::server::observe::audit_log::AuditLog;
use crate::server::observe::log::queue::{Batch, Log};
use crate::store::memory::MemoryStore;
use crate::store::{self, Feed, LogBounds, Store, StoreId};
use crate::types::{Caller, EntryId, Pin, SourceGroup, Timestamp, Uid};

pub(super) const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
pub(super) const SSHA: &[u8] = b"{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM";
pub(super) const RIGHT: &str = "Orchid-42 tree";
pub(super) const ENTRY: EntryId = EntryId(7);
pub(super) const HOME: &str = "192.0.2.7";
pub(super) const AWAY: &str = "203.0.113.9";

/// Log-ins of `ada`, and the realm and the clock behind them.
pub(super) struct Campus {
    pub(super) logins: Logins,
    pub(super) realm: Arc<Realm>,
    pub(super) clock: Arc<ManualClock>,
    log: Arc<Log>,
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

/// The directory in which ada has this hash, and whatever `more` says of her.
fn directory_of(hash: &[u8], more: &[&str]) -> Snapshot {
    let password = format!("userPassword: {}", std::str::from_utf8(hash).unwrap());
    let person = [
        "objectClass: inetOrgPerson",
        "uid: ada",
        "cn: Ada",
        "sn: Lovelace",
        &password,
    ];
    snapshot(
        schema(),
        &[base(), Row(ENTRY.0, 1, "uid=ada", &[&person[..], more].concat())],
    )
}

fn base() -> Row<'static> {
    Row(1, 0, "dc=uni", &["objectClass: organization", "o: University"])
}

/// Log-ins of a process that has just started.
pub(super) fn campus_on(store: Arc<dyn Store>, hash: &[u8], settings: LoginSettings) -> Campus {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let clock = Arc::new(ManualClock::at(START));
    // Nobody follows the store: a commit counts as seen at once.
    let (_, reached) = watch::channel(Revision(u64::MAX));
    let index = Arc::new(IndexHandle::new(directory_of(hash, &[])));
    let log = Arc::new(Log::default());
    let realm = Arc::new(Realm {
        store,
        loaded: OnceLock::from(Loaded { index, reached }),
        schema: schema().clone(),
        principals: Arc::new(Principals::default()),
        audit: Arc::new(AuditLog::new(log.clone())),
        clock: clock.clone(),
        runtime: runtime.handle().clone(),
    });
    Campus {
        logins: Logins::start(realm.clone(), settings).unwrap(),
        realm,
        clock,
        log,
        runtime,
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
            self.logins.ledger().store_due().await;
        });
        let record = self.record(&LogInRecord::key(ENTRY))?;
        Some(LogInRecord::decode(&record.value).unwrap().0)
    }

    /// What the store holds under `key`.
    pub(super) fn record(&self, key: &Key) -> Option<Record> {
        let got = self
            .runtime
            .block_on(self.realm.store.get(std::slice::from_ref(key)));
        got.unwrap().1.remove(0)
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

    /// The last event since this was asked before.
    pub(super) fn last_event(&self) -> AuditEvent {
        self.newest_event().expect("an event")
    }

    fn newest_event(&self) -> Option<AuditEvent> {
        let mut batch = Batch::default();
        self.log.take(&mut batch);
        batch.audit_events().last().map(|(event, _)| event.clone())
    }

    /// Whether the store holds a lock.
    pub(super) fn is_lock_stored(&self) -> bool {
        self.record(&LockoutRecord::key(ENTRY)).is_some()
    }

    pub(super) fn commit(&self, operation: Operation) {
        let batch = crate::record::Batch {
            guards: Vec::new(),
            operations: vec![operation],
        };
        self.runtime.block_on(self.realm.store.commit(batch)).unwrap();
    }

    /// Waits until no hash is being replaced.
    fn settle(&self) {
        let (done, seen) = mpsc::channel();
        let last = move |_: &mut HashMemory| done.send(()).unwrap();
        self.logins.pool().post(Urgency::Upgrade, last).unwrap();
        seen.recv().unwrap();
        let spawned = async {
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
        };
        self.runtime.block_on(spawned);
    }

    /// What the first commit writes that comes after the store was made.
    pub(super) fn next_commit(&self) -> Vec<Operation> {
        let mut feed = self.realm.store.changes(Revision(0));
        loop {
            match self.runtime.block_on(store::next(&mut feed)) {
                Some(Ok(Feed::Change(change))) => return change.operations.clone(),
                Some(Ok(Feed::Progress(_))) => {}
                _ => panic!("the feed goes on"),
            }
        }
    }

    /// From now on ada has this hash.
    pub(super) fn set_hash(&self, hash: &[u8]) {
        self.publish(directory_of(hash, &[]));
    }

    /// From now on ada has this hash, and is disabled.
    pub(super) fn disable(&self, hash: &[u8]) {
        self.publish(directory_of(
            hash,
            &["objectClass: beadleAccount", "beadleDisabled: TRUE"],
        ));
    }

    /// From now on there is no ada.
    pub(super) fn remove(&self) {
        self.publish(snapshot(schema(), &[base()]));
    }

    fn publish(&self, snapshot: Snapshot) {
        self.realm.loaded.get().unwrap().index.publish(snapshot);
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
    campus.disable(&argon2id());
    assert!(!is_known());
    campus.set_hash(&argon2id());
    let lock = LockoutRecord(lock(START.plus_s(60), Holds::ForAll));
    campus.logins.ledger().heed(&lock.put(ENTRY), START).unwrap();
    assert!(!is_known());
    let unlock = Operation::Delete {
        key: LockoutRecord::key(ENTRY),
    };
    campus.logins.ledger().heed(&unlock, START).unwrap();
    assert!(is_known());
    campus.set_hash(SSHA);
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
    assert!(!campus.is_lock_stored());
    assert!(matches!(campus.log_in("ada", "wrong 7"), Verdict::Refused));
    let until = START.plus_s(1800);
    let holds = Holds::ForOffenders(vec![group(HOME)]);
    let stored = campus.record(&LockoutRecord::key(ENTRY)).unwrap();
    assert_eq!(
        LockoutRecord::decode(&stored.value).unwrap().0,
        lock(until, holds)
    );
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
    campus.logins.ledger().heed(&record.put(ENTRY), START).unwrap();
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
    assert_eq!(campus.logins.ledger().heed(&entry, START), Ok(()));
    let newer = put(LockoutRecord::key(ENTRY), b"\x03");
    assert_eq!(
        campus.logins.ledger().heed(&newer, START),
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
    let written = campus.next_commit();
    let [Operation::Put { key, value, .. }] = &written[..] else {
        panic!("one record is written");
    };
    assert_eq!(*key, Key::entry(ENTRY));
    let text = String::from_utf8_lossy(value);
    let start = text
        .find("{ARGON2}$argon2id$v=19$m=64,t=1,p=1$")
        .expect("the new hash");
    assert!(matches!(campus.last_event(), AuditEvent::HashUpgraded { .. }));
    campus.set_hash(&value[start..start + argon2id().len()]);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(
        matches!(campus.last_event(), AuditEvent::LoginAccepted { .. }),
        "once is enough"
    );
}

#[test]
fn a_pin_set_while_the_hash_is_replaced_wins() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    // The directory was read at revision 1.
    for value in [b"a record", b"another!"] {
        campus.commit(Operation::put(Key::entry(ENTRY), *value));
    }
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    campus.settle();
    let stored = campus.record(&Key::entry(ENTRY)).unwrap();
    assert_eq!(*stored.value, *b"another!");
    assert!(matches!(campus.last_event(), AuditEvent::LoginAccepted { .. }));
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
        campus.set_hash(&argon2id());
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
            match campus
                .logins
                .ledger()
                .with_attempts(Some(ENTRY), START, is_locked)
            {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    });
    campus.runtime.block_on(async {
        while !matches!(campus.newest_event(), Some(AuditEvent::AccountLocked { .. })) {
            tokio::task::yield_now().await;
        }
    });
    assert!(campus.is_lock_stored());
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
