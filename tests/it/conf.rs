//! The example configurations and the manual page say what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use beadle::config::{Files, Report, Settings, Severity, Source, check};
use beadle::server::http::tls::self_signed;
use beadle::types::Dn;

/// Files that examples point at are there: a certificate and its key where the name says so, a long secret elsewhere.
struct ExampleFiles;

/// A certificate and its key.
fn pair() -> &'static [Vec<u8>; 2] {
    static PAIR: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    PAIR.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = self_signed(folder.path(), vec!["localhost".into()]).expect("a pair");
        [files.certificate, files.private_key].map(|path| std::fs::read(path).expect("written"))
    })
}

impl Files for ExampleFiles {
    fn list(&self, _path: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let [certificate, key] = pair();
        Ok(match path.file_name().and_then(|name| name.to_str()) {
            Some("cert.pem") => certificate.clone(),
            Some("key.pem") => key.clone(),
            Some("group") => b"sudo:x:27:\n".into(),
            _ => b"a secret of more than 24 octets".into(),
        })
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn judge(text: &str) -> Result<(Settings, Report), Report> {
    check(&Source::new("conf".into(), text.into()), &ExampleFiles)
}

fn examples() -> Vec<String> {
    let folder = std::fs::read_dir(root("conf")).expect("conf/ is there");
    let names = folder.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    names.map(|name| format!("conf/{name}")).collect()
}

/// What `#key = value` says without its `#`; examples (`#e.g.`) stay comments.
fn defaults_written_out() -> String {
    uncomment(&read("conf/beadle.toml"), |line| {
        let rest = line.strip_prefix('#')?;
        (!rest.starts_with('#') && !rest.starts_with("e.g.")).then_some(rest)
    })
}

/// What `#e.g. key = value` says, besides the defaults.
fn examples_written_out() -> String {
    uncomment(&defaults_written_out(), |line| line.strip_prefix("#e.g. "))
}

fn uncomment(text: &str, comment: impl Fn(&str) -> Option<&str>) -> String {
    text.lines()
        .map(|line| comment(line).unwrap_or(line).to_owned() + "\n")
        .collect()
}

#[test]
fn every_example_is_good() {
    for name in examples() {
        let judged = judge(&read(&name));
        assert!(judged.is_ok(), "{name}: {}", judged.err().unwrap());
    }
}

#[test]
fn the_defaults_written_out_are_the_built_in_ones() {
    let written = judge(&defaults_written_out())
        .unwrap_or_else(|report| panic!("{report}"))
        .0;
    let built_in = judge("base_dn = \"dc=uni,dc=example\"")
        .unwrap_or_else(|report| panic!("{report}"))
        .0;
    assert_eq!(format!("{:#?}", written.plain), format!("{:#?}", built_in.plain));
    assert_eq!(written.base_dn.to_string(), built_in.base_dn.to_string());
    assert_eq!(written.radius_clients.clients().count(), 0);
}

#[test]
fn the_examples_written_out_are_good() {
    let settings = judge(&examples_written_out())
        .unwrap_or_else(|report| panic!("{report}"))
        .0;
    assert!(settings.plain.places.tls.is_some());
    for name in [
        "cn=admin,dc=uni,dc=example",
        "cn=mail,ou=services,dc=uni,dc=example",
    ] {
        let normal = settings
            .schema
            .normal_dn(&Dn::parse(name).expect("a name"))
            .expect("known attributes");
        assert!(settings.principals.find(&normal).is_some(), "{name}");
    }
    assert_eq!(settings.radius_clients.clients().count(), 1);
}

#[test]
fn an_unknown_key_is_refused_in_every_table() {
    let text = examples_written_out();
    let headers: Vec<usize> = text.match_indices("\n[").map(|(at, _)| at + 1).collect();
    assert!(headers.len() > 12, "every table has a header: {}", headers.len());
    for at in std::iter::once(0).chain(headers) {
        let end_of_line = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
        let place = if at == 0 { 0 } else { end_of_line };
        let (before, after) = text.split_at(place);
        let report = judge(&format!("{before}no_such_key = 1\n{after}")).err();
        let said = report.map(|report| report.to_string()).unwrap_or_default();
        assert!(
            said.contains("no_such_key: no such key"),
            "below {}: {said}",
            &text[at..end_of_line]
        );
    }
}

/// Every key of `raw.rs` by table: what is between `pub struct` and `}` under a doc comment that names the table.
fn keys_of_raw() -> BTreeSet<String> {
    let source = read("src/config/raw.rs");
    let (mut keys, mut comment, mut table) = (BTreeSet::new(), "", None);
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            comment = text;
        } else if line.starts_with("pub struct Raw") && line.ends_with('{') {
            table = Some(
                comment
                    .trim_matches(['`', '[', ']'])
                    .replace("The whole file.", ""),
            );
        } else if line == "}" {
            table = None;
        } else if let (Some(table), Some(field)) = (&table, line.trim().strip_prefix("pub ")) {
            let (name, kind) = field.split_once(": ").expect("a field has a type");
            let holds_table = kind.contains("Raw") && !kind.contains("RawSecret");
            if !holds_table {
                keys.insert(path(table, name));
            }
        }
    }
    keys
}

