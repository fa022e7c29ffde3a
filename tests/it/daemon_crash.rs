//! What the daemon survives: kills while it imports, and a disk without room.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use beadle::cli::daemon_client::DaemonClient;
use beadle::cli::import::next_line;
use beadle::exchange::import::{Format, KeepGoing, Mode};
use beadle::server::http::api::{ImportLine, ImportQuery};
use beadle::server::work::telling::Told;
use beadle::server::work::transfer::Wanted;
use ldap3_proto::proto::LdapModifyType;

use crate::harness::{BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, base, beadle, http_get, person, said, stdout};
use crate::ldap_wire::{Wire, delete, modify, step};

const PIN: &str = "correct-PIN-42";

/// The suffix and so many people, in this order.
fn crowd(people: usize) -> String {
    let people = (0..people).map(|number| person(&format!("u{number:05}"), PIN, ""));
    std::iter::once(base()).chain(people).collect()
}

/// The DNs of LDIF in their order.
fn names(ldif: &str) -> Vec<&str> {
    ldif.lines().filter(|line| line.starts_with("dn: ")).collect()
}

/// Sends an import to the daemon as `beadle import` does, and stops listening as soon as this many entries are
/// said to be written. Returns how many were.
fn import_until(daemon: &Daemon, ldif: &str, enough: u64) -> u64 {
    let client = DaemonClient::connect(&daemon.campus.path("store/admin.sock")).expect("the socket is ours");
    let wanted = Wanted {
        format: Format::Ldif,
        keep_going: KeepGoing::No,
        mode: Mode::Apply,
        ignored: Vec::new(),
    };
    let asked = ImportQuery::new(&wanted, String::new())
        .uri()
        .expect("an address");
    let file = Box::new(io::Cursor::new(ldif.to_owned()));
    let answer = client.expect("the daemon listens").post(&asked, Some(file));
    let mut lines = BufReader::new(answer.expect("it answers"));
    loop {
        match next_line(&mut lines).expect("it tells") {
            ImportLine::Told(Told::Written { done, .. }) if done >= enough => return done,
            ImportLine::Told(Told::Read { .. } | Told::Written { .. }) => {}
            ImportLine::Failed(why) => panic!("{why}, before {enough} were written"),
            _ => panic!("the import ended before {enough} were written"),
        }
    }
}

#[test]
fn a_kill_in_the_middle_of_an_import_loses_nothing_that_was_told() {
    const PEOPLE: usize = 3_000;
    let ldif = crowd(PEOPLE);
    let expected = names(&ldif);
    let mut whole = None;
    let rounds: [u64; 6] = [1, 200, 777, 1_500, 2_600, 2_950];
    for enough in rounds {
        let daemon = Campus::new("").serve();
        let written = import_until(&daemon, &ldif, enough);
        let campus = daemon.kill();
        let verified = campus.beadle(&["store", "verify"], &[]);
        assert!(verified.status.success(), "{}", said(&verified));

        let daemon = campus.serve();
        let there = daemon.campus.export(&[]);
        let there: std::collections::BTreeSet<&str> = names(&there).into_iter().collect();
        let told = expected.iter().take(written as usize);
        let lost: Vec<_> = told.filter(|name| !there.contains(**name)).collect();
        assert!(
            lost.is_empty(),
            "{} of {written} are lost: {:?}",
            lost.len(),
            &lost[..1]
        );
        assert!(!left_over(&daemon), "hashes are left on the disk");

        daemon.campus.import(&ldif);
        let all = stripped(&daemon.campus.export(&["--with-secrets"]));
        assert_eq!(names(&all).len(), expected.len());
        assert_eq!(
            *whole.get_or_insert_with(|| all.clone()),
            all,
            "as if never interrupted"
        );
        log_in(&daemon, "u02999");
    }
}

