//! The command line: what it prints and how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs beadle with these words and this input.
fn beadle(words: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beadle"));
    let piped = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("beadle starts");
    // A command that reads nothing may be gone before the write: its output tells.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("beadle ends")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Expects this exit code.
fn ends(words: &[&str], code: i32) -> Output {
    let output = beadle(words, "");
    assert_eq!(
        output.status.code(),
        Some(code),
        "{words:?}\n{}{}",
        stdout(&output),
        stderr(&output)
    );
    output
}

/// The commands that `beadle --help` lists.
fn commands() -> Vec<String> {
    let help = stdout(&ends(&["--help"], 0));
    let list = help
        .split("Commands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("a list");
    let names = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_and_refuses_an_unknown_option() {
    let commands = commands();
    for expected in [
        "demo",
        "serve",
        "check",
        "hash",
        "store",
        "reload",
        "man",
        "completions",
    ] {
        assert!(
            commands.iter().any(|command| command == expected),
            "{expected} in {commands:?}"
        );
    }
    for command in commands.iter().filter(|command| *command != "help") {
        assert!(
            stdout(&ends(&[command, "--help"], 0)).contains("Usage: beadle"),
            "{command}"
        );
        ends(&[command, "--no-such-option"], 2);
    }
}

#[test]
fn reload_without_a_daemon_names_the_socket() {
    let said = stderr(&ends(&["reload", "--socket", "/nowhere/admin.sock"], 1));
    assert_eq!(said, "beadle: no daemon listens at /nowhere/admin.sock\n");
}

#[test]
fn wrong_usage_ends_with_2() {
    ends(&[], 2);
    ends(&["frobnicate"], 2);
    ends(&["store"], 2);
    ends(&["completions", "teletype"], 2);
    ends(&["demo", "--ldap", "389"], 2);
}

#[test]
fn check_says_where_what_and_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("beadle.toml");
    let name = file.to_str().expect("UTF-8");
    std::fs::write(&file, "base_dn = \"dc=uni\"\n").expect("written");
    assert_eq!(
        stdout(&ends(&["check", "--config", name], 0)),
        format!("{name}: good\n")
    );

    std::fs::write(
        &file,
        "base_dn = \"dc=uni\"\n[ldap]\nlisten = [\"389\"]\nidle = 3\n",
    )
    .expect("written");
    let said = stderr(&ends(&["check", "-c", name], 1));
    let expected = format!(
        "{name}:3: error: ldap.listen[0]: \"389\" is not an address with a port; write one such as \"[::]:389\" or \"127.0.0.1:389\"\n\
         {name}:4: error: ldap.idle: no such key; did you mean `idle_s`?\n"
    );
    assert_eq!(said, expected);

    let json = stdout(&ends(&["check", "--json", "-c", name], 1));
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(report["problems"][1]["line"], 4);
    assert_eq!(report["problems"][1]["key"], "ldap.idle");
    assert_eq!(report["problems"][1]["severity"], "error");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = stderr(&ends(&["check", "--config", "/nowhere/beadle.toml"], 1));
    assert!(
        said.starts_with("/nowhere/beadle.toml: error: cannot be read"),
        "{said}"
    );
}

#[test]
fn serve_refuses_a_bad_configuration_before_anything_else() {
    let said = stderr(&ends(&["serve", "--config", "/nowhere/beadle.toml"], 1));
    assert!(
        said.starts_with("/nowhere/beadle.toml: error: cannot be read"),
        "{said}"
    );
}

#[test]
fn hash_prints_a_fresh_hash_of_the_first_line() {
    let words = ["hash", "--memory-kib", "64", "--iterations", "1"];
    let (first, second) = (beadle(&words, "abc-123\n"), beadle(&words, "abc-123\r\nmore\n"));
    assert!(first.status.success() && second.status.success());
    assert!(
        stdout(&first).starts_with("{ARGON2}$argon2id$v=19$m=64,t=1,p=1$"),
        "{}",
        stdout(&first)
    );
    assert_ne!(stdout(&first), stdout(&second), "each has a salt of its own");
    let json = beadle(&["hash", "--json", "--memory-kib", "64"], "abc-123");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert!(
        json["hash"]
            .as_str()
            .is_some_and(|hash| hash.starts_with("{ARGON2}"))
    );
}

#[test]
fn hash_refuses_no_pin_and_impossible_costs() {
    for (words, input) in [
        (&["hash"][..], "\n"),
        (&["hash"], ""),
        (&["hash", "--iterations", "0"], "abc\n"),
    ] {
        let output = beadle(words, input);
        assert_eq!(output.status.code(), Some(1), "{words:?} {input:?}");
        assert!(
            stdout(&output).is_empty() && stderr(&output).starts_with("beadle: "),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn store_verify_makes_no_store_where_there_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("store");
    let said = stderr(&ends(
        &["store", "verify", "--path", path.to_str().expect("UTF-8")],
        1,
    ));
    assert!(said.contains(path.to_str().expect("UTF-8")), "{said}");
    assert!(!path.exists());
}

#[test]
fn the_manual_page_in_the_repository_is_the_one_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man/beadle.8");
    let committed = std::fs::read_to_string(path).expect("packaging/man/beadle.8 is there");
    let printed = stdout(&ends(&["man"], 0));
    assert!(
        committed == printed,
        "run: cargo run -- man > packaging/man/beadle.8"
    );
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stdout(&ends(&["completions", shell], 0)).contains("beadle"),
            "{shell}"
        );
    }
}
