//! Two people, and what OpenLDAP's clients do to them.

use std::process::{Command, Output};

use crate::harness::{BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, base, person, run_with, said, stdout};

/// The PIN of everybody.
pub const PIN: &str = "correct-PIN-42";

/// A running campus of two, ada and bob.
pub fn campus() -> Daemon {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", PIN, "mail: ada@uni.example\n") + &person("bob", PIN, "")));
    campus.serve()
}

/// The name of a person.
pub fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

/// Runs a client as root with `input`, and gives its exit code, which is the result code, and what it said.
pub fn as_root(daemon: &Daemon, client: &str, words: &[&str], input: &str) -> (i32, String) {
    as_one(
        daemon,
        client,
        &[&["-D", ROOT_DN, "-w", ROOT_PIN], words].concat(),
        input,
    )
}

/// The same as whoever `words` bind as.
pub fn as_one(daemon: &Daemon, client: &str, words: &[&str], input: &str) -> (i32, String) {
    let url = format!("ldap://{}", daemon.address("ldap"));
    let mut command = Command::new(client);
    command
        .env("LDAPCONF", "/dev/null")
        .args(["-x", "-H", &url])
        .args(words);
    let output: Output = run_with(&mut command, input);
    (output.status.code().unwrap_or(-1), said(&output))
}

/// Changes by LDIF, as root.
pub fn change(daemon: &Daemon, ldif: &str) -> (i32, String) {
    as_root(daemon, "ldapmodify", &[], ldif)
}

/// The same; the code and a part of what is said must be these.
pub fn expect(daemon: &Daemon, ldif: &str, code: i32, why: &str) {
    let (got, said) = change(daemon, ldif);
    assert!(
        got == code && said.contains(why),
        "{ldif}\n{code} {why}, not {got}: {said}"
    );
}

/// The values of an attribute, as root reads them.
pub fn values(daemon: &Daemon, dn: &str, attribute: &str) -> Vec<String> {
    let words = [
        "-D",
        ROOT_DN,
        "-w",
        ROOT_PIN,
        "-LLL",
        "-o",
        "ldif-wrap=no",
        "-s",
        "base",
        "-b",
        dn,
        attribute,
    ];
    let output = daemon.ldap("ldapsearch", &words);
    let prefix = format!("{attribute}: ");
    let lines = stdout(&output);
    lines
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .map(ToOwned::to_owned)
        .collect()
}

/// LDIF that modifies an entry.
pub fn modify(dn: &str, steps: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\n{steps}")
}
