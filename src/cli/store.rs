//! `beadle store`: looking after a store whose daemon is stopped.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::config_file::ConfigFile;
use super::discard;
use super::output::{self, Failed};
use super::progress::{Progress, Shown};
use crate::domain::schema::Schema;
use crate::index::{Builder, IndexSettings, Quarantine, Reason, Sets};
use crate::record::Key;
use crate::server::boot::owner;
use crate::server::index::quarantined;
use crate::store::sled::{self, CompactError, Compacted, SledSettings, Stats, VerifyError};
use crate::types::Dn;

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
    /// Read every record and check that it can be understood; change none
    ///
    /// Ends with 1 if an entry's record cannot be read or has no parent, and names every one: the daemon sets them
    /// aside and serves the others.
    Verify(Which),
    /// Write the store anew, in as few bytes of the disk as it needs; what it holds stays the same
    ///
    /// The copy is made beside the store, checked, and only then put in its place: a kill or a power cut at any
    /// moment leaves a store that opens. Needs free disk space for the copy, and says how much if there is too
    /// little. Followers of the change feed notice nothing.
    Compact(Which),
    /// Delete records that are set aside, and keep their bytes in a file
    ///
    /// An entry that was damaged can be imported again then. What is below it waits for it under its old number: those
    /// are discarded and imported again too.
    Discard(discard::Arguments),
}

/// Arguments of `beadle store verify` and `beadle store compact`.
#[derive(Args)]
pub struct Which {
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

impl Which {
    /// Whose store it is is asked first: what another user writes there locks the daemon out.
    fn settings(&self) -> anyhow::Result<SledSettings> {
        let settings = match &self.path {
            Some(path) => SledSettings::at(path),
            None => self.file.load()?.plain.places.store,
        };
        owner::check(&settings.path)?;
        Ok(settings)
    }
}

/// Does what is asked. Errors: one sentence that names the folder.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Verify(which) => verify_store(which),
        Command::Compact(which) => compact_store(which),
        Command::Discard(arguments) => discard::run(arguments),
    }
}

fn compact_store(arguments: &Which) -> anyhow::Result<()> {
    let settings = arguments.settings()?;
    let folder = settings.path.display().to_string();
    let shown = if arguments.json { Shown::No } else { Shown::Yes };
    let mut progress = Progress::new(shown, "copied", "records");
    let compacted = sled::compact(&settings, &mut |copied, all| progress.tell(copied, copied, all));
    progress.end();
    let compacted = compacted.map_err(|error| match error {
        CompactError::Open(error) => error.into(),
        CompactError::Unsound(error) => named(error, &folder),
        other => anyhow::Error::new(other).context(folder.clone()),
    })?;
    match arguments.json {
        true => output::say_json(&change(&folder, &compacted)),
        false => output::say(&change_sentence(&folder, &compacted)),
    }
}

fn verify_store(arguments: &Which) -> anyhow::Result<()> {
    let settings = arguments.settings()?;
    let folder = settings.path.display().to_string();
    let (stats, aside) = verified(&settings, &folder)?;
    if arguments.json {
        let mut findings = findings(&folder, &stats);
        findings["set_aside"] = aside.iter().map(described).collect();
        output::say_json(&findings)?;
    } else {
        output::say(&sentence(&folder, &stats, aside.len()))?;
        let mut sentences = aside
            .iter()
            .map(|(key, reason)| quarantined::sentence(key, reason));
        sentences.try_for_each(|sentence| output::say(&sentence))?;
    }
    match aside.is_empty() {
        true => Ok(()),
        false => Err(Failed.into()),
    }
}

/// What the store holds, and the records that a daemon would set aside. Only who is below whom is looked at, so any
/// schema and any base will do.
pub(super) fn verified(settings: &SledSettings, folder: &str) -> anyhow::Result<(Stats, Quarantine)> {
    let schema = Schema::built_in();
    let mut builder = Builder::new(
        &schema,
        &IndexSettings::default(),
        &Dn::default(),
        0,
        Sets::default(),
    )?;
    let mut packer = builder.packer();
    let mut packed = Ok(());
    let stats = sled::verify_each(settings, &mut |record| {
        if packed.is_ok() {
            packed = packer.push(record, &schema);
        }
    });
    let stats = stats.map_err(|error| named(error, folder))?;
    packed?;
    builder.add(packer);
    let snapshot = builder.finish(stats.digest.revision, NonZeroUsize::MIN)?;
    Ok((stats, snapshot.quarantine().clone()))
}

fn described((key, reason): (&Key, Reason)) -> serde_json::Value {
    serde_json::json!({
        "key": key.to_string(),
        "record": quarantined::name(key),
        "reason": reason.to_string(),
        "to_do": reason.remedy(),
    })
}

/// The error with the folder it is about; one about opening names it already.
fn named(error: VerifyError, folder: &str) -> anyhow::Error {
    match error {
        VerifyError::Open(error) => error.into(),
        other => anyhow::Error::new(other).context(folder.to_owned()),
    }
}

/// The findings about what there is now, and what it took before.
fn change(folder: &str, compacted: &Compacted) -> serde_json::Value {
    let mut change = findings(folder, &compacted.after);
    change["disk_bytes_before"] = compacted.before.disk_bytes.into();
    change
}

fn change_sentence(folder: &str, compacted: &Compacted) -> String {
    let Compacted { before, after } = compacted;
    format!(
        "{folder}: compacted; {} records at revision {}, {} bytes live, {} on disk before, {} now",
        after.digest.count, after.digest.revision.0, after.live_bytes, before.disk_bytes, after.disk_bytes
    )
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
        "wasteful": stats.space().is_wasteful(),
    })
}

fn sentence(folder: &str, stats: &Stats, set_aside: usize) -> String {
    let (count, hash) = (stats.digest.count, stats.digest.hash);
    let state = match set_aside {
        0 => "sound".to_owned(),
        1 => "1 record cannot be served".to_owned(),
        _ => format!("{set_aside} records cannot be served"),
    };
    let sound = format!(
        "{folder}: {state}; {count} records at revision {}",
        stats.digest.revision.0
    );
    let sizes = format!(
        "{} bytes live, {} on disk, digest {hash:032x}",
        stats.live_bytes, stats.disk_bytes
    );
    let waste = if stats.space().is_wasteful() {
        "; takes far more than it holds: `beadle store compact` helps"
    } else {
        ""
    };
    format!("{sound}, {sizes}{waste}")
}
