//! `beadle import` and `beadle export` on a store whose daemon is stopped.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::audit::tells;
use crate::harness::{BASE, Campus, base, beadle, person, run_with, said, signal, stdout};

/// A file of this text in the folder of the campus.
fn file(campus: &Campus, name: &str, text: &str) -> PathBuf {
    let path = campus.path(name);
    std::fs::write(&path, text).expect("the file is written");
    path
}

/// Runs `beadle import` on this file and expects this exit code.
fn import(campus: &Campus, path: &Path, words: &[&str], code: i32) -> Output {
    let path = path.to_str().expect("UTF-8");
    let output = campus.beadle(&["import"], &[words, &[path]].concat());
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    output
}

fn export(campus: &Campus, words: &[&str]) -> String {
    let output = campus.beadle(&["export"], words);
    assert!(output.status.success(), "{}", said(&output));
    stdout(&output)
}

fn figures(output: &Output) -> (u64, u64, u64, u64) {
    let json: serde_json::Value = serde_json::from_str(&stdout(output)).expect("JSON");
    let figure = |key: &str| json[key].as_u64().expect("a number");
    (
        figure("new"),
        figure("changed"),
        figure("unchanged"),
        figure("refused"),
    )
}

#[test]
fn an_export_imports_into_an_empty_store_as_the_same_directory() {
    let (campus, other) = (Campus::new(""), Campus::new(""));
    campus.import(
        &(base() + &person("ada", "starferry88", "description: x\n") + &person("bob", "lionrock495", "")),
    );
    let exported = export(&campus, &["--with-secrets"]);
    other.import(&exported);
    assert_eq!(export(&other, &["--with-secrets"]), exported);
    assert!(!export(&campus, &[]).contains("SSHA"));
    assert_eq!(
        export(&campus, &["--columns", "uid,cn"]).lines().last(),
        Some("bob,Person bob")
    );
}

#[test]
fn the_same_file_twice_changes_nothing_and_a_dry_run_writes_nothing() {
    let campus = Campus::new("");
    let path = file(&campus, "p.ldif", &(base() + &person("ada", "starferry88", "")));
    let dry = import(&campus, &path, &["--dry-run"], 0);
    assert!(stdout(&dry).contains("new\tuid=ada,ou=people,"), "{}", said(&dry));
    assert_eq!(figures(&import(&campus, &path, &["--json"], 0)), (4, 0, 0, 0));
    assert_eq!(figures(&import(&campus, &path, &["--json"], 0)), (0, 0, 4, 0));
}

#[test]
fn a_dry_run_says_what_it_would_change_and_remove() {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", "starferry88", "title: Ms\nmail: ada@x\n")));
    let rows = person("ada", "starferry88", "mail: countess@x\n") + &person("bob", "lionrock495", "");
    let path = file(&campus, "p.ldif", &rows);
    let check = |campus: &Campus| {
        let dry = stdout(&import(campus, &path, &["--dry-run"], 0));
        assert!(dry.starts_with("changed "), "{dry}");
        assert!(dry.contains(" removed title\tuid=ada,"), "{dry}");
        let json = stdout(&import(campus, &path, &["--dry-run", "--json"], 0));
        let lines: Vec<serde_json::Value> = json
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(
            (&lines[0]["effect"], &lines[0]["removed"][0]),
            (&"changed".into(), &"title".into())
        );
        assert_eq!(lines[1]["effect"], "new");
        assert_eq!((&lines[2]["new"], &lines[2]["changed"]), (&1.into(), &1.into()));
    };
    check(&campus);
    check(&campus.serve().campus);
}

#[test]
fn a_bad_row_is_named_and_nothing_is_written() {
    let campus = Campus::new("");
    let path = file(
        &campus,
        "p.ldif",
        &(base() + &person("ada", "starferry88", "nosuch: 1\n")),
    );
    let output = import(&campus, &path, &[], 1);
    let expected = format!(
        "{}:21: nosuch: the schema knows no such attribute; correct the name, add its schema, or leave it out \
         with --ignore",
        path.display()
    );
    assert!(said(&output).contains(&expected), "{}", said(&output));
    assert_eq!(export(&campus, &[]), "version: 1\n");
    import(&campus, &path, &["--ignore", "mail,nosuch"], 0);
}

