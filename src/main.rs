//! The program: everything is in the library.

use std::process::ExitCode;

/// Records are allocated on one thread and freed on another, a million at every start; the system's
/// allocator spends a fifth of an import and of a start on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    beadle::cli::main()
}
