//! The configuration as checked: every value parsed, every default filled in.
//!
//! The defaults are in `defaults.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::directory::ask::limits::SearchLimits;
use crate::directory::change::decide::ChangeRules;
use crate::directory::login::principals::Principals;
use crate::domain::access::AccessRules;
use crate::domain::schema::Schema;
use crate::index::IndexSettings;
use crate::ldap;
use crate::radius;
use crate::radius::client::ClientTable;
use crate::server::boot::plan::Listen;
use crate::server::http::tls::TlsFiles;
use crate::server::ldap::listener::LdapSettings;
use crate::server::login::LoginSettings;
use crate::server::observe::log::LogFormat;
use crate::store::sled::SledSettings;
use crate::types::Dn;

/// Everything the daemon is told. Has no `Debug`: some parts hold secrets.
pub struct Settings {
    /// The built-in schema and the files of `schema.folder`.
    pub schema: Arc<Schema>,
    /// The name every entry is under.
    pub base_dn: Dn,
    /// Who is let in by configuration rather than by an entry.
    pub principals: Principals,
    /// Who may see and change what.
    pub access: AccessRules,
    /// What every change must keep.
    pub changes: ChangeRules,
    /// Who may ask over RADIUS.
    pub radius_clients: ClientTable,
    /// The parts without secrets.
    pub plain: Plain,
}

/// The parts of [`Settings`] that hold no secret.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Files and sockets on this machine.
    pub places: Places,
    /// Where the daemon listens.
    pub listen: Listen,
    /// Connections and messages of LDAP.
    pub ldap: Ldap,
    /// How much a search may return.
    pub search: SearchLimits,
    /// Delays and caches of RADIUS.
    pub radius: radius::session::Settings,
    /// How PINs are hashed and how wrong ones lock.
    pub log_in: LoginSettings,
    /// What can be searched fast.
    pub index: IndexSettings,
    /// Who may see and change what, as it was written.
    pub access: Access,
}

/// Files, folders and sockets on this machine, and the log.
#[derive(Clone, Debug)]
pub struct Places {
    /// The store, of the one engine there is.
    pub store: SledSettings,
    /// The certificate; `None`: a self-signed one is made under the store's folder.
    pub tls: Option<TlsFiles>,
    /// The administration socket.
    pub admin_socket: PathBuf,
    /// The log.
    pub log: Log,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important lines that are written.
    pub level: LogLevel,
    /// Their form.
    pub format: LogFormat,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The daemon could not do its work.
    Error,
    /// Somebody should look soon.
    Warn,
    /// One line a request.
    Info,
    /// Why, for who looks for a fault.
    Debug,
    /// Every step.
    Trace,
}

/// LDAP: limits of connections and messages, and names.
#[derive(Clone, Debug)]
pub struct Ldap {
    /// Of connections.
    pub connections: LdapSettings,
    /// Of messages.
    pub messages: ldap::limits::Limits,
    /// How names are read that are no distinguished names.
    pub names: ldap::names::Names,
}

/// Who may see and change what, as it was written: what [`Settings::access`] was made of.
#[derive(Clone, Debug)]
pub struct Access {
    /// The sentences.
    pub rules: Vec<String>,
    /// Names of sets of entries, each with its filter (RFC 4515).
    pub entries: BTreeMap<String, String>,
    /// Attributes that strangers never see.
    pub never_public: Vec<String>,
    /// Attributes only the entry's owner reads.
    pub owner_only: Vec<String>,
}
