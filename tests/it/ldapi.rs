//! LDAP on a Unix socket, SASL, and names for appliances: the daemon and OpenLDAP's own tools (Debian's `ldap-utils`
//! and `libsasl2-modules`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::audit::tells;
use crate::harness::{BASE, Campus, Daemon, ROOT_DN, base, person, run_with, said, stdout};

const PIN: &str = "correct-PIN-42";
/// What OpenLDAP's tools need to offer PLAIN.
const PLAIN: [&str; 6] = ["-O", "none", "-Y", "PLAIN", "-U", "ada"];
const EXTERNAL: [&str; 3] = ["-Q", "-Y", "EXTERNAL"];

/// A campus with this in its `[ldap]`, and a folder that every user of this machine may look into.
fn campus(ldap: &str) -> Campus {
    let campus = Campus::new("");
    let text = std::fs::read_to_string(campus.config()).expect("written");
    let text = text.replace("\n[ldap]\n", &format!("\n[ldap]\n{ldap}\n"));
    std::fs::write(campus.config(), text).expect("writable");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(campus.folder.path(), open).expect("its owner's to change");
    campus.import(&(base() + &person("ada", PIN, "mail: ada@mail.example\nemployeeNumber: 77\n")));
    campus
}

fn own_user() -> u32 {
    beadle::server::local::users::own_user().expect("/proc is there")
}

/// Runs a client on the socket as another user and group of this machine; `None` where this user may not do that.
fn ldapi_as(daemon: &Daemon, ids: [u32; 2], client: &str, words: &[&str]) -> Option<Output> {
    let [user, group] = ids.map(|id| id.to_string());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &group, "--clear-groups", client]);
    let run = command.args(["-H", &daemon.ldapi_url()]).args(words);
    (own_user() == 0).then(|| run_with(run, ""))
}

fn expect(output: &Output, code: i32, text: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert!(stdout(output).contains(text), "{text}: {}", said(output));
}

#[test]
fn the_user_a_daemon_runs_as_is_an_administrator_by_external_and_the_audit_says_which() {
    let daemon = campus("").serve();
    let user = own_user();
    let who = format!("+uidNumber={user},cn=peercred,cn=external,cn=auth\n");
    expect(&daemon.ldapi("ldapwhoami", &EXTERNAL), 0, &who);
    let search = [&EXTERNAL[..], &["-LLL", "-b", BASE, "(employeeNumber=77)"]].concat();
    expect(&daemon.ldapi("ldapsearch", &search), 0, "employeeNumber: 77");
    let root = format!("dn:{ROOT_DN}");
    let other = [&EXTERNAL[..], &["-X", &root]].concat();
    expect(&daemon.ldapi("ldapwhoami", &other), 49, "");
    let tls = ["-Y", "EXTERNAL"];
    assert_ne!(
        daemon.start_tls("ldapwhoami", &tls).status.code(),
        Some(0),
        "not over TCP"
    );
    let (_, _, logged) = daemon.stop();
    let subject = format!("subject=operator:{user} source=127.0.0.1");
    assert!(
        tells(
            &logged,
            &[
                "event=\"login_accepted\"",
                &subject,
                "evidence=\"peer_credentials\""
            ]
        ),
        "{logged:?}"
    );
}

