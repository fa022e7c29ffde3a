//! Layer 7: the command line: one file a command.
//!
//! Exit codes: 0 it worked, 1 it failed, 2 it was called wrongly.

pub mod access;
pub mod check;
pub mod completions;
pub mod config_file;
pub mod daemon_client;
pub mod demo;
pub mod discard;
pub mod export;
pub mod hash;
pub mod import;
pub mod logging;
pub mod man;
pub mod offline;
pub mod output;
mod plan;
pub mod progress;
pub mod reload;
pub mod serve;
pub mod store;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use output::Failed;

/// One directory daemon for a university: LDAP, RADIUS and a small web port over one UID and PIN.
#[derive(Parser)]
#[command(name = "beadle", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can be told to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run a whole made-up campus on loopback ports, with log-ins to try
    Demo(demo::Arguments),
    /// Run the daemon in the foreground until it is told to stop
    Serve(serve::Arguments),
    /// Check a configuration file without opening anything
    Check(check::Arguments),
    /// Import people and other entries from an LDIF or CSV file
    ///
    /// A record of LDIF says all its entry shall be: what an entry that is there already has beside it is removed, but
    /// for userPassword and what the directory sets itself. A row of CSV speaks of its columns only, and an empty cell
    /// takes the attribute away; of userPassword it is refused where there is a PIN. --dry-run says what would be changed
    /// and removed.
    ///
    /// CSV begins with a row of attribute names. A cell may hold several values with | between them (\| is the
    /// character itself, \\ a backslash); a column NAME:: holds base64. Without a dn column the entry is uid=UID under
    /// ou=people under base_dn; without an objectClass column an entry gets the auxiliary classes that its values need,
    /// and a new one is an inetOrgPerson.
    ///
    /// Nothing is written unless every row is good, or --keep-going is given. The same file twice changes nothing.
    Import(import::arguments::Arguments),
    /// Export everything as LDIF, or chosen attributes as CSV
    Export(export::Arguments),
    /// Tell who may see and change what
    Access(access::Arguments),
    /// Print the hash of a PIN, for password_hash in the configuration or userPassword in an import
    Hash(hash::Arguments),
    /// Look after a store whose daemon is stopped
    Store(store::Arguments),
    /// Make the running daemon read its certificates again
    Reload(reload::Arguments),
    /// Print the manual page beadle(8)
    Man(man::Arguments),
    /// Print the completion script of a shell
    Completions(completions::Arguments),
}

/// Runs the program with the words of the command line.
pub fn main() -> ExitCode {
    // clap prints help and usage errors itself, and leaves with 0 or 2.
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A command that has already said everything on its own has nothing to add.
            if !error.is::<Failed>() {
                output::complain(&format!("beadle: {}", sentence(&error)));
            }
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one sentence. A cause that the words before it already end with is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let causes = error.chain().skip(1).map(ToString::to_string);
    causes.fold(error.to_string(), |said, cause| match said.ends_with(&cause) {
        true => said,
        false => format!("{said}: {cause}"),
    })
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Serve(arguments) => serve::run(arguments.file.load()?),
        Command::Check(arguments) => check::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Access(arguments) => access::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Store(arguments) => store::run(&arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Man(_) => man::run(Cli::command()),
        Command::Completions(arguments) => completions::run(&arguments, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = || std::io::Error::other("in use");
        let once = anyhow::Error::new(cause()).context("cannot listen: in use");
        assert_eq!(sentence(&once), "cannot listen: in use");
        let both = anyhow::Error::new(cause())
            .context("cannot listen")
            .context("people.ldif");
        assert_eq!(sentence(&both), "people.ldif: cannot listen: in use");
    }

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        Cli::command().debug_assert();
    }
}
