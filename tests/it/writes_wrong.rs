//! Writes that are wrong, too large, half sent or in each other's way, against the real binary: each gets its result code,
//! and half of one is never seen.

use std::sync::atomic::{AtomicBool, Ordering};

use ldap3_proto::proto::*;

use crate::harness::{BASE, Campus, Daemon, base, person, said};
use crate::ldap_client::{request, search};
use crate::ldap_wire::{Content, Wire, add, delete, modify, rename, step};

const SUCCESS: i64 = 0;
const ADMIN_LIMIT_EXCEEDED: i64 = 11;
const NO_SUCH_ATTRIBUTE: i64 = 16;
const NO_SUCH_OBJECT: i64 = 32;
const BUSY: i64 = 51;
const UNWILLING: i64 = 53;
const ALREADY_EXISTS: i64 = 68;

fn dn(uid: &str) -> String {
    format!("uid={uid},ou=people,{BASE}")
}

fn serve(more: &str) -> Daemon {
    let campus = Campus::new("");
    campus.import(&(base() + &person("ada", "a-PIN-of-ada", "") + &person("bob", "a-PIN-of-bob", "") + more));
    campus.serve()
}

fn wire(daemon: &Daemon) -> Wire {
    Wire::connect(&daemon.campus.path("ldapi"))
}

fn replace(name: &str, value: &str) -> LdapModify {
    step(LdapModifyType::Replace, name, &[value])
}

/// Adds so many descriptions.
fn described(from: usize, to: usize) -> LdapModify {
    let values: Vec<String> = (from..to).map(|at| format!("value {at:05}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    step(LdapModifyType::Add, "description", &values)
}

/// Sound as `beadle store verify` sees it, once the daemon has stopped.
fn is_sound(daemon: Daemon) {
    let (campus, code, logged) = daemon.stop();
    assert_eq!(code, Some(0), "{logged:?}");
    let verified = campus.beadle(&["store", "verify"], &[]);
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn a_modify_whose_last_of_ten_steps_is_wrong_changes_nothing_and_nobody_sees_half_of_a_right_one() {
    const KINDS: [&str; 9] = [
        "sn",
        "title",
        "l",
        "street",
        "st",
        "postalCode",
        "roomNumber",
        "initials",
        "givenName",
    ];
    let daemon = serve("");
    let (mut writer, mut reader) = (wire(&daemon), wire(&daemon));
    let steps = |word: &str| KINDS.iter().map(|kind| replace(kind, word)).collect::<Vec<_>>();
    assert_eq!(writer.code(modify(&dn("ada"), steps("word0"))), SUCCESS);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) {
                let entry = reader
                    .search(search(&dn("ada"), LdapSearchScope::Base, &KINDS))
                    .expect("it answers")
                    .0;
                let words = entry[&dn("ada")].values().flatten();
                let words: std::collections::BTreeSet<&String> = words.collect();
                assert!(
                    words.len() == 1 && words.iter().all(|word| word.starts_with("word")),
                    "{words:?}"
                );
                looks += 1;
            }
            looks
        });
        for number in 1..=100 {
            let mut wrong = steps(&format!("half{number}"));
            wrong.push(step(LdapModifyType::Delete, "mail", &["nobody@uni.example"]));
            assert_eq!(writer.code(modify(&dn("ada"), wrong)), NO_SUCH_ATTRIBUTE);
            assert_eq!(
                writer.code(modify(&dn("ada"), steps(&format!("word{number}")))),
                SUCCESS
            );
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reading.join().expect("only whole ones") > 0);
    });
    assert_eq!(writer.values(&dn("ada"), "sn"), ["word100"]);
}

