//! `beadle import`: into the running daemon, or into its store while it is stopped.

mod bad_rows;
mod offline;
pub mod report;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::config_file::ConfigFile;
use crate::cli::daemon_client::{Answer, DaemonClient, GONE};
use crate::cli::import::report::Report;
use crate::cli::output::Failed;
use crate::exchange::import::{Format, KeepGoing, Mode, Outcome};
use crate::server::http::api::{ImportLine, ImportQuery};
use crate::server::work::transfer::Wanted;

/// Arguments of `beadle import`.
#[derive(Args)]
pub struct Arguments {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub path: PathBuf,
    /// Which configuration names the daemon and its store.
    #[command(flatten)]
    pub file: ConfigFile,
    /// The format; by default CSV if the file's name ends in .csv, else LDIF
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatName>,
    /// How it is done.
    #[command(flatten)]
    pub manner: Manner,
}

/// How an import is done.
#[derive(Args)]
pub struct Manner {
    /// Print what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Apply the good rows though others are bad, and write the bad ones to a file
    #[arg(long)]
    pub keep_going: bool,
    /// Where --keep-going writes bad rows, to a file that is not there yet; by default beside FILE, .refused in
    /// front of its ending, or import.refused.ldif here for a pipe
    #[arg(long, value_name = "FILE", requires = "keep_going")]
    pub refused: Option<PathBuf>,
    /// Skip these attributes as if the file did not have them; may be given several times
    #[arg(long, value_name = "ATTRIBUTES", value_delimiter = ',')]
    pub ignore: Vec<Box<str>>,
    /// Print the result as one JSON object, and no progress; with --dry-run, before it an object for each row that
    /// would change something
    #[arg(long)]
    pub json: bool,
}

/// A format by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// LDIF (RFC 2849)
    Ldif,
    /// CSV with a header row of attribute names
    Csv,
}

/// Imports the file. Errors: it cannot be read or applied; [`Failed`] if rows were refused and told about.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let settings = arguments.file.load()?;
    let source = Source::of(arguments)?;
    let mut report = Report::new(&source, &arguments.manner)?;
    let outcome = match DaemonClient::connect(&settings.plain.places.admin_socket)? {
        Some(daemon) => ask_daemon(daemon, &source, &arguments.manner, &mut report),
        None => offline::run(settings, &source, &arguments.manner, &mut report),
    };
    let outcome = outcome.with_context(|| source.name.clone())?;
    match report.end(&outcome)? {
        0 => Ok(()),
        _ => Err(Failed.into()),
    }
}

/// The file to import: one that can be read more than once.
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its format.
    pub format: Format,
    /// Where refused rows go unless that is told: beside it, or in the current folder.
    pub refused: PathBuf,
    /// A copy of what can be read only once.
    _copy: Option<File>,
}

impl Source {
    fn of(arguments: &Arguments) -> anyhow::Result<Source> {
        let given = &arguments.path;
        let name = match is_stdin(given) {
            true => "standard input".into(),
            false => given.display().to_string(),
        };
        let copy = match stays(given).with_context(|| name.clone())? {
            true => None,
            false => Some(copy(given).with_context(|| name.clone())?),
        };
        let path = copy.as_ref().map_or_else(|| given.clone(), path_of);
        let format = format(arguments);
        let ending = match format {
            Format::Csv => "refused.csv",
            Format::Ldif => "refused.ldif",
        };
        let beside = match &copy {
            Some(_) => Path::new("import"),
            None => given,
        };
        Ok(Source {
            bytes: std::fs::metadata(&path).with_context(|| name.clone())?.len(),
            refused: beside.with_extension(ending),
            name,
            path,
            format,
            _copy: copy,
        })
    }

    /// What the audit log calls it: its whole name, so that it is found again.
    pub fn audited(&self) -> String {
        match (&self._copy, std::path::absolute(&self.path)) {
            (None, Ok(path)) => path.display().to_string(),
            _ => self.name.clone(),
        }
    }

    fn open(&self) -> anyhow::Result<File> {
        File::open(&self.path).with_context(|| self.name.clone())
    }
}

fn format(arguments: &Arguments) -> Format {
    let ending = arguments.path.extension();
    let is_csv = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match arguments.format {
        Some(FormatName::Csv) => Format::Csv,
        None if is_csv => Format::Csv,
        _ => Format::Ldif,
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether the file can be read again and files can be put beside it. Errors: there is none.
fn stays(path: &Path) -> io::Result<bool> {
    let is_of_the_system = path.starts_with("/dev") || path.starts_with("/proc");
    match is_stdin(path) {
        true => Ok(false),
        false => Ok(std::fs::metadata(path)?.is_file() && !is_of_the_system),
    }
}

/// A copy of standard input, or of a pipe. It has no name, so that a kill leaves nothing of it: rows hold hashes.
fn copy(path: &Path) -> io::Result<File> {
    let mut copy = tempfile::tempfile()?;
    match is_stdin(path) {
        true => io::copy(&mut io::stdin().lock(), &mut copy)?,
        false => io::copy(&mut File::open(path)?, &mut copy)?,
    };
    Ok(copy)
}

/// Where an open file can be opened once more, from its beginning (proc(5)).
fn path_of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

impl Manner {
    /// What is asked of the import of a file of this format.
    pub fn wanted(&self, format: Format) -> Wanted {
        Wanted {
            format,
            keep_going: if self.keep_going {
                KeepGoing::Yes
            } else {
                KeepGoing::No
            },
            mode: if self.dry_run { Mode::DryRun } else { Mode::Apply },
            ignored: self.ignore.clone(),
        }
    }
}

fn ask_daemon(
    daemon: DaemonClient,
    source: &Source,
    manner: &Manner,
    report: &mut Report,
) -> anyhow::Result<Outcome> {
    let asked = ImportQuery::new(&manner.wanted(source.format), source.audited());
    let answer = daemon.post(&asked.uri()?, Some(Box::new(source.open()?)))?;
    let mut lines = BufReader::new(answer);
    loop {
        match next_line(&mut lines)? {
            ImportLine::Told(told) => report.hear(&told)?,
            ImportLine::Done(outcome) => return Ok(outcome),
            ImportLine::Failed(problem) => bail!(problem),
        }
    }
}

/// The next line of an answer. Errors: there is none, so the daemon has gone.
pub fn next_line(lines: &mut BufReader<Answer>) -> anyhow::Result<ImportLine> {
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).context(GONE)?;
    serde_json::from_slice(&line).context(GONE)
}
