//! Administrators and members change the directory with the OpenLDAP clients, against the real binary.

use crate::harness::{BASE, Campus, ROOT_DN, stdout};
use crate::ldap_commands::{PIN, as_one, as_root, campus, change, dn, expect, modify, values};

#[test]
fn an_entry_is_added_modified_renamed_and_deleted_and_everybody_sees_it_at_once() {
    let daemon = campus();
    let eve = dn("eve");
    let new = "objectClass: inetOrgPerson\ncn: Eve\nsn: E\nuserPassword: a-PIN-in-clear\n";
    expect(&daemon, &format!("dn: {eve}\nchangetype: add\n{new}"), 0, "");
    assert_eq!(values(&daemon, &eve, "uid"), ["eve"], "the value that names it");
    assert_eq!(values(&daemon, &eve, "creatorsName"), [ROOT_DN]);
    assert_eq!(values(&daemon, &eve, "entryUUID").len(), 1);
    let who = daemon.ldap("ldapwhoami", &["-D", &eve, "-w", "a-PIN-in-clear"]);
    assert_eq!(stdout(&who).trim(), format!("dn:{eve}"));
    let steps = "add: mail\nmail: eve@uni.example\nmail: e@uni.example\n-\nreplace: sn\nsn: Evans\n-\n\
        delete: mail\nmail: E@uni.example\n";
    expect(&daemon, &modify(&eve, steps), 0, "");
    assert_eq!(values(&daemon, &eve, "mail"), ["eve@uni.example"]);
    assert_eq!(values(&daemon, &eve, "sn"), ["Evans"]);
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &eve, "uid=evelyn"], "").0,
        0
    );
    assert_eq!(values(&daemon, &dn("evelyn"), "uid"), ["evelyn"]);
    assert!(values(&daemon, &eve, "uid").is_empty());
    assert_eq!(as_root(&daemon, "ldapdelete", &[&dn("evelyn")], "").0, 0);
    assert_eq!(as_root(&daemon, "ldapdelete", &[&dn("evelyn")], "").0, 32);
}

#[test]
fn a_wrong_write_gets_its_result_code_and_changes_nothing() {
    let daemon = campus();
    let ada = dn("ada");
    let before = values(&daemon, &ada, "entryCSN");
    let check = |steps: &str, code, why| expect(&daemon, &modify(&ada, steps), code, why);
    check("add: cn\ncn: ADA\n-\nadd: cn\ncn: ada\n", 20, "cn:");
    check("delete: title\n", 16, "title:");
    check("delete: mail\nmail: nobody@uni.example\n", 16, "mail:");
    check("add: nosuch\nnosuch: x\n", 17, "nosuch: no such attribute");
    check(
        "replace: entryUUID\nentryUUID: x\n",
        19,
        "entryUUID: the directory keeps it itself",
    );
    check("replace: memberOf\nmemberOf: cn=a\n", 19, "memberOf:");
    check(
        "add: manager\nmanager: no name\n",
        21,
        "manager: value 1 is no DN",
    );
    check(
        "delete: sn\n",
        65,
        "sn: the object class `inetOrgPerson` demands it",
    );
    check("add: uidNumber\nuidNumber: 7\n", 65, "uidNumber: no object class");
    check("replace: uid\nuid: eve\n", 64, "uid:");
    check(
        "replace: objectClass\nobjectClass: person\n",
        69,
        "structural class",
    );
    check("add: cn;x-home\ncn;x-home: x\n", 17, "no such option");
    check("add: sn;binary\nsn;binary: x\n", 17, "no such option");
    check("add: uid\nuid: BOB\n", 19, "uid: another entry has this value");
    check(
        "add: preferredLanguage\npreferredLanguage: en\npreferredLanguage: de\n",
        19,
        "one value",
    );
    check("increment: cn\ncn: 1\n", 19, "cn: only whole numbers");
    check("replace: sn\nsn: New\n-\ndelete: title\n", 16, "title:");
    expect(&daemon, &modify(&dn("nobody"), "replace: sn\nsn: x\n"), 32, "");
    let add = |dn: &str, lines: &str, code, why: &str| {
        expect(&daemon, &format!("dn: {dn}\nchangetype: add\n{lines}"), code, why);
    };
    let person = "objectClass: person\ncn: x\nsn: x\n";
    add(&ada, "objectClass: inetOrgPerson\ncn: x\nsn: x\n", 68, "");
    add(
        &format!("cn=x,ou=nowhere,{BASE}"),
        person,
        32,
        &format!("matched DN: {BASE}"),
    );
    add("cn=x,dc=elsewhere", person, 53, "base");
    add(&format!("cn=x,{BASE}"), "objectClass: person\ncn: x\n", 65, "sn:");
    add(
        &format!("cn=x,{BASE}"),
        "objectClass: nosuch\ncn: x\n",
        21,
        "objectClass",
    );
    assert_eq!(
        as_root(&daemon, "ldapdelete", &[&format!("ou=people,{BASE}")], "").0,
        66
    );
    assert_eq!(as_root(&daemon, "ldapmodrdn", &["-r", &ada, "uid=bob"], "").0, 68);
    assert_eq!(
        as_root(&daemon, "ldapmodrdn", &["-r", &ada, "nosuch=bob"], "").0,
        34
    );
    let below = ["-r", "-s", &ada, &format!("ou=people,{BASE}"), "ou=people"];
    assert_eq!(as_root(&daemon, "ldapmodrdn", &below, "").0, 53);
    assert_eq!(values(&daemon, &ada, "entryCSN"), before);
    assert_eq!(values(&daemon, &ada, "mail"), ["ada@uni.example"]);
}

