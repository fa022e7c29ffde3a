//! `beadle hash`: from a PIN to its hash, without the PIN ever being an argument other users could see.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail, ensure};
use clap::Args;
use zeroize::Zeroizing;

use super::output;
use crate::domain::pin::{self, HashMemory, Hashing, PIN_BYTES_MAX, SALT_BYTES};
use crate::server::entropy::SystemEntropy;
use crate::types::{Entropy, Pin};

/// Arguments of `beadle hash`.
#[derive(Args)]
pub struct Arguments {
    /// Memory of the hash, in KiB
    #[arg(long, value_name = "KIB", default_value_t = Hashing::DEFAULT.memory_kib())]
    memory_kib: u32,
    /// Passes over the memory
    #[arg(long, value_name = "N", default_value_t = Hashing::DEFAULT.iterations())]
    iterations: u32,
    /// Lanes
    #[arg(long, value_name = "N", default_value_t = Hashing::DEFAULT.parallelism())]
    parallelism: u32,
    /// Print {"hash": …} instead of the bare hash
    #[arg(long)]
    json: bool,
}

/// Reads a PIN, twice from a terminal or the first line of anything else, and prints its argon2id hash.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let hashing = Hashing::new(arguments.memory_kib, arguments.iterations, arguments.parallelism)?;
    let text = of(&read_pin()?, hashing)?;
    match arguments.json {
        true => output::say_json(&serde_json::json!({ "hash": text })),
        false => output::say(&text),
    }
}

/// The argon2id hash of `pin` as text, with a fresh salt.
pub(super) fn of(pin: &Pin, hashing: Hashing) -> anyhow::Result<String> {
    let mut salt = [0; SALT_BYTES];
    SystemEntropy.fill(&mut salt);
    let hash = pin::hash(pin, hashing, salt, &mut HashMemory::for_hashing(hashing));
    Ok(std::str::from_utf8(hash.expose())
        .context("a hash is ASCII")?
        .to_owned())
}

fn read_pin() -> anyhow::Result<Pin> {
    let typed = if io::stdin().is_terminal() {
        ask_twice()?
    } else {
        first_line()?
    };
    ensure!(!typed.is_empty(), "the PIN is empty");
    ensure!(
        typed.len() <= PIN_BYTES_MAX,
        "the PIN is longer than {PIN_BYTES_MAX} bytes"
    );
    Ok(Pin::new(typed.as_bytes()))
}

fn ask_twice() -> anyhow::Result<Zeroizing<String>> {
    let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let (first, second) = (ask("PIN: ")?, ask("PIN again: ")?);
    if first != second {
        bail!("the two PINs differ");
    }
    Ok(first)
}

fn first_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the PIN cannot be read")?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
