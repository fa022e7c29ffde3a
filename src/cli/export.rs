//! `beadle export`: everything, as a file that imports again.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;

use super::config_file::ConfigFile;
use super::daemon_client::DaemonClient;
use super::{offline, output, serve};
use crate::config::Settings;
use crate::exchange::export::{Form, Secrets, check, export};
use crate::server::boot::plan::Plan;
use crate::server::http::api::{ENTRIES, ExportQuery, SET_ASIDE, export_begins};
use crate::server::index::quarantined::SetAside;

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

/// Exports everything. Errors: one sentence that names the file, the store or the column at fault. The file is
/// there when it is whole, or not at all.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let settings = arguments.file.load()?;
    if arguments.path.as_os_str() == "-" {
        return write_stdout(settings, arguments);
    }
    let name = || arguments.path.display().to_string();
    ensure!(!arguments.path.exists(), "{}: the file exists", name());
    let exported = write_file(settings, arguments).with_context(name)?;
    say(&arguments.path, &exported, arguments.json)
}

fn write_stdout(settings: Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = Piped {
        out: io::stdout().lock(),
        gone: false,
    };
    let written = write(settings, arguments, &mut BufWriter::new(&mut out));
    match written {
        Err(_) if out.gone => Ok(()),
        written => written.map(|_| ()),
    }
}

/// Remembers that the reader has gone, such as `head` when it has seen enough: that is no error.
struct Piped<W> {
    out: W,
    gone: bool,
}

impl<W: Write> Write for Piped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.gone |= matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many entries were written, and how many records are set aside and were not.
struct Exported {
    entries: u64,
    set_aside: usize,
}

fn say(path: &Path, exported: &Exported, json: bool) -> anyhow::Result<()> {
    let path = path.display().to_string();
    let Exported { entries, set_aside } = exported;
    if json {
        let said = serde_json::json!({ "file": path, "entries": entries, "set_aside": set_aside });
        return output::say_json(&said);
    }
    let left_out = match set_aside {
        0 => String::new(),
        _ => format!("; {set_aside} records are set aside and left out"),
    };
    output::say(&format!("{path}: {entries} entries{left_out}"))
}

/// Writes everything to a file beside the one that is meant, which takes its name when it is whole and on the disk.
fn write_file(settings: Settings, arguments: &Arguments) -> anyhow::Result<Exported> {
    let path = &arguments.path;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let mut unfinished = tempfile::Builder::new();
    let file = unfinished
        .prefix(&name)
        .suffix(".unfinished")
        .tempfile_in(folder)?;
    let mut out = BufWriter::new(file.as_file());
    let exported = write(settings, arguments, &mut out)?;
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(exported)
}

/// Writes everything to `out`, and names on standard error what is left out.
fn write(settings: Settings, arguments: &Arguments, out: &mut dyn Write) -> anyhow::Result<Exported> {
    let form = match arguments.columns.is_empty() {
        true => Form::Ldif,
        false => Form::Csv(arguments.columns.clone()),
    };
    let secrets = match arguments.with_secrets {
        true => Secrets::Included,
        false => Secrets::LeftOut,
    };
    match DaemonClient::connect(&settings.plain.places.admin_socket)? {
        Some(daemon) => ask_daemon(daemon, &form, secrets, out),
        None => export_offline(settings, &form, secrets, out),
    }
}

fn ask_daemon(
    daemon: DaemonClient,
    form: &Form,
    secrets: Secrets,
    out: &mut dyn Write,
) -> anyhow::Result<Exported> {
    let mut answer = daemon.get(&ExportQuery::new(form, secrets).uri()?)?;
    let set_aside: SetAside = answer.in_head(SET_ASIDE)?;
    set_aside.lines().for_each(|line| output::complain(&line));
    while let Some(piece) = answer.piece()? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(Exported {
        entries: answer.in_head(ENTRIES)?,
        set_aside: set_aside.count,
    })
}

fn export_offline(
    settings: Settings,
    form: &Form,
    secrets: Secrets,
    out: &mut dyn Write,
) -> anyhow::Result<Exported> {
    let log = settings.plain.places.log;
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let place = offline::open(&plan, &runtime)?;
    check(&place.schema, form, secrets)?;
    let all = place.entries();
    offline::tell_audit(log, [export_begins(offline::operator()?, &all, secrets)])?;
    Ok(Exported {
        entries: export(&place.schema, &all, form, secrets, out, &mut |_, _| {})?,
        set_aside: all.snapshot.quarantine().len(),
    })
}
