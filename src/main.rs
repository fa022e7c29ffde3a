//! The `beadle` program; what it does is in [`beadle::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    beadle::cli::main()
}
