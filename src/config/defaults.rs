//! What is true when a key is absent. A test compares it with what `conf/beadle.toml` says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::settings::*;
use crate::store::SledSettings;
use crate::types::IpNet;

const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Where the records are unless `store.path` says otherwise.
const STORE_PATH: &str = "/var/lib/beadle";

/// Attributes a stranger may read: what a printed telephone book would say, and what names the entry.
const OPEN_TO_PUBLIC: &[&str] = &[
    "objectClass",
    "dc",
    "o",
    "ou",
    "uid",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "title",
    "description",
    "mail",
    "telephoneNumber",
    "facsimileTelephoneNumber",
    "roomNumber",
    "postalAddress",
    "labeledURI",
    "jpegPhoto",
];

/// Attributes that relying systems look entries up by.
const EQUALITY: &[&str] = &[
    "objectClass",
    "uid",
    "mail",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "employeeNumber",
    "employeeType",
    "departmentNumber",
    "telephoneNumber",
    "ou",
    "entryUUID",
    "uidNumber",
    "gidNumber",
    "eduPersonPrincipalName",
];

/// Attributes that people look for by a part.
const SUBSTRING: &[&str] = &["uid", "mail", "cn", "sn", "givenName", "displayName"];

/// Attributes that relying systems ask ranges of.
const ORDERING: &[&str] = &["modifyTimestamp", "createTimestamp", "uidNumber", "gidNumber"];

/// Attributes that list the members of a group.
const MEMBERSHIP: &[&str] = &["member", "uniqueMember", "memberUid"];

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            ldap: vec![SocketAddr::new(ANY, 389)],
            ldaps: vec![SocketAddr::new(ANY, 636)],
            radius: vec![SocketAddr::new(ANY, 1812)],
            accounting: vec![SocketAddr::new(ANY, 1813)],
            admin: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081)],
        }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log {
            level: LogLevel::Info,
            format: LogFormat::Text,
        }
    }
}

/// Where the store is unless `store.path` says otherwise.
pub(super) fn store() -> SledSettings {
    SledSettings::at(STORE_PATH)
}

/// Where the administration socket is unless `admin.socket` says otherwise.
pub(super) fn admin_socket(store: &SledSettings) -> PathBuf {
    store.path.join("admin.sock")
}

/// PINs in clear text are nobody's business but this machine's.
pub(super) fn cleartext_bind_from() -> Vec<IpNet> {
    vec![
        IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::new_assert(Ipv6Addr::LOCALHOST.into(), 128),
    ]
}

impl Default for SearchLimits {
    fn default() -> SearchLimits {
        SearchLimits {
            entries_max_public: 500,
            entries_max_member: 2_000,
            entries_max_service: 0,
            time_limit_s: 60,
        }
    }
}

impl Default for HashPool {
    fn default() -> HashPool {
        HashPool {
            threads: 0,
            queue_max: 256,
            verified_cache_s: 60,
        }
    }
}

impl Default for IndexLists {
    fn default() -> IndexLists {
        IndexLists {
            equality: owned(EQUALITY),
            substring: owned(SUBSTRING),
            ordering: owned(ORDERING),
            membership: owned(MEMBERSHIP),
        }
    }
}

impl Default for Visibility {
    fn default() -> Visibility {
        Visibility {
            open_to_public: owned(OPEN_TO_PUBLIC),
            public_entries: "(|(objectClass=person)(objectClass=organization)(objectClass=organizationalUnit)(objectClass=domain)(objectClass=dcObject))".into(),
            access: vec![everything_to(AccessTo::Member), everything_to(AccessTo::Services)],
        }
    }
}

/// A rule that grants every user attribute of every entry; what must never be returned stays hidden.
fn everything_to(to: AccessTo) -> AccessRule {
    AccessRule {
        to,
        entries: "(objectClass=*)".into(),
        read: vec!["*".into()],
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).into()).collect()
}
