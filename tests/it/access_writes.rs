//! Who may write what, by the sentences of the configuration, with the OpenLDAP clients against the real binary.

use crate::harness::{BASE, Campus, Daemon, SERVICE_PIN, base, person};
use crate::ldap_commands::{PIN, as_one, dn};

const RULES: &str = r#"
[access]
rules = [
  "members may read * of everything",
  "services may read cn of everything",
  "self may write telephoneNumber, beadleNotOpenToPublic",
  "service mail may write mail of (employeeType=staff)",
  "group cn=law,ou=groups,dc=uni,dc=example may write title of (employeeType=staff)",
  "group cn=law,ou=groups,dc=uni,dc=example may add and delete people below ou=law,ou=people,dc=uni,dc=example",
]
"#;

fn campus() -> Daemon {
    let campus = Campus::new(RULES);
    let law = format!("dn: ou=law,ou=people,{BASE}\nobjectClass: organizationalUnit\nou: law\n\n");
    let group = format!(
        "dn: cn=law,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: law\nmember: {}\n\n",
        dn("ada")
    );
    let staff = "employeeType: staff\n";
    campus.import(&(base() + &law + &person("ada", PIN, "") + &person("bob", PIN, staff) + &group));
    campus.serve()
}

/// Changes by LDIF, as `who`; the result code.
fn change(daemon: &Daemon, who: &str, pin: &str, ldif: &str) -> i32 {
    as_one(daemon, "ldapmodify", &["-D", who, "-w", pin], ldif).0
}

fn replace(dn: &str, attribute: &str) -> String {
    format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: mail\n")
}

fn add(dn: &str) -> String {
    format!("dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: x\nsn: x\n")
}

const DONE: i32 = 0;
const REFUSED: i32 = 50;

#[test]
fn members_write_what_the_sentences_let_them() {
    let daemon = campus();
    let check = |who: &str, entry: &str, attribute: &str, code| {
        let ldif = match attribute {
            "telephoneNumber" => replace(entry, attribute).replace(": mail\n", ": +852 3917 0001\n"),
            _ => replace(entry, attribute),
        };
        assert_eq!(
            change(&daemon, who, PIN, &ldif),
            code,
            "{who} {entry} {attribute}"
        );
    };
    let (ada, bob) = (dn("ada"), dn("bob"));
    check(&bob, &bob, "telephoneNumber", DONE);
    check(&bob, &bob, "beadleNotOpenToPublic", DONE);
    check(&bob, &bob, "title", REFUSED);
    check(&bob, &ada, "telephoneNumber", REFUSED);
    check(&ada, &bob, "title", DONE);
    check(&ada, &ada, "title", REFUSED);
    check(&ada, &bob, "telephoneNumber", REFUSED);
}

#[test]
fn a_service_writes_what_its_sentence_lets_it() {
    let daemon = campus();
    let service = format!("cn=mail,ou=services,{BASE}");
    assert_eq!(
        change(&daemon, &service, SERVICE_PIN, &replace(&dn("bob"), "mail")),
        DONE
    );
    assert_eq!(
        change(&daemon, &service, SERVICE_PIN, &replace(&dn("ada"), "mail")),
        REFUSED
    );
    assert_eq!(
        change(&daemon, &service, SERVICE_PIN, &replace(&dn("bob"), "cn")),
        REFUSED
    );
}

#[test]
fn entries_are_added_and_deleted_below_the_name_of_a_sentence_only() {
    let daemon = campus();
    let (ada, bob) = (dn("ada"), dn("bob"));
    let inside = format!("uid=new,ou=law,ou=people,{BASE}");
    let delete = |dn: &str| format!("dn: {dn}\nchangetype: delete\n");
    assert_eq!(change(&daemon, &bob, PIN, &add(&inside)), REFUSED);
    assert_eq!(change(&daemon, &ada, PIN, &add(&dn("outside"))), REFUSED);
    assert_eq!(change(&daemon, &ada, PIN, &add(&inside)), DONE);
    let moved = format!(
        "dn: {inside}\nchangetype: modrdn\nnewrdn: uid=new\ndeleteoldrdn: 1\nnewsuperior: ou=people,{BASE}\n"
    );
    assert_eq!(
        change(&daemon, &ada, PIN, &moved),
        REFUSED,
        "out of what is theirs"
    );
    assert_eq!(change(&daemon, &ada, PIN, &delete(&bob)), REFUSED);
    assert_eq!(change(&daemon, &bob, PIN, &delete(&inside)), REFUSED);
    assert_eq!(change(&daemon, &ada, PIN, &delete(&inside)), DONE);
}
