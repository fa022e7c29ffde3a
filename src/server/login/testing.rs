//! A directory of one account on a store in memory, for the tests of this folder.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, mpsc};

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::*;
use crate::directory::login::authenticate::{LoginPolicy, UpgradeOnLogIn};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Authenticate, LoginName, Verdict};
use crate::domain::audit::AuditEvent;
use crate::domain::lockout::{Holds, Lock};
use crate::domain::log_ins::LogInHistory;
use crate::domain::pin::{self, HashMemory, Hashing};
use crate::index::testing::{Row, change, schema, snapshot};
use crate::index::{IndexHandle, Snapshot};
use crate::record::{Key, LockoutRecord, LogInRecord, Operation, Record, Revision};
use crate::server::clock::{Clock, ManualClock};
use crate::server::index::realm::{Loaded, Realm};
use crate::server::login::hash_pool::Urgency;
use crate::server::observe::audit_log::AuditLog;
use crate::server::observe::log::queue::{Lines, Log};
use crate::store::memory::MemoryStore;
use crate::store::{self, Feed, LogBounds, Store, StoreId};
use crate::types::{EntryId, Pin, SourceGroup, Timestamp, Uid};

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
    pub(super) log: Arc<Log>,
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
        "mail: ada@uni.example",
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
        tasks: TaskTracker::new(),
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
        let elsewhere = Urgency::from_peer(SourceGroup::Local);
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

    pub(super) fn newest_event(&self) -> Option<AuditEvent> {
        let mut batch = Lines::default();
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
    pub(super) fn settle(&self) {
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

    /// From now on the directory is one with this change.
    pub(super) fn apply(&self, operation: Operation) {
        let before = self.realm.snapshot().unwrap();
        let after = change(before.revision().0 + 1, vec![operation]);
        self.publish(before.apply(&[after], schema()).unwrap());
    }

    fn publish(&self, snapshot: Snapshot) {
        self.realm.loaded.get().unwrap().index.publish(snapshot);
    }
}

pub(super) fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}
