//! The configuration as the operator wrote it: every key optional, nothing judged yet.
//!
//! `conf/beadle.toml` and beadle.toml(5) document every key; a test compares them with these structs.
//! No struct here has `Debug`, because some hold secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use zeroize::Zeroizing;

/// A key that may be absent, with its place in the file.
pub type Field<T> = Option<Spanned<T>>;
/// A list that may be absent; each element has its place in the file.
pub type List<T> = Option<Vec<Spanned<T>>>;

/// A secret as written: cannot be printed, wiped when dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
pub struct RawSecret(Zeroizing<String>);

impl From<String> for RawSecret {
    fn from(text: String) -> RawSecret {
        RawSecret(Zeroizing::new(text))
    }
}

impl RawSecret {
    /// The text, for the check that turns it into its proper type.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// The name every entry is under.
    pub base_dn: Field<String>,
    /// Where the records are.
    #[serde(deserialize_with = "table")]
    pub store: RawStore,
    /// The certificate.
    pub tls: Field<RawTls>,
    /// LDAP listeners and their limits.
    #[serde(deserialize_with = "table")]
    pub ldap: RawLdap,
    /// How much a search may return.
    #[serde(deserialize_with = "table")]
    pub limits: RawLimits,
    /// RADIUS listeners and clients.
    #[serde(deserialize_with = "table")]
    pub radius: RawRadius,
    /// HTTP listeners.
    #[serde(deserialize_with = "table")]
    pub web: RawWeb,
    /// How PINs are hashed.
    #[serde(deserialize_with = "table")]
    pub hashing: RawHashing,
    /// When wrong PINs lock an account.
    #[serde(deserialize_with = "table")]
    pub lockout: RawLockout,
    /// What can be searched fast.
    #[serde(deserialize_with = "table")]
    pub index: RawIndex,
    /// Which values no two entries share.
    #[serde(deserialize_with = "table")]
    pub unique: RawUnique,
    /// Who may see and change what.
    #[serde(deserialize_with = "table")]
    pub access: RawAccess,
    /// Schema beyond the built-in one.
    #[serde(deserialize_with = "table")]
    pub schema: RawSchema,
    /// The administration socket.
    #[serde(deserialize_with = "table")]
    pub admin: RawAdmin,
    /// What is logged, and how.
    #[serde(deserialize_with = "table")]
    pub log: RawLog,
}

/// `[store]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawStore {
    /// Which engine.
    pub engine: Field<String>,
    /// Its folder.
    pub path: Field<String>,
    /// How long a commit waits for company, in milliseconds.
    pub group_commit_ms: Field<u64>,
}

/// `[tls]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// PEM file with the certificate chain.
    pub certificate: Field<String>,
    /// PEM file with the private key.
    pub private_key: Field<String>,
}

/// `[ldap]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLdap {
    /// Addresses for LDAP with StartTLS.
    pub listen: List<String>,
    /// Addresses for LDAPS.
    pub listen_tls: List<String>,
    /// Unix sockets.
    pub listen_ldapi: List<String>,
    /// The group whose members are administrators over Unix sockets.
    pub administrators_group: Field<String>,
    /// Networks from which a simple bind may come without TLS.
    pub cleartext_bind_from: List<String>,
    /// What a simple bind may give as its name besides a DN.
    pub bind_names: List<String>,
    /// Where searches under the empty name look.
    pub default_search_base: Field<String>,
    /// Open connections in all.
    pub connections_max: Field<u64>,
    /// Open connections from one address.
    pub connections_per_address_max: Field<u64>,
    /// Largest request before a bind, in bytes.
    pub message_bytes_max_anonymous: Field<u64>,
    /// Largest request after a bind, in bytes.
    pub message_bytes_max_authenticated: Field<u64>,
    /// Time to the first message, in seconds.
    pub first_message_s: Field<u64>,
    /// Idle time before a connection is closed, in seconds.
    pub idle_s: Field<u64>,
    /// How long one write may take, in seconds.
    pub write_timeout_s: Field<u64>,
    /// The emergency administrator.
    pub root: Field<RawRoot>,
    /// Relying systems that bind.
    pub service: List<RawService>,
}

/// `[ldap.root]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRoot {
    /// The name it binds with.
    pub dn: Field<String>,
    /// The hash of its password.
    pub password_hash: Field<RawSecret>,
}

