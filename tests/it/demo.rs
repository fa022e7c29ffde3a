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
        let mut command = Command::new(beadle());
        command.args(["demo", "--people", "200", "--dir"]).arg(folder);
        let ports = free_ports();
        for (option, port) in ADDRESSES.iter().zip(&ports) {
            command.args([option.0, &format!("127.0.0.1:{port}")]);
        }
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
    fn interrupt(mut self) -> Option<i32> {
        signal(self.child.id(), "INT");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

#[test]
fn every_command_of_the_table_works_as_printed_and_ctrl_c_ends_it_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Demo::start(folder.path());
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
    assert_eq!(demo.interrupt(), Some(0));
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
    assert_eq!(entries(&demo.table), entries(&first) + 1);
    let found = demo.search("(uid=zoe)");
    assert!(stdout(&found).contains("dn: uid=zoe,"), "{}", said(&found));
}

/// How many entries the table says there are.
fn entries(table: &str) -> u64 {
    let words: Vec<&str> = table.split_whitespace().collect();
    let at = words
        .iter()
        .position(|word| *word == "entries,")
        .expect("a number of entries");
    words[at - 1].parse().expect("a number")
}
