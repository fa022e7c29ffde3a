//! `beadle store discard`: records that nobody can read go out of the store, and their bytes into a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use clap::Args;

use super::config_file::ConfigFile;
use super::{offline, output, serve, store};
use crate::domain::audit::{AuditEvent, EntryWritten, Origin, Subject, Written};
use crate::index::{Quarantine, Reason};
use crate::record::{Batch, Guard, Key, Operation, Record, Revision};
use crate::server::boot::owner;
use crate::server::entropy::SystemEntropy;
use crate::server::index::quarantined;
use crate::store::Store;
use crate::store::sled::SledStore;

/// Arguments of `beadle store discard`.
#[derive(Args)]
pub struct Arguments {
    /// A record as `beadle store verify` names it, such as "entry 4"
    #[arg(value_name = "RECORD", required = true)]
    pub records: Vec<String>,
    /// Where their bytes are kept, in a file that is not there yet: a line each, key and value in hexadecimal
    #[arg(long = "to", value_name = "FILE")]
    pub to: PathBuf,
    /// Which configuration names the store.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Deletes the records, all of which must be set aside. Errors: one sentence that names the record, the file or the
/// folder; nothing is deleted that the file does not hold by then.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let places = arguments.file.load()?.plain.places;
    owner::check(&places.store.path)?;
    let folder = places.store.path.display().to_string();
    let (_, aside) = store::verified(&places.store, &folder)?;
    let chosen = chosen(&aside, &arguments.records)?;
    let keys: Vec<Key> = chosen.values().cloned().collect();
    let runtime = serve::runtime()?;
    let store = SledStore::open(&places.store, &mut SystemEntropy)?;
    let (revision, records) = runtime.block_on(store.get(&keys))?;
    save(&arguments.to, &records).with_context(|| arguments.to.display().to_string())?;
    for keys in keys.chunks(store.limits().operations_max) {
        let committed = runtime.block_on(store.commit(deletion(keys, revision)));
        committed.with_context(|| folder.clone())?;
    }
    let subject = offline::operator()?;
    let events = chosen.keys().map(|record| gone(record, &subject));
    offline::tell_audit(places.log, events)?;
    let (count, file) = (keys.len(), arguments.to.display());
    output::say(&format!(
        "{folder}: {count} records deleted, their bytes are in {file}"
    ))
}

/// The keys of the records that are called like this. Errors: one is not set aside, or is somebody's to read.
fn chosen(aside: &Quarantine, records: &[String]) -> anyhow::Result<BTreeMap<String, Key>> {
    let by_name = |(key, reason): (&Key, Reason)| (quarantined::name(key), (key.clone(), reason));
    let all: BTreeMap<String, (Key, Reason)> = aside.iter().map(by_name).collect();
    let chosen = records.iter().map(|record| {
        let found = all.get(record);
        let (key, reason) = found.ok_or_else(|| {
            anyhow!("{record:?} is not set aside; `beadle store verify` names the records that are")
        })?;
        ensure!(
            !reason.is_of_a_newer_version(),
            "{}",
            quarantined::sentence(key, *reason)
        );
        Ok((record.clone(), key.clone()))
    });
    chosen.collect()
}

/// Writes the records to a new file, which others may not read: there may be hashes of PINs in it.
fn save(path: &Path, records: &[Option<Record>]) -> anyhow::Result<()> {
    let mut text = String::new();
    for record in records.iter().flatten() {
        write!(text, "{} ", record.key)?;
        record
            .value
            .iter()
            .try_for_each(|byte| write!(text, "{byte:02x}"))?;
        text.push('\n');
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

fn deletion(keys: &[Key], seen: Revision) -> Batch {
    Batch {
        guards: keys
            .iter()
            .map(|key| Guard::UnchangedSince(key.clone(), seen))
            .collect(),
        operations: keys
            .iter()
            .map(|key| Operation::Delete { key: key.clone() })
            .collect(),
    }
}

/// What the audit log hears of a record that is gone.
fn gone(record: &str, subject: &Subject) -> AuditEvent {
    AuditEvent::EntryWritten(Box::new(EntryWritten {
        subject: subject.clone(),
        origin: Origin {
            source: Ipv4Addr::LOCALHOST.into(),
            caller: None,
            service: None,
        },
        dn: record.into(),
        what: Written::Deleted,
        attributes: Vec::new(),
    }))
}
