//! The configuration as checked: every value parsed, every default filled in.
//!
//! The defaults are in `defaults.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::pin::Hashing;
use crate::types::{Dn, IpNet, PinHash, SharedSecret};

/// Everything the daemon is told. Has no `Debug`: some parts hold secrets.
pub struct Settings {
    /// The name every entry is under.
    pub base_dn: Dn,
    /// Who is let in by configuration rather than by an entry.
    pub principals: Principals,
    /// RADIUS clients, no two with the same name or network.
    pub radius_clients: Vec<RadiusClient>,
    /// The parts without secrets.
    pub plain: Plain,
}

/// The parts of [`Settings`] that hold no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Plain {
    /// Files and sockets on this machine.
    pub places: Places,
    /// Where the daemon listens.
    pub listen: Listen,
    /// Connections and messages of LDAP.
    pub ldap: LdapLimits,
    /// How much a search may return.
    pub search: SearchLimits,
    /// Delays and caches of RADIUS.
    pub radius: RadiusTimes,
    /// How PINs are hashed and how wrong ones lock.
    pub log_in: LogIn,
    /// What can be searched fast.
    pub index: IndexLists,
    /// Who sees what.
    pub visibility: Visibility,
}

/// Files, folders and sockets on this machine, and the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// The store.
    pub store: StorePlace,
    /// The certificate; `None`: a self-signed one is made under the store's folder.
    pub tls: Option<TlsFiles>,
    /// A folder of schema files beyond the built-in ones.
    pub schema_folder: Option<PathBuf>,
    /// The administration socket.
    pub admin_socket: PathBuf,
    /// The log.
    pub log: Log,
}

/// Which store, where.
#[derive(Clone, Debug, PartialEq)]
pub struct StorePlace {
    /// The engine.
    pub engine: Engine,
    /// Its folder.
    pub path: PathBuf,
    /// How long a commit waits for others to share its flush with, in milliseconds.
    pub group_commit_ms: u64,
}

/// A store engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sled,
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key.
    pub private_key: PathBuf,
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

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people and journald.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the daemon listens. An empty list: that service is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// LDAP with StartTLS.
    pub ldap: Vec<SocketAddr>,
    /// LDAP over TLS.
    pub ldaps: Vec<SocketAddr>,
    /// RADIUS authentication, UDP.
    pub radius: Vec<SocketAddr>,
    /// RADIUS accounting, UDP.
    pub accounting: Vec<SocketAddr>,
    /// Health and metrics, HTTP.
    pub admin: Vec<SocketAddr>,
}

/// Limits of LDAP connections.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapLimits {
    /// Networks from which a simple bind may come without TLS.
    pub cleartext_bind_from: Vec<IpNet>,
    /// Open connections; a further one is closed at once.
    pub connections_max: u64,
    /// Open connections from one address; a further one is closed at once.
    pub connections_per_address_max: u64,
    /// Largest message before a bind, in bytes; a larger one ends the connection.
    pub message_bytes_max_anonymous: u64,
    /// Largest message after a bind, in bytes; a larger one ends the connection.
    pub message_bytes_max_authenticated: u64,
    /// A connection without a request for so many seconds is closed.
    pub idle_s: u64,
    /// A client that does not read for so many seconds is disconnected.
    pub write_timeout_s: u64,
}

/// How much a search may return. An asker may want less, never more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Entries for a stranger.
    pub entries_max_public: u64,
    /// Entries for a member; 0 is no limit.
    pub entries_max_member: u64,
    /// Entries for a service; 0 is no limit.
    pub entries_max_service: u64,
    /// Seconds for anybody.
    pub time_limit_s: u64,
}

/// Delays and caches of RADIUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadiusTimes {
    /// How long after its request an Access-Reject leaves, in milliseconds.
    pub reject_delay_ms: u64,
    /// By how much that varies either way, in milliseconds.
    pub reject_jitter_ms: u64,
    /// Replies kept for retransmissions; at the limit the oldest goes.
    pub duplicate_entries_max: u64,
    /// How long each is kept, in seconds.
    pub duplicate_life_s: u64,
}

/// How PINs are hashed and how wrong ones lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIn {
    /// The hash of new PINs.
    pub hashing: Hashing,
    /// Whether a weaker hash is replaced at the next good log-in.
    pub upgrade: Upgrade,
    /// The pool that hashes.
    pub pool: HashPool,
    /// Locking.
    pub lockout: Lockout,
}

/// Whether a hash that is weaker than `[hashing]` asks for is replaced at the next good log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// It is.
    OnLogIn,
    /// It stays.
    Never,
}

/// The pool that hashes, and what it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashPool {
    /// Threads; 0 is one per core.
    pub threads: u64,
    /// Log-ins that wait; a further one is answered `busy`.
    pub queue_max: u64,
    /// How long a verified PIN is remembered, in seconds; 0 is not at all.
    pub verified_cache_s: u64,
}

/// When wrong PINs lock an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// So many different wrong PINs lock it.
    pub failures_max: u32,
    /// For so many seconds.
    pub lock_s: u64,
}

/// Attributes with an index, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexLists {
    /// Found by value.
    pub equality: Vec<String>,
    /// Found by a part of the value.
    pub substring: Vec<String>,
    /// Found by range.
    pub ordering: Vec<String>,
    /// With very many values in one entry, as groups have members.
    pub membership: Vec<String>,
}

/// Who sees what.
#[derive(Clone, Debug, PartialEq)]
pub struct Visibility {
    /// Attributes a stranger may read, by name.
    pub open_to_public: Vec<String>,
    /// Which entries a stranger may see, as a filter (RFC 4515).
    pub public_entries: String,
    /// What members and services may read. Rules add up.
    pub access: Vec<AccessRule>,
}

/// One rule of `[[access]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessRule {
    /// Who it is for.
    pub to: AccessTo,
    /// Which entries, as a filter (RFC 4515).
    pub entries: String,
    /// Which attributes, by name; `*` is every user attribute, `+` every operational one.
    pub read: Vec<String>,
}

/// Who an [`AccessRule`] is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessTo {
    /// Every member.
    Member,
    /// Every service.
    Services,
    /// One service, by name.
    Service(Arc<str>),
}

/// Who is let in by configuration rather than by an entry.
#[derive(Default)]
pub struct Principals {
    /// The emergency administrator.
    pub root: Option<Root>,
    /// Relying systems, no two with the same name.
    pub services: Vec<Service>,
}

/// The emergency administrator.
pub struct Root {
    /// The name it binds with.
    pub dn: Dn,
    /// Its password.
    pub password_hash: PinHash,
}

/// A relying system that binds as `cn=NAME,ou=services,BASE`.
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// Its password.
    pub password_hash: PinHash,
}

/// A RADIUS client.
pub struct RadiusClient {
    /// Its name in logs.
    pub name: Arc<str>,
    /// Where its packets come from.
    pub network: IpNet,
    /// The secret it shares with the daemon.
    pub secret: SharedSecret,
    /// Whether its requests must carry Message-Authenticator.
    pub message_authenticator: MessageAuthenticator,
    /// The service it stands for, for entitlements; `None`: any member may log in.
    pub service: Option<Arc<str>>,
}

/// Whether a client's Access-Requests must carry Message-Authenticator (RFC 3579 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAuthenticator {
    /// A request without is dropped.
    Required,
    /// A request without is answered.
    Optional,
    /// Optional until the first request with a right one, required from then on.
    Latch,
}
