//! Who may import whom, and where each crate is at home: the layer table, held by reading the sources.

mod circles;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use source::Source;

/// The layers, lowest first, each with the layers it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("domain", &["types"]),
    ("record", &["types", "domain"]),
    ("index", &["types", "domain", "record"]),
    ("store", &["types", "record"]),
    ("directory", &["types", "domain", "record", "index"]),
    ("exchange", &["types", "domain", "record", "index", "directory"]),
    ("ldap", &["types", "domain", "directory"]),
    ("radius", &["types", "domain", "directory"]),
    ("web", &["types", "domain", "directory"]),
    ("notify", &["types", "domain", "directory"]),
    ("server", &BELOW_SERVER),
    ("config", &BELOW_CONFIG),
    ("cli", &BELOW_CLI),
];

const BELOW_SERVER: [&str; 11] = [
    "types",
    "domain",
    "record",
    "index",
    "store",
    "directory",
    "exchange",
    "ldap",
    "radius",
    "web",
    "notify",
];
const BELOW_CONFIG: [&str; 12] = [
    "types",
    "domain",
    "record",
    "index",
    "store",
    "directory",
    "exchange",
    "ldap",
    "radius",
    "web",
    "notify",
    "server",
];
const BELOW_CLI: [&str; 13] = [
    "types",
    "domain",
    "record",
    "index",
    "store",
    "directory",
    "exchange",
    "ldap",
    "radius",
    "web",
    "notify",
    "server",
    "config",
];

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
        &["types", "domain", "radius", "server", "config", "cli"],
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
    ("foldhash", &["index"]),
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

/// The layers that decide and translate: no waiting, no machine.
const PURE: &[&str] = &[
    "types",
    "domain",
    "record",
    "index",
    "directory",
    "exchange",
    "ldap",
    "radius",
];
/// Those of them that compute on the thread they are called on; the index may share its building out.
const SINGLE: &[&str] = &[
    "types",
    "domain",
    "record",
    "directory",
    "exchange",
    "ldap",
    "radius",
];

/// Words, and the layers they may not be used in: the clock, the terminal, the machine, waiting.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("SystemTime::now", &BELOW_SERVER),
    ("Instant::now", &BELOW_SERVER),
    ("println!", &BELOW_SERVER),
    ("eprintln!", &BELOW_SERVER),
    ("print!", &BELOW_SERVER),
    ("eprint!", &BELOW_SERVER),
    ("std::fs", PURE),
    ("std::env", PURE),
    ("std::process", PURE),
    ("async", PURE),
    ("await", PURE),
    ("std::thread", SINGLE),
];

/// The circles that are still to be opened; none may be added.
const CIRCLES: &[&str] = &[];

/// Everything in the file at `path` (below `src/`) that the table forbids.
fn violations(path: &str, text: &str) -> BTreeSet<String> {
    let source = Source::read(path, text);
    let layer = path.split('/').next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for name in source.paths() {
        found.extend(forbidden_edge(layer, &name));
        found.extend(homeless(path, &name, &source));
        found.extend(forbidden_word(layer, &name));
    }
    found
        .into_iter()
        .map(|what| format!("src/{path}: {what}"))
        .collect()
}

fn forbidden_edge(layer: &str, name: &[String]) -> Option<String> {
    let [first, target, ..] = name else { return None };
    let known = LAYERS.iter().any(|(known, _)| known == target);
    let allowed = LAYERS.iter().find(|(known, _)| *known == layer)?.1;
    let edge = first == "crate" && known && target != layer && !allowed.contains(&target.as_str());
    edge.then(|| format!("{layer}/ may not import {target}/"))
}

