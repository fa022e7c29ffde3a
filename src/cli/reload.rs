//! `beadle reload`: certificates are read again, nothing else changes.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::config_file::ConfigFile;
use super::daemon_client::DaemonClient;
use crate::server::http::api::RELOAD;

/// Arguments of `beadle reload`.
#[derive(Args)]
pub struct Arguments {
    /// Which configuration names the socket.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The administration socket, instead of what the configuration says
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Asks the daemon to read its certificates again. Errors: it is not running, or it cannot read them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let socket = match &arguments.socket {
        Some(socket) => socket.clone(),
        None => arguments.file.load()?.plain.places.admin_socket,
    };
    let Some(daemon) = DaemonClient::connect(&socket)? else {
        bail!("no daemon listens at {}", socket.display());
    };
    daemon.post(RELOAD, None)?;
    Ok(())
}
