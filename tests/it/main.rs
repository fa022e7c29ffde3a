//! One test binary; a module per subject.

mod architecture;
mod cli;
mod conf;
