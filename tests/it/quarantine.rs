//! A store in which somebody damaged records: the daemon names them, sets them aside and serves all others.

use beadle::record::{Batch, Key, Kind, Operation};
use beadle::store::Store;
use beadle::store::sled::{SledSettings, SledStore};
use beadle::types::{EntryId, SeededEntropy};

use crate::harness::{BASE, Campus, Daemon, base, http_get, person, said, stdout};

const PIN: &str = "correct-PIN-42";

/// A campus with a container that has a group in it, and two people; ids are given in this order from 1 on.
fn campus() -> Campus {
    let campus = Campus::new("");
    let groups = format!(
        "dn: ou=law,{BASE}\nobjectClass: organizationalUnit\nou: law\n\n\
         dn: cn=readers,ou=law,{BASE}\nobjectClass: groupOfNames\ncn: readers\nmember: {BASE}\n\n"
    );
    campus.import(&(base() + &person("ada", PIN, "") + &person("bob", PIN, "") + &groups));
    campus
}

/// Commits to the store behind everybody's back.
fn write(campus: &Campus, operations: Vec<Operation>) {
    let settings = SledSettings::at(campus.path("store"));
    let store = SledStore::open(&settings, &mut SeededEntropy::new(1)).expect("it opens");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().expect("a runtime");
    let guards = Vec::new();
    let committed = runtime.block_on(store.commit(Batch { guards, operations }));
    committed.expect("it is stored");
}

/// The record of the entry whose RDN this is, as it is stored.
fn record(campus: &Campus, rdn: &str) -> (Key, Box<[u8]>) {
    let settings = SledSettings::at(campus.path("store"));
    let mut found = None;
    let verified = beadle::store::sled::verify_each(&settings, &mut |record| {
        let text = String::from_utf8_lossy(&record.value);
        if record.key.is_of(Kind::Entry) && text.contains(rdn) {
            found.get_or_insert((record.key.clone(), record.value.clone()));
        }
    });
    verified.expect("sound");
    found.expect("it is there")
}

fn logs_in(daemon: &Daemon, uid: &str) -> bool {
    let dn = format!("uid={uid},ou=people,{BASE}");
    let words = ["-x", "-D", &dn, "-w", PIN, "-b", &dn, "-s", "base"];
    daemon.ldap("ldapsearch", &words).status.success()
}

fn figure(daemon: &Daemon) -> String {
    let metrics = http_get(&format!("http://{}/metrics", daemon.address("admin")));
    let line = metrics
        .lines()
        .find(|line| line.starts_with("beadle_records_set_aside"));
    line.unwrap_or_default().to_owned()
}

fn health(daemon: &Daemon) -> String {
    http_get(&format!("http://{}/healthz", daemon.address("admin")))
}

#[test]
fn damaged_records_are_named_and_the_rest_is_served() {
    let campus = campus();
    let (ada, good) = record(&campus, "uid=ada");
    let (law, container) = record(&campus, "ou=law");
    let (readers, _) = record(&campus, "cn=readers");
    let short = Key::new(Kind::Entry, b"4");
    let damaged = |key: &Key| Operation::put(key.clone(), *b"\x01\x07");
    write(&campus, vec![damaged(&ada), damaged(&law), damaged(&short)]);

    let verified = campus.beadle(&["store", "verify"], &["--json"]);
    assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
    let findings: serde_json::Value = serde_json::from_str(&stdout(&verified)).expect("JSON");
    let keys = [&ada, &law, &readers, &short].map(Key::to_string);
    let found = findings["set_aside"].as_array().expect("a list").iter();
    let found: Vec<_> = found.map(|one| one["key"].as_str().expect("text")).collect();
    assert_eq!(found, keys);
    let words = stdout(&campus.beadle(&["store", "verify"], &[]));
    assert!(words.contains(": 4 records cannot be served; "), "{words}");
    let law_id = EntryId::from_bytes(&law.as_bytes()[1..]).expect("an id");
    assert!(
        words.contains(&format!("it is below entry {law_id}, ")),
        "{words}"
    );

    let mut daemon = campus.serve();
    assert!(!logs_in(&daemon, "ada") && logs_in(&daemon, "bob"));
    assert_eq!(figure(&daemon), "beadle_records_set_aside 4");
    assert!(health(&daemon).contains("ok, but records are set aside"));
    let log = daemon.read_log().join("\n");
    let named = log.matches("a record is set aside; the others are served");
    assert_eq!(named.count(), 4, "{log}");
    assert!(log.contains("the entry's record is damaged at byte 1"), "{log}");

    let (campus, ..) = daemon.stop();
    let gone = Operation::Delete { key: short };
    write(
        &campus,
        vec![Operation::put(ada, good), Operation::put(law, container), gone],
    );
    let verified = campus.beadle(&["store", "verify"], &[]);
    assert!(verified.status.success(), "{}", said(&verified));
    let daemon = campus.serve();
    assert!(logs_in(&daemon, "ada"));
    assert_eq!(figure(&daemon), "beadle_records_set_aside 0");
    assert!(health(&daemon).ends_with("ok\n"));
}

#[test]
fn an_export_names_what_it_leaves_out_and_what_is_discarded_can_be_imported_again() {
    let campus = campus();
    let whole = campus.export(&[]);
    let (ada, _) = record(&campus, "uid=ada");
    let (law, _) = record(&campus, "ou=law");
    let (bob, _) = record(&campus, "uid=bob");
    let damaged = |key: Key| Operation::put(key, *b"\x01\x07");
    let newer = Operation::put(bob, *b"\x09");
    write(&campus, vec![damaged(ada), damaged(law), newer]);
    let named =
        "4 records are set aside and left out:\nentry 4: the entry's record is damaged at byte 1; put back";
    let exports = |campus: &Campus, file: &str| {
        let path = campus.path(file).display().to_string();
        let output = campus.beadle(&["export"], &[&path]);
        let said = said(&output);
        assert!(
            said.contains(named) && said.contains("entry 7: it is below entry 6,"),
            "{said}"
        );
        assert!(
            said.contains("3 entries; 4 records are set aside and left out"),
            "{said}"
        );
    };
    exports(&campus, "offline.ldif");
    let daemon = campus.serve();
    exports(&daemon.campus, "online.ldif");
    let (campus, ..) = daemon.stop();

    let kept = campus.path("kept").display().to_string();
    let discard =
        |records: &[&str]| campus.beadle(&["store", "discard"], &[records, &["--to", &kept]].concat());
    for (record, why) in [
        ("entry 2", "is not set aside"),
        ("entry 5", "start the version that wrote it"),
    ] {
        let refused = discard(&["entry 4", record]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(why), "{}", said(&refused));
    }
    let done = discard(&["entry 4", "entry 6", "entry 7"]);
    assert!(said(&done).contains("3 records deleted"), "{}", said(&done));
    assert!(
        said(&done).contains("entry=entry\\u{20}4 what=\"deleted\""),
        "{}",
        said(&done)
    );
    let kept = std::fs::read_to_string(&kept).expect("it is kept");
    assert!(kept.starts_with("650000000000000004 0107\n"), "{kept}");
    assert_eq!(kept.lines().count(), 3);
    // Bob's record is of another version, and stays set aside; the others are as they were.
    let rest: Vec<&str> = whole
        .split("\n\n")
        .filter(|entry| !entry.contains("uid=bob"))
        .collect();
    campus.import(&rest.join("\n\n"));
    let exported = campus.export(&[]);
    assert_eq!(exported.split("\n\n").count(), rest.len());
}