/// `[[ldap.service]]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawService {
    /// Its name.
    pub name: Field<String>,
    /// The hash of its password.
    pub password_hash: Field<RawSecret>,
}

/// `[limits]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    /// Entries a stranger's search returns.
    pub entries_max_public: Field<u64>,
    /// Entries a member's search returns.
    pub entries_max_member: Field<u64>,
    /// Entries a service's search returns.
    pub entries_max_service: Field<u64>,
    /// Entries a search looks at.
    pub candidates_max: Field<u64>,
    /// How long a search may take, in seconds.
    pub time_limit_s: Field<u64>,
}

/// `[radius]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRadius {
    /// Addresses for authentication.
    pub listen: List<String>,
    /// Addresses for accounting.
    pub accounting_listen: List<String>,
    /// How long an Access-Reject waits, in milliseconds.
    pub reject_delay_ms: Field<u64>,
    /// How much that varies either way, in milliseconds.
    pub reject_jitter_ms: Field<u64>,
    /// Requests remembered against retransmissions.
    pub duplicates_max: Field<u64>,
    /// How long each is remembered, in seconds.
    pub duplicate_lifetime_s: Field<u64>,
    /// Who may ask.
    pub client: List<RawClient>,
}

/// `[[radius.client]]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawClient {
    /// Its name in logs.
    pub name: Field<String>,
    /// Where it asks from.
    pub network: Field<String>,
    /// The shared secret.
    pub secret: Field<RawSecret>,
    /// A file that holds the shared secret.
    pub secret_file: Field<String>,
    /// Whether its requests must be signed.
    pub require_message_authenticator: Field<String>,
    /// The service it stands for.
    pub service: Field<String>,
}

/// `[web]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawWeb {
    /// Addresses for health and metrics.
    pub admin_listen: List<String>,
}

/// `[hashing]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawHashing {
    /// Memory of one hash, in KiB.
    pub memory_kib: Field<u64>,
    /// Passes of one hash.
    pub iterations: Field<u64>,
    /// Lanes of one hash.
    pub parallelism: Field<u64>,
    /// Threads that hash.
    pub threads: Field<u64>,
    /// Log-ins that may wait.
    pub queue_max: Field<u64>,
    /// Whether a weaker hash is replaced.
    pub upgrade_on_log_in: Field<bool>,
    /// How soon a refusal may be answered, in milliseconds.
    pub refusal_floor_ms: Field<u64>,
    /// How long a verified PIN is remembered, in seconds.
    pub verified_cache_s: Field<u64>,
}

/// `[lockout]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLockout {
    /// Different wrong PINs from one source that lock.
    pub failures_max: Field<u64>,
    /// Different wrong PINs from all sources that lock.
    pub failures_all_max: Field<u64>,
    /// How long the lock holds, in seconds.
    pub lock_s: Field<u64>,
    /// How long a wrong PIN counts, in seconds.
    pub forget_s: Field<u64>,
    /// How long a source is known, in seconds.
    pub trusted_s: Field<u64>,
}

/// `[index]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawIndex {
    /// Attributes found by value.
    pub equality: List<String>,
    /// Attributes found by part of a value.
    pub substring: List<String>,
    /// Attributes found by range.
    pub ordering: List<String>,
    /// Attributes that list members.
    pub membership: List<String>,
}

/// `[unique]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawUnique {
    /// Attributes of which no two entries may have the same value.
    pub attributes: List<String>,
}

/// `[access]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAccess {
    /// Sentences that grant.
    pub rules: List<String>,
    /// Names of sets of entries, each with its filter.
    pub entries: Option<BTreeMap<String, Spanned<String>>>,
    /// Attributes that strangers never see.
    pub never_public: List<String>,
    /// Attributes only the entry's owner reads.
    pub owner_only: List<String>,
}

/// `[schema]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSchema {
    /// A folder of `.schema` files.
    pub folder: Field<String>,
}

/// `[admin]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdmin {
    /// Path of the socket.
    pub socket: Field<String>,
}

/// `[log]`
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// The least important lines that are written.
    pub level: Field<String>,
    /// Their form.
    pub format: Field<String>,
}

/// Takes a table and nothing else: a derived struct would also take a list of its fields in order.
fn table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(TableVisitor(PhantomData))
}

struct TableVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
