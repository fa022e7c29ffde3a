//! The daemon from its first socket to its last answer.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;

use crate::exchange::import::Writers;
use crate::index::{IndexHandle, Snapshot};
use crate::server::boot::listeners::Listeners;
use crate::server::boot::owner::{self, OtherOwner};
use crate::server::boot::plan::Plan;
use crate::server::boot::signals::{HangUp, Signals};
use crate::server::boot::sockets::{SocketError, Sockets};
use crate::server::change_numbers::ChangeNumbers;
use crate::server::clock::{Clock, SystemClock};
use crate::server::entropy::SystemEntropy;
use crate::server::entry_ids::EntryIds;
use crate::server::http::admin_socket::AdminSocket;
use crate::server::http::api::Administration;
use crate::server::http::tls::{self, Tls, TlsError};
use crate::server::index::base_name;
use crate::server::index::follower::{self, Follower, IndexPlan, LoadError};
use crate::server::index::hearing::{Hear, Heard};
use crate::server::index::realm::{Loaded, Realm};
use crate::server::ldap::listener::Shutdown;
use crate::server::local::socket::LocalSocketError;
use crate::server::login::Logins;
use crate::server::observe::audit_log::AuditLog;
use crate::server::observe::log::queue::Log;
use crate::server::radius::latches;
use crate::server::runner::Runner;
use crate::server::work::space_watch;
use crate::server::work::spool;
use crate::server::work::sweeper;
use crate::server::work::transfer::Site;
use crate::store::sled::SledStore;
use crate::store::{OpenError, Store};
use crate::types::Entropy;

/// How long open connections may take to end after SIGTERM, in seconds.
const DRAIN_S_MAX: u64 = 20;

/// Why the daemon did not start. Each is one sentence that names the path or the address.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address or a Unix socket is in use or not this machine's.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The store's folder is another user's.
    #[error(transparent)]
    Owner(#[from] OtherOwner),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The administration socket.
    #[error(transparent)]
    AdminSocket(#[from] LocalSocketError),
    /// The directory in the store.
    #[error("the directory in {} cannot be loaded: {source}", path.display())]
    Load {
        /// The store's folder.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// The system has no threads or signals to give.
    #[error("the system refuses a thread or a signal handler: {0}")]
    System(#[from] io::Error),
}

/// Runs the daemon until SIGTERM or SIGINT, then ends every connection after its present request and closes
/// the store. Lines of requests and audit events go into `log`. `ready` is called once it answers. Errors: [`StartError`]; nothing is left running.
pub async fn run(plan: Plan, log: Arc<Log>, ready: impl FnOnce() + Send) -> Result<(), StartError> {
    let sockets = Sockets::bind(&plan.listen)?;
    serve(plan, log, sockets, Signals::new(HangUp::Reload)?, ready).await
}

/// As [`run`], on sockets and with signals that are there already.
pub async fn serve(
    plan: Plan,
    log: Arc<Log>,
    sockets: Sockets,
    mut signals: Signals,
    ready: impl FnOnce() + Send,
) -> Result<(), StartError> {
    owner::check(&plan.entries.store.path)?;
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&plan.entries.store, &mut SystemEntropy)?);
    let tls = Arc::new(load_tls(&plan)?);
    let administration = AdminSocket::bind(&plan.admin_socket)?;
    let shutdown = Shutdown::default();
    let runner = Arc::new(runner(&plan, store, log, &shutdown)?);
    // They answer "busy" until the index is loaded.
    Listeners {
        plan: &plan,
        runner: &runner,
        tls: &tls,
        shutdown: &shutdown,
    }
    .serve(sockets)?;
    let loaded = tokio::select! {
        loaded = load(&plan, &runner, &shutdown) => Some(loaded?),
        () = signals.serve(&tls) => None,
    };
    if let Some(loaded) = loaded {
        let commands = commands(&plan, &runner, &tls, loaded);
        shutdown
            .tasks
            .spawn(administration.serve(commands, shutdown.stop.clone()));
        ready();
        signals.serve(&tls).await;
    }
    drain(&shutdown).await;
    Ok(())
}

fn load_tls(plan: &Plan) -> Result<Tls, TlsError> {
    let files = match &plan.ldap.tls {
        Some(files) => files.clone(),
        None => {
            let folder = &plan.entries.store.path;
            tracing::warn!(target: "beadle", folder = %folder.display(), "no [tls] in the configuration: using a self-signed certificate");
            tls::self_signed(folder, own_names())?
        }
    };
    Tls::load(files)
}

/// What clients on this machine call it. OpenLDAP's replace `localhost` by the host name when they check.
fn own_names() -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let names = ["localhost", host.trim(), "127.0.0.1", "::1"];
    names
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect()
}