/// In RFC 2307, as slapd has it by default, the class posixGroup stands alone.
#[test]
fn a_posix_group_of_another_schema_is_refused_with_the_class_that_it_lacks() {
    let campus = Campus::new("");
    let group = |classes: &str| {
        base()
            + &format!(
                "dn: cn=g,{BASE}\n{classes}objectClass: posixGroup\ncn: g\ngidNumber: 5000\nmemberUid: ada\n"
            )
    };
    let path = file(&campus, "g.ldif", &group(""));
    let output = import(&campus, &path, &[], 1);
    let expected = "objectClass: no value is a structural object class; add a structural class, such as `inetOrgPerson` to a \
                    person or `groupOfMembers` to a posixGroup";
    assert!(said(&output).contains(expected), "{}", said(&output));
    let path = file(&campus, "g.ldif", &group("objectClass: groupOfMembers\n"));
    import(&campus, &path, &[], 0);
}

#[test]
fn keep_going_leaves_a_file_of_bad_rows_that_imports_when_it_is_corrected() {
    let campus = Campus::new("");
    campus.import(&base());
    let rows =
        "uid,cn,sn,title,mail\nada,Ada,Lovelace,Ms|Countess,ada@x\nbob,Bob,,Mr,bob@x\neve,Eve,Evans,,ada@x\n";
    let path = file(&campus, "p.csv", rows);
    let output = import(&campus, &path, &["--keep-going"], 1);
    for expected in [
        "p.csv:3: sn: the object class `inetOrgPerson` demands it; add it",
        "p.csv:4: mail: `ada@x` is already on line 2; give each entry a value of its own",
    ] {
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
    let bad = campus.path("p.refused.csv");
    let text = std::fs::read_to_string(&bad).expect("bad rows");
    assert_eq!(
        text,
        "uid,cn,sn,title,mail\nbob,Bob,,Mr,bob@x\neve,Eve,Evans,,ada@x\n"
    );
    std::fs::write(
        &bad,
        text.replace("Bob,,", "Bob,Bobson,").replace("ada@x", "eve@x"),
    )
    .expect("corrected");
    assert_eq!(figures(&import(&campus, &bad, &["--json"], 0)), (2, 0, 0, 0));
}

#[test]
fn a_file_of_refused_rows_is_not_written_over_and_without_refused_rows_there_is_none() {
    let campus = Campus::new("");
    campus.import(&base());
    let path = file(&campus, "p.csv", "uid,cn,sn\nada,Ada,Lovelace\nbob,Bob,\n");
    let bad = file(&campus, "p.refused.csv", "of yesterday");
    let output = import(&campus, &path, &["--keep-going"], 1);
    for expected in ["p.refused.csv is there already", "--refused"] {
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
    assert!(!export(&campus, &[]).contains("uid=ada"), "nothing is applied");
    assert_eq!(
        std::fs::read_to_string(&bad).expect("it is there"),
        "of yesterday"
    );
    std::fs::remove_file(&bad).expect("removed");
    std::fs::write(&path, "uid,cn,sn\nada,Ada,Lovelace\n").expect("written");
    import(&campus, &path, &["--keep-going"], 0);
    assert!(!bad.exists());
}

#[test]
fn rows_come_from_a_pipe_too_and_the_bad_ones_stay_in_the_current_folder() {
    for pipe in ["-", "/dev/stdin"] {
        let (campus, parent) = (Campus::new(""), tempfile::tempdir().expect("a folder"));
        campus.import(&base());
        let mut command = Command::new(beadle());
        let command = command.args(["import", "--format", "csv", "--keep-going", "--config"]);
        let command = command.arg(campus.config()).arg(pipe);
        let command = command.current_dir(&campus.folder).env("TMPDIR", parent.path());
        let output = run_with(command, "uid,cn,sn\nada,Ada,Lovelace\nbob,Bob,\neve,Eve,Evans\n");
        assert_eq!(output.status.code(), Some(1), "{pipe}: {}", said(&output));
        let people = export(&campus, &[]);
        assert!(people.contains("uid=ada") && people.contains("uid=eve"), "{pipe}");
        let bad = std::fs::read_to_string(campus.path("import.refused.csv")).expect("bad rows");
        assert_eq!(bad, "uid,cn,sn\nbob,Bob,\n");
        assert_eq!(std::fs::read_dir(parent.path()).expect("a folder").count(), 0);
    }
}

/// A CSV file with an endless row among good ones, and what is left of it as bad.
fn endless_csv() -> (String, String) {
    let (header, long) = ("uid,cn,sn\n", format!("eve,Eve,\"{}\"\n", "x\n".repeat(3 << 20)));
    let rows = format!("{header}ada,Ada,Lovelace\n{long}bob,Bob,Bobson\n");
    (rows, format!("{header}{long}\n"))
}

#[test]
fn an_endless_row_goes_whole_to_the_file_of_bad_rows_and_the_others_are_applied() {
    let (rows, bad) = endless_csv();
    let campus = Campus::new("");
    campus.import(&base());
    let path = file(&campus, "p.csv", &rows);
    let refused = campus.path("p.refused.csv");
    let check = |campus: &Campus| {
        let output = import(campus, &path, &["--keep-going"], 1);
        let expected = "p.csv:3: the row is longer than 1048576 bytes";
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(std::fs::read_to_string(&refused).expect("bad rows") == bad);
        std::fs::remove_file(&refused).expect("removed");
        let people = export(campus, &[]);
        assert!(people.contains("uid=ada") && people.contains("uid=bob"));
    };
    check(&campus);
    check(&campus.serve().campus);
}

#[test]
fn a_quote_that_is_not_closed_takes_the_rest_of_the_file_to_the_bad_rows() {
    let campus = Campus::new("");
    campus.import(&base());
    let rows = "uid,cn,sn\nada,Ada,Lovelace\n\nbob,\"Bob,Bobson\neve,Eve,Evans\n";
    let path = file(&campus, "p.csv", rows);
    let output = import(&campus, &path, &["--keep-going"], 1);
    let expected = "p.csv:4: the quote that begins on this line is not closed";
    assert!(said(&output).contains(expected), "{}", said(&output));
    let bad = std::fs::read_to_string(campus.path("p.refused.csv")).expect("bad rows");
    assert_eq!(bad, "uid,cn,sn\nbob,\"Bob,Bobson\neve,Eve,Evans\n\n");
}

/// Begins to fill the campus with many people and sends this signal when the first of them have been written. That the
/// rows are read is known from the one that is refused at the end. The file, the exit code, and what was said then.
fn cut_off(campus: &Campus, name: &str) -> (PathBuf, Option<i32>, Vec<String>) {
    let row = |dn: &str| format!("dn: {dn},{BASE}\nobjectClass: inetOrgPerson\ncn: P\nsn: P\n\n");
    let people: String = (0..MANY).map(|at| row(&format!("uid=p{at},ou=people"))).collect();
    let path = file(campus, "many.ldif", &(row("uid=x,ou=nosuch") + &base() + &people));
    let mut command = Command::new(beadle());
    command.args(["import", "--keep-going", "--config"]);
    let command = command.arg(campus.config()).arg(&path);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("beadle starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let is_last = |line: &io::Result<String>| line.as_ref().is_ok_and(|line| line.contains("ou=nosuch"));
    assert!(lines.any(|line| is_last(&line)));
    let before = bytes(&campus.path("store/sled"));
    while bytes(&campus.path("store/sled")) < before + (1 << 20) {
        assert_eq!(child.try_wait().expect("a process"), None, "it goes on");
        std::thread::yield_now();
    }
    signal(child.id(), name);
    let said = lines.map_while(Result::ok).collect();
    (path, child.wait().expect("it ends").code(), said)
}

const MANY: usize = 20_000;

/// The bytes of all files in a folder; those that have just gone do not count.
fn bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}

#[test]
fn an_interrupt_ends_an_import_after_a_batch_and_the_same_again_does_the_rest() {
    let campus = Campus::new("");
    let (path, code, said) = cut_off(&campus, "INT");
    assert_eq!(code, Some(1), "{said:?}");
    let (there, all) = (export(&campus, &[]).matches("\ndn: ").count(), MANY + 3);
    assert!(there > 0 && there < all, "{there}");
    let far = format!("stopped; {there} of {all} entries were written, and the same again does the rest");
    assert!(tells(&said, &[&far]), "{said:?}");
    let entries = format!("entries={there}");
    assert!(
        tells(&said, &["event=\"entries_imported\"", &entries]),
        "{said:?}"
    );
    assert!(
        !campus.path("many.refused.ldif").exists(),
        "nothing is in the way"
    );
    let output = import(&campus, &path, &["--keep-going", "--json"], 1);
    let there = there as u64;
    assert_eq!(figures(&output), (all as u64 - there, 0, there, 1));
}

#[test]
fn a_kill_in_the_middle_of_an_import_leaves_a_store_that_knows_its_name() {
    let campus = Campus::new("");
    cut_off(&campus, "KILL");
    let text = std::fs::read_to_string(campus.config()).expect("written");
    let other = text.replacen(BASE, "dc=other", 1);
    std::fs::write(campus.config(), other).expect("writable");
    let output = campus.beadle(&["export"], &[]);
    let why = format!("it is the one of {BASE}, and base_dn is dc=other");
    assert!(said(&output).contains(&why), "{}", said(&output));
}
