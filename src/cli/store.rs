//! `beadle store`: looking after a store whose daemon is stopped.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::config_file::ConfigFile;
use super::output;
use crate::store::{self, SledSettings, Stats, VerifyError};

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
        Command::Verify(verify) => verify_store(verify),
    }
}

fn verify_store(arguments: &Verify) -> anyhow::Result<()> {
    let settings = match &arguments.path {
        Some(path) => SledSettings::at(path),
        None => arguments.file.load()?.plain.places.store,
    };
    let folder = settings.path.display().to_string();
    let stats = store::verify(&settings).map_err(|error| named(error, &folder))?;
    match arguments.json {
        true => output::say_json(&findings(&folder, &stats)),
        false => output::say(&sentence(&folder, &stats)),
    }
}

/// The error with the folder it is about; one about opening names it already.
fn named(error: VerifyError, folder: &str) -> anyhow::Error {
    match error {
        VerifyError::Open(error) => error.into(),
        other => anyhow::Error::new(other).context(folder.to_owned()),
    }
}

fn findings(folder: &str, stats: &Stats) -> serde_json::Value {
    serde_json::json!({
        "store": folder,
        "id": format!("{:032x}", stats.id.0),
        "revision": stats.digest.revision.0,
        "records": stats.digest.count,
        "digest": format!("{:032x}", stats.digest.hash),
        "live_bytes": stats.live_bytes,
        "logged_commits": stats.logged_commits,
        "logged_bytes": stats.logged_bytes,
        "disk_bytes": stats.disk_bytes,
        "wasteful": stats.is_wasteful(),
    })
}

fn sentence(folder: &str, stats: &Stats) -> String {
    let (count, hash) = (stats.digest.count, stats.digest.hash);
    let sound = format!(
        "{folder}: sound; {count} records at revision {}",
        stats.digest.revision.0
    );
    let sizes = format!(
        "{} bytes live, {} on disk, digest {hash:032x}",
        stats.live_bytes, stats.disk_bytes
    );
    let waste = if stats.is_wasteful() {
        "; takes far more than it holds"
    } else {
        ""
    };
    format!("{sound}, {sizes}{waste}")
}
