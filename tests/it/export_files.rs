//! `beadle export`: where it writes, and what becomes of an export that ends early.

use std::process::Command;

use crate::harness::{Campus, base, beadle, person, run_with, said, stdout};

#[test]
fn an_export_is_under_its_name_when_it_is_whole_and_a_reader_may_go() {
    let campus = Campus::new("");
    campus.import(&base());
    let path = campus.path("all.ldif");
    let name = path.to_str().expect("UTF-8");
    let output = campus.beadle(&["export"], &[name, "--columns", "nosuch"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(files(&campus, "all.ldif"), 0, "neither it nor a part of it");
    assert_eq!(campus.beadle(&["export"], &[name]).status.code(), Some(0));
    assert_eq!(files(&campus, "all.ldif"), 1);
    let again = campus.beadle(&["export"], &[name]);
    assert!(
        said(&again).contains("all.ldif: the file exists"),
        "{}",
        said(&again)
    );
}

/// How many files in the campus's folder have names that begin like this.
fn files(campus: &Campus, beginning: &str) -> usize {
    let files = std::fs::read_dir(&campus.folder).expect("a folder");
    let names = files.map(|file| file.expect("readable").file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with(beginning))
        .count()
}

#[test]
fn a_reader_of_an_export_that_goes_early_is_no_error() {
    let campus = Campus::new("");
    let people: String = (0..2000)
        .map(|n| person(&format!("p{n}"), "starferry88", ""))
        .collect();
    campus.import(&(base() + &people));
    let export = |campus: &Campus| {
        let (beadle, config) = (beadle(), campus.config());
        let line = format!(
            "{{ {beadle} export --config {}; echo ended $? >&2; }} | head -n 1",
            config.display()
        );
        let output = run_with(Command::new("sh").args(["-c", &line]), "");
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            complaints.ends_with("ended 0\n") && !complaints.contains("beadle: "),
            "{complaints}"
        );
        assert_eq!(stdout(&output), "version: 1\n");
    };
    export(&campus);
    export(&campus.serve().campus);
}