#[test]
fn an_administrator_of_this_machine_writes_and_is_named_as_who_did() {
    let daemon = campus("").serve();
    let run = |client: &str, words: &[&str], input: &str| {
        let mut command = Command::new(client);
        let output = run_with(
            command
                .args(EXTERNAL)
                .args(["-H", &daemon.ldapi_url()])
                .args(words),
            input,
        );
        expect(&output, 0, "");
        stdout(&output)
    };
    let bob = format!("uid=bob,ou=people,{BASE}");
    run(
        "ldapadd",
        &[],
        &format!("dn: {bob}\nobjectClass: inetOrgPerson\nuid: bob\ncn: Bob\nsn: B\n"),
    );
    run(
        "ldapmodify",
        &[],
        &format!("dn: {bob}\nchangetype: modify\nadd: title\ntitle: Fellow\n"),
    );
    let entry = run(
        "ldapsearch",
        &["-LLL", "-o", "ldif-wrap=no", "-b", &bob, "*", "+"],
        "",
    );
    let user = own_user();
    let name = format!("+uidNumber={user},cn=peercred,cn=external,cn=auth");
    for line in entry
        .lines()
        .filter(|line| line.starts_with("creatorsName:") || line.starts_with("modifiersName:"))
    {
        assert!(line.ends_with(&name), "{line}");
    }
    assert!(
        entry.contains("title: Fellow\n") && entry.contains("modifiersName: gidNumber="),
        "{entry}"
    );
    let made_up = run("ldappasswd", &[&bob], "");
    let pin = made_up.trim().rsplit(' ').next().expect("a PIN");
    expect(
        &daemon.ldap("ldapwhoami", &["-D", &bob, "-w", pin]),
        0,
        "dn:uid=bob",
    );
    run("ldapdelete", &[&bob], "");
    let (_, _, logged) = daemon.stop();
    let subject = format!("subject=operator:{user} ");
    for what in ["added", "modified", "pin_set", "deleted"] {
        let parts = ["event=\"entry_written\"", &subject, &format!("\"{what}\"")];
        assert!(tells(&logged, &parts), "{what}: {logged:?}");
    }
}

#[test]
fn other_users_are_administrators_by_their_group_only() {
    // Numbers that are nobody's, but for the group that every machine has.
    let (stranger, in_group) = ([54_321, 54_321], [54_321, 0]);
    let daemon = campus("").serve();
    for ids in [stranger, in_group] {
        let Some(output) = ldapi_as(&daemon, ids, "ldapwhoami", &EXTERNAL) else {
            return;
        };
        expect(&output, 49, "");
    }
    let simple = ["-x", "-D", "uid=ada,ou=people,dc=uni,dc=example", "-w", PIN];
    let output = ldapi_as(&daemon, stranger, "ldapwhoami", &simple).expect("as before");
    expect(&output, 0, "dn:uid=ada");
    let (_, _, logged) = daemon.stop();
    let parts = [
        "event=\"login_refused\"",
        "subject=operator:54321",
        "reason=\"not_administrator\"",
    ];
    assert!(tells(&logged, &parts), "{logged:?}");

    let daemon = campus("administrators_group = \"root\"").serve();
    let run = |ids| ldapi_as(&daemon, ids, "ldapwhoami", &EXTERNAL).expect("as before");
    expect(&run(in_group), 0, "uidNumber=54321");
    expect(&run(stranger), 49, "");
}

/// Whether an LDAP connection over TCP is kept: it is asked an anonymous bind, as RFC 4511 writes it.
fn is_kept(stream: &mut TcpStream) -> bool {
    let bind = [0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];
    let mut answer = [0; 1];
    stream.write_all(&bind).is_ok() && matches!(stream.read(&mut answer), Ok(1))
}

#[test]
fn who_takes_every_place_over_tcp_does_not_lock_administrators_out_of_the_socket() {
    for limit in ["connections_max = 3", "connections_per_address_max = 3"] {
        let daemon = campus(limit).serve();
        let connect = || TcpStream::connect(daemon.address("ldap")).expect("it listens");
        let mut taken = [connect(), connect(), connect()];
        assert!(taken.iter_mut().all(is_kept), "{limit}");
        assert!(!is_kept(&mut connect()), "{limit}");
        expect(&daemon.ldapi("ldapwhoami", &EXTERNAL), 0, "cn=peercred");
        assert!(taken.iter_mut().all(is_kept), "{limit}");
    }
}

#[test]
fn the_socket_is_everybodys_replaced_after_a_crash_and_gone_after_a_stop() {
    let daemon = campus("").serve();
    let path = daemon.campus.path("ldapi");
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o666);
    let campus = daemon.kill();
    assert!(path.exists());
    let daemon = campus.serve();
    expect(&daemon.ldapi("ldapwhoami", &["-x"]), 0, "anonymous");
    let (_, code, _) = daemon.stop();
    assert_eq!((code, path.exists()), (Some(0), false));
}

