//! The configuration file of a demo's folder, and how it is told from one that somebody else wrote.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tempfile::NamedTempFile;

use crate::cli::demo::campus::{BASE, Listen, ROOT_PIN, SECRET, SERVICE_PIN};
use crate::cli::hash;
use crate::config::{self, DiskFiles, Settings, Source};
use crate::domain::pin::Hashing;
use crate::types::Pin;

/// How every file begins that the demo has written; no other file is written over.
const MARK: &str = "# Written by `beadle demo`";

/// The configuration of a campus, and where it is written.
pub struct DemoFile {
    path: PathBuf,
    /// The store's folder, as TOML.
    store: String,
    root: String,
    service: String,
}

impl DemoFile {
    /// The configuration of the campus in `folder`, not written yet. Errors: the file is there and not the demo's.
    pub fn of(folder: &Path) -> anyhow::Result<DemoFile> {
        let path = folder.join("beadle.toml");
        ensure!(
            is_ours(&path).with_context(|| path.display().to_string())?,
            "{} was not written by `beadle demo` and is left alone; name another folder",
            path.display()
        );
        let store = folder.join("store");
        let store = store.to_str().context("the folder's name is no UTF-8")?;
        let hash = |pin: &str| hash::of(&Pin::new(pin.as_bytes()), Hashing::DEFAULT);
        Ok(DemoFile {
            path,
            // A JSON string is a TOML basic string.
            store: serde_json::to_string(store)?,
            root: hash(ROOT_PIN)?,
            service: hash(SERVICE_PIN)?,
        })
    }

    /// Whether a demo in this folder has been ready once.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// The settings of a campus that listens there.
    pub fn settings(&self, listen: &Listen) -> anyhow::Result<Settings> {
        let source = Source::new(self.path.display().to_string(), self.text(listen));
        let checked = config::check(&source, &DiskFiles);
        checked
            .map(|(settings, _)| settings)
            .map_err(|report| anyhow::anyhow!("{report}"))
    }

    /// Writes the file, whole or not at all, for its owner only: it holds a secret, if a known one.
    pub fn write(&self, listen: &Listen) -> anyhow::Result<()> {
        let written = self.try_write(listen);
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn try_write(&self, listen: &Listen) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(self.text(listen).as_bytes())?;
        file.persist(&self.path)?;
        Ok(())
    }

    fn text(&self, listen: &Listen) -> String {
        let DemoFile {
            store, root, service, ..
        } = self;
        let Listen {
            ldap,
            ldaps,
            radius,
            accounting,
            admin,
        } = listen;
        format!(
            r#"{MARK} at every start. Its PINs and its secret are known to everybody.
base_dn = "{BASE}"
[store]
path = {store}
[log]
level = "warn"
[ldap]
listen = ["{ldap}"]
listen_tls = ["{ldaps}"]
listen_ldapi = []
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
        )
    }
}

/// Whether the file at `path` is not there, or begins with [`MARK`]. Errors: it cannot be read.
fn is_ours(path: &Path) -> io::Result<bool> {
    match fs::read(path) {
        Ok(text) => Ok(text.starts_with(MARK.as_bytes())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
