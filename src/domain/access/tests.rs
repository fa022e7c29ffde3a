//! Who may know of what and read what.

use super::*;
use crate::domain::packed::push_value;

fn settings(schema: &Schema) -> AccessSettings {
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    let rule = |grantee, entries, attribute: &str| RuleSettings {
        grantee,
        entries: Filter::parse(schema, entries).unwrap(),
        attributes: names(&[attribute]),
    };
    AccessSettings {
        open_to_public: names(&["cn", "mail"]),
        never_public: names(&["employeeNumber"]),
        owner_only: names(&["beadleAlternateMail"]),
        secret: names(&["userPassword"]),
        public_entries: Filter::parse(schema, "(sn=open)").unwrap(),
        rules: vec![
            rule(Grantee::Members, "(sn=open)", "title"),
            rule(Grantee::Members, "(sn=staff)", "*"),
            rule(Grantee::Services, "(sn=*)", "+"),
            rule(Grantee::Service("lms".into()), "(sn=staff)", "uid"),
            rule(Grantee::Service("lms".into()), "(sn=staff)", "employeeNumber"),
        ],
    }
}

/// An entry of lines such as `sn: open`.
struct Lines(Vec<(AttributeType, Vec<u8>)>);

impl Lines {
    fn new(schema: &Schema, lines: &[&str]) -> Lines {
        let parse = |line: &&str| {
            let (name, value) = line.split_once(": ").unwrap();
            let mut encoded = Vec::new();
            push_value(&mut encoded, value.as_bytes());
            (schema.attribute(name.as_bytes()).unwrap(), encoded)
        };
        Lines(lines.iter().map(parse).collect())
    }
}

impl Attributes for Lines {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.0.iter().map(|(kind, encoded)| AttributeView {
            kind: *kind,
            options: "",
            encoded,
        })
    }
}

/// Checks which of some telling attributes `viewer` reads of the entry with id 7; `None`: not even that
/// there is one.
fn check(viewer: Viewer<'_>, lines: &[&str], expected: Option<&[&str]>) {
    const TELLING: &[&str] = &[
        "objectClass",
        "cn",
        "mail",
        "mobile",
        "uid",
        "title",
        "employeeNumber",
        "memberOf",
        "beadleAlternateMail",
        "userPassword",
    ];
    let schema = Schema::built_in();
    let rules = AccessRules::new(settings(&schema), &schema).unwrap();
    let entry = Lines::new(&schema, lines);
    let view = rules.view(viewer, &schema);
    let found = view.readable(EntryId(7), &entry).map(|set| {
        let readable = |name: &&&str| set.contains(schema.attribute(name.as_bytes()).unwrap());
        TELLING.iter().filter(readable).copied().collect::<Vec<_>>()
    });
    assert_eq!(found.as_deref(), expected, "{viewer:?} {lines:?}");
    assert_eq!(view.knows(EntryId(7), &entry), expected.is_some());
}

#[test]
fn a_stranger_reads_what_is_open_of_entries_that_are_public() {
    check(
        Viewer::Public,
        &["sn: open"],
        Some(&["objectClass", "cn", "mail"]),
    );
    check(Viewer::Public, &["sn: staff"], None);
}

#[test]
fn a_person_opens_and_closes_attributes_within_bounds() {
    let opens = |name: &str| format!("beadleOpenToPublic: {name}");
    let closes = |name: &str| format!("beadleNotOpenToPublic: {name}");
    let seen = |switch: String, expected: &[&str]| {
        check(Viewer::Public, &["sn: open", &switch], Some(expected));
    };
    seen(opens("MOBILE"), &["objectClass", "cn", "mail", "mobile"]);
    seen(closes("mail"), &["objectClass", "cn"]);
    for never in [
        "employeeNumber",
        "userPassword",
        "beadleAlternateMail",
        "memberOf",
        "nosuch",
    ] {
        seen(opens(never), &["objectClass", "cn", "mail"]);
    }
    seen(closes("nosuch"), &["objectClass", "cn", "mail"]);
    let both = [&*opens("mobile"), &*closes("mobile"), "sn: open"];
    check(Viewer::Public, &both, Some(&["objectClass", "cn", "mail"]));
}