fn runner(
    plan: &Plan,
    store: Arc<dyn Store>,
    log: Arc<Log>,
    shutdown: &Shutdown,
) -> Result<Runner, StartError> {
    let (schema, clock): (_, Arc<dyn Clock>) = (plan.entries.schema.clone(), Arc::new(SystemClock));
    let realm = Arc::new(Realm {
        store,
        loaded: OnceLock::new(),
        schema,
        principals: plan.rules.principals.clone(),
        audit: Arc::new(AuditLog::new(log)),
        clock: clock.clone(),
        runtime: Handle::current(),
        tasks: shutdown.tasks.clone(),
    });
    Ok(Runner {
        directory: plan.rules.directory.clone(),
        logins: Logins::start(realm.clone(), plan.rules.login)?,
        change_rules: plan.rules.changes.clone(),
        entry_ids: EntryIds::default(),
        change_numbers: ChangeNumbers::default(),
        realm,
        space: Arc::default(),
        clock,
    })
}

/// What the administration socket acts on.
fn commands(plan: &Plan, runner: &Runner, tls: &Arc<Tls>, loaded: Loaded) -> Administration {
    let place = Site {
        store: runner.realm.store.clone(),
        snapshots: Arc::new(loaded),
        schema: plan.entries.schema.clone(),
        base: plan.base.clone(),
        unique: plan.rules.changes.unique.clone(),
        runtime: Handle::current(),
        writers: Writers::Several,
    };
    let (tls, clock, spool) = (tls.clone(), runner.clock.clone(), plan.entries.store.path.clone());
    spool::clear(&spool);
    Administration {
        place,
        directory: plan.rules.directory.clone(),
        tls,
        clock,
        audit: runner.realm.audit.clone(),
        spool,
    }
}

fn random_seed() -> u64 {
    let mut seed = [0; 8];
    SystemEntropy.fill(&mut seed);
    u64::from_ne_bytes(seed)
}

/// Builds the index on a thread of its own and starts to follow the store.
async fn load(plan: &Plan, runner: &Arc<Runner>, shutdown: &Shutdown) -> Result<Loaded, StartError> {
    let index_plan = IndexPlan {
        schema: plan.entries.schema.clone(),
        base: plan.base.clone(),
        settings: plan.entries.index.clone(),
        sets: plan.rules.directory.access().sets(),
        seed: random_seed(),
    };
    let hear = hear(runner);
    let (store, building) = (runner.realm.store.clone(), index_plan.clone());
    let loading =
        tokio::task::spawn_blocking(move || Handle::current().block_on(load_kept(&*store, &building)));
    let path = plan.entries.store.path.clone();
    let snapshot = match loading.await {
        Ok(loaded) => loaded.map_err(|source| StartError::Load { path, source })?,
        Err(died) => std::panic::resume_unwind(died.into_panic()),
    };
    tracing::info!(target: "beadle", entries = snapshot.len(), "loaded");
    hear(Heard::Built {
        before: None,
        after: &snapshot,
    });
    latches::restore(&plan.radius.clients, &snapshot, runner.clock.now());
    let index = Arc::new(IndexHandle::new(snapshot));
    let (follower, reached) = Follower::new(runner.realm.store.clone(), index_plan, index.clone(), hear);
    let (stop, here) = (shutdown.stop.clone(), Handle::current());
    shutdown
        .tasks
        .spawn_blocking(move || here.block_on(follower.run(stop)));
    let (store, clock) = (runner.realm.store.clone(), runner.clock.clone());
    let looking = space_watch::run(store.clone(), runner.space.clone(), shutdown.stop.clone());
    shutdown.tasks.spawn(looking);
    shutdown
        .tasks
        .spawn(sweeper::run(store, clock, shutdown.stop.clone()));
    let (keeping, stop) = (runner.clone(), shutdown.stop.clone());
    shutdown
        .tasks
        .spawn(async move { keeping.logins.ledger().keep(stop).await });
    let loaded = Loaded { index, reached };
    // Loading happens once, so the cell is empty.
    let _ = runner.realm.loaded.set(loaded.clone());
    runner.realm.audit.name_by(loaded.index.clone());
    Ok(loaded)
}

/// Reads the directory, and makes its store remember its name.
async fn load_kept(store: &dyn Store, plan: &IndexPlan) -> Result<Snapshot, LoadError> {
    let (snapshot, is_kept) = follower::load_own(store, plan).await?;
    if !is_kept && let Err(error) = base_name::keep(store, &plan.base).await {
        tracing::warn!(target: "beadle", %error, "the store cannot remember base_dn");
    }
    Ok(snapshot)
}

/// Log-ins hear of what is stored, for the sake of locks.
fn hear(runner: &Arc<Runner>) -> Arc<Hear> {
    let runner = runner.clone();
    Arc::new(move |heard: Heard<'_>| runner.logins.ledger().hear(heard, runner.clock.now()))
}

async fn drain(shutdown: &Shutdown) {
    tracing::info!(target: "beadle", "stopping");
    shutdown.stop.cancel();
    shutdown.tasks.close();
    if tokio::time::timeout(Duration::from_secs(DRAIN_S_MAX), shutdown.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(target: "beadle", "some connections did not end in time");
    }
}
