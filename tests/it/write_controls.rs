//! Pre-read, post-read, assertion and password policy on writes and binds, with the OpenLDAP clients against the real
//! binary.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapExtendedRequest, LdapOp};

use crate::harness::{BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, SERVICE_PIN, base, person, run_with, said};
use crate::ldap_client::{self, bind, controlled, first_answer};
use crate::ldap_talk::PASSWORD_MODIFY;

const PIN: &str = "correct-PIN-42";
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

const RULES: &str = r#"
[access]
rules = [
  "members may read cn, sn, mail, title, uid of (!(title=secret))",
  "services may read cn, uid of (!(employeeType=hidden))",
  "service mail may write mail, employeeType, title of everything",
  "group cn=law,ou=groups,dc=uni,dc=example may write title, userPassword of people",
  "group cn=law,ou=groups,dc=uni,dc=example may read employeeType of people",
  "group cn=law,ou=groups,dc=uni,dc=example may read and write member of below cn=law,ou=groups,dc=uni,dc=example",
  "self may write telephoneNumber",
]
[lockout]
failures_max = 3
"#;

fn campus() -> Daemon {
    let campus = Campus::new(RULES);
    let group = format!(
        "dn: cn=law,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: law\nmember: {}\nmember: {}\n\n",
        dn("ada"),
        dn("bob")
    );
    let ada = person("ada", PIN, "mail: ada@uni.example\nemployeeType: staff\n");
    let bob = person("bob", PIN, "mail: bob@uni.example\n");
    campus.import(&(base() + &ada + &bob + &person("eve", PIN, "") + &group));
    campus.serve()
}

fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

fn law() -> String {
    format!("cn=law,ou=groups,{BASE}")
}

/// Runs a client as somebody: its exit code, which is the result code, and what it said.
fn run(daemon: &Daemon, client: &str, who: &str, words: &[&str], input: &str) -> (i32, String) {
    let url = format!("ldap://{}", daemon.address("ldap"));
    let pin = match who {
        ROOT_DN => ROOT_PIN,
        service if service.contains("ou=services") => SERVICE_PIN,
        _ => PIN,
    };
    let mut command = Command::new(client);
    command
        .env("LDAPCONF", "/dev/null")
        .args(["-x", "-H", &url, "-D", who, "-w", pin])
        .args(words);
    let output = run_with(&mut command, input);
    (output.status.code().unwrap_or(-1), said(&output))
}

fn service() -> String {
    format!("cn=mail,ou=services,{BASE}")
}

/// The lines of the entry that came with pre-read or post-read, without its name; `None` if none came.
fn told(said: &str, control: &str) -> Option<Vec<String>> {
    let (_, behind) = said.split_once(&format!("# ==> {control}\n"))?;
    let (entry, _) = behind.split_once(&format!("# <== {control}"))?;
    let mut lines: Vec<String> = entry.trim_end().lines().map(str::to_owned).collect();
    assert!(
        lines.first().is_some_and(|line| line.starts_with("dn: ")),
        "{said}"
    );
    lines.remove(0);
    lines.sort();
    Some(lines)
}

fn modify(daemon: &Daemon, who: &str, controls: &[&str], dn: &str, steps: &str) -> (i32, String) {
    let controls: Vec<&str> = controls.iter().flat_map(|control| ["-e", control]).collect();
    let ldif = format!("dn: {dn}\nchangetype: modify\n{steps}");
    run(daemon, "ldapmodify", who, &controls, &ldif)
}

#[test]
fn a_modification_tells_the_entry_as_it_was_and_as_it_is() {
    let daemon = campus();
    let both = ["!preread=mail,title", "!postread=mail,title"];
    let steps = "replace: mail\nmail: a@uni.example\n-\nadd: title\ntitle: Countess\n";
    let (code, said) = modify(&daemon, ROOT_DN, &both, &dn("ada"), steps);
    assert_eq!(code, 0, "{said}");
    assert_eq!(told(&said, "preread").unwrap(), ["mail: ada@uni.example"]);
    assert_eq!(
        told(&said, "postread").unwrap(),
        ["mail: a@uni.example", "title: Countess"]
    );
    let (code, said) = modify(&daemon, ROOT_DN, &both, &dn("ada"), "delete: l\n");
    assert_eq!(
        (code, told(&said, "preread"), told(&said, "postread")),
        (16, None, None)
    );
}

