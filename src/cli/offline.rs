//! A store whose daemon is stopped, as a site to import into and export from.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use tokio::runtime::{Handle, Runtime};

use super::{logging, output};
use crate::config::settings::Log;
use crate::domain::audit::{AuditEvent, Subject};
use crate::exchange::import::{ImportError, Writers};
use crate::index::Snapshot;
use crate::record::Revision;
use crate::server::boot::owner;
use crate::server::boot::plan::Plan;
use crate::server::clock::{Clock, SystemClock};
use crate::server::entropy::SystemEntropy;
use crate::server::index::base_name;
use crate::server::index::follower::{self, IndexPlan};
use crate::server::index::quarantined::SetAside;
use crate::server::local::users;
use crate::server::observe::audit_log::AuditLog;
use crate::server::work::transfer::{Site, Snapshots};
use crate::store::sled::SledStore;
use crate::store::{CommitError, Store};
use crate::types::Entropy;

/// Opens the store of `plan` and reads it. Errors: one sentence that names the folder; also if it is another user's,
/// or another directory's.
pub fn open(plan: &Plan, runtime: &Runtime) -> anyhow::Result<Site> {
    owner::check(&plan.entries.store.path)?;
    let folder = plan.entries.store.path.display().to_string();
    // Nobody follows this store, and who opens it next takes a snapshot: no past needs to be kept.
    let mut settings = plan.entries.store.clone();
    settings.log.bytes_max = 0;
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&settings, &mut SystemEntropy)?);
    let mut seed = [0; 8];
    SystemEntropy.fill(&mut seed);
    let index = IndexPlan {
        schema: plan.entries.schema.clone(),
        base: plan.base.clone(),
        settings: plan.entries.index.clone(),
        sets: plan.rules.directory.access().sets(),
        seed: u64::from_ne_bytes(seed),
    };
    let snapshot = runtime
        .block_on(follower::load_own(&*store, &index))
        .with_context(|| folder.clone())?
        .0;
    let set_aside = SetAside::of(snapshot.quarantine());
    set_aside.lines().for_each(|line| output::complain(&line));
    let snapshots = Loaded {
        store: store.clone(),
        index,
        last: Mutex::new(Arc::new(snapshot)),
    };
    Ok(Site {
        store,
        snapshots: Arc::new(snapshots),
        schema: plan.entries.schema.clone(),
        base: plan.base.clone(),
        unique: plan.rules.changes.unique.clone(),
        runtime: runtime.handle().clone(),
        writers: Writers::Alone,
    })
}

/// Makes the store remember which directory is filled into it. Before anything is: a filling that is cut off leaves
/// entries that another `base_dn` would rename. Errors: one sentence that names the folder.
pub fn keep_base(site: &Site, plan: &Plan) -> anyhow::Result<()> {
    let snapshot = site.entries().snapshot;
    if base_name::is_kept(&snapshot, &site.schema, &site.base)? {
        return Ok(());
    }
    let kept = site.runtime.block_on(base_name::keep(&*site.store, &site.base));
    kept.with_context(|| format!("cannot write in {}", plan.entries.store.path.display()))
}

/// Writes audit events of this command to standard error, as the daemon does with its own. They are written when this
/// returns.
pub fn tell_audit(log: Log, events: impl IntoIterator<Item = AuditEvent>) -> anyhow::Result<()> {
    let thread = logging::start_audit(log)?;
    let audit = AuditLog::new(thread.log().clone());
    let now = SystemClock.now();
    events
        .into_iter()
        .for_each(|event| audit.write_blocking(event, now));
    Ok(())
}

/// Who runs this command.
pub fn operator() -> anyhow::Result<Subject> {
    Ok(Subject::Operator(users::own_user()?))
}

/// Why an import into the store of `plan` ended early. Of a failure of the store and of a signal also how far it came:
/// of `written` entries that were handed out, and how many there are in all.
pub fn ended(error: ImportError<CommitError>, plan: &Plan, (written, all): (u64, u64)) -> anyhow::Error {
    let done = match all {
        0 => "nothing was written".to_owned(),
        _ => format!("{written} of {all} entries were written, and the same again does the rest"),
    };
    match error {
        ImportError::Stopped => anyhow!("stopped; {done}"),
        ImportError::Store(error) => {
            let folder = plan.entries.store.path.display();
            // The batch that failed was handed out with others, of which some may be there.
            let done = if all == 0 { done } else { format!("up to {done}") };
            anyhow!("cannot write in {folder}: {error}; {done}")
        }
        error => error.into(),
    }
}

/// Snapshots that are read from the store when they are asked for: nobody follows a store that only this
/// process writes.
struct Loaded {
    store: Arc<dyn Store>,
    index: IndexPlan,
    last: Mutex<Arc<Snapshot>>,
}

impl Snapshots for Loaded {
    fn at_least(&self, revision: Revision, runtime: &Handle) -> Arc<Snapshot> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.revision() < revision {
            // A store that cannot be read again leaves the old snapshot: what is planned against it conflicts
            // and is reported.
            if let Ok(snapshot) = runtime.block_on(follower::load(&*self.store, &self.index)) {
                *last = Arc::new(snapshot);
            }
        }
        last.clone()
    }
}
