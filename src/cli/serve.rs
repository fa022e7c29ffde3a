//! `beadle serve`: the daemon.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::runtime::{Builder, Runtime};

use super::config_file::ConfigFile;
use super::logging;
use crate::config::Settings;
use crate::server::boot::daemon;

/// Arguments of `beadle serve`.
#[derive(Args)]
pub struct Arguments {
    /// Which configuration.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Runs the daemon until it is told to stop. Errors: one sentence that names the path or address at fault.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    // Ends last: everybody with something to say has ended by then.
    let thread = logging::start(settings.plain.places.log)?;
    let log = thread.log().clone();
    let runtime = runtime()?;
    let served = runtime.block_on(daemon::run(settings.into(), log, tell_service_manager));
    end(runtime);
    Ok(served?)
}

/// Ends what is left of a daemon's work. Threads that then still wait, such as for a reader of the log that stalls, are
/// left behind after five seconds; nobody was answered by them.
pub(super) fn end(runtime: Runtime) {
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// A runtime with a thread per core. Errors: the system has none to give.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the system refuses a thread")
}

/// `READY=1` to whoever started the daemon and asked to be told (sd_notify(3)).
fn tell_service_manager() {
    tracing::info!(target: "beadle", "ready");
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::warn!(target: "beadle", %error, "the service manager could not be told");
    }
}