#[test]
fn every_kind_of_change_tells_what_there_is_to_tell() {
    let daemon = campus();
    let new = format!(
        "dn: {}\nobjectClass: inetOrgPerson\ncn: Zoe\nsn: Z\nuserPassword: a-PIN-in-clear\n",
        dn("zoe")
    );
    let (code, said) = run(
        &daemon,
        "ldapadd",
        ROOT_DN,
        &["-e", "!postread=*,creatorsName"],
        &new,
    );
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        told(&said, "postread").unwrap(),
        [
            "cn: Zoe",
            &format!("creatorsName: {ROOT_DN}"),
            "objectClass: inetOrgPerson",
            "sn: Z",
            "uid: zoe"
        ]
    );
    let words = [
        "-e",
        "!preread=uid,memberOf,entryDN",
        "-e",
        "!postread=uid,memberOf,entryDN",
        "-r",
    ];
    let bob = dn("bob");
    let renamed = [&words[..], &[&bob, "uid=rob"]].concat();
    let (code, said) = run(&daemon, "ldapmodrdn", ROOT_DN, &renamed, "");
    assert_eq!(code, 0, "{said}");
    let expected = |uid: &str| {
        [
            format!("entryDN: {}", dn(uid)),
            format!("memberOf: {}", law()),
            format!("uid: {uid}"),
        ]
    };
    assert_eq!(told(&said, "preread").unwrap(), expected("bob"));
    assert_eq!(told(&said, "postread").unwrap(), expected("rob"));
    let (code, said) = run(
        &daemon,
        "ldapdelete",
        ROOT_DN,
        &["-e", "!preread=cn", &dn("zoe")],
        "",
    );
    assert_eq!(
        (code, told(&said, "preread").unwrap()),
        (0, vec!["cn: Zoe".to_owned()])
    );
    let (code, _) = run(
        &daemon,
        "ldapdelete",
        ROOT_DN,
        &["-e", "!postread=cn", &dn("rob")],
        "",
    );
    assert_eq!(code, 12, "nothing is left of it to read");
}

#[test]
fn who_writes_is_told_no_more_than_they_may_read() {
    let daemon = campus();
    let both = ["!preread=*,+", "!postread=*,+"];
    let (code, said) = modify(
        &daemon,
        &service(),
        &both,
        &dn("ada"),
        "replace: mail\nmail: a@uni.example\n",
    );
    assert_eq!(code, 0, "{said}");
    for control in ["preread", "postread"] {
        let lines = told(&said, control).unwrap();
        let plain = [
            "entryDN",
            "hasSubordinates",
            "objectClass",
            "structuralObjectClass",
            "subschemaSubentry",
        ];
        let strange = |line: &&String| {
            let name = line.split(':').next().unwrap_or_default();
            !["cn", "uid"].contains(&name) && !plain.contains(&name)
        };
        assert_eq!(lines.iter().find(strange), None, "{said}");
        assert!(lines.contains(&"uid: ada".to_owned()), "{said}");
    }
    let pin = "replace: userPassword\nuserPassword: another-PIN-43\n";
    let (code, said) = modify(&daemon, ROOT_DN, &["!postread=*,+,userPassword"], &dn("ada"), pin);
    assert!(code == 0 && !said.contains("userPassword"), "{said}");
}

#[test]
fn what_the_change_hides_from_who_makes_it_is_told_as_it_was_only() {
    let daemon = campus();
    let hide = "replace: employeeType\nemployeeType: hidden\n";
    let (code, said) = modify(&daemon, &service(), &["!postread=cn"], &dn("ada"), hide);
    assert!(
        code == 50 && said.contains("you may not read the entry"),
        "{said}"
    );
    let (code, said) = modify(
        &daemon,
        &service(),
        &["!preread=cn", "postread=cn"],
        &dn("ada"),
        hide,
    );
    assert_eq!(code, 0, "the change before was not made: {said}");
    assert_eq!(told(&said, "preread").unwrap(), ["cn: Person ada"]);
    assert_eq!(told(&said, "postread"), None);
}

#[test]
fn who_leaves_a_group_is_told_what_is_left_to_read() {
    let daemon = campus();
    let steps = format!("delete: member\nmember: {}\n", dn("bob"));
    let both = ["preread=cn,member", "postread=cn,member"];
    let (code, said) = modify(&daemon, &dn("bob"), &both, &law(), &steps);
    assert_eq!(code, 0, "{said}");
    let members = ["ada", "bob"].map(|uid| format!("member: {}", dn(uid)));
    assert_eq!(
        told(&said, "preread").unwrap(),
        [&["cn: law".to_owned()], &members[..]].concat()
    );
    assert_eq!(told(&said, "postread").unwrap(), ["cn: law"]);
    let (code, said) = modify(
        &daemon,
        &dn("ada"),
        &["postread=employeeType"],
        &dn("ada"),
        "replace: title\ntitle: x\n",
    );
    assert_eq!(
        (code, told(&said, "postread").unwrap()),
        (0, vec!["employeeType: staff".to_owned()])
    );
}

#[test]
fn an_assertion_about_a_new_entry_is_one_about_what_is_said_of_it() {
    let daemon = campus();
    let add = |uid: &str, assertion: &str, code: i32| {
        let ldif = format!(
            "dn: {}\nobjectClass: inetOrgPerson\ncn: New\nsn: N\nuserPassword: a-PIN-in-clear\n",
            dn(uid)
        );
        let (got, said) = run(
            &daemon,
            "ldapadd",
            ROOT_DN,
            &["-e", &format!("!assert={assertion}")],
            &ldif,
        );
        assert_eq!(got, code, "{uid} {assertion}: {said}");
    };
    add("new", "(cn=Old)", 122);
    add("new", "(userPassword=*)", 122);
    add("new", "(&(cn=new)(uid=NEW))", 0);
    add("new", "(cn=Old)", 122);
    add("new", "(cn=New)", 68);
}

