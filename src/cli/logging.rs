//! Where log lines go: standard error, one line each, in UTC.

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::settings::{Log, LogFormat, LogLevel};
use crate::server::clock::{Clock, SystemClock};

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

/// Who logged in and what was changed is written at every level: who wants fewer lines of the daemon's work still
/// wants those.
const AUDIT: &str = "audit=info";

/// Sends log lines to standard error as `log` says, audit events at every level. Errors: the variable holds no
/// directives, or the process logs already.
pub fn start(log: Log) -> anyhow::Result<()> {
    let filter = filter(log.level)?.add_directive(AUDIT.parse()?);
    begin(log.format, filter)
}

/// The same, audit events like every other line: for a terminal that shows something else.
pub fn start_quietly(log: Log) -> anyhow::Result<()> {
    begin(log.format, filter(log.level)?)
}

/// Audit events only, for a command that does not serve.
pub fn start_audit(log: Log) -> anyhow::Result<()> {
    begin(log.format, EnvFilter::try_new(AUDIT)?)
}

fn filter(log_level: LogLevel) -> anyhow::Result<EnvFilter> {
    let directives = std::env::var(VARIABLE).unwrap_or_else(|_| level(log_level).into());
    let mut filter = EnvFilter::try_new(&directives).map_err(|error| anyhow!("{VARIABLE}: {error}"))?;
    for directive in NEVER {
        filter = filter.add_directive(directive.parse()?);
    }
    Ok(filter)
}

fn begin(format: LogFormat, filter: EnvFilter) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(Utc);
    let started = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow!("logging: {error}"))
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
