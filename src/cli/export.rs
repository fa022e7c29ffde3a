//! `beadle export`: everything, as a file that imports again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::config_file::ConfigFile;
use super::daemon_client::DaemonClient;
use super::import::private;
use super::{offline, output, serve};
use crate::config::Settings;
use crate::directory::export::{Form, Secrets, export};
use crate::server::admin_protocol::{Command, Part};
use crate::server::plan::Plan;

/// Arguments of `beadle export`.
#[derive(Args)]
pub struct Arguments {
    /// Where it is written, to a file that is not there yet; `-` is standard output
    #[arg(value_name = "FILE", default_value = "-")]
    pub path: PathBuf,
    /// Which configuration names the daemon and its store.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Write the hashes of PINs too
    #[arg(long)]
    pub with_secrets: bool,
    /// Write CSV with these columns, such as dn,uid,cn,mail, instead of LDIF with everything
    #[arg(long, value_name = "ATTRIBUTES", value_delimiter = ',')]
    pub columns: Vec<Box<str>>,
    /// Print the number of entries as a JSON object, if FILE is not standard output
    #[arg(long)]
    pub json: bool,
}

/// Exports everything. Errors: one sentence that names the file, the store or the column at fault; a file that
/// was begun is removed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let settings = arguments.file.load()?;
    if arguments.path.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        return write(settings, arguments, &mut out).map(|_| ());
    }
    let file = private(&arguments.path)?;
    let entries = match write_file(settings, arguments, file) {
        Ok(entries) => entries,
        Err(error) => {
            let _ = std::fs::remove_file(&arguments.path);
            return Err(error).with_context(|| arguments.path.display().to_string());
        }
    };
    say(&arguments.path, &entries, arguments.json)
}

fn say(path: &Path, entries: &str, json: bool) -> anyhow::Result<()> {
    let path = path.display().to_string();
    match json {
        true => {
            let entries = entries.parse::<u64>().unwrap_or_default();
            output::say_json(&serde_json::json!({ "file": path, "entries": entries }))
        }
        false => output::say(&format!("{path}: {entries} entries")),
    }
}

fn write_file(settings: Settings, arguments: &Arguments, file: File) -> anyhow::Result<String> {
    let mut out = BufWriter::new(file);
    let entries = write(settings, arguments, &mut out)?;
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(entries)
}

/// Writes everything to `out` and returns how many entries that was.
fn write(settings: Settings, arguments: &Arguments, out: &mut dyn Write) -> anyhow::Result<String> {
    match DaemonClient::connect(&settings.plain.places.admin_socket)? {
        Some(daemon) => ask_daemon(daemon, arguments, out),
        None => export_offline(settings, arguments, out),
    }
}

fn ask_daemon(daemon: DaemonClient, arguments: &Arguments, out: &mut dyn Write) -> anyhow::Result<String> {
    let command = Command::new("export")
        .with("columns", &arguments.columns.join(","))
        .with("with-secrets", if arguments.with_secrets { "yes" } else { "no" });
    let figures = daemon.ask(&command, &mut io::empty(), &mut |part| match part {
        Part::Data(bytes) => Ok(out.write_all(&bytes)?),
        _ => Ok(()),
    })?;
    out.flush()?;
    Ok(figures.trim_start_matches("entries=").into())
}

fn export_offline(settings: Settings, arguments: &Arguments, out: &mut dyn Write) -> anyhow::Result<String> {
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let place = offline::open(&plan, &runtime)?;
    let form = match arguments.columns.is_empty() {
        true => Form::Ldif,
        false => Form::Csv(arguments.columns.clone()),
    };
    let secrets = if arguments.with_secrets {
        Secrets::Included
    } else {
        Secrets::LeftOut
    };
    let entries = export(
        &place.schema,
        &place.entries(),
        &form,
        secrets,
        out,
        &mut |_, _| {},
    )?;
    Ok(entries.to_string())
}