#[test]
fn ten_thousand_modifications_in_one_request_are_one_change() {
    let daemon = serve("");
    let mut wire = wire(&daemon);
    let value = |at| format!("v{at:05}");
    let three = |at| {
        let add = step(LdapModifyType::Add, "description", &[&value(at)]);
        let delete = step(LdapModifyType::Delete, "description", &[&value(at)]);
        [add, replace("sn", &value(at)), delete]
    };
    let mut all: Vec<LdapModify> = (1..=3_333).flat_map(three).collect();
    all.push(step(LdapModifyType::Delete, "description", &["never there"]));
    assert_eq!(wire.code(modify(&dn("ada"), all.clone())), NO_SUCH_ATTRIBUTE);
    assert!(wire.values(&dn("ada"), "description").is_empty());
    all.pop();
    all.push(step(LdapModifyType::Add, "description", &[&value(0)]));
    assert_eq!(all.len(), 10_000);
    assert_eq!(wire.code(modify(&dn("ada"), all)), SUCCESS);
    assert_eq!(wire.values(&dn("ada"), "description"), [value(0)]);
    // As many attributes, by their options.
    let options = (0..10_000).map(|at| step(LdapModifyType::Replace, &format!("l;lang-x{at}"), &["x"]));
    assert_eq!(wire.code(modify(&dn("bob"), options.collect())), SUCCESS);
    assert_eq!(
        wire.names(
            BASE,
            LdapFilter::Equality("l;lang-x9999".to_owned(), "x".to_owned())
        )
        .len(),
        1
    );
    let (_, _, logged) = daemon.stop();
    let told = |line: &&String| line.contains("what=\"modified\"") && line.contains("uid=ada");
    let line = logged.iter().find(told).expect("it is audited");
    assert_eq!(line.matches("description").count(), 1, "{line}");
}

#[test]
fn a_value_of_a_megabyte_is_refused_by_a_limit_that_is_named_and_one_of_200_kilobytes_is_stored() {
    let daemon = serve("");
    let mut wire = wire(&daemon);
    let photo = |bytes: usize| {
        let mut photo = replace("jpegPhoto", "");
        photo.modification.vals = vec![[&[0xff, 0xd8, 0xff][..], &vec![7; bytes - 3]].concat()];
        modify(&dn("ada"), vec![photo])
    };
    assert_eq!(wire.code(photo(200_000)), SUCCESS);
    let before = wire.content(&dn("ada"));
    wire.send(&request(77, photo(1_000_000))).expect("it listens");
    let LdapOp::ModifyResponse(result) = wire.answer().expect("it answers").op else {
        panic!("a modify is answered")
    };
    assert_eq!(result.code as i64, ADMIN_LIMIT_EXCEEDED);
    assert!(
        result.message.contains("262144 are allowed"),
        "{}",
        result.message
    );
    assert_eq!(wire.content(&dn("ada")), before);
    // What no message may be long enough for ends the connection, and nothing else.
    let mut other = self::wire(&daemon);
    let sent = other.send(&request(78, photo(3_000_000)));
    assert!(sent.is_err() || other.answer().is_err());
    assert_eq!(wire.content(&dn("ada")), before);
}

#[test]
fn an_entry_of_5000_values_is_added_searched_changed_and_renamed() {
    let daemon = serve("");
    let mut wire = wire(&daemon);
    let mails: Vec<String> = (0..5_000).map(|at| format!("m{at:05}@uni.example")).collect();
    let mails: Vec<&str> = mails.iter().map(String::as_str).collect();
    let eve = [
        ("objectClass", &["inetOrgPerson"][..]),
        ("cn", &["Eve"]),
        ("sn", &["E"]),
        ("mail", &mails),
    ];
    assert_eq!(wire.code(add(&dn("eve"), &eve)), SUCCESS);
    assert_eq!(wire.code(add(&dn("mallory"), &eve)), 19, "each of them is hers");
    let found = |wire: &mut Wire, mail: &str| {
        wire.names(BASE, LdapFilter::Equality("mail".to_owned(), mail.to_owned()))
    };
    assert_eq!(found(&mut wire, "M04321@uni.example"), [dn("eve")].into());
    let steps = vec![
        step(LdapModifyType::Delete, "mail", &["m04321@uni.example"]),
        described(0, 5_000),
    ];
    assert_eq!(wire.code(modify(&dn("eve"), steps)), SUCCESS);
    assert!(found(&mut wire, "m04321@uni.example").is_empty());
    assert_eq!(wire.values(&dn("eve"), "mail").len(), 4_999);
    assert_eq!(wire.code(rename(&dn("eve"), "uid=eva", None)), SUCCESS);
    assert_eq!(wire.values(&dn("eva"), "description").len(), 5_000);
    assert_eq!(found(&mut wire, "m00000@uni.example"), [dn("eva")].into());
    assert_eq!(
        wire.code(modify(&dn("eva"), vec![described(4_999, 5_001)])),
        20,
        "one is there already"
    );
    assert_eq!(wire.code(delete(&dn("eva"))), SUCCESS);
    assert!(found(&mut wire, "m00000@uni.example").is_empty());
}