#[test]
fn what_was_written_before_the_client_went_is_counted() {
    let daemon = Campus::new("").serve();
    let written = import_until(&daemon, &crowd(3_000), 200);
    while left_over(&daemon) {
        std::thread::yield_now();
    }
    let metrics = http_get(&format!("http://{}/metrics", daemon.address("admin")));
    let there = names(&daemon.campus.export(&[])).len() as u64;
    let line = format!("beadle_entries_imported_total {there}\n");
    assert!(
        there >= written && metrics.contains(&line),
        "{there} of {metrics}"
    );
}

/// An export without what follows from when it was imported.
fn stripped(export: &str) -> String {
    let lines = export.lines();
    let lines = lines.filter(|line| !line.starts_with("entryUUID:") && !line.contains("Timestamp:"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Whether a file that was being imported is still in the store's folder.
fn left_over(daemon: &Daemon) -> bool {
    let files = std::fs::read_dir(daemon.campus.path("store")).expect("a folder");
    files
        .filter_map(Result::ok)
        .any(|file| file.file_name().to_string_lossy().ends_with(".spool"))
}

/// A small disk that only processes started by [`Disk::command`] see; gone when it is dropped.
struct Disk {
    holder: Child,
}

impl Disk {
    /// Mounts a disk of this size over a folder; `None` where the system does not let a test do it.
    fn mount(folder: &Path, size: &str) -> Option<Disk> {
        let script = "mount -t tmpfs -o size=\"$2\" tmpfs \"$1\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .arg(folder)
            .arg(size)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let mut out = BufReader::new(holder.stdout.take()?);
        out.read_line(&mut line).ok()?;
        let disk = Disk { holder };
        (line == "mounted\n").then_some(disk)
    }

    /// A program that sees the disk.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.holder.id().to_string();
        command.args([
            "--preserve-credentials",
            "--user",
            "--mount",
            "--target",
            &target,
            program,
        ]);
        command
    }

    fn run(&self, program: &str, words: &[&str]) {
        // A disk that is filled up is an error to the one who fills it.
        let _ = self.command(program).args(words).output().expect("it runs");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A campus whose store is in the folder `disk`, and whose administration socket is not.
fn on_a_disk() -> Campus {
    let campus = Campus::new("");
    let (store, disk) = (campus.path("store"), campus.path("disk"));
    std::fs::create_dir(&disk).expect("a folder");
    let text = std::fs::read_to_string(campus.config()).expect("written");
    let path = |path: PathBuf| path.display().to_string();
    let moved = text.replace(&path(store), &path(disk.join("store")));
    let admin = format!("[admin]\nsocket = \"{}\"\n", path(campus.path("admin.sock")));
    std::fs::write(campus.config(), moved + &admin).expect("writable");
    campus
}

fn health(daemon: &Daemon) -> String {
    http_get(&format!("http://{}/healthz", daemon.address("admin")))
}

fn log_in(daemon: &Daemon, uid: &str) {
    let output = daemon.ldap(
        "ldapwhoami",
        &["-D", &format!("uid={uid},ou=people,{BASE}"), "-w", PIN],
    );
    assert!(output.status.success(), "{}", said(&output));
}

/// The import of one person more is refused in one sentence that has this in it, and names the store.
fn refused(daemon: &Daemon, why: &str) {
    let output = daemon.campus.try_import(&person("late", PIN, ""), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let expected = format!(
        "cannot write in {}: {why}",
        daemon.campus.path("disk/store").display()
    );
    assert!(said(&output).contains(&expected), "{}", said(&output));
}

#[test]
fn on_a_full_disk_writes_are_refused_in_a_sentence_and_everything_else_goes_on() {
    const PEOPLE: usize = 64;
    let campus = on_a_disk();
    let folder = campus.path("disk");
    let Some(disk) = Disk::mount(&folder, "48m") else {
        return;
    };
    let ballast = folder.join("ballast").display().to_string();
    let daemon = Daemon::start_by(disk.command(beadle()), campus, &[]);
    daemon.campus.import(&crowd(PEOPLE));
    assert!(health(&daemon).contains("200 OK"), "{}", health(&daemon));

    disk.run("dd", &["if=/dev/zero", &format!("of={ballast}"), "bs=4k"]);
    refused(&daemon, "No space left on device");
    // The first log-in of each replaces an imported hash, until there is no room for another.
    let full = (0..PEOPLE).any(|number| {
        log_in(&daemon, &format!("u{number:05}"));
        health(&daemon).contains("read-only")
    });
    assert!(full && health(&daemon).contains("503"), "{}", health(&daemon));
    disk.run("truncate", &["--size=-1M", &ballast]);
    refused(&daemon, "the store refuses writes: no space left on the disk");
    log_in(&daemon, "u00000");
    log_in(&daemon, "u00063");
    let found = daemon.ldap(
        "ldapsearch",
        &["-D", ROOT_DN, "-w", ROOT_PIN, "-b", BASE, "(uid=u00007)", "cn"],
    );
    assert!(stdout(&found).contains("cn: Person u00007"), "{}", said(&found));

    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    disk.run("rm", &[&ballast]);
    let daemon = Daemon::start_by(disk.command(beadle()), campus, &[]);
    assert!(health(&daemon).contains("200 OK"), "{}", health(&daemon));
    daemon.campus.import(&person("late", PIN, ""));
    log_in(&daemon, "u00000");
    log_in(&daemon, "late");
    assert_eq!(names(&daemon.campus.export(&[])).len(), PEOPLE + 4);
}

#[test]
fn on_a_full_disk_a_modify_is_unavailable_and_leaves_no_half_and_the_next_start_writes_again() {
    const UNAVAILABLE: i64 = 52;
    let campus = on_a_disk();
    let folder = campus.path("disk");
    let Some(disk) = Disk::mount(&folder, "48m") else {
        return;
    };
    let ballast = folder.join("ballast").display().to_string();
    let daemon = Daemon::start_by(disk.command(beadle()), campus, &[]);
    daemon.campus.import(&crowd(2));
    let dn = format!("uid=u00000,ou=people,{BASE}");
    let change = |number: u64| {
        let text = format!("{number:05} {}", "long ".repeat(2_000));
        let replace = |name| step(LdapModifyType::Replace, name, &[&text]);
        modify(&dn, vec![replace("sn"), replace("title"), replace("description")])
    };
    // The number that all three attributes say.
    let said_by = |wire: &mut Wire| {
        let values = ["sn", "title", "description"].map(|name| wire.values(&dn, name));
        assert!(
            values.iter().all(|it| it.len() == 1 && *it == values[0]),
            "half of a change"
        );
        values[0][0][..5].parse::<u64>().expect("a number")
    };
    let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
    assert_eq!(wire.code(change(0)), 0);
    disk.run("dd", &["if=/dev/zero", &format!("of={ballast}"), "bs=4k"]);
    let refused = (1..10_000).find(|number| match wire.code(change(*number)) {
        0 => false,
        UNAVAILABLE => true,
        code => panic!("{code}"),
    });
    let refused = refused.expect("the disk is full");
    assert_eq!(said_by(&mut wire), refused - 1);
    assert_eq!(wire.code(change(refused)), UNAVAILABLE);
    assert_eq!(wire.code(delete(&dn)), UNAVAILABLE);
    assert_eq!(said_by(&mut wire), refused - 1, "it goes on reading");
    log_in(&daemon, "u00001");

    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    disk.run("rm", &[&ballast]);
    let daemon = Daemon::start_by(disk.command(beadle()), campus, &[]);
    let mut wire = Wire::connect(&daemon.campus.path("ldapi"));
    // What was refused may be there, for nobody knows how far it came; but whole.
    assert!([refused - 1, refused].contains(&said_by(&mut wire)));
    assert_eq!(wire.code(change(refused + 1)), 0);
    assert_eq!(said_by(&mut wire), refused + 1);
}
