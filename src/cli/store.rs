//! `beadle store`: looking after a store whose daemon is stopped.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::config_file::ConfigFile;

/// Arguments of `beadle store`.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    /// What to do with it.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done with a store.
#[derive(Subcommand)]
pub enum Command {
    /// Read every record and check that it can be understood; change nothing
    Verify(Verify),
}

/// Arguments of `beadle store verify`.
#[derive(Args)]
pub struct Verify {
    /// Which configuration names the store.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The folder of the store, instead of what the configuration says
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Print the findings as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Does what is asked. Errors: one sentence that names the folder.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Verify(verify) => verify_store(&folder(verify)?),
    }
}

fn folder(verify: &Verify) -> anyhow::Result<PathBuf> {
    match &verify.path {
        Some(path) => Ok(path.clone()),
        None => Ok(verify.file.load()?.plain.places.store.path),
    }
}

fn verify_store(path: &std::path::Path) -> anyhow::Result<()> {
    bail!("{}: this build has no store yet", path.display())
}
