//! `beadle import`: into the running daemon, or into its store while it is stopped.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::config_file::ConfigFile;
use super::daemon_client::DaemonClient;
use super::import_report::Report;
use super::output::Failed;
use super::{offline, serve};
use crate::config::Settings;
use crate::directory::import::{Effect, Event, Format, KeepGoing, Mode};
use crate::server::admin_protocol::{Command, Part};
use crate::server::admin_socket::{figures, shown_row};
use crate::server::clock::{Clock, SystemClock};
use crate::server::plan::Plan;
use crate::server::transfer::Wanted;

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
    /// Where --keep-going writes bad rows; by default beside FILE, .refused in front of its ending
    #[arg(long, value_name = "FILE", requires = "keep_going")]
    pub refused: Option<PathBuf>,
    /// Skip this attribute as if the file did not have it; may be given several times
    #[arg(long, value_name = "ATTRIBUTE")]
    pub ignore: Vec<Box<str>>,
    /// Print the result as one JSON object, and no progress
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
    let figures = match DaemonClient::connect(&settings.plain.places.admin_socket)? {
        Some(daemon) => ask_daemon(daemon, &source, &arguments.manner, &mut report),
        None => import_offline(settings, &source, &arguments.manner, &mut report),
    };
    let figures = figures.with_context(|| source.name.clone())?;
    match report.end(&figures)? {
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
    /// Removes a copy of standard input.
    _copy: Option<Copied>,
}

impl Source {
    fn of(arguments: &Arguments) -> anyhow::Result<Source> {
        let copy = match arguments.path.as_os_str() == "-" {
            true => Some(Copied::of_stdin()?),
            false => None,
        };
        let path = copy.as_ref().map_or(&arguments.path, |copy| &copy.0).clone();
        let name = match &copy {
            Some(_) => "standard input".into(),
            None => path.display().to_string(),
        };
        let bytes = std::fs::metadata(&path).with_context(|| name.clone())?.len();
        let is_csv = arguments
            .path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let format = match arguments.format {
            Some(FormatName::Csv) => Format::Csv,
            None if is_csv => Format::Csv,
            _ => Format::Ldif,
        };
        Ok(Source {
            name,
            path,
            bytes,
            format,
            _copy: copy,
        })
    }

    fn open(&self) -> anyhow::Result<File> {
        File::open(&self.path).with_context(|| self.name.clone())
    }
}

/// A copy of standard input, which only its owner may read and which goes when this is dropped.
struct Copied(PathBuf);

impl Copied {
    fn of_stdin() -> anyhow::Result<Copied> {
        let path = std::env::temp_dir().join(format!("beadle-import-{}", std::process::id()));
        let mut file = private(&path)?;
        let copied = Copied(path);
        io::copy(&mut io::stdin().lock(), &mut file).context("standard input")?;
        Ok(copied)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Creates a file that was not there and that only its owner may read: rows hold hashes.
pub fn private(path: &Path) -> anyhow::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).with_context(|| path.display().to_string())
}

impl Manner {
    fn wanted(&self, format: Format) -> Wanted {
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
) -> anyhow::Result<String> {
    let yes_no = |is: bool| if is { "yes" } else { "no" };
    let command = Command::new("import")
        .with(
            "format",
            if source.format == Format::Csv {
                "csv"
            } else {
                "ldif"
            },
        )
        .with("keep-going", yes_no(manner.keep_going))
        .with("dry-run", yes_no(manner.dry_run))
        .with("ignore", &manner.ignore.join(","));
    let mut body: Box<dyn Read> = Box::new(source.open()?);
    daemon.ask(&command, &mut body, &mut |part| match part {
        Part::Row(bytes, text) => report.row(bytes, &text),
        Part::Refused(why, row) => report.refused(&why, &row),
        Part::Written(done, all) => {
            report.written(done, all);
            Ok(())
        }
        _ => Ok(()),
    })
}

fn import_offline(
    settings: Settings,
    source: &Source,
    manner: &Manner,
    report: &mut Report,
) -> anyhow::Result<String> {
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let place = offline::open(&plan, &runtime)?;
    let wanted = manner.wanted(source.format);
    let (mut rows, mut broken) = (0u64, None);
    let outcome = place.import(&source.path, &wanted, SystemClock.now(), &mut |event| {
        let told = match event {
            Event::Row { dn, effect, bytes } => {
                rows += 1;
                let shown = manner.dry_run && *effect != Effect::Unchanged;
                let text = if shown {
                    shown_row(dn, effect)
                } else {
                    rows.to_string()
                };
                report.row(bytes, &text)
            }
            Event::Refused(refused) => report.refused(&refused.problem.to_string(), &refused.text),
            Event::Written(done, all) => {
                report.written(done, all);
                Ok(())
            }
        };
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    match broken {
        Some(error) => Err(error),
        None => Ok(figures(&outcome?)),
    }
}
