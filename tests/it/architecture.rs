//! Who may import whom, and where each crate is at home: the layer table, held by reading the sources.

mod circles;
mod homes;
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
    ("server", BELOW_SERVER),
    ("config", BELOW_CONFIG),
    ("cli", BELOW_CLI),
];

/// Their names.
const NAMES: [&str; 14] = [
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
    "cli",
];
const BELOW_SERVER: &[&str] = NAMES.split_at(11).0;
const BELOW_CONFIG: &[&str] = NAMES.split_at(12).0;
const BELOW_CLI: &[&str] = NAMES.split_at(13).0;

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
    ("SystemTime::now", BELOW_SERVER),
    ("Instant::now", BELOW_SERVER),
    ("println!", BELOW_SERVER),
    ("eprintln!", BELOW_SERVER),
    ("print!", BELOW_SERVER),
    ("eprint!", BELOW_SERVER),
    ("std::fs", PURE),
    ("std::env", PURE),
    ("std::process", PURE),
    ("async", PURE),
    ("await", PURE),
    ("std::thread", SINGLE),
];

/// Everything in the file at `path` (below `src/`) that the table forbids.
fn violations(path: &str, text: &str) -> BTreeSet<String> {
    let source = Source::read(path, text);
    let layer = path.split('/').next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for name in source.paths() {
        found.extend(forbidden_edge(layer, &name));
        found.extend(homes::homeless(path, &name, &source));
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
    assert!(found.is_empty(), "{}", found.join("\n"));
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
