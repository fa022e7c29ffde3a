//! `--config FILE`, as every command that needs settings takes it.

use std::path::PathBuf;

use clap::Args;

use super::output::{self, Failed};
use crate::config::{self, Report, Settings};

/// Which configuration file.
#[derive(Args)]
pub struct ConfigFile {
    /// The configuration file; beadle.toml(5) says what is in it
    #[arg(
        short,
        long = "config",
        value_name = "FILE",
        default_value = "/etc/beadle/beadle.toml"
    )]
    pub config: PathBuf,
}

impl ConfigFile {
    /// The settings; warnings go to standard error. Errors: [`Failed`], after everything that is wrong was
    /// printed there.
    pub fn load(&self) -> anyhow::Result<Settings> {
        match config::load(&self.config) {
            Ok((settings, warnings)) => {
                print(&warnings);
                Ok(settings)
            }
            Err(report) => {
                print(&report);
                Err(Failed.into())
            }
        }
    }
}

/// Prints a report, one problem a line, to standard error; nothing if it is empty.
pub fn print(report: &Report) {
    if !report.problems.is_empty() {
        output::complain(report.to_string().trim_end());
    }
}
