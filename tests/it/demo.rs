//! `beadle demo`: what it prints works as printed, and what it holds it keeps.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::harness::{beadle, person, run_with, said, signal, stdout};

/// The demo's options that name an address, and whether it is UDP's.
const ADDRESSES: &[(&str, bool)] = &[
    ("--ldap", false),
    ("--ldaps", false),
    ("--radius", true),
    ("--accounting", true),
    ("--admin", false),
];
/// How often other ports are tried, should somebody else have taken one meanwhile.
const ATTEMPTS: usize = 5;

/// A running demo; stopped when dropped.
pub struct Demo {
    child: Child,
    /// What it has printed.
    table: String,
    /// Where it listens, as [`ADDRESSES`].
    ports: Vec<u16>,
}

impl Demo {
    /// Starts one on free ports, and waits until it has printed its table.
    pub fn start(folder: &Path) -> Demo {
        let started = (0..ATTEMPTS).find_map(|_| Demo::try_start(folder));
        started.expect("the demo says that it is ready")
    }

    fn try_start(folder: &Path) -> Option<Demo> {
        let mut command = command("200");
        let ports = free_ports();
        for (option, port) in ADDRESSES.iter().zip(&ports) {
            command.args([option.0, &format!("127.0.0.1:{port}")]);
        }
        Demo::run(command.arg("--dir").arg(folder), ports)
    }

    /// Runs the command of a demo, and waits until it has printed its table.
    fn run(command: &mut Command, ports: Vec<u16>) -> Option<Demo> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("beadle starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut demo = Demo {
            child,
            table: String::new(),
            ports,
        };
        for line in out.lines().map_while(Result::ok) {
            demo.table += &format!("{line}\n");
            if line.contains("Ctrl-C") {
                return Some(demo);
            }
        }
        None
    }

    /// The commands to copy.
    fn commands(&self) -> Vec<&str> {
        let behind = self.table.split("Try, in another terminal:").nth(1);
        let lines = behind.expect("commands to try").lines();
        lines.filter_map(|line| line.strip_prefix("  ")).collect()
    }

    /// The port of an option such as `--ldap`.
    pub fn port(&self, option: &str) -> u16 {
        let addresses = ADDRESSES.iter().zip(&self.ports);
        let found = addresses.into_iter().find(|((name, _), _)| *name == option);
        *found.expect("an option with an address").1
    }

    /// The search that the table shows with a log-in, for another filter.
    fn search(&self, filter: &str) -> Output {
        let commands = self.commands();
        let command = commands
            .iter()
            .find(|command| command.contains("ldapsearch") && command.contains(" -D "));
        let (words, _) = command.and_then(|line| line.rsplit_once(' ')).expect("a search");
        shell(&format!("{words} '{filter}'"))
    }

    /// SIGINT, as Ctrl-C sends it; the exit code.
    fn interrupt(self) -> Option<i32> {
        self.end("INT")
    }

    /// A signal that ends it; the exit code.
    fn end(mut self, name: &str) -> Option<i32> {
        signal(self.child.id(), name);
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command of a demo of so many people.
fn command(people: &str) -> Command {
    let mut command = Command::new(beadle());
    command.args(["demo", "--people", people]);
    command
}

/// The same with every listener at `address`.
fn command_at(address: &str, people: &str) -> Command {
    let mut command = command(people);
    for (option, _) in ADDRESSES {
        command.args([option, address]);
    }
    command
}

/// A free port for each address.
fn free_ports() -> Vec<u16> {
    // All are held at once, so that no two are the same.
    let tcp: Vec<_> = ADDRESSES
        .iter()
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let udp: Vec<_> = ADDRESSES
        .iter()
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let ports = ADDRESSES.iter().zip(tcp.iter().zip(&udp));
    let address = |(option, (tcp, udp)): (&(&str, bool), (&TcpListener, &UdpSocket))| match option.1 {
        true => udp.local_addr(),
        false => tcp.local_addr(),
    };
    ports.map(|each| address(each).expect("bound").port()).collect()
}

/// Runs a line as a shell does.
pub fn shell(line: &str) -> Output {
    run_with(Command::new("sh").args(["-c", line]), "")
}

/// What the answer to a command of the table has in it if it succeeded.
fn expected(line: &str) -> &'static str {
    let expected = [
        ("ldapsearch", "\ndn: uid="),
        ("ldapwhoami", "dn:"),
        ("radclient", "Received Access-Accept"),
        ("/healthz", "ok\n"),
    ];
    let found = expected.iter().find(|(program, _)| line.contains(program));
    found
        .unwrap_or_else(|| panic!("this test does not know {line:?}"))
        .1
}

/// Runs every command of the table, from another folder than the demo's.
fn try_commands(demo: &Demo) {
    let commands = demo.commands();
    assert!(commands.len() >= 7, "{}", demo.table);
    for line in commands {
        let output = shell(line);
        assert!(output.status.success(), "{line}\n{}", said(&output));
        assert!(
            stdout(&output).contains(expected(line)),
            "{line}\n{}",
            said(&output)
        );
    }
}