#[test]
fn what_is_hidden_is_hidden_with_its_subtypes() {
    let schema = Schema::built_in();
    let sn = schema.attribute(b"sn").unwrap();
    let reads = |owner_only: &str, viewer: Viewer<'_>| {
        let mut settings = settings(&schema);
        settings.open_to_public.clear();
        // `title` is a `name` too, and a rule that grants what is hidden is refused.
        settings.rules.remove(0);
        settings.owner_only = vec![owner_only.into()];
        let rules = AccessRules::new(settings, &schema).unwrap();
        let view = rules.view(viewer, &schema);
        let set = view
            .readable(EntryId(7), &Lines::new(&schema, &["sn: staff"]))
            .unwrap();
        set.contains(sn)
    };
    for (viewer, expected) in [
        (Viewer::Member(EntryId(8)), false),
        (Viewer::Root, false),
        (Viewer::Member(EntryId(7)), true),
    ] {
        assert!(reads("mail", viewer));
        assert_eq!(reads("name", viewer), expected, "{viewer:?}");
    }
}

#[test]
fn a_person_closes_an_attribute_with_its_subtypes() {
    let closed = ["sn: open", "beadleNotOpenToPublic: name"];
    check(Viewer::Public, &closed, Some(&["objectClass", "mail"]));
}

#[test]
fn grants_add_up_and_what_is_never_public_is_granted_by_name_only() {
    let member = Viewer::Member(EntryId(8));
    check(
        member,
        &["sn: open"],
        Some(&["objectClass", "cn", "mail", "title"]),
    );
    let user = &["objectClass", "cn", "mail", "mobile", "uid", "title"];
    check(member, &["sn: staff"], Some(user));
    check(member, &["sn: other"], None);
    let closed = &["sn: staff", "beadleNotOpenToPublic: mail"];
    check(member, closed, Some(user));
    check(
        Viewer::Service("any"),
        &["sn: other"],
        Some(&["objectClass", "memberOf"]),
    );
    check(
        Viewer::Service("lms"),
        &["sn: staff"],
        Some(&["objectClass", "uid", "employeeNumber", "memberOf"]),
    );
    check(Viewer::Service("lms"), &["cn: no sn"], None);
}

#[test]
fn the_owner_reads_all_but_the_pin_and_root_all_but_the_owners_own() {
    let all = &[
        "objectClass",
        "cn",
        "mail",
        "mobile",
        "uid",
        "title",
        "employeeNumber",
        "memberOf",
        "beadleAlternateMail",
    ];
    check(Viewer::Member(EntryId(7)), &["sn: hidden"], Some(all));
    check(Viewer::Root, &["sn: hidden"], Some(&all[..8]));
}

#[test]
fn settings_that_grant_too_much_are_refused() {
    let schema = Schema::built_in();
    let refused = |change: fn(&mut AccessSettings)| {
        let mut settings = settings(&schema);
        change(&mut settings);
        AccessRules::new(settings, &schema).err().unwrap()
    };
    assert_eq!(
        refused(|settings| settings.open_to_public.push("nosuch".into())),
        AccessError::UnknownAttribute("nosuch".into())
    );
    assert_eq!(
        refused(|settings| settings.open_to_public.push("USERPASSWORD".into())),
        AccessError::NeverGranted("userPassword".into())
    );
    assert_eq!(
        refused(|settings| settings.open_to_public.push("employeeNumber".into())),
        AccessError::NeverPublic("employeeNumber".into())
    );
    assert_eq!(
        refused(|settings| settings.rules[0].attributes.push("beadleAlternateMail".into())),
        AccessError::NeverGranted("beadleAlternateMail".into())
    );
}
