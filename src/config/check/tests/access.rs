//! What is said of sentences.

use super::{one, says};

/// Expects exactly this to be said of one sentence.
fn of(sentence: &str, expected: &str) {
    let text = format!("[access]\nrules = [\n  {sentence:?},\n]");
    let expected = match expected {
        "" => String::new(),
        expected => format!("x:4: {expected}\n"),
    };
    assert_eq!(says(&text), expected, "{sentence}");
}

#[test]
fn a_sentence_that_is_not_understood_is_told_what_would_be_right() {
    let at = |what: &str| format!("error: access.rules[0]: {what}");
    of("members may read cn, mail of people", "");
    of(
        "member may read cn of people",
        &at("\"member\" is nobody; did you mean \"members\"?"),
    );
    of(
        "the crown may read cn",
        &at(
            "\"the crown\" is nobody; begin with \"the public\", \"members\", \"self\", \"services\", \"service NAME\", \"group DN\" or \"root\"",
        ),
    );
    of(
        "members may wrte title of people",
        &at("\"wrte\" is nothing that can be granted; did you mean \"write\"?"),
    );
    of(
        "members may read cn, maill of people",
        &at("no attribute is called \"maill\"; did you mean \"mail\"?"),
    );
    of(
        "members may read cn of peopel",
        &at("no entries are called \"peopel\"; did you mean \"people\"?"),
    );
    of(
        "service lms may read cn",
        &at("there is no service called \"lms\"; name one of [[ldap.service]]"),
    );
    of(
        "members may read cn off people",
        &at("\"off\" does not follow; write a comma, \"and\", \"of\" or \"below\" before it"),
    );
    of(
        "root may read cn",
        "warning: access.rules[0]: root may do everything anyway; take it out",
    );
}

#[test]
fn every_sentence_is_judged() {
    let said = says("[access]\nrules = [\"x\", \"members may read cn\",\n\"members may read zz\"]");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("x:3: error: access.rules[0]: it does not say who may do what; write"));
    assert!(lines[1].starts_with("x:4: error: access.rules[2]: no attribute is called \"zz\""));
}

#[test]
fn what_is_never_granted_is_refused_in_a_sentence() {
    let at = |what: &str| format!("error: access.rules[0]: {what}");
    of(
        "the public may read userPassword of people",
        &at("\"userPassword\" is granted to nobody; take it out, here or out of access.owner_only"),
    );
    of(
        "the public may read homeTelephoneNumber of people",
        &at(
            "\"homeTelephoneNumber\" is never open to the public; take it out, here or out of access.never_public and access.owner_only",
        ),
    );
    of(
        "services may read uid, beadleStudentNumber",
        &at("\"beadleStudentNumber\" is granted to nobody; take it out, here or out of access.owner_only"),
    );
    assert_eq!(
        says("[access]\nowner_only = []\nrules = [\"services may read beadleStudentNumber\"]"),
        ""
    );
    assert_eq!(
        says("[access]\nnever_public = [\"mail\", \"jpegPhoto\", \"objectClass\"]"),
        "",
        "the default sentence gives way"
    );
}

#[test]
fn sets_of_entries_have_names_that_sentences_can_use() {
    assert_eq!(
        says(
            "[access]\nentries = { law = \"(ou=law)\" }\nrules = [\"members may read cn of law, people and groups below ou=x,dc=uni\"]"
        ),
        ""
    );
    for name in ["everything", "a b", "below"] {
        one(
            &format!("[access.entries]\n\"{name}\" = \"(ou=law)\""),
            &format!("x:3: error: access.entries.{name}: \"{name}\" cannot name entries"),
        );
    }
}

#[test]
fn rules_of_too_many_groups_are_refused() {
    let group = |at: usize| format!("group cn=g{} may read cn", at.min(66));
    let rules: Vec<String> = (0..70).map(group).collect();
    one(
        &format!("[access]\nrules = {rules:?}"),
        "x:3: error: access.rules[64]: rules speak of more than 64 groups",
    );
}

/// Expects the old tables to be refused with these words, and what they advise to be good.
fn superseded(old: &str, expected: &[&str], new: &str) {
    let said = says(old);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines, expected, "{old}");
    assert_eq!(says(new), "", "{new}");
}

#[test]
fn the_tables_of_before_are_refused_with_the_sentences_that_replace_them() {
    const PUBLIC: &str = "the public may read objectClass, dc, o, ou, uid, cn, sn, givenName, displayName, title, description, mail, telephoneNumber, facsimileTelephoneNumber, roomNumber, postalAddress, labeledURI, jpegPhoto of people and places";
    superseded(
        "[visibility]\nopen_to_public = [\"cn\", \"sn\"]\nnever_public = [\"mail\"]",
        &[
            "x:2: error: visibility: this table has become sentences; write under [access]: rules = [\"the public may read cn, sn of people and places\", \"members may read * of everything\", \"services may read *, + of everything\"] and never_public = [\"mail\"]",
        ],
        "[access]\nrules = [\"the public may read cn, sn of people and places\", \"members may read * of everything\", \"services may read *, + of everything\"]\nnever_public = [\"mail\"]",
    );
    let service = "[[ldap.service]]\nname = \"lms\"\npassword_hash = \"HASH\"\n";
    superseded(
        &format!(
            "{service}[[access]]\nto = \"service:lms\"\nentries = \"(cn=a\\\\28)\"\nread = [\"uid\", \"mail\"]\n[[access]]\nto = \"member\"\nread = [\"*\"]"
        ),
        &[
            &format!(
                "x:5: error: access[0]: this table has become sentences; write in access.rules: \"service lms may read uid, mail of (cn=a\\\\28)\"; and as no [visibility] said otherwise: \"{PUBLIC}\""
            ),
            "x:9: error: access[1]: this table has become sentences; write in access.rules: \"members may read * of everything\"",
        ],
        &format!(
            "{service}[access]\nrules = [\"service lms may read uid, mail of (cn=a\\\\28)\", \"members may read * of everything\", \"{PUBLIC}\"]"
        ),
    );
    superseded(
        "[visibility]\npublic_entries = \"(cn=*)\"\nopen_to_public = [\"cn\"]\n[[access]]\nto = \"services\"\nread = [\"*\", \"+\"]",
        &[
            "x:2: error: visibility: this table has become sentences; write under [access]: rules = [\"the public may read cn of (cn=*)\"]",
            "x:5: error: access[0]: this table has become sentences; write in access.rules: \"services may read *, + of everything\"",
        ],
        "[access]\nrules = [\"the public may read cn of (cn=*)\", \"services may read *, + of everything\"]",
    );
    superseded(
        "[visibility]\nowner_only = []",
        &["x:2: error: visibility: this table has become sentences; write under [access]: owner_only = []"],
        "[access]\nowner_only = []",
    );
}
