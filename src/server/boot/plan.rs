//! Everything a daemon is started with, checked: the settings of each layer, in that layer's own terms.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::directory::Directory;
use crate::directory::change::decide::ChangeRules;
use crate::directory::login::principals::Principals;
use crate::domain::schema::Schema;
use crate::index::IndexSettings;
use crate::ldap::limits::Limits;
use crate::ldap::names::Names;
use crate::radius::client::ClientTable;
use crate::radius::session;
use crate::server::http::tls::TlsFiles;
use crate::server::ldap::listener::LdapSettings;
use crate::server::login::LoginSettings;
use crate::store::sled::SledSettings;
use crate::types::Dn;

/// What `beadle serve` runs.
pub struct Plan {
    /// The name every entry is under.
    pub base: Dn,
    /// Entries: their schema, where they are kept and how they are found.
    pub entries: EntriesPlan,
    /// Who may log in and see what.
    pub rules: RulesPlan,
    /// LDAP.
    pub ldap: LdapPlan,
    /// RADIUS.
    pub radius: RadiusPlan,
    /// Where to listen.
    pub listen: Listen,
    /// The administration socket.
    pub admin_socket: PathBuf,
}

/// Where entries are and how they are found.
pub struct EntriesPlan {
    /// Attribute types, classes, matching rules.
    pub schema: Arc<Schema>,
    /// The store.
    pub store: SledSettings,
    /// The indexes.
    pub index: IndexSettings,
}

/// Who may log in and see what.
pub struct RulesPlan {
    /// Visibility and limits of searches.
    pub directory: Arc<Directory>,
    /// What every change must keep.
    pub changes: Arc<ChangeRules>,
    /// Accounts of the configuration.
    pub principals: Arc<Principals>,
    /// Hashing and locking.
    pub login: LoginSettings,
}

/// How LDAP is served.
pub struct LdapPlan {
    /// Connections.
    pub settings: LdapSettings,
    /// Messages.
    pub limits: Limits,
    /// How names are read that are no distinguished names.
    pub names: Names,
    /// The certificate; `None`: a self-signed one under the store's folder.
    pub tls: Option<TlsFiles>,
}

/// How RADIUS is served.
pub struct RadiusPlan {
    /// Delays and caches.
    pub settings: session::Settings,
    /// Who may ask.
    pub clients: Arc<ClientTable>,
}

/// Where the daemon listens. An empty list: that service is off.
#[derive(Clone, Debug, Default)]
pub struct Listen {
    /// LDAP with StartTLS.
    pub ldap: Vec<SocketAddr>,
    /// LDAP over TLS.
    pub ldaps: Vec<SocketAddr>,
    /// LDAP on Unix sockets.
    pub ldapi: Vec<PathBuf>,
    /// RADIUS authentication, UDP.
    pub radius: Vec<SocketAddr>,
    /// RADIUS accounting, UDP.
    pub accounting: Vec<SocketAddr>,
    /// Health and metrics, HTTP.
    pub admin: Vec<SocketAddr>,
}
