//! `beadle access`: what it says of the sentences in the configuration, with the daemon and without.

use crate::harness::{BASE, Campus, base, person, said, stdout};
use crate::ldap_commands::dn;

const RULES: &str = r#"
[access]
rules = [
  "the public may read cn, uid of people",
  "self may write telephoneNumber",
  "group cn=law,ou=groups,dc=uni,dc=example may write title of people",
  "group cn=law,ou=groups,dc=uni,dc=example may add and delete people",
]
"#;

fn campus() -> Campus {
    let campus = Campus::new(RULES);
    let group = format!(
        "dn: cn=law,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: law\nmember: {}\n\n",
        dn("ada")
    );
    campus
        .import(&(base() + &person("ada", "a-PIN-of-ada", "") + &person("bob", "a-PIN-of-bob", "") + &group));
    campus
}

/// The line of the configuration that says `words`.
fn line_of(campus: &Campus, words: &str) -> usize {
    let text = std::fs::read_to_string(campus.config()).expect("the configuration");
    1 + text
        .lines()
        .position(|line| line.contains(words))
        .expect("a line")
}

fn explained(campus: &Campus, words: &[&str]) -> String {
    let output = campus.beadle(&["access", "explain"], words);
    assert!(output.status.success(), "{}", said(&output));
    stdout(&output)
}

#[test]
fn explain_names_the_line_that_decided_with_the_daemon_and_without() {
    let campus = campus();
    let line = line_of(&campus, "may write title");
    let expected = format!(
        "title: read, search, compare: no, no sentence grants it\n\
         title: write: yes, line {line}: group cn=law,ou=groups,{BASE} may write title of people\n"
    );
    let words = ["--as", &dn("ada"), &dn("bob"), "title"];
    assert_eq!(explained(&campus, &words), expected);
    let daemon = campus.serve();
    assert_eq!(explained(&daemon.campus, &words), expected);
    let whole = explained(&daemon.campus, &["--as", &dn("ada"), &dn("bob")]);
    let deletes = format!("the entry: add, delete: yes, line {}: ", line + 1);
    assert!(whole.contains(&deletes), "{whole}");
    let refused = daemon
        .campus
        .beadle(&["access", "explain"], &["--as", "nobody", &dn("bob")]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("\"nobody\" is not a distinguished name"),
        "{}",
        said(&refused)
    );
}

#[test]
fn the_matrix_shows_every_sentence() {
    let campus = Campus::new(RULES);
    let output = campus.beadle(&["access", "matrix"], &[]);
    let table = stdout(&output);
    let words: Vec<Vec<&str>> = table
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    let group = format!("group cn=law,ou=groups,{BASE}");
    assert_eq!(
        words,
        [
            vec!["the public", "self", &group],
            vec!["of people", "ad"],
            vec!["cn, uid", "r"],
            vec!["title", "w"],
            vec!["of everything"],
            vec!["telephoneNumber", "w"],
        ],
        "{table}"
    );
}
