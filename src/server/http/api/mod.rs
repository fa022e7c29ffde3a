//! The administration API: HTTP and JSON, so far on the local socket.

mod access;
mod export;
mod imports;
mod problem;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access::AccessQuery;
pub use export::{ENTRIES, ExportQuery, SET_ASIDE, export_begins};
pub use imports::{ImportLine, ImportQuery};
pub use problem::{ProblemDetails, Reason};

use crate::directory::Directory;
use crate::domain::audit::{AuditEvent, Subject};
use crate::server::clock::Clock;
use crate::server::http::tls::Tls;
use crate::server::observe::audit_log::AuditLog;
use crate::server::work::transfer::{Site, TRANSFERS_MAX};

/// Where certificates are read again: POST.
pub const RELOAD: &str = "/api/v1/reload";
/// Where files are imported: POST.
const IMPORTS: &str = "/api/v1/imports";
/// Where everything is exported: GET.
const EXPORT: &str = "/api/v1/export";

/// Where it is explained who may do what: GET.
const ACCESS: &str = "/api/v1/access";

/// How long a client may be silent in the middle of a body, its own or ours.
const SILENCE: Duration = Duration::from_secs(60);

/// What requests act on.
pub struct Administration {
    /// The directory.
    pub place: Site,
    /// Who may see and change what of it.
    pub directory: Arc<Directory>,
    /// The certificate.
    pub tls: Arc<Tls>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where changes are told.
    pub audit: Arc<AuditLog>,
    /// Where a file that is being imported is kept meanwhile.
    pub spool: PathBuf,
}

/// What serves requests.
pub(super) struct Api {
    administration: Administration,
    /// Imports and exports that may begin.
    turns: Arc<Semaphore>,
    /// What runs on threads that may block, also after its client has gone.
    pub(super) work: TaskTracker,
}

/// Who asks, in every request.
#[derive(Clone)]
pub(super) struct Caller {
    /// The system's number of that user.
    pub(super) user: u32,
    /// Ends the connection.
    pub(super) hang_up: CancellationToken,
}

impl Caller {
    /// Logs that the command begins, and says whom it is of.
    fn begins(&self, command: &'static str) -> Subject {
        tracing::info!(target: "beadle", command, user = self.user, "administration");
        Subject::Operator(self.user)
    }
}

impl Api {
    pub(super) fn new(administration: Administration) -> Arc<Api> {
        Arc::new(Api {
            administration,
            turns: Arc::new(Semaphore::new(TRANSFERS_MAX)),
            work: TaskTracker::new(),
        })
    }

    /// The requests and who serves them. A [`Caller`] must be laid under it.
    pub(super) fn router(self: &Arc<Api>) -> Router {
        Router::new()
            .route(IMPORTS, post(imports::import))
            .route(EXPORT, get(export::export))
            .route(ACCESS, get(access::explain))
            .route(RELOAD, post(reload))
            .fallback(nowhere)
            .method_not_allowed_fallback(no_method)
            .with_state(self.clone())
    }

    /// Waits until another import or export may begin.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, ProblemDetails> {
        let turn = self.turns.clone().acquire_owned().await;
        // The semaphore is never closed.
        turn.map_err(|closed| ProblemDetails::new(Reason::Stopped, closed))
    }

    /// Runs `work` on a thread that may block. It goes on when nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ProblemDetails> {
        let done = self.work.spawn_blocking(work).await;
        done.map_err(|died| ProblemDetails::new(Reason::Internal, died))
    }

    fn tell_audit(&self, event: AuditEvent) {
        let administration = &self.administration;
        administration
            .audit
            .write_blocking(event, administration.clock.now());
    }
}

async fn reload(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, ProblemDetails> {
    caller.begins("reload");
    let tls = api.administration.tls.clone();
    let reloaded = api.run(move || tls.reload()).await?;
    let stays = |error| {
        ProblemDetails::new(
            Reason::UnusableFile,
            format!("{error}; the old certificate stays"),
        )
    };
    reloaded.map_err(stays)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn nowhere(uri: Uri) -> ProblemDetails {
    let detail = format!(
        "there is no {}; this daemon knows {IMPORTS}, {EXPORT}, {ACCESS} and {RELOAD}",
        uri.path()
    );
    ProblemDetails::new(Reason::NotFound, detail)
}

async fn no_method(uri: Uri) -> ProblemDetails {
    let detail = format!("{} is not used by this method", uri.path());
    ProblemDetails::new(Reason::MethodNotAllowed, detail)
}

/// The options of a request.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ProblemDetails> {
    let text = uri.query().unwrap_or_default();
    serde_urlencoded::from_str(text).map_err(|error| ProblemDetails::new(Reason::BadRequest, error))
}
