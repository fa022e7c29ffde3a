//! A small directory in memory behind the daemon's own runner.

use std::sync::{Arc, OnceLock};

use beadle::config::{DiskFiles, Source, check};
use beadle::domain::entry::{Attribute, Entry};
use beadle::domain::pin::{HashMemory, Hashing, hash};
use beadle::domain::schema::Schema;
use beadle::index::{IndexHandle, Snapshot};
use beadle::record::entry::StoredEntry;
use beadle::record::{Batch, Key, Operation, Revision};
use beadle::server::boot::plan::Plan;
use beadle::server::change_numbers::ChangeNumbers;
use beadle::server::clock::SystemClock;
use beadle::server::entry_ids::EntryIds;
use beadle::server::index::follower::{Follower, IndexPlan, load};
use beadle::server::index::hearing::Heard;
use beadle::server::index::realm::{Loaded, Realm};
use beadle::server::login::Logins;
use beadle::server::observe::audit_log::AuditLog;
use beadle::server::observe::log::queue::Log;
use beadle::server::runner::Runner;
use beadle::store::memory::MemoryStore;
use beadle::store::{LogBounds, Store, StoreId};
use beadle::types::{Dn, EntryId, Pin};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The base entry.
pub const BASE: &str = "dc=uni,dc=example";
/// A member whose PIN is `right-pin`.
pub const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";
/// The hash of that PIN: it costs nothing to check.
pub const RIGHT_PIN: &str = "{SSHA}95ZRk5PwCcEhRirJc6IfU6eJbelzYWx0c2FsdA==";

/// Hashes that cost little, refusals that come at once; everybody may read everything but PINs.
pub const PLAIN: &str = r#"
base_dn = "dc=uni,dc=example"
[hashing]
memory_kib = 64
iterations = 1
upgrade_on_log_in = false
refusal_floor_ms = 0
[access]
rules = [
  "the public may read cn, sn, uid, description, objectClass, ou, o of everything",
  "members may read * of everything",
  "services may read *, + of everything",
]
never_public = []
[limits]
entries_max_public = 1000000
"#;

/// An entry: its DN, and lines of `name: value`.
pub type Row = (String, Vec<String>);

/// A directory and who answers from it.
pub struct Town {
    /// Who answers.
    pub runner: Arc<Runner>,
    /// Where audit events and request lines go.
    pub log: Arc<Log>,
    /// The settings.
    pub plan: Plan,
}

impl Town {
    /// The base, `ou=people`, ada and `more`. Inside a runtime.
    pub async fn new(plan: Plan, more: &[Row]) -> Town {
        let log = Arc::new(Log::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(StoreId(1), LogBounds::default()));
        fill(&*store, &plan.entries.schema, &[above(), more.to_vec()].concat()).await;
        let realm = Arc::new(Realm {
            loaded: OnceLock::from(loaded(&store, &plan).await),
            store,
            schema: plan.entries.schema.clone(),
            principals: plan.rules.principals.clone(),
            audit: Arc::new(AuditLog::new(log.clone())),
            clock: Arc::new(SystemClock),
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
        });
        let runner = Arc::new(Runner {
            directory: plan.rules.directory.clone(),
            logins: Logins::start(realm.clone(), plan.rules.login).expect("threads"),
            change_rules: plan.rules.changes.clone(),
            entry_ids: EntryIds::default(),
            change_numbers: ChangeNumbers::default(),
            space: Arc::default(),
            clock: realm.clock.clone(),
            realm,
        });
        Town { runner, log, plan }
    }

    /// The names that begin with `ou=u`, sorted.
    pub fn units(&self) -> Vec<String> {
        let snapshot = self.runner.realm.snapshot().expect("loaded");
        let names = told(&snapshot).into_iter().map(|(name, _)| name);
        names.filter(|name| name.starts_with("ou=u")).collect()
    }

    /// Checks that an index built from the store is the one that followed it, and that everything is below the base.
    pub async fn rebuilt_is_the_same(&self) {
        let rebuilt = load(&*self.runner.realm.store, &index_plan(&self.plan)).await;
        let rebuilt = told(&rebuilt.expect("no entry without its parent"));
        let followed = told(&self.runner.realm.snapshot().expect("loaded"));
        assert_eq!(rebuilt, followed);
        assert!(followed.iter().all(|(name, _)| name.ends_with(BASE)));
    }
}

/// A line that gives its entry `pin` by a hash that takes a while, though a short one.
pub fn argon2id(pin: &str) -> String {
    let hashing = Hashing::new(64, 1, 1).expect("sensible");
    let hash = hash(
        &Pin::new(pin.as_bytes()),
        hashing,
        [3; 16],
        &mut HashMemory::default(),
    );
    format!("userPassword: {}", String::from_utf8_lossy(hash.expose()))
}

