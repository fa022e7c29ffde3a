//! `beadle serve`: the daemon.

use anyhow::bail;
use clap::Args;

use super::config_file::ConfigFile;
use crate::config::Settings;

/// Arguments of `beadle serve`.
#[derive(Args)]
pub struct Arguments {
    /// Which configuration.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Runs the daemon until it is told to stop. Errors: one sentence that names the path or address at fault.
pub fn run(_settings: Settings) -> anyhow::Result<()> {
    bail!("this build has no listeners yet")
}