#[test]
fn a_name_of_200_parts_is_added_found_and_renamed_from_above() {
    let daemon = serve("");
    let mut wire = wire(&daemon);
    let unit = [("objectClass", &["organizationalUnit"][..])];
    let mut names = vec![BASE.to_owned()];
    for at in 2..200 {
        let name = format!("ou=x{at},{}", names.last().expect("the base"));
        assert_eq!(wire.code(add(&name, &unit)), SUCCESS, "{at}");
        names.push(name);
    }
    let deepest = names.last().expect("many").clone();
    assert_eq!(deepest.split(',').count(), 200);
    let group = format!("cn=deep,{BASE}");
    let members = [
        ("objectClass", &["groupOfNames"][..]),
        ("member", &[&deepest, &names[100]]),
    ];
    assert_eq!(wire.code(add(&group, &members)), SUCCESS);
    assert_eq!(
        wire.names(&deepest, LdapFilter::Present("ou".to_owned())).len(),
        1
    );
    assert_eq!(
        wire.names(&names[1], LdapFilter::Present("ou".to_owned())).len(),
        198
    );
    assert_eq!(wire.code(rename(&names[1], "ou=top", None)), SUCCESS);
    let moved = |name: &str| name.replace("ou=x2,", "ou=top,");
    assert_eq!(
        wire.names(&moved(&deepest), LdapFilter::Present("ou".to_owned()))
            .len(),
        1
    );
    assert_eq!(
        wire.values(&group, "member"),
        [moved(&names[100]), moved(&deepest)]
    );
    assert_eq!(wire.code(delete(&deepest)), NO_SUCH_OBJECT);
    assert_eq!(
        wire.code(rename(&moved(&names[1]), "ou=below", Some(&moved(&deepest)))),
        UNWILLING
    );
    assert_eq!(wire.code(delete(&moved(&deepest))), SUCCESS);
    assert_eq!(wire.values(&group, "member"), [moved(&names[100])]);
}

#[test]
fn a_rename_onto_itself_changes_no_name_and_one_below_itself_or_onto_another_is_refused() {
    let unit = |name: &str, above: &str| {
        format!("dn: ou={name},{above}\nobjectClass: organizationalUnit\nou: {name}\n\n")
    };
    let (law, people) = (format!("ou=law,{BASE}"), format!("ou=people,{BASE}"));
    let daemon = serve(&(unit("law", BASE) + &unit("library", &law)));
    let mut wire = wire(&daemon);
    let before = wire.content(BASE);
    let library = format!("ou=library,{law}");
    for (name, rdn, superior, code) in [
        (&library, "ou=library", None, SUCCESS),
        (&library, "ou=library", Some(&law), SUCCESS),
        (&law, "ou=law", Some(&law), UNWILLING),
        (&law, "ou=law", Some(&library), UNWILLING),
        (&law, "ou=other", Some(&library), UNWILLING),
        (&law, "ou=people", None, ALREADY_EXISTS),
        (&library, "ou=LAW", Some(&BASE.to_owned()), ALREADY_EXISTS),
        (&dn("ada"), "uid=bob", None, ALREADY_EXISTS),
        (&dn("ada"), "uid=ada", Some(&people), SUCCESS),
        (&BASE.to_owned(), "dc=uni", Some(&law), UNWILLING),
    ] {
        let superior = superior.map(String::as_str);
        assert_eq!(
            wire.code(rename(name, rdn, superior)),
            code,
            "{name} to {rdn} below {superior:?}"
        );
        assert_eq!(wire.content(BASE), before, "{name} to {rdn} below {superior:?}");
    }
}

/// Two clients that each make so many changes of one entry, again where others came first too often.
fn both(daemon: &Daemon, make: impl Fn(usize, usize) -> LdapOp + Sync) {
    std::thread::scope(|scope| {
        for client in 0..2 {
            let (make, mut wire) = (&make, wire(daemon));
            scope.spawn(move || {
                for at in 0..CHANGES {
                    while wire.code(make(client, at)) == BUSY {}
                }
            });
        }
    });
}

const CHANGES: usize = 500;

