//! "Open to Public": what a stranger, a member, a service and root may see, also inside filters and NOT
//! (S118, S119, S120, S54).

use crate::harness::{BASE, Campus, Daemon, ROOT_DN, ROOT_PIN, SERVICE_PIN, base, person, said, stdout};
use crate::ldap_commands::{PIN, dn};

const RULES: &str = r#"
[access]
rules = [
  "the public may read cn, sn, mail, ou, uid, objectClass, o, dc of people and containers",
  "members may read cn, sn, mail, uid, ou, objectClass, telephoneNumber, member of everything",
  "service mail may read uid, mail, objectClass, employeeType of people",
  "service mail may search departmentNumber of people",
  "service mail may compare telephoneNumber of people",
  "group cn=law,ou=groups,dc=uni,dc=example may read employeeType of people",
]
entries = { containers = "(|(objectClass=organizationalUnit)(objectClass=organization))" }
"#;

fn campus() -> Daemon {
    let campus = Campus::new(RULES);
    let ada = person(
        "ada",
        PIN,
        "mail: ada@uni.example\ntelephoneNumber: +852 3917 0001\nemployeeType: staff\ndepartmentNumber: 42\n",
    );
    let shy = "objectClass: beadleAccount\nmail: shy@uni.example\nbeadleNotOpenToPublic: mail\n\
               beadleAlternateMail: shy@home.example\nbeadleStudentNumber: 3030012345\n";
    let group = format!(
        "dn: cn=law,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: law\nmember: {}\n\n",
        dn("ada")
    );
    campus.import(&(base() + &ada + &person("shy", PIN, shy) + &group));
    campus.serve()
}

