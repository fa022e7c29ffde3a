//! `beadle check`: is the configuration good?

use clap::Args;

use super::config_file::{self, ConfigFile};
use super::output::{self, Failed};
use crate::config;

/// Arguments of `beadle check`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print the findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// Checks the file and prints every finding. Errors: [`Failed`] if there is an error among them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (report, good) = match config::load(&arguments.file.config) {
        Ok((_, warnings)) => (warnings, true),
        Err(report) => (report, false),
    };
    if arguments.json {
        output::say_json(&report)?;
    } else {
        config_file::print(&report);
    }
    if !good {
        return Err(Failed.into());
    }
    if !arguments.json {
        output::say(&format!("{}: good", report.file))?;
    }
    Ok(())
}