#[test]
fn two_clients_that_change_one_entry_lose_no_update_of_each_other() {
    let posix = "dn: uid=counter,ou=people,dc=uni,dc=example\nobjectClass: account\nobjectClass: posixAccount\nuid: counter\n\
        cn: Counter\nuidNumber: 5\ngidNumber: 1\nhomeDirectory: /\n\n";
    let daemon = serve(posix);
    let counter = dn("counter");
    both(&daemon, |_, _| {
        modify(
            &counter,
            vec![step(LdapModifyType::Increment, "uidNumber", &["1"])],
        )
    });
    let mut wire = wire(&daemon);
    assert_eq!(
        wire.values(&counter, "uidNumber"),
        [(5 + 2 * CHANGES).to_string()]
    );
    both(&daemon, |client, at| {
        modify(
            &counter,
            vec![step(
                LdapModifyType::Add,
                "description",
                &[&format!("{client} {at}")],
            )],
        )
    });
    assert_eq!(wire.values(&counter, "description").len(), 2 * CHANGES);
}

#[test]
fn who_is_in_5000_groups_can_be_renamed_and_deleted() {
    const GROUPS: usize = 5_000;
    let group = |at| {
        format!(
            "dn: cn=g{at:05},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: g{at:05}\nmember: {BASE}\nmember: {}\n\n",
            dn("ada")
        )
    };
    let daemon = serve(&(0..GROUPS).map(group).collect::<String>());
    let mut wire = wire(&daemon);
    let groups_of = |wire: &mut Wire, dn: &str| {
        wire.names(BASE, LdapFilter::Equality("member".to_owned(), dn.to_owned()))
            .len()
    };
    assert_eq!(groups_of(&mut wire, &dn("ada")), GROUPS);
    assert_eq!(wire.code(rename(&dn("ada"), "uid=countess", None)), SUCCESS);
    assert_eq!(
        (
            groups_of(&mut wire, &dn("ada")),
            groups_of(&mut wire, &dn("countess"))
        ),
        (0, GROUPS)
    );
    assert_eq!(wire.values(&dn("countess"), "memberOf").len(), GROUPS);
    assert_eq!(wire.code(delete(&dn("countess"))), SUCCESS);
    assert_eq!(groups_of(&mut wire, &dn("countess")), 0);
    assert_eq!(groups_of(&mut wire, BASE), GROUPS);
    is_sound(daemon);
}

/// Right writes as bytes.
fn frames() -> Vec<Vec<u8>> {
    let ops = [
        add(
            &dn("eve"),
            &[
                ("objectClass", &["inetOrgPerson"]),
                ("cn", &["Eve"]),
                ("sn", &["E"]),
            ],
        ),
        modify(&dn("ada"), vec![replace("sn", "Half"), described(0, 3)]),
        rename(&dn("ada"), "uid=half", Some(&format!("ou=groups,{BASE}"))),
        delete(&dn("bob")),
    ];
    ops.map(|op| request(7, op)).to_vec()
}

#[test]
fn a_write_that_is_cut_off_anywhere_or_lies_about_its_length_does_nothing() {
    let daemon = serve("");
    let mut wire = wire(&daemon);
    let before: Content = wire.content(BASE);
    for frame in frames() {
        for length in (0..frame.len()).step_by(3) {
            let mut other = Wire::connect(&daemon.campus.path("ldapi"));
            other.send(&frame[..length]).expect("it listens");
        }
        let content = &frame[2..];
        for length in [
            &[0x84, 0x7f, 0xff, 0xff, 0xff][..],
            &[0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x83, 0xff, 0xff, 0xff],
        ] {
            let mut other = Wire::connect(&daemon.campus.path("ldapi"));
            other
                .send(&[&[0x30], length, content].concat())
                .expect("it listens");
            assert!(
                other.answer().is_err(),
                "nothing is answered, and nothing is waited for"
            );
        }
    }
    assert_eq!(wire.content(BASE), before);
    is_sound(daemon);
}

#[test]
fn a_write_with_any_octet_wrong_is_answered_or_hung_up_on_and_leaves_a_sound_directory() {
    let daemon = serve("");
    let mut answered = 0;
    for frame in frames() {
        for at in 0..frame.len() {
            let mut bytes = frame.clone();
            bytes[at] = bytes[at].wrapping_add(1 + (at % 37) as u8 * 7);
            let mut other = Wire::connect(&daemon.campus.path("ldapi"));
            other.send(&bytes).expect("it listens");
            // What is now longer waits for the rest, which never comes.
            other.end();
            answered += i32::from(other.answer().is_ok());
        }
    }
    assert!(answered > 100, "{answered} were whole messages");
    let mut wire = wire(&daemon);
    assert_eq!(
        wire.code(add(
            &dn("last"),
            &[
                ("objectClass", &["inetOrgPerson"]),
                ("cn", &["L"]),
                ("sn", &["L"])
            ]
        )),
        SUCCESS
    );
    is_sound(daemon);
}
