//! What is true when a key is absent. A test compares it with what `conf/beadle.toml` says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::settings::*;
use crate::directory::ask::limits::SearchLimits;
use crate::server::boot::plan::Listen;
use crate::server::observe::log::LogFormat;
use crate::store::sled::SledSettings;
use crate::types::IpNet;

const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Where the records are unless `store.path` says otherwise.
const STORE_PATH: &str = "/var/lib/beadle";

/// Who may see what: strangers what a printed telephone book would say and what names an entry. Services need
/// operational attributes too: sync by `modifyTimestamp` and `entryUUID`, groups by `memberOf`.
pub(super) const RULES: &[&str] = &[
    "the public may read objectClass, dc, o, ou, uid, cn, sn, givenName, displayName, title, description, mail, telephoneNumber, facsimileTelephoneNumber, roomNumber, postalAddress, labeledURI, jpegPhoto of people and places",
    "members may read * of everything",
    "services may read *, + of everything",
];

/// The sets of entries that have names: people, what they are under, and what they are in.
const ENTRIES: &[(&str, &str)] = &[
    ("people", "(objectClass=person)"),
    (
        "places",
        "(|(objectClass=organization)(objectClass=organizationalUnit)(objectClass=domain)(objectClass=dcObject))",
    ),
    (
        "groups",
        "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
    ),
];

/// Attributes nobody can open to the public and no rule grants but by their name: what is nobody else's business, and
/// the numbers that others take for a proof (requirement S35).
const NEVER_PUBLIC: &[&str] = &[
    "employeeNumber",
    "homePhone",
    "homePostalAddress",
    "schacDateOfBirth",
    "schacYearOfBirth",
    "schacPlaceOfBirth",
    "schacGender",
    "schacCountryOfCitizenship",
    "schacPersonalUniqueCode",
    "schacPersonalUniqueID",
];

/// Attributes only their owner reads: recovery contacts, and numbers that other systems take for a proof.
const OWNER_ONLY: &[&str] = &[
    "beadleAlternateMail",
    "beadleRecoveryMobile",
    "beadleStudentNumber",
    "beadleStaffNumber",
];

/// Attributes that no protocol ever returns, compares or filters on. No key opens them.
const SECRET: &[&str] = &["userPassword", "beadleImportedHash"];

/// Every address, on the ports IANA assigned; health and metrics on this machine only.
pub(super) fn listen() -> Listen {
    Listen {
        ldap: vec![SocketAddr::new(ANY, 389)],
        ldaps: vec![SocketAddr::new(ANY, 636)],
        ldapi: vec!["/run/beadle/ldapi".into()],
        radius: vec![SocketAddr::new(ANY, 1812)],
        accounting: vec![SocketAddr::new(ANY, 1813)],
        admin: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8081)],
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

/// How much a search may return: a lookup for a stranger, everything for a service.
pub(super) fn search() -> SearchLimits {
    SearchLimits {
        entries_max_public: 500,
        entries_max_member: 2_000,
        entries_max_service: 0,
        candidates_max: 0,
        time_limit_s: 60,
    }
}

/// Attributes that no protocol ever returns.
pub(super) fn secret() -> Vec<String> {
    owned(SECRET)
}

impl Default for Access {
    fn default() -> Access {
        let named = |(name, filter): &(&str, &str)| ((*name).into(), (*filter).into());
        Access {
            rules: owned(RULES),
            entries: ENTRIES.iter().map(named).collect(),
            never_public: owned(NEVER_PUBLIC),
            owner_only: owned(OWNER_ONLY),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).into()).collect()
}
