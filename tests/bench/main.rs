//! The load driver of `scripts/bench`: made-up people, and clients that keep a server busy.
//!
//! `cargo bench --bench load -- COMMAND …`; every command prints one JSON object on one line.
#![allow(clippy::print_stdout, missing_docs)]

mod commits;
mod echo;
mod export;
mod ldap;
mod people;
mod radius;

use std::collections::HashMap;
use std::time::{Duration, Instant};

const USAGE: &str =
    "usage: load people|search|latency|export|bind|modify|echo|pap|first|commits|fdatasync [--key value]…";

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let command = words.next().unwrap_or_default();
    let options = Options::read(words);
    match command.as_str() {
        "people" => people::write(&options),
        "search" => report(&options, || ldap::search(&options)),
        "latency" => ldap::latency(&options),
        "export" => report(&options, || export::export(&options)),
        "bind" => report(&options, || ldap::bind(&options)),
        "modify" => report(&options, || ldap::modify(&options)),
        "echo" => echo::echo(&options),
        "pap" => report(&options, || radius::pap(&options)),
        "first" => ldap::first_answer(&options),
        "commits" => commits::commits(&options),
        "fdatasync" => commits::fdatasync(&options),
        _ => Err(std::io::Error::other(USAGE)),
    }
}

/// `--key value` pairs of the command line.
pub struct Options(HashMap<String, String>);

impl Options {
    fn read(words: impl Iterator<Item = String>) -> Options {
        let words: Vec<String> = words.collect();
        let pairs = words.chunks_exact(2);
        Options(
            pairs
                .map(|pair| (pair[0].trim_start_matches('-').to_owned(), pair[1].clone()))
                .collect(),
        )
    }

    pub fn text<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.0.get(key).map_or(default, String::as_str)
    }

    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.0.get(key).map_or(default, |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("--{key} takes a number, not {text}"))
        })
    }

    pub fn seconds(&self) -> Duration {
        Duration::from_millis(self.number("ms", 3000))
    }
}

/// What a run of requests came to.
#[derive(Default)]
pub struct Tally {
    pub done: u64,
    pub wrong: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.done += other.done;
        self.wrong += other.wrong;
    }
}

/// Runs `load` and prints throughput, and the CPU time per operation of the process `--pid`.
fn report(options: &Options, load: impl Fn() -> std::io::Result<Tally>) -> std::io::Result<()> {
    let pid = options.number("pid", 0);
    let (cpu_before, start) = (cpu_us(pid), Instant::now());
    let tally = load()?;
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), cpu_us(pid) - cpu_before);
    let per_s = tally.done as f64 / elapsed;
    let cpu_each = cpu / tally.done.max(1) as f64;
    println!(
        "{{\"done\":{},\"wrong\":{},\"per_s\":{per_s:.0},\"cpu_us\":{cpu_each:.2},\"rss_mb\":{:.1}}}",
        tally.done,
        tally.wrong,
        rss_mb(pid)
    );
    Ok(())
}

/// User and system time of a process so far, in microseconds; 0 for pid 0.
fn cpu_us(pid: u64) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The command name may hold spaces; fields are counted from behind its closing bracket.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|at| fields.get(*at)?.parse::<f64>().ok())
        .sum();
    ticks * 10_000.0
}

/// Resident memory of a process in megabytes; 0 for pid 0.
fn rss_mb(pid: u64) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
