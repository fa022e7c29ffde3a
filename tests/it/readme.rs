//! README.md is true: every line of its blocks that are marked `sh` is run here, or is what a test of its own runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::demo::Demo;
use crate::harness::{Campus, Daemon, base, beadle, person, run_with, said, stdout};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).expect("README.md")
}

/// The command lines of the blocks that are marked `sh`, without comments; a line that ends in `|` goes on.
fn commands() -> Vec<String> {
    let readme = readme();
    let (mut inside, mut commands): (bool, Vec<String>) = (false, Vec::new());
    for line in readme.lines() {
        if let Some(language) = line.strip_prefix("```") {
            inside = language == "sh";
        } else if inside {
            let line = line.split(" # ").next().unwrap_or(line).trim();
            match commands.last_mut().filter(|last| last.ends_with('|')) {
                Some(last) => *last = format!("{last} {line}"),
                None => commands.push(line.to_owned()),
            }
        }
    }
    commands.retain(|line| !line.is_empty());
    commands
}

/// The commands that begin with one of these programs.
fn commands_of(programs: &[&str]) -> Vec<String> {
    let of = |line: &String| {
        programs
            .iter()
            .any(|program| line.split(' ').next() == Some(*program))
    };
    commands().into_iter().filter(of).collect()
}

const CLIENTS: &[&str] = &["ldapsearch", "ldapwhoami", "echo"];

/// Runs a line of the README as a shell does, with the built binary on its path.
fn shell(line: &str, folder: &Path, input: &str) -> Output {
    let program = Path::new(beadle())
        .parent()
        .expect("a folder")
        .display()
        .to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    run_with(
        command.args(["-c", line]).current_dir(folder).env("PATH", path),
        input,
    )
}

#[test]
fn a_test_here_knows_every_command_of_the_readme() {
    let known = [CLIENTS, &["beadle", "cargo", "scripts/test"]].concat();
    assert_eq!(commands_of(&known), commands());
    let readme = readme();
    let fences = readme.lines().filter(|line| line.starts_with("```")).count();
    assert_eq!(
        readme.matches("```sh\n").count() * 2,
        fences,
        "each block is marked"
    );
}

#[test]
fn every_script_the_readme_names_is_there_to_be_run() {
    let readme = readme();
    let words = readme.split(|c: char| !(c.is_alphanumeric() || "/_-".contains(c)));
    let scripts: Vec<&str> = words.filter(|word| word.starts_with("scripts/")).collect();
    assert!(scripts.contains(&"scripts/test"), "{scripts:?}");
    for script in scripts {
        let file = std::fs::metadata(repository().join(script));
        let mode = file
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .permissions()
            .mode();
        assert_ne!(mode & 0o111, 0, "{script} is executable");
    }
}

#[test]
fn the_readme_s_log_ins_work_in_the_readme_s_demo() {
    // `cargo run` builds what is tested here; the rest of the line is the demo of the tests, on other ports.
    assert_eq!(commands_of(&["cargo"]), ["cargo run --release -- demo"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(folder.path());
    let clients = commands_of(CLIENTS);
    assert!(clients.len() >= 3, "{clients:?}");
    for line in clients {
        let here = line
            .replace("127.0.0.1:3890", &format!("127.0.0.1:{}", demo.port("--ldap")))
            .replace("127.0.0.1:18120", &format!("127.0.0.1:{}", demo.port("--radius")));
        assert_ne!(here, line, "it names the demo's default address");
        let output = shell(&here, folder.path(), "");
        assert!(output.status.success(), "{here}\n{}", said(&output));
        let found = ["dn:", "Received Access-Accept"]
            .iter()
            .any(|word| stdout(&output).contains(word));
        assert!(found, "{here}\n{}", said(&output));
    }
}

#[test]
fn the_readme_s_way_to_run_it_is_one() {
    const CONFIG: &str = "/etc/beadle/beadle.toml";
    let campus = Campus::new("");
    let people = base() + &person("ada", "correct-PIN-42", "");
    std::fs::write(campus.path("people.ldif"), people).expect("written");
    let lines = commands_of(&["beadle"]);
    assert!(lines.len() >= 4, "{lines:?}");
    let (serve, others): (Vec<String>, Vec<String>) = lines
        .into_iter()
        .partition(|line| line.starts_with("beadle serve"));
    for line in others {
        let here = line.replace(CONFIG, &campus.config().display().to_string());
        let output = shell(&here, campus.folder.path(), "correct-PIN-42\n");
        assert!(output.status.success(), "{here}\n{}", said(&output));
    }
    // It does not end by itself: the harness starts it by the same words.
    assert_eq!(serve, [format!("beadle serve --config {CONFIG}")]);
    let daemon = Daemon::start(campus, &[]);
    let found = daemon.ldap(
        "ldapwhoami",
        &[
            "-D",
            "uid=ada,ou=people,dc=uni,dc=example",
            "-w",
            "correct-PIN-42",
        ],
    );
    assert!(found.status.success(), "{}", said(&found));
}
