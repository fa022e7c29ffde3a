//! `beadle demo`: a whole campus in one command.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

/// Arguments of `beadle demo`.
#[derive(Args)]
pub struct Arguments {
    /// Keep the campus in this folder and find it there again; without it, a temporary one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many people to make up, if the folder holds none
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub people: u32,
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
}

/// Where the demo listens: loopback, ports that need no privilege.
#[derive(Args)]
pub struct Listen {
    /// LDAP with StartTLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3890")]
    pub ldap: SocketAddr,
    /// LDAP over TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6360")]
    pub ldaps: SocketAddr,
    /// RADIUS authentication
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18120")]
    pub radius: SocketAddr,
    /// RADIUS accounting
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18130")]
    pub accounting: SocketAddr,
    /// The web pages of members; this version has none and leaves the address alone
    #[arg(long, value_name = "ADDR")]
    pub web: Option<SocketAddr>,
    /// Health and metrics
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub admin: SocketAddr,
}

/// Makes the campus up if it is not there yet, and runs it until it is told to stop.
pub fn run(_arguments: Arguments) -> anyhow::Result<()> {
    bail!("this build has no listeners yet")
}
