//! `beadle demo`: a whole campus in one command.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use super::demo_people::People;
use super::{demo_table, hash, logging, offline, serve};
use crate::config;
use crate::directory::import::{Event, Format, KeepGoing, Mode};
use crate::domain::pin::Hashing;
use crate::server::clock::{Clock, SystemClock};
use crate::server::daemon;
use crate::server::plan::Plan;
use crate::server::transfer::Wanted;
use crate::types::Pin;

/// Arguments of `beadle demo`.
#[derive(Args)]
pub struct Arguments {
    /// Keep the campus in this folder and find it there again; without it, a temporary one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many people to make up, if the folder holds none
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    pub people: u32,
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
}

/// Where the demo listens: loopback, ports that need no privilege.
#[derive(Args, Clone)]
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

/// The name every made-up entry is under.
pub const BASE: &str = "dc=uni,dc=example";
/// The PIN of the demo's emergency administrator, `cn=admin,` + [`BASE`].
pub const ROOT_PIN: &str = "demo-administrator";
/// The PIN of the demo's relying system, `cn=mail,ou=services,` + [`BASE`].
pub const SERVICE_PIN: &str = "demo-mail-service";
/// The secret the demo shares with RADIUS clients on this machine.
pub const SECRET: &str = "demo-secret-for-loopback-only";
/// People follow from their number and this.
const SEED: u64 = 1911;

/// Makes the campus up if it is not there yet, and runs it until it is told to stop. Errors: one sentence that
/// names the path or address at fault.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let folder = Folder::of(arguments.dir)?;
    let file = folder.path.join("beadle.toml");
    write_private(&file, &configuration(&folder.path, &arguments.listen)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let (settings, _) = config::load(&file).map_err(|report| anyhow::anyhow!("{report}"))?;
    logging::start(settings.plain.places.log)?;
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let people = fill(&plan, &runtime, arguments.people)?;
    let table = demo_table::Table {
        listen: &arguments.listen,
        folder: &folder.path,
        entries: people,
    };
    runtime.block_on(daemon::run(plan, || table.print(begun.elapsed())))?;
    Ok(())
}

/// Writes a file that only its owner can read: it holds a secret, if a known one.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Imports made-up people if the directory is empty. Returns how many entries there are.
fn fill(plan: &Plan, runtime: &tokio::runtime::Runtime, people: u32) -> anyhow::Result<u64> {
    let place = offline::open(plan, runtime)?;
    if place.entries().snapshot.is_empty() {
        let mut open = || Ok(Box::new(People::new(BASE, people.into(), SEED)) as _);
        let wanted = Wanted {
            format: Format::Ldif,
            keep_going: KeepGoing::No,
            mode: Mode::Apply,
            ignored: Vec::new(),
        };
        let told = &mut |_: Event<'_>| ControlFlow::Continue(());
        let outcome = place.import_rows(&mut open, &wanted, SystemClock.now(), told)?;
        ensure!(
            outcome.counts.refused == 0,
            "{} made-up people were refused",
            outcome.counts.refused
        );
        return Ok(outcome.counts.new);
    }
    Ok(place.entries().snapshot.len() as u64)
}

/// The configuration of a campus in `folder`.
fn configuration(folder: &Path, listen: &Listen) -> anyhow::Result<String> {
    let store = folder.join("store");
    // A JSON string is a TOML basic string.
    let store = serde_json::to_string(store.to_str().context("the folder's name is no UTF-8")?)?;
    let hash = |pin: &str| hash::of(&Pin::new(pin.as_bytes()), Hashing::DEFAULT);
    let (root, service) = (hash(ROOT_PIN)?, hash(SERVICE_PIN)?);
    let Listen {
        ldap,
        ldaps,
        radius,
        accounting,
        admin,
        web: _,
    } = listen;
    Ok(format!(
        r#"# Written by `beadle demo` at every start. Its PINs and its secret are known to everybody.
base_dn = "{BASE}"
[store]
path = {store}
[log]
level = "warn"
[ldap]
listen = ["{ldap}"]
listen_tls = ["{ldaps}"]
[ldap.root]
dn = "cn=admin,{BASE}"
password_hash = "{root}"
[[ldap.service]]
name = "mail"
password_hash = "{service}"
[radius]
listen = ["{radius}"]
accounting_listen = ["{accounting}"]
[[radius.client]]
name = "this-machine"
network = "127.0.0.0/8"
secret = "{SECRET}"
service = "vpn"
[[radius.client]]
name = "this-machine-6"
network = "::1/128"
secret = "{SECRET}"
service = "vpn"
[web]
admin_listen = ["{admin}"]
"#
    ))
}

/// The campus's folder; a temporary one is removed at the end.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn of(given: Option<PathBuf>) -> anyhow::Result<Folder> {
        let temporary = given.is_none();
        let path =
            given.unwrap_or_else(|| std::env::temp_dir().join(format!("beadle-demo-{}", std::process::id())));
        DirBuilder::new()
            .recursive(!temporary)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Folder { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
