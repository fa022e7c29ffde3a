//! `beadle import`: into the running daemon, or into its store while it is stopped.

pub mod arguments;
mod bad_rows;
mod offline;
pub mod report;
pub mod source;

use std::io::{BufRead, BufReader};

use anyhow::{Context, bail};

use crate::cli::daemon_client::{Answer, DaemonClient, GONE};
use crate::cli::import::arguments::{Arguments, Manner};
use crate::cli::import::report::Report;
use crate::cli::import::source::Source;
use crate::cli::output::Failed;
use crate::exchange::import::Outcome;
use crate::server::http::api::{ImportLine, ImportQuery};

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