fn path(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.into()
    } else {
        format!("{table}.{key}")
    }
}

/// Every key of `conf/beadle.toml`, commented out or not, with its value if that is its default: of a list over several
/// lines each line's.
fn keys_of_example() -> BTreeMap<String, Vec<String>> {
    let (mut keys, mut table) = (BTreeMap::<String, Vec<String>>::new(), String::new());
    let mut list: Option<String> = None;
    for line in read("conf/beadle.toml")
        .lines()
        .filter(|line| !line.starts_with("##"))
    {
        let text = line.trim_start_matches("#e.g. ").trim_start_matches('#');
        let is_default = line.starts_with('#') && !line.starts_with("#e.g. ");
        if let Some(key) = &list {
            match text.trim().strip_suffix(',') {
                Some(value) => keys.entry(key.clone()).or_default().push(value.into()),
                None => list = None,
            }
        } else if text.starts_with('[') {
            table = text.trim_matches(['[', ']']).into();
        } else if let Some((key, value)) = text.split_once(" = ") {
            let key = path(&table, key);
            let default = is_default && value != "[";
            list = (value == "[").then(|| key.clone());
            keys.entry(key)
                .or_insert_with(|| default.then(|| value.to_owned()).into_iter().collect());
        }
    }
    keys
}

/// Every key that beadle.toml(5) describes: `.B key` after `.TP`, under `.SH "[table]"`.
fn keys_of_manual() -> BTreeSet<String> {
    let manual = read("packaging/man/beadle.toml.5");
    let (mut keys, mut table, mut before) = (BTreeSet::new(), String::new(), "");
    for line in manual.lines() {
        if let Some(heading) = line.strip_prefix(".SH ") {
            let named = heading.trim_matches('"').trim_matches(['[', ']']);
            table = if heading.contains('[') {
                named.into()
            } else {
                String::new()
            };
        } else if let (".TP", Some(key)) = (before, line.strip_prefix(".B ")) {
            keys.insert(path(&table, key));
        }
        before = line;
    }
    keys
}

#[test]
fn the_code_the_example_and_the_manual_know_the_same_keys() {
    let raw = keys_of_raw();
    assert!(
        raw.len() > 50 && raw.contains("radius.client.secret_file") && raw.contains("base_dn"),
        "{raw:?}"
    );
    assert_eq!(raw, keys_of_example().into_keys().collect());
    assert_eq!(raw, keys_of_manual());
}

#[test]
fn the_manual_names_every_default() {
    let manual = read("packaging/man/beadle.toml.5")
        .replace("\\(dq", "\"")
        .replace("\\-", "-");
    for (key, defaults) in keys_of_example() {
        let is_list = defaults.len() > 1;
        let named = |value: &String| match is_list {
            true => manual.contains(&format!(".IP\n.B {value}\n")),
            false => manual.contains(&format!("Default\n.BR \"{value}\" ")),
        };
        assert!(defaults.iter().all(named), "the default of {key}");
    }
}

#[test]
fn no_example_is_unsafe_without_the_word_danger() {
    for text in examples()
        .iter()
        .map(|name| read(name))
        .chain([defaults_written_out(), examples_written_out()])
    {
        let report = judge(&text).unwrap_or_else(|report| panic!("{report}")).1;
        for problem in report.problems {
            assert_eq!(problem.severity, Severity::Warning);
            let line = problem.line.expect("a warning has a line");
            assert!(comment_above(&text, line).contains("danger"), "{problem}");
        }
    }
}

#[test]
fn a_setting_without_the_word_danger_would_be_noticed() {
    let text = "base_dn = \"dc=x\"\n## Fine.\n[web]\nadmin_listen = [\"0.0.0.0:1\"]\n";
    let problem = judge(text)
        .ok()
        .and_then(|(_, report)| report.problems.first().cloned())
        .expect("a warning");
    assert!(!comment_above(text, problem.line.expect("a line")).contains("danger"));
}

/// The comment lines right above line `line` (counted from 1).
fn comment_above(text: &str, line: usize) -> String {
    let before: Vec<&str> = text.lines().take(line - 1).collect();
    before
        .into_iter()
        .rev()
        .take_while(|line| line.starts_with('#'))
        .collect()
}
