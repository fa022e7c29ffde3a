//! `beadle completions`: what a shell needs to complete our words.

use clap::{Args, Command};
use clap_complete::Shell;

use super::output;

/// Arguments of `beadle completions`.
#[derive(Args)]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

/// Prints the completion script of the shell.
pub fn run(arguments: &Arguments, mut command: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "beadle", &mut script);
    output::say(String::from_utf8(script)?.trim_end())
}
