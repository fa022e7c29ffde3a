//! Log-ins through the pool, on a made-up realm of one account.

use std::sync::mpsc;

use super::*;
use crate::directory::account::Standing;
use crate::directory::request::{Asker, LoginName, Member};
use crate::domain::audit::{Evidence, RefusalReason};
use crate::domain::pin::{HashMemory, Hashing};
use crate::record::{Guard, Key, Kind, Revision};
use crate::server::clock::ManualClock;
use crate::types::{Dn, Pin, PinHash, Uid};

const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
const SSHA: &[u8] = b"{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM";
const RIGHT: &str = "Orchid-42 tree";
const ENTRY: u64 = 7;

/// A realm of one account, `ada`.
struct OneAccount {
    state: Mutex<Account>,
    committed: Mutex<Vec<Batch>>,
    audited: Mutex<Vec<AuditEvent>>,
    soon: mpsc::Sender<(Batch, AuditEvent)>,
}

#[derive(Clone)]
struct Account {
    hash: Vec<u8>,
    standing: Standing,
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
        self.committed.lock().unwrap().push(batch);
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
    let (soon, receiver) = mpsc::channel();
    let realm = Arc::new(OneAccount {
        state: Mutex::new(Account {
            hash: hash.into(),
            standing: Standing::Enabled,
        }),
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

/// An argon2id hash that needs no replacing.
fn argon2id() -> Vec<u8> {
    let pin = Pin::new(RIGHT.as_bytes());
    let hashing = Hashing::new(64, 1, 1).unwrap();
    pin::hash(&pin, hashing, [3; 16], &mut HashMemory::default())
        .expose()
        .into()
}

fn request(uid: &str, pin: &str) -> Authenticate {
    Authenticate {
        name: LoginName::Uid(Uid::parse(uid.as_bytes()).unwrap()),
        pin: Pin::new(pin.as_bytes()),
        service: None,
        source: "192.0.2.7".parse().unwrap(),
    }
}

impl Campus {
    fn at_once(&self, uid: &str, pin: &str) -> Option<Verdict> {
        self.logins.authenticate_now(&request(uid, pin), self.clock.now())
    }

    fn log_in(&self, uid: &str, pin: &str) -> Verdict {
        let now = self.clock.now();
        self.runtime
            .block_on(self.logins.authenticate(request(uid, pin), now))
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
    let lock = LockoutRecord {
        until: START.plus_s(60),
    };
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
    assert!(committed.operations == [LockoutRecord { until }.put(ENTRY)]);
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
    campus
        .logins
        .heed(&LockoutRecord { until }.put(ENTRY), START)
        .unwrap();
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
    let newer = put(LockoutRecord::key(ENTRY), b"\x02");
    assert_eq!(
        campus.logins.heed(&newer, START),
        Err(LockoutRecordError::Newer(2))
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
fn a_refusal_waits_for_its_floor_and_nothing_else_does() {
    let asked = Instant::now();
    let held = |verdict| held_until(&verdict, asked, 100).map(|moment| moment - asked);
    assert_eq!(held(Verdict::Refused), Some(Duration::from_millis(100)));
    assert_eq!(held(Verdict::Accepted(Asker::Root)), None);
    assert_eq!(held(Verdict::Busy), None);
}

#[test]
fn one_account_is_upgraded_once_at_a_time() {
    let upgrading = Arc::default();
    let turn = Turn::take(&upgrading, 7).unwrap();
    assert!(Turn::take(&upgrading, 7).is_none() && Turn::take(&upgrading, 8).is_some());
    drop(turn);
    assert!(Turn::take(&upgrading, 7).is_some());
}