#[test]
fn a_number_is_incremented_and_a_photograph_is_stored_as_it_is() {
    let daemon = campus();
    let ada = dn("ada");
    let posix = "add: objectClass\nobjectClass: posixAccount\n-\nadd: uidNumber\nuidNumber: 41\n-\nadd: gidNumber\n\
        gidNumber: 1\n-\nadd: homeDirectory\nhomeDirectory: /home/ada\n-\nincrement: uidNumber\nuidNumber: 1\n";
    expect(&daemon, &modify(&ada, posix), 0, "");
    assert_eq!(values(&daemon, &ada, "uidNumber"), ["42"]);
    expect(
        &daemon,
        &modify(&ada, "add: jpegPhoto\njpegPhoto:: /9j/AA==\n"),
        0,
        "",
    );
    expect(
        &daemon,
        &modify(&ada, "add: jpegPhoto\njpegPhoto:: /9j/AQ==\n"),
        18,
        "jpegPhoto:",
    );
    expect(
        &daemon,
        &modify(&ada, "replace: jpegPhoto\njpegPhoto:: /9j/AQ==\n"),
        0,
        "",
    );
}

#[test]
fn an_assertion_that_fails_and_a_modification_that_is_done_already_change_nothing() {
    let daemon = campus();
    let ada = dn("ada");
    let with =
        |control: &str, steps: &str| as_root(&daemon, "ldapmodify", &["-e", control], &modify(&ada, steps)).0;
    let step = "replace: sn\nsn: New\n";
    assert_eq!(with("!assert=(mail=nobody@uni.example)", step), 122);
    assert_eq!(values(&daemon, &ada, "sn"), ["Person"]);
    assert_eq!(with("!assert=(mail=ADA@uni.example)", step), 0);
    assert_eq!(values(&daemon, &ada, "sn"), ["New"]);
    let done = "add: sn\nsn: NEW\n-\ndelete: title\n-\ndelete: mail\nmail: nobody@uni.example\n";
    assert_eq!(with("!1.2.840.113556.1.4.1413", done), 0);
    assert_eq!(values(&daemon, &ada, "sn"), ["New"]);
    assert_eq!(change(&daemon, &modify(&ada, done)).0, 20);
}

#[test]
fn a_member_changes_the_own_pin_with_the_old_one_and_an_administrator_resets_it() {
    let daemon = campus();
    let ada = dn("ada");
    let logs_in = |pin: &str| {
        daemon
            .ldap("ldapwhoami", &["-D", &ada, "-w", pin])
            .status
            .success()
    };
    let own = |words: &[&str]| {
        as_one(
            &daemon,
            "ldappasswd",
            &[&["-D", &ada, "-w", PIN], words].concat(),
            "",
        )
    };
    let (code, said) = own(&["-s", "another-PIN-7"]);
    assert!(code == 1 && said.contains("give the present PIN too"), "{said}");
    let (code, said) = own(&["-a", "wrong", "-s", "another-PIN-7"]);
    assert!(code == 1 && said.contains("(49)"), "{said}");
    assert!(
        own(&["-a", PIN, "-s", "another-PIN-7", &dn("bob")])
            .1
            .contains("(50)")
    );
    assert_eq!(own(&["-a", PIN, "-s", "another-PIN-7"]).0, 0);
    assert!(logs_in("another-PIN-7") && !logs_in(PIN));
    let (code, said) = as_root(&daemon, "ldappasswd", &[&ada], "");
    let made_up = said.lines().find_map(|line| line.strip_prefix("New password: "));
    assert!(code == 0 && logs_in(made_up.expect("one is made up")), "{said}");
    expect(
        &daemon,
        &modify(&ada, "replace: userPassword\nuserPassword: chosen-PIN-8\n"),
        0,
        "",
    );
    assert!(logs_in("chosen-PIN-8"));
    assert_eq!(values(&daemon, &ada, "pwdChangedTime").len(), 1);
    expect(&daemon, &modify(&ada, "delete: userPassword\n"), 0, "");
    assert!(!logs_in("chosen-PIN-8") && values(&daemon, &ada, "pwdChangedTime").is_empty());
    expect(
        &daemon,
        &modify(&ada, "delete: userPassword\n"),
        16,
        "userPassword:",
    );
    expect(&daemon, &modify(&ada, "replace: userPassword\n"), 0, "");
    let (code, said) = as_root(&daemon, "ldappasswd", &["-s", "x"], "");
    assert!(code == 1 && said.contains("configuration"), "{said}");
    let (_, _, log) = daemon.stop();
    let log = log.join("\n");
    for pin in [PIN, "another-PIN-7", "chosen-PIN-8", "wrong"] {
        assert!(
            !log.contains(&format!("{pin}\"")) && !log.contains(&format!("={pin}")),
            "{pin}"
        );
    }
    assert!(log.contains("what=\"pin_set\""), "{log}");
}

