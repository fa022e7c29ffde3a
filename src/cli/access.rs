//! `beadle access`: who may see and change what, and which sentence of the configuration says so.

use std::io::Read;

use clap::{Args, Subcommand};

use super::config_file::ConfigFile;
use super::daemon_client::DaemonClient;
use super::{offline, output, serve};
use crate::domain::access;
use crate::server::boot::plan::Plan;
use crate::server::http::api::AccessQuery;

/// Arguments of `beadle access`.
#[derive(Args)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    /// What to be told.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked about access.
#[derive(Subcommand)]
pub enum Command {
    /// Say what somebody may do with an entry, and which line of the configuration decided
    ///
    /// The rules are those of the running daemon; while it is stopped, those of the configuration.
    Explain(Explain),
    /// Print all sentences as a table
    ///
    /// A row is attributes that are treated alike, a column those a sentence is for. r is read (which includes search and
    /// compare), s search, c compare, w write, a add, d delete. Rights add up: what the public may, everybody may; what
    /// members may, groups may, and everybody with their own entry; what services may, each service may; what may be done
    /// with everything may be done with people.
    Matrix(Matrix),
}

/// Arguments of `beadle access explain`.
#[derive(Args)]
pub struct Explain {
    /// Who asks: public, root, "service NAME", or the DN of a member
    #[arg(long = "as", value_name = "WHO")]
    pub who: String,
    /// The DN of the entry
    #[arg(value_name = "ENTRY")]
    pub entry: String,
    /// One attribute, instead of all the entry has
    #[arg(value_name = "ATTRIBUTE")]
    pub attribute: Option<String>,
    /// Which configuration names the daemon and its store.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Arguments of `beadle access matrix`.
#[derive(Args)]
pub struct Matrix {
    /// Which configuration has the sentences.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Says what is asked. Errors: one sentence that names what is not there.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Explain(asked) => output::say(explain(asked)?.trim_end()),
        Command::Matrix(asked) => matrix(asked),
    }
}

fn explain(asked: &Explain) -> anyhow::Result<String> {
    let settings = asked.file.load()?;
    let query = AccessQuery {
        who: asked.who.clone(),
        entry: asked.entry.clone(),
        attribute: asked.attribute.clone(),
    };
    if let Some(daemon) = DaemonClient::connect(&settings.plain.places.admin_socket)? {
        let mut text = String::new();
        daemon.get(&query.uri()?)?.read_to_string(&mut text)?;
        return Ok(text);
    }
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let snapshot = offline::open(&plan, &runtime)?.entries().snapshot;
    Ok(plan.rules.directory.explain(&snapshot, &query.question())?)
}

fn matrix(asked: &Matrix) -> anyhow::Result<()> {
    let settings = asked.file.load()?;
    let rows = access::matrix(&settings.access, &settings.schema);
    let widths = widths(&rows);
    for row in &rows {
        output::say(&line(row, &widths))?;
    }
    Ok(())
}

/// The widest name of the attributes that others still stand beside; a longer one has a line of its own.
const NAME_WIDTH_MAX: usize = 40;

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let limit = |at: usize| if at == 0 { NAME_WIDTH_MAX } else { usize::MAX };
    (0..columns).map(|at| width(at).min(limit(at))).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let (name, cells) = row.split_first().map_or(("", row), |(name, cells)| (name, cells));
    let mut line = name.to_owned();
    if name.chars().count() > NAME_WIDTH_MAX && cells.iter().any(|cell| !cell.is_empty()) {
        line.push('\n');
        line.push_str(&" ".repeat(NAME_WIDTH_MAX));
    } else {
        let gap = widths
            .first()
            .map_or(0, |width| width.saturating_sub(name.chars().count()));
        line.push_str(&" ".repeat(gap));
    }
    for (cell, width) in cells.iter().zip(widths.iter().skip(1)) {
        line.push_str(&format!("  {cell:width$}"));
    }
    line.trim_end().into()
}