/// What `configuration` says.
pub fn plan(configuration: &str) -> Plan {
    let source = Source::new("town".into(), configuration.into());
    let checked = check(&source, &DiskFiles).map_err(|report| report.to_string());
    checked.expect("settings").0.into()
}

/// A person with the UID `uid`, and what else is said of them.
pub fn person(uid: &str, more: &[&str]) -> Row {
    let own = ["objectClass: inetOrgPerson", "cn: x", "sn: x"].map(str::to_owned);
    let more = more.iter().map(|line| (*line).to_owned());
    let lines = own.into_iter().chain([format!("uid: {uid}")]).chain(more);
    (format!("uid={uid},ou=people,{BASE}"), lines.collect())
}

fn above() -> Vec<Row> {
    let row = |dn: String, lines: &[&str]| (dn, lines.iter().map(|line| (*line).to_owned()).collect());
    vec![
        row(BASE.to_owned(), &["objectClass: organization", "o: University"]),
        row(
            format!("ou=people,{BASE}"),
            &["objectClass: organizationalUnit", "ou: people"],
        ),
        person("ada", &[&format!("userPassword: {RIGHT_PIN}")]),
    ]
}

/// Writes the rows in their order, those above before those below.
async fn fill(store: &dyn Store, schema: &Schema, rows: &[Row]) {
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let id_of = |dn: &str| {
        ids.iter()
            .position(|known| *known == dn)
            .map(|at| EntryId(at as u64 + 1))
    };
    for (dn, lines) in rows {
        let above = dn.split_once(',').and_then(|(_, above)| id_of(above));
        let entry = entry(schema, if dn == BASE { "dc=uni" } else { dn }, lines);
        let id = id_of(dn).expect("a row of these");
        let stored = StoredEntry::new(schema, id, above, &entry).expect("an entry");
        let batch = Batch {
            guards: Vec::new(),
            operations: vec![Operation::put(Key::entry(id), stored.encode())],
        };
        store.commit(batch).await.expect("stored");
    }
}

/// The operation that writes the entry `id` below `parent`, 0 for none.
pub fn put(schema: &Schema, id: u64, parent: u64, rdn: &str, lines: &[String]) -> Operation {
    let above = (parent != 0).then_some(EntryId(parent));
    let entry = entry(schema, rdn, lines);
    let stored = StoredEntry::new(schema, EntryId(id), above, &entry).expect("an entry");
    Operation::put(Key::entry(EntryId(id)), stored.encode())
}

/// The index of what these operations write, as it is built at start.
pub fn index_of(plan: &Plan, operations: Vec<Operation>) -> Snapshot {
    let store = MemoryStore::new(StoreId(1), LogBounds::default());
    let batch = Batch {
        guards: Vec::new(),
        operations,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(async {
        store.commit(batch).await.expect("stored");
        load(&store, &index_plan(plan)).await.expect("an index")
    })
}

fn entry(schema: &Schema, dn: &str, lines: &[String]) -> Entry {
    let mut attributes: Vec<Attribute> = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("name: value");
        let description = schema.describe(name.as_bytes()).expect("a known attribute");
        let value = value.as_bytes().into();
        match attributes
            .iter_mut()
            .find(|attribute| attribute.description == description)
        {
            Some(attribute) => attribute.values.push(value),
            None => attributes.push(Attribute {
                description,
                values: vec![value],
            }),
        }
    }
    let dn = Dn::parse(dn).expect("a name");
    Entry { dn, attributes }
}

/// How the index is built.
fn index_plan(plan: &Plan) -> IndexPlan {
    IndexPlan {
        schema: plan.entries.schema.clone(),
        base: plan.base.clone(),
        settings: plan.entries.index.clone(),
        sets: plan.rules.directory.access().sets(),
        seed: 7,
    }
}

/// The index of what `store` holds, kept current by a thread until the process ends.
async fn loaded(store: &Arc<dyn Store>, plan: &Plan) -> Loaded {
    let index_plan = index_plan(plan);
    let snapshot = load(&**store, &index_plan).await.expect("an index");
    let index = Arc::new(IndexHandle::new(snapshot));
    let hear = Arc::new(|_: Heard<'_>| {});
    let (follower, reached) = Follower::new(store.clone(), index_plan, index.clone(), hear);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(follower.run(CancellationToken::new()));
    });
    Loaded { index, reached }
}

/// The name and the revision of every entry.
fn told(snapshot: &Snapshot) -> Vec<(String, Revision)> {
    let mut told: Vec<_> = snapshot
        .entries()
        .map(|entry| (entry.dn_text(), entry.revision()))
        .collect();
    told.sort_unstable();
    told
}