#[test]
fn a_bind_that_is_refused_says_the_same_of_a_locked_account_and_of_none() {
    let daemon = campus();
    let url = format!("ldap://{}", daemon.address("ldap"));
    let heard = |who: &str, pin: &str| {
        let words = ["-x", "-v", "-H", &url, "-D", who, "-w", pin, "-e", "ppolicy"];
        let mut command = Command::new("ldapwhoami");
        let output = run_with(command.env("LDAPCONF", "/dev/null").args(words), "");
        (output.status.code(), said(&output))
    };
    let nobody = heard(&dn("nobody"), PIN);
    assert_eq!(nobody.0, Some(49));
    for wrong in ["1", "2", "3", "4", PIN] {
        assert_eq!(heard(&dn("bob"), wrong), nobody, "{wrong}");
    }
    assert!(heard(&dn("ada"), PIN).0 == Some(0));
}

#[test]
fn who_changes_a_pin_is_told_what_is_wrong_with_it_if_they_ask() {
    let daemon = campus();
    let (ada, bob, eve) = (dn("ada"), dn("bob"), dn("eve"));
    let check = |who: &str, words: &[&str], code: i32, error: Option<i32>| {
        let asked = [&["-e", "ppolicy"], words].concat();
        let (_, said) = run(&daemon, "ldappasswd", who, &asked, "");
        let told = error.map(|error| format!("ppolicy: error={error} "));
        assert!(told.is_none_or(|told| said.contains(&told)), "{words:?}: {said}");
        let is_result = |said: &str| code == 0 || said.contains(&format!("({code})"));
        assert!(is_result(&said), "{words:?}: {said}");
        let (_, said) = run(&daemon, "ldappasswd", who, words, "");
        assert!(
            is_result(&said) && !said.contains("control:"),
            "{words:?}: {said}"
        );
    };
    check(&eve, &["-s", "another-PIN-43"], 53, Some(4));
    check(&eve, &["-s", "another-PIN-43", &bob], 50, Some(3));
    check(ROOT_DN, &["-s", "another-PIN-43"], 53, Some(3));
    check(&ada, &["-s", &"x".repeat(2000), &bob], 19, Some(5));
    let empty = "replace: userPassword\nuserPassword:\n";
    let (code, said) = modify(&daemon, &ada, &["ppolicy"], &bob, empty);
    assert!(code == 19 && said.contains("ppolicy: error=6 "), "{code}: {said}");
    check(&ada, &["-s", "another-PIN-43", &bob], 0, None);
}

#[test]
fn who_had_logged_in_is_told_that_the_account_is_locked_by_now() {
    let daemon = campus();
    // One session: nobody logs in to a locked account.
    let mut stream = TcpStream::connect(daemon.address("ldap")).expect("a connection");
    let mut ask = |op| {
        let policy = LdapControl::Unknown {
            oid: PASSWORD_POLICY.to_owned(),
            criticality: true,
            value: None,
        };
        let frame = controlled(7, op, vec![policy]);
        stream.write_all(&frame).expect("a server that reads");
        let mut answer = vec![0; 4096];
        let mut length = 0;
        while first_answer(&answer[..length]).is_none() {
            let read = stream.read(&mut answer[length..]).expect("a server that answers");
            assert!(read > 0, "closed");
            length += read;
        }
        answer.truncate(length);
        answer
    };
    let empty = b"\x04\x02\x30\x00";
    assert!(ask(bind(3, &dn("eve"), PIN)).ends_with(empty));
    let locked = b"\x04\x05\x30\x03\x81\x01\x01";
    for (old, told) in [("1", &empty[..]), ("2", empty), ("3", locked), (PIN, locked)] {
        let answer = ask(set_pin(old, "another-PIN-43"));
        let (response, _) = first_answer(&answer).expect("an answer");
        assert_eq!(ldap_client::told(&response), (7, "extended", 49), "{old}");
        assert!(answer.ends_with(told), "{old}: {answer:02x?}");
    }
}

/// A Password Modify of who asks.
fn set_pin(old: &str, new: &str) -> LdapOp {
    let part = |tag: u8, text: &str| [&[tag, text.len() as u8], text.as_bytes()].concat();
    let parts = [part(0x81, old), part(0x82, new)].concat();
    LdapOp::ExtendedRequest(LdapExtendedRequest {
        name: PASSWORD_MODIFY.to_owned(),
        value: Some([&[0x30, parts.len() as u8], &parts[..]].concat()),
    })
}

#[test]
fn what_may_be_written_and_not_seen_is_added_and_deleted_without_a_word_of_what_is_there() {
    let daemon = campus();
    let check = |steps: &str, code: i32| {
        let (got, said) = modify(&daemon, &service(), &[], &dn("ada"), steps);
        assert_eq!(got, code, "{steps}: {said}");
    };
    for _ in 0..2 {
        check("add: title\ntitle: Countess\n", 0);
    }
    for _ in 0..2 {
        check("delete: title\ntitle: Countess\n", 0);
        check("delete: title\n", 0);
    }
    check("increment: title\ntitle: 1\n", 50);
}