#[test]
fn a_pin_goes_over_the_socket_by_simple_bind_by_plain_and_under_tls() {
    let daemon = campus("").serve();
    let simple = ["-x", "-D", "uid=ada,ou=people,dc=uni,dc=example", "-w"];
    for (way, wrong) in [(&simple[..], 49), (&[&PLAIN[..], &["-w"]].concat(), 49)] {
        expect(
            &daemon.ldapi("ldapwhoami", &[way, &[PIN]].concat()),
            0,
            "dn:uid=ada",
        );
        expect(
            &daemon.ldapi("ldapwhoami", &[way, &["wrong-PIN-42"]].concat()),
            wrong,
            "",
        );
    }
    let mechanisms = ["-x", "-LLL", "-s", "base", "-b", "", "supportedSASLMechanisms"];
    let found = daemon.ldapi("ldapsearch", &mechanisms);
    expect(
        &found,
        0,
        "supportedSASLMechanisms: EXTERNAL\nsupportedSASLMechanisms: PLAIN\n",
    );
}

#[test]
fn plain_logs_in_over_tls_and_never_in_clear() {
    let daemon = campus("").serve();
    let right = [&PLAIN[..], &["-w", PIN]].concat();
    let wrong = [&PLAIN[..], &["-w", "wrong-PIN-42"]].concat();
    let unknown = ["-O", "none", "-Y", "PLAIN", "-U", "nobody", "-w", PIN];
    for way in [Daemon::sasl_ldaps, Daemon::sasl_start_tls] {
        expect(&way(&daemon, "ldapwhoami", &right), 0, "dn:uid=ada");
        expect(
            &way(&daemon, "ldapwhoami", &[&right[..], &["-X", "u:ada"]].concat()),
            0,
            "dn:uid=ada",
        );
        expect(
            &way(&daemon, "ldapwhoami", &[&right[..], &["-X", "u:bob"]].concat()),
            49,
            "",
        );
        let (wrong, unknown) = (
            way(&daemon, "ldapwhoami", &wrong),
            way(&daemon, "ldapwhoami", &unknown),
        );
        expect(&wrong, 49, "");
        assert_eq!(said(&wrong), said(&unknown));
    }
    let url = format!("ldap://{}", daemon.address("ldap"));
    let output = run_with(Command::new("ldapwhoami").args(["-H", &url]).args(&right), "");
    expect(&output, 13, "");
}

#[test]
fn an_appliance_binds_by_uid_mail_address_or_uid_and_realm_where_that_is_allowed() {
    let daemon = campus("bind_names = [\"uid\", \"uid@uni.example\", \"mail\"]").serve();
    let bind = |name: &str, pin| daemon.ldap("ldapwhoami", &["-D", name, "-w", pin]);
    for name in ["ada", "ADA", "ada@uni.example", "Ada@Mail.Example"] {
        expect(&bind(name, PIN), 0, "dn:uid=ada");
    }
    let wrong = bind("ada", "wrong-PIN-42");
    expect(&wrong, 49, "");
    for name in [
        "nobody",
        "nobody@uni.example",
        "nobody@mail.example",
        "what is this?",
    ] {
        assert_eq!(said(&bind(name, "wrong-PIN-42")), said(&wrong), "{name}");
    }
    let daemon = campus("").serve();
    let output = daemon.ldap("ldapwhoami", &["-D", "ada", "-w", PIN]);
    expect(&output, 34, "");
}

#[test]
fn a_search_without_a_base_finds_people_where_there_is_a_default() {
    let search = ["-LLL", "-b", "", "(uid=ada)", "uid"];
    let daemon = campus(&format!("default_search_base = \"{BASE}\"")).serve();
    expect(&daemon.ldap("ldapsearch", &search), 0, "dn: uid=ada,ou=people");
    let root_dse = ["-LLL", "-s", "base", "-b", "", "namingContexts"];
    expect(
        &daemon.ldap("ldapsearch", &root_dse),
        0,
        &format!("namingContexts: {BASE}"),
    );
    let daemon = campus("").serve();
    expect(&daemon.ldap("ldapsearch", &search), 32, "");
}
