//! Where each crate is at home.

use std::collections::BTreeSet;
use std::path::Path;

use super::check;
use super::source::Source;

/// Where each crate may be named: beginnings of paths below `src/`.
const HOMES: &[(&str, &[&str])] = &[
    // Small vocabulary crates that say how a type behaves, not what the layer does.
    (
        "thiserror",
        &[
            "types",
            "domain",
            "record",
            "index",
            "store",
            "directory",
            "exchange",
            "ldap",
            "radius",
            "server",
        ],
    ),
    (
        "zeroize",
        &[
            "types",
            "domain",
            "directory",
            "radius",
            "server",
            "config",
            "cli",
        ],
    ),
    ("subtle", &["types", "domain", "radius", "server"]),
    ("jiff", &["types/time"]),
    ("ipnet", &["types/network", "config"]),
    ("argon2", &["domain"]),
    ("bcrypt", &["domain"]),
    ("pbkdf2", &["domain"]),
    ("sha_crypt", &["domain"]),
    ("sha1", &["domain"]),
    ("sha2", &["domain", "server/login/verified"]),
    ("hmac", &["domain", "radius", "server/login/verified"]),
    ("base64", &["domain", "exchange", "server/work"]),
    ("unicode_normalization", &["domain/matching"]),
    ("arc_swap", &["index", "server"]),
    ("foldhash", &["domain", "index", "radius", "server"]),
    ("mimalloc", &["main"]),
    ("hashbrown", &["index"]),
    ("imbl", &["index"]),
    ("memchr", &["index"]),
    ("roaring", &["index"]),
    ("async_trait", &["store", "server"]),
    ("crc32fast", &["record", "store"]),
    ("futures_core", &["store", "server"]),
    ("rustix", &["store/sled/files", "server/radius/socket"]),
    ("sled", &["store/sled"]),
    ("csv", &["exchange"]),
    ("bytes", &["ldap", "server"]),
    ("ldap3_lber", &["ldap"]),
    ("ldap3_proto", &["ldap"]),
    ("md5", &["radius"]),
    ("radius", &["radius"]),
    ("axum", &["web", "server"]),
    ("getrandom", &["server"]),
    ("hyper", &["server/http", "cli/daemon_client"]),
    ("hyper_util", &["server/http", "cli/daemon_client"]),
    ("nix", &["server/radius/socket"]),
    ("prometheus_client", &["server"]),
    ("quinn_udp", &["server"]),
    ("rcgen", &["server"]),
    ("rustls", &["server", "radius/eap"]),
    ("sd_notify", &["server", "cli"]),
    ("socket2", &["server"]),
    ("tokio", &["server", "cli"]),
    ("tokio_rustls", &["server"]),
    ("tokio_util", &["server"]),
    ("tracing", &["server", "cli"]),
    ("anyhow", &["config", "cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("rpassword", &["cli"]),
    // Also on what the local socket says of an import: how a value is spelt in JSON, not what is done with it.
    ("serde", &["exchange", "server", "config", "cli"]),
    ("serde_json", &["cli", "server"]),
    ("serde_urlencoded", &["server/http"]),
    ("strsim", &["config"]),
    ("tempfile", &["cli"]),
    ("toml", &["config", "cli"]),
    ("tracing_subscriber", &["cli"]),
];

/// Part of a crate that may be named outside its home: its channels are no IO.
const HOMES_OF_PARTS: &[(&str, &str, &[&str])] = &[("tokio", "sync", &["store"])];

/// What is wrong with `name` in the file at `path`, if it is of a crate that is not at home there.
pub fn homeless(path: &str, name: &[String], source: &Source) -> Option<String> {
    // A lone word is a variable far more often than a crate.
    let [first, rest @ ..] = name else {
        return None;
    };
    if rest.is_empty() {
        return None;
    }
    let homes = HOMES.iter().find(|(known, _)| known == first)?.1;
    let part = HOMES_OF_PARTS
        .iter()
        .find(|(known, part, _)| known == first && rest.first().is_some_and(|next| next == part));
    let at_home = |homes: &[&str]| homes.iter().any(|home| path.starts_with(home));
    if source.is_local(first) || at_home(homes) || part.is_some_and(|(_, _, homes)| at_home(homes)) {
        return None;
    }
    Some(format!("the crate {first} is not at home here"))
}

#[test]
fn every_dependency_has_a_home_and_every_home_a_dependency() {
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("UTF-8");
    let table = manifest
        .split("\n[dependencies]\n")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .expect("a table");
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let names = lines
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| library_name(name));
    let homes = HOMES.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), homes.collect());
}

/// The name a package is called by in code.
fn library_name(package: &str) -> String {
    if package == "md-5" {
        "md5".into()
    } else {
        package.replace('-', "_")
    }
}

#[test]
fn a_crate_outside_its_home_is_found() {
    check(
        "store/memory.rs",
        "use sled::Db;",
        "the crate sled is not at home",
    );
    check("store/sled.rs", "use sled::Db;", "");
    check("store/sled/writer.rs", "use sled::Db;", "");
    check(
        "ldap/bind.rs",
        "async fn f() { tokio::spawn(g()) }",
        "the crate tokio is not at home",
    );
    check(
        "store/memory.rs",
        "use tokio::{net::TcpStream, sync::mpsc};",
        "the crate tokio is not at home",
    );
    check(
        "domain/pin.rs",
        "#[derive(serde::Serialize)] struct A;",
        "the crate serde is not at home",
    );
    check(
        "server/radius_socket.rs",
        "use radius::core::packet::Packet;",
        "the crate radius is not at home",
    );
    check(
        "store/memory.rs",
        "fn f(bytes: &[u8]) { let radius = bytes; }",
        "",
    );
    check("directory/mod.rs", "mod csv;\nfn f() { csv::read() }", "");
}