fn homeless(path: &str, name: &[String], source: &Source) -> Option<String> {
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

fn forbidden_word(layer: &str, name: &[String]) -> Option<String> {
    let written = name.join("::");
    let names = |word: &str| {
        let (inside, at_end) = (format!("{word}::"), format!("::{word}"));
        written == word || written.starts_with(&inside) || written.ends_with(&at_end)
    };
    let here = FORBIDDEN.iter().filter(|(_, layers)| layers.contains(&layer));
    let found = here.map(|(word, _)| word).find(|word| names(word));
    found.map(|word| format!("{layer}/ may not use {word}"))
}

/// Every source file below `src/`, as a path below it.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file: its path below `src/`, and its text.
fn texts() -> Vec<(String, String)> {
    let text = |file: PathBuf| {
        let path = file.strip_prefix(root()).expect("below src");
        let path = path.to_str().expect("UTF-8").to_owned();
        (path, std::fs::read_to_string(&file).expect("UTF-8"))
    };
    files().into_iter().map(text).collect()
}

#[test]
fn every_source_file_keeps_to_the_layer_table() {
    let mut found = BTreeSet::new();
    for (path, text) in texts() {
        found.extend(violations(&path, &text));
    }
    assert!(found.is_empty(), "{}", Vec::from_iter(found).join("\n"));
}

#[test]
fn no_circle_goes_through_a_folder() {
    let texts = texts();
    let files = texts.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let found = circles::circles(files);
    let is_known = |told: &&String| CIRCLES.contains(&&*circles::summary(told));
    let new: Vec<&str> = found
        .iter()
        .filter(|told| !is_known(told))
        .map(String::as_str)
        .collect();
    assert!(new.is_empty(), "{}", new.join("\n"));
    let there: BTreeSet<String> = found.iter().map(|told| circles::summary(told)).collect();
    for circle in CIRCLES {
        assert!(
            there.contains(*circle),
            "strike out what is open by now: {circle}"
        );
    }
}

#[test]
fn every_folder_is_a_layer() {
    let folders = std::fs::read_dir(root())
        .expect("src/ is there")
        .map(|entry| entry.expect("readable").path());
    for folder in folders.filter(|path| path.is_dir()) {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(
            LAYERS.iter().any(|(layer, _)| *layer == name),
            "src/{name} is in no layer"
        );
    }
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

/// Expects `text` in the file at `path` to be refused for `reason`, or to be fine if that is empty.
fn check(path: &str, text: &str, reason: &str) {
    let found = Vec::from_iter(violations(path, text)).join("\n");
    let as_expected = if reason.is_empty() {
        found.is_empty()
    } else {
        found.contains(reason)
    };
    assert!(
        as_expected,
        "{path}: {text}\nfound: {found:?}, expected: {reason:?}"
    );
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    let edge = "ldap/ may not import store/";
    check("ldap/bind.rs", "use crate::store::Store;", edge);
    check("ldap/bind.rs", "use crate::{types::Dn, store};", edge);
    check(
        "ldap/bind.rs",
        "use crate::{\n    types::{Dn, Uid},\n    store::{Store},\n};",
        edge,
    );
    check("ldap/bind.rs", "pub(crate) use crate::store as truth;", edge);
    check("ldap/bind.rs", "fn f() { crate::store::open() }", edge);
    check("ldap/bind.rs", "use super::super::store::Store;", edge);
    check("ldap/mod.rs", "use super::store::Store;", edge);
    check(
        "types/dn.rs",
        "use crate::domain::schema::Schema;",
        "types/ may not import domain/",
    );
    check(
        "store/sled.rs",
        "use crate::index::Snapshot;",
        "store/ may not import index/",
    );
    check(
        "directory/mod.rs",
        "use crate::ldap::session;",
        "directory/ may not import ldap/",
    );
    check(
        "radius/mod.rs",
        "use crate::ldap::session;",
        "radius/ may not import ldap/",
    );
    check(
        "server/runner.rs",
        "use crate::config::Settings;",
        "server/ may not import config/",
    );
    check(
        "config/mod.rs",
        "use crate::cli::Cli;",
        "config/ may not import cli/",
    );
}

#[test]
fn an_allowed_import_passes() {
    check(
        "ldap/bind.rs",
        "use crate::{directory::request::Request, types::Dn};",
        "",
    );
    check(
        "ldap/bind.rs",
        "use super::session::Session;\nuse super::super::domain::filter::Filter;",
        "",
    );
    check(
        "server/runner.rs",
        "use crate::store::Store;\nuse crate::radius;\nfn f() { radius::reply() }",
        "",
    );
    check("cli/serve.rs", "use crate::config::Settings;", "");
    check(
        "ldap/bind.rs",
        "// use crate::store::Store;\nconst A: &str = \"crate::store::Store\";",
        "",
    );
    check("store/memory.rs", "use tokio::sync::mpsc;", "");
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

#[test]
fn the_clock_the_terminal_and_waiting_stay_above() {
    check(
        "domain/otp.rs",
        "fn f() { std::time::SystemTime::now(); }",
        "may not use SystemTime::now",
    );
    check(
        "index/mod.rs",
        "use std::time::Instant;\nfn f() { let t = Instant::now(); }",
        "may not use Instant::now",
    );
    check(
        "store/sled.rs",
        "fn f() { println!(\"x\"); }",
        "may not use println!",
    );
    check("ldap/session.rs", "async fn f() {}", "may not use async");
    check("types/dn.rs", "use std::{fmt, fs};", "may not use std::fs");
    check(
        "directory/mod.rs",
        "fn f() { std::thread::scope(g) }",
        "may not use std::thread",
    );
    check("index/columns.rs", "fn f() { std::thread::scope(g) }", "");
    check("server/clock.rs", "fn f() { std::time::SystemTime::now(); }", "");
    check("store/sled.rs", "async fn f() { std::fs::remove_file(p); }", "");
}

#[test]
fn what_is_for_tests_only_is_exempt_and_what_follows_is_not() {
    let tests = "#[cfg(test)]\nmod tests {\n    use crate::server::clock::ManualClock;\n}\n";
    check("domain/otp.rs", tests, "");
    check(
        "domain/otp.rs",
        "#[cfg(test)]\nuse crate::server::clock::ManualClock;\n",
        "",
    );
    check(
        "domain/otp.rs",
        &format!("{tests}use crate::server::clock::Clock;\n"),
        "may not import server/",
    );
    check(
        "domain/otp/tests.rs",
        "use crate::server::clock::ManualClock;",
        "",
    );
}