#[test]
fn strangers_and_members_write_nothing_that_is_not_theirs() {
    let daemon = campus();
    let ldif = modify(&dn("bob"), "replace: sn\nsn: New\n");
    assert_eq!(as_one(&daemon, "ldapmodify", &[], &ldif).0, 8);
    let ada = dn("ada");
    let as_ada = ["-D", ada.as_str(), "-w", PIN];
    assert_eq!(as_one(&daemon, "ldapmodify", &as_ada, &ldif).0, 50);
    for superior in [format!("ou=groups,{BASE}"), format!("ou=nowhere,{BASE}")] {
        let moved = [&as_ada[..], &["-s", &superior, &ada, "uid=ada"]].concat();
        let (code, said) = as_one(&daemon, "ldapmodrdn", &moved, "");
        assert_eq!(code, 50, "{superior}: {said}");
    }
    let bob = dn("bob");
    let as_ada = [&as_ada[..], &[bob.as_str()]].concat();
    assert_eq!(as_one(&daemon, "ldapdelete", &as_ada, "").0, 50);
    assert_eq!(values(&daemon, &dn("bob"), "sn"), ["Person"]);
}

#[test]
fn a_directory_that_was_written_over_ldap_is_restored_from_its_own_export() {
    let daemon = campus();
    let [eve, ada, bob] = ["eve", "ada", "bob"].map(dn);
    let group = format!("cn=guild,{BASE}");
    let unit = "objectClass: organizationalUnit\n";
    for ldif in [
        format!(
            "dn: {eve}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Eve\nsn: E\nuserPassword: {PIN}\n"
        ),
        format!("dn: {group}\nchangetype: add\nobjectClass: groupOfNames\nmember: {bob}\n"),
        format!("dn: ou=guests,{BASE}\nchangetype: add\n{unit}"),
        modify(
            &ada,
            &format!("add: manager\nmanager: {eve}\n-\nreplace: cn;lang-fr\ncn;lang-fr: \u{e9}\n"),
        ),
        format!("dn: {bob}\nchangetype: delete\n"),
        format!(
            "dn: {eve}\nchangetype: modrdn\nnewrdn: cn=Eve\\, E.+uid=e\ndeleteoldrdn: 0\nnewsuperior: ou=guests,{BASE}\n"
        ),
    ] {
        expect(&daemon, &ldif, 0, "");
    }
    assert_eq!(
        as_root(&daemon, "ldappasswd", &["-s", "another-PIN", &ada], "").0,
        0
    );
    assert!(values(&daemon, &group, "member").is_empty());
    let exported = daemon.campus.export(&["--with-secrets"]);
    let other = Campus::new("");
    other.import(&exported);
    assert_eq!(other.export(&["--with-secrets"]), exported);
    let restored = other.serve();
    let who = restored.ldap("ldapwhoami", &["-D", &ada, "-w", "another-PIN"]);
    assert_eq!(stdout(&who).trim(), format!("dn:{ada}"));
    assert_eq!(
        values(&restored, &ada, "manager"),
        values(&daemon, &ada, "manager")
    );
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let daemon = campus();
    for turn in 0..20 {
        let dn = dn(&format!("new{turn}"));
        let lines = "objectClass: inetOrgPerson\ncn: x\nsn: x\n";
        expect(&daemon, &format!("dn: {dn}\nchangetype: add\n{lines}"), 0, "");
        if turn % 2 == 0 {
            assert_eq!(as_root(&daemon, "ldapdelete", &[&dn], "").0, 0);
        }
    }
    let daemon = daemon.kill().serve();
    for turn in 0..20 {
        let found = values(&daemon, &dn(&format!("new{turn}")), "uid");
        assert_eq!(found.len(), turn % 2, "new{turn}");
    }
}