#[test]
fn every_command_of_the_table_works_as_printed_and_ctrl_c_ends_it_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(folder.path());
    try_commands(&demo);
    assert_eq!(demo.interrupt(), Some(0));
}

#[test]
fn the_table_is_right_for_any_port_and_address_and_a_folder_with_a_quote_in_its_name() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let mut command = command_at(address, "20");
        command.current_dir(parent.path()).args(["--dir", "it's here"]);
        let demo = Demo::run(&mut command, Vec::new()).expect("the demo says that it is ready");
        assert!(
            demo.table.contains(&parent.path().display().to_string()),
            "{}",
            demo.table
        );
        try_commands(&demo);
    }
}

#[test]
fn a_configuration_that_the_demo_did_not_write_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("beadle.toml");
    std::fs::write(&file, "base_dn = \"dc=production\"\n").expect("written");
    refused(folder.path(), "was not written by `beadle demo`");
    assert_eq!(read(&file), "base_dn = \"dc=production\"\n");
    std::fs::remove_file(&file).expect("removed");
    std::fs::create_dir(folder.path().join("store")).expect("a store");
    refused(folder.path(), "was not made by `beadle demo`");
    assert!(!file.exists());
}

#[test]
fn a_second_demo_in_a_folder_in_use_changes_nothing_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _demo = Demo::start(folder.path());
    let file = folder.path().join("beadle.toml");
    let before = read(&file);
    refused(folder.path(), "in use");
    assert_eq!(read(&file), before);
}

/// Expects a demo in `folder` to end at once and to say `why`.
fn refused(folder: &Path, why: &str) {
    let output = run_with(command_at("127.0.0.1:0", "20").arg("--dir").arg(folder), "");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(why), "{}", said(&output));
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

#[test]
fn a_terminal_that_is_closed_ends_it_and_takes_the_temporary_folder_away() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let mut command = command_at("127.0.0.1:0", "20");
    let demo = Demo::run(command.env("TMPDIR", parent.path()), Vec::new()).expect("it is ready");
    assert_eq!(entries(parent.path()), 1);
    assert_eq!(demo.end("HUP"), Some(0));
    assert_eq!(entries(parent.path()), 0);
}

#[test]
fn an_interrupt_while_people_are_made_up_leaves_no_temporary_folder() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let mut command = command_at("127.0.0.1:0", "10000000");
    let child = command.env("TMPDIR", parent.path()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("beadle starts");
    let is_filling = || {
        let folder = std::fs::read_dir(parent.path()).expect("a folder").next();
        folder.is_some_and(|folder| folder.expect("readable").path().join("unfinished").exists())
    };
    while !is_filling() {
        assert_eq!(child.try_wait().expect("a process"), None, "it goes on");
        std::thread::yield_now();
    }
    signal(child.id(), "INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert_eq!(entries(parent.path()), 0);
}

/// How many files and folders are in `folder`.
fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_campus_that_was_not_finished_is_finished_by_the_next_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let start = |people: &str| {
        let mut command = command_at("127.0.0.1:0", people);
        let demo = Demo::run(command.arg("--dir").arg(folder.path()), Vec::new()).expect("it is ready");
        let entries = told(&demo.table);
        assert_eq!(demo.interrupt(), Some(0));
        entries
    };
    let half = start("20");
    assert_eq!(start("300"), half, "a finished one stays as it is");
    std::fs::write(folder.path().join("unfinished"), "").expect("as a kill leaves it");
    let whole = start("300");
    assert!(whole >= half + 280, "{half}, then {whole}");
    assert_eq!(start("20"), whole);
}

#[test]
fn a_second_start_in_the_same_folder_finds_what_the_first_one_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ldif = folder.path().join("more.ldif");
    std::fs::write(&ldif, person("zoe", "correct-PIN-42", "")).expect("written");

    let demo = Demo::start(folder.path());
    let first = demo.table.clone();
    let config = folder.path().join("beadle.toml");
    let output = run_with(
        Command::new(beadle())
            .args(["import", "--config"])
            .arg(config)
            .arg(&ldif),
        "",
    );
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(demo.interrupt(), Some(0));

    let demo = Demo::start(folder.path());
    assert_eq!(told(&demo.table), told(&first) + 1);
    let found = demo.search("(uid=zoe)");
    assert!(stdout(&found).contains("dn: uid=zoe,"), "{}", said(&found));
}

/// How many entries the table says there are.
fn told(table: &str) -> u64 {
    let words: Vec<&str> = table.split_whitespace().collect();
    let at = words
        .iter()
        .position(|word| *word == "entries,")
        .expect("a number of entries");
    words[at - 1].parse().expect("a number")
}
