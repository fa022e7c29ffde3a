//! Where log lines go: standard error, one line each, in UTC.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tracing::level_filters::LevelFilter;
use tracing::{Level, enabled};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::settings::{Log, LogLevel};
use crate::server::clock::{Clock, SystemClock};
use crate::server::observe::log::LogFormat;
use crate::server::observe::log::line::AUDIT;
use crate::server::observe::log::queue::Log as Queue;
use crate::server::observe::log::writer::{Form, LogThread};

/// The variable that overrides `log.level`, in the directives of tracing: `BEADLE_LOG=debug`.
pub const VARIABLE: &str = "BEADLE_LOG";

/// Crates that print what they handle at these levels, PINs among it; they are kept silent at any level.
const NEVER: &[&str] = &[
    "ldap3_proto=off",
    "ldap3_lber=off",
    "radius=off",
    "sled=warn",
    "rustls=warn",
];

/// Sends log lines to standard error as `log` says, audit events at every level, until what is returned is dropped.
/// Errors: the variable holds no directives, the process logs already, or the system has no thread to give.
pub fn start(log: Log) -> anyhow::Result<LogThread> {
    let queue = listen(log)?;
    write(queue, log.format, LevelFilter::INFO)
}

/// The same, audit events like every other line: for a terminal that shows something else.
pub fn start_quietly(log: Log) -> anyhow::Result<LogThread> {
    let queue = listen(log)?;
    let audit = [
        (enabled!(target: AUDIT, Level::INFO), LevelFilter::INFO),
        (enabled!(target: AUDIT, Level::WARN), LevelFilter::WARN),
    ];
    let shown = audit.into_iter().find(|(is_enabled, _)| *is_enabled);
    write(
        queue,
        log.format,
        shown.map_or(LevelFilter::OFF, |(_, level)| level),
    )
}

/// Audit events only, for a command that does not serve.
pub fn start_audit(log: Log) -> anyhow::Result<LogThread> {
    write(Arc::default(), log.format, LevelFilter::INFO)
}

fn filter(log_level: LogLevel) -> anyhow::Result<EnvFilter> {
    let directives = std::env::var(VARIABLE).unwrap_or_else(|_| level(log_level).into());
    let mut filter = EnvFilter::try_new(&directives).map_err(|error| anyhow!("{VARIABLE}: {error}"))?;
    for directive in NEVER {
        filter = filter.add_directive(directive.parse()?);
    }
    Ok(filter)
}

/// Has every line of the program put into the queue that is returned. What is above the level is not put together.
fn listen(log: Log) -> anyhow::Result<Arc<Queue>> {
    let queue = Arc::<Queue>::default();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(log.level)?)
        .with_writer(queue.clone())
        .with_timer(Utc);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow!("logging: {error}"))?;
    Ok(queue)
}

/// Begins to write what comes into `queue`.
fn write(queue: Arc<Queue>, format: LogFormat, audit: LevelFilter) -> anyhow::Result<LogThread> {
    // Not by way of the standard library's handle: its lock would be held while nobody reads.
    let out = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let thread = out.and_then(|out| LogThread::start(queue, out, Form { format, audit }));
    thread.context("logging")
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

/// RFC 3339 in UTC.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", SystemClock.now().rfc3339())
    }
}
