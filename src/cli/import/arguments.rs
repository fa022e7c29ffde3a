//! What `beadle import` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::config_file::ConfigFile;
use crate::exchange::import::{Format, KeepGoing, Mode};
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

impl Arguments {
    /// The format of the file, as told or by its name.
    pub fn format(&self) -> Format {
        let ending = self.path.extension();
        let is_csv = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        match self.format {
            Some(FormatName::Csv) => Format::Csv,
            None if is_csv => Format::Csv,
            _ => Format::Ldif,
        }
    }
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