/// The UIDs or DNs a filter finds for somebody, sorted.
fn found(daemon: &Daemon, who: &[&str], filter: &str) -> Vec<String> {
    let output = daemon.ldap(
        "ldapsearch",
        &[who, &["-LLL", "-b", BASE, filter, "1.1"]].concat(),
    );
    assert!(output.status.success(), "{filter}: {}", said(&output));
    let text = stdout(&output);
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.strip_prefix("dn: ")?.split(',').next()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Everything about one entry, as somebody sees it.
fn seen(daemon: &Daemon, who: &[&str], dn: &str) -> String {
    stdout(&daemon.ldap(
        "ldapsearch",
        &[who, &["-LLL", "-s", "base", "-b", dn, "*", "+"]].concat(),
    ))
}

#[test]
fn a_stranger_sees_and_filters_on_what_is_open_to_the_public_only() {
    let daemon = campus();
    let ada = seen(&daemon, &[], &dn("ada"));
    assert!(
        ada.contains("mail: ada@uni.example") && ada.contains("cn: Person ada"),
        "{ada}"
    );
    for hidden in ["telephoneNumber", "employeeType", "userPassword"] {
        assert!(!ada.contains(hidden), "{hidden}: {ada}");
    }
    let check =
        |filter: &str, expected: &[&str]| assert_eq!(found(&daemon, &[], filter), expected, "{filter}");
    check("(mail=*)", &["uid=ada"]);
    check("(mail=shy@uni.example)", &[]);
    check(
        "(!(mail=shy@uni.example))",
        &["dc=uni", "ou=groups", "ou=people", "uid=ada", "uid=shy"],
    );
    check(
        "(!(mail=nobody@uni.example))",
        &["dc=uni", "ou=groups", "ou=people", "uid=ada", "uid=shy"],
    );
    // What is closed looks like what is not there.
    check("(!(mail=*))", &["dc=uni", "ou=groups", "ou=people", "uid=shy"]);
    check("(telephoneNumber=*)", &[]);
    check("(!(telephoneNumber=*))", &[]);
    check("(&(uid=ada)(!(telephoneNumber=nothing)))", &[]);
    check("(mail>=s)", &[]);
    check("(mail=*home*)", &[]);
    check("(userPassword=*)", &[]);
    check("(|(uid=shy)(mail=shy*))", &["uid=shy"]);
    check("(cn=law)", &[]);
}

#[test]
fn what_a_person_closed_is_closed_to_strangers_and_open_to_members() {
    let daemon = campus();
    assert!(!seen(&daemon, &[], &dn("shy")).contains("mail"), "closed");
    let ada = dn("ada");
    let member = ["-D", &ada[..], "-w", PIN];
    assert!(seen(&daemon, &member, &dn("shy")).contains("mail: shy@uni.example"));
    assert_eq!(found(&daemon, &member, "(mail=shy@uni.example)"), ["uid=shy"]);
    assert_eq!(found(&daemon, &member, "(telephoneNumber=*)"), ["uid=ada"]);
    assert_eq!(found(&daemon, &member, "(cn=law)"), ["cn=law"]);
    assert_eq!(
        found(&daemon, &member, "(beadleStudentNumber=*)"),
        [""; 0],
        "another's number"
    );
}

#[test]
fn the_owner_reads_recovery_contacts_and_nobody_reads_a_pin_hash() {
    let daemon = campus();
    let shy = dn("shy");
    let own = seen(&daemon, &["-D", &shy, "-w", PIN], &shy);
    assert!(own.contains("beadleAlternateMail: shy@home.example"), "{own}");
    for who in [
        &[][..],
        &["-D", &shy, "-w", PIN],
        &["-D", ROOT_DN, "-w", ROOT_PIN],
    ] {
        assert!(!seen(&daemon, who, &shy).contains("userPassword"), "{who:?}");
        assert_eq!(found(&daemon, who, "(userPassword=*)"), [""; 0], "{who:?}");
        assert_eq!(found(&daemon, who, "(!(userPassword=x))"), [""; 0], "{who:?}");
    }
}

#[test]
fn a_service_sees_what_its_rule_grants() {
    let daemon = campus();
    let name = format!("cn=mail,ou=services,{BASE}");
    let service = ["-D", &name[..], "-w", SERVICE_PIN];
    let ada = seen(&daemon, &service, &dn("ada"));
    assert!(ada.contains("employeeType: staff"), "{ada}");
    assert!(
        !ada.contains("telephoneNumber") && !ada.contains("beadleAlternateMail"),
        "{ada}"
    );
    assert_eq!(found(&daemon, &service, "(employeeType=staff)"), ["uid=ada"]);
    assert_eq!(found(&daemon, &service, "(mail=shy@uni.example)"), ["uid=shy"]);
    assert_eq!(found(&daemon, &service, "(telephoneNumber=*)"), [""; 0]);
}

#[test]
fn what_a_service_may_only_ask_about_is_found_by_and_never_returned() {
    let daemon = campus();
    let name = format!("cn=mail,ou=services,{BASE}");
    let service = ["-D", &name[..], "-w", SERVICE_PIN];
    assert_eq!(found(&daemon, &service, "(departmentNumber=42)"), ["uid=ada"]);
    assert_eq!(found(&daemon, &service, "(!(departmentNumber=42))"), ["uid=shy"]);
    assert!(!seen(&daemon, &service, &dn("ada")).contains("departmentNumber"));
    let compared = |assertion: &str| {
        let output = daemon.ldap("ldapcompare", &[&service[..], &[&dn("ada"), assertion]].concat());
        output.status.code()
    };
    assert_eq!(compared("telephoneNumber:+852 3917 0001"), Some(6));
    assert_eq!(compared("telephoneNumber:+852 3917 0002"), Some(5));
    assert_eq!(compared("departmentNumber:42"), Some(16), "asked by filter only");
}

#[test]
fn the_members_of_a_group_see_what_its_rule_grants() {
    let daemon = campus();
    let seen_by = |uid: &str| found(&daemon, &["-D", &dn(uid), "-w", PIN], "(employeeType=staff)");
    assert_eq!(seen_by("ada"), ["uid=ada"]);
    assert_eq!(seen_by("shy"), [""; 0]);
}

#[test]
fn root_sees_everything_but_secrets() {
    let daemon = campus();
    let root = ["-D", ROOT_DN, "-w", ROOT_PIN];
    assert!(seen(&daemon, &root, &dn("ada")).contains("telephoneNumber: +852 3917 0001"));
    assert_eq!(found(&daemon, &root, "(cn=law)"), ["cn=law"]);
    assert_eq!(
        found(&daemon, &root, "(memberOf=cn=law,ou=groups,dc=uni,dc=example)"),
        ["uid=ada"]
    );
}

#[test]
fn compare_tells_a_stranger_no_more_than_a_search() {
    let daemon = campus();
    for (uid, assertion, code) in [
        ("shy", "mail:shy@uni.example", 16),
        ("ada", "mail:ada@uni.example", 6),
    ] {
        let output = daemon.ldap("ldapcompare", &[&dn(uid)[..], assertion]);
        assert_eq!(output.status.code(), Some(code), "{uid}: {}", said(&output));
    }
    let hidden = format!("cn=law,ou=groups,{BASE}");
    let output = daemon.ldap("ldapcompare", &[&hidden[..], "cn:law"]);
    assert_eq!(
        output.status.code(),
        Some(32),
        "a hidden entry is no such object: {}",
        said(&output)
    );
}
