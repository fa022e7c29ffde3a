//! Who may know of what and read what.

use super::*;
use crate::domain::packed::{AttributeView, push_value};
use crate::types::Dn;

fn never(schema: &Schema) -> Never {
    Never::new(
        &["employeeNumber"],
        &["beadleAlternateMail"],
        &["userPassword"],
        schema,
    )
}

fn parse(text: &str, never: &Never, schema: &Schema) -> Result<Rule, Misread> {
    let vocabulary = Vocabulary {
        schema,
        never,
        entries: &[
            ("open".into(), "(sn=open)".into()),
            ("staff".into(), "(sn=staff)".into()),
        ],
        services: &["lms".into()],
    };
    Rule::parse(text, 0, &vocabulary)
}

fn rules_of(texts: &[&str], never: Never, schema: &Schema) -> AccessRules {
    let rules = texts.iter().map(|text| parse(text, &never, schema).unwrap());
    AccessRules::new(rules.collect(), never, schema).unwrap()
}

const RULES: &[&str] = &[
    "the public may read cn, mail of open",
    "members may read title of open",
    "members may read * of staff",
    "services may read + of (sn=*)",
    "service lms may read uid of staff",
    "service lms may read employeeNumber of staff",
    "service lms may search departmentNumber of staff",
    "service lms may compare roomNumber of staff",
    "self may write mobile and description",
    "self may write beadleAlternateMail",
    "group cn=registry,dc=uni may write title, userPassword of staff and open",
    "group cn=registry,dc=uni may add, delete staff below ou=people,dc=uni",
    "group cn=helpdesk,dc=uni may delete open",
];

/// An entry of lines such as `sn: open`.
struct Lines {
    attributes: Vec<(AttributeType, Vec<u8>)>,
    name: &'static str,
}

impl Lines {
    fn new(schema: &Schema, lines: &[&str]) -> Lines {
        let parse = |line: &&str| {
            let (name, value) = line.split_once(": ").unwrap();
            let mut encoded = Vec::new();
            push_value(&mut encoded, value.as_bytes());
            (schema.attribute(name.as_bytes()).unwrap(), encoded)
        };
        Lines {
            attributes: lines.iter().map(parse).collect(),
            name: "cn=x,ou=people,dc=uni",
        }
    }
}

impl Attributes for Lines {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.attributes.iter().map(|(kind, encoded)| AttributeView {
            kind: *kind,
            options: "",
            encoded,
        })
    }

    fn dn(&self) -> Option<Dn> {
        Dn::parse(self.name).ok()
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
    let rules = rules_of(RULES, never(&schema), &schema);
    let entry = Lines::new(&schema, lines);
    let view = rules.view(viewer, &schema);
    let found = view.sight(EntryId(7), &entry).map(|sight| {
        let readable = |name: &&&str| sight.read.contains(schema.attribute(name.as_bytes()).unwrap());
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
        let never = Never::new(&[], &[owner_only], &["userPassword"], &schema);
        let rules = rules_of(&["members may read * of staff"], never, &schema);
        let view = rules.view(viewer, &schema);
        let sight = view.sight(EntryId(7), &Lines::new(&schema, &["sn: staff"]));
        sight.unwrap().read.contains(sn)
    };
    for (viewer, expected) in [(MEMBER, false), (Viewer::Root, false), (OWNER, true)] {
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
    let member = MEMBER;
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
    check(OWNER, &["sn: hidden"], Some(all));
    check(Viewer::Root, &["sn: hidden"], Some(&all[..8]));
}

/// What `viewer` may do with `right` of an entry of `lines`, among some telling attributes.
fn may(viewer: Viewer<'_>, lines: &[&str], right: fn(&View<'_>, &Lines) -> AttributeSet) -> Vec<String> {
    let schema = Schema::built_in();
    let rules = rules_of(RULES, never(&schema), &schema);
    let set = right(&rules.view(viewer, &schema), &Lines::new(&schema, lines));
    let telling = [
        "title",
        "mobile",
        "departmentNumber",
        "roomNumber",
        "userPassword",
        "beadleAlternateMail",
    ];
    let is_in = |name: &&str| set.contains(schema.attribute(name.as_bytes()).unwrap());
    telling.into_iter().filter(is_in).map(Into::into).collect()
}

const MEMBER: Viewer<'_> = Viewer::Member(EntryId(8), Groups::NONE);
const OWNER: Viewer<'_> = Viewer::Member(EntryId(7), Groups::NONE);

fn registrar() -> Viewer<'static> {
    Viewer::Member(EntryId(8), Groups::NONE.and(0))
}

#[test]
fn what_may_be_searched_or_compared_need_not_be_readable() {
    let sight = |view: &View<'_>, entry: &Lines| view.sight(EntryId(7), entry).unwrap();
    let lms = Viewer::Service("lms");
    let staff = &["sn: staff"];
    let none: [&str; 0] = [];
    assert_eq!(
        may(lms, staff, |view, entry| view
            .sight(EntryId(7), entry)
            .unwrap()
            .read),
        none
    );
    assert_eq!(
        may(lms, staff, |view, entry| view
            .sight(EntryId(7), entry)
            .unwrap()
            .search),
        ["departmentNumber"]
    );
    assert_eq!(
        may(lms, staff, |view, entry| view
            .sight(EntryId(7), entry)
            .unwrap()
            .compare),
        ["roomNumber"]
    );
    let schema = Schema::built_in();
    let rules = rules_of(RULES, never(&schema), &schema);
    let seen = sight(&rules.view(lms, &schema), &Lines::new(&schema, staff));
    assert!(
        seen.read.difference(&seen.search).is_empty(),
        "what is read may be searched"
    );
    assert!(
        seen.read.difference(&seen.compare).is_empty(),
        "what is read may be compared"
    );
}

#[test]
fn members_write_of_their_own_entry_and_groups_of_the_entries_of_their_rules() {
    fn writable(view: &View<'_>, entry: &Lines) -> AttributeSet {
        view.writable(EntryId(7), entry)
    }
    let none: [&str; 0] = [];
    assert_eq!(
        may(OWNER, &["sn: x"], writable),
        ["mobile", "beadleAlternateMail"]
    );
    assert_eq!(may(MEMBER, &["sn: staff"], writable), none);
    assert_eq!(
        may(registrar(), &["sn: staff"], writable),
        ["title", "userPassword"]
    );
    assert_eq!(
        may(registrar(), &["sn: open"], writable),
        ["title", "userPassword"]
    );
    assert_eq!(may(registrar(), &["sn: x"], writable), none);
    assert_eq!(may(Viewer::Public, &["sn: open"], writable), none);
    assert_eq!(may(Viewer::Root, &["sn: x"], writable).len(), 6);
}

#[test]
fn entries_are_added_and_deleted_where_a_rule_says_so() {
    let schema = Schema::built_in();
    let rules = rules_of(RULES, never(&schema), &schema);
    let check = |viewer, line, name, expected| {
        let entry = Lines {
            name,
            ..Lines::new(&schema, &[line])
        };
        let view = rules.view(viewer, &schema);
        let may = (view.may_add(&entry), view.may_delete(EntryId(7), &entry));
        assert_eq!(may, expected, "{viewer:?} {line} {name}");
    };
    check(registrar(), "sn: staff", "cn=a,OU=People,dc=uni", (true, true));
    check(registrar(), "sn: staff", "cn=a,ou=other,dc=uni", (false, false));
    check(registrar(), "sn: open", "cn=a,ou=people,dc=uni", (false, false));
    let helpdesk = Viewer::Member(EntryId(8), Groups::NONE.and(1));
    check(helpdesk, "sn: open", "cn=a,dc=elsewhere", (false, true));
    check(OWNER, "sn: staff", "cn=a,ou=people,dc=uni", (false, false));
    check(Viewer::Root, "sn: x", "dc=x", (true, true));
}

#[test]
fn writing_an_entry_does_not_make_it_known() {
    let schema = Schema::built_in();
    let rules = rules_of(
        &["group cn=a may write * and + of everything"],
        never(&schema),
        &schema,
    );
    let view = rules.view(registrar(), &schema);
    let entry = Lines::new(&schema, &["sn: x"]);
    assert!(!view.knows(EntryId(7), &entry));
    let written = view.writable(EntryId(7), &entry);
    assert!(!written.is_empty() && written.intersection(&never(&schema).public).is_empty());
}

#[test]
fn a_sentence_names_the_word_that_was_not_understood() {
    let schema = Schema::built_in();
    let never = never(&schema);
    let check = |text: &str, expected: &str| {
        let misread = parse(text, &never, &schema)
            .err()
            .map(|misread| misread.to_string());
        assert_eq!(misread.as_deref().unwrap_or("good"), expected, "{text}");
    };
    let nobody = "it does not say who may do what";
    for text in ["", "members", "members may", "may read cn", "members can read cn"] {
        check(text, nobody);
    }
    check("member may read cn", "\"member\" is nobody");
    check("service mail may read cn", "there is no service called \"mail\"");
    check("service may read cn", "\"service\" is nobody");
    check(
        "group registry may read cn",
        "\"registry\" is not a distinguished name",
    );
    check(
        "group nosuch=x may read cn",
        "\"nosuch=x\" is not a distinguished name",
    );
    check("members may reed cn", "\"reed\" is nothing that can be granted");
    check(
        "members may not read cn",
        "\"not\" is nothing that can be granted",
    );
    check("members may read", "it does not say which attributes");
    check("members may read of open", "it does not say which attributes");
    check(
        "members may read cn, nosuch of open",
        "no attribute is called \"nosuch\"",
    );
    check("members may read cn, of open", "no attribute is called \"of\"");
    check("members may read cn off open", "\"off\" does not follow");
    check("members may read cn mail", "\"mail\" does not follow");
    check("members may read cn of", "it does not say which entries");
    check("members may read cn of peple", "no entries are called \"peple\"");
    check("members may read cn of open staff", "\"staff\" does not follow");
    check(
        "members may read cn of open below nowhere",
        "\"nowhere\" is not a distinguished name",
    );
    check(
        "members may read cn of below ",
        "\"\" is not a distinguished name",
    );
    assert!(parse("members may read cn of (cn=a", &never, &schema).is_err());
    check("members may add", "it does not say which entries");
    check(
        "members may read, add cn of open",
        "\"add\" is done to whole entries, not to attributes",
    );
    check("the public may write cn", "nobody lets strangers write");
    check("self may add open", "nobody lets anybody add themselves");
    check(
        "the public may read employeeNumber",
        "\"employeeNumber\" is never open to the public",
    );
    check(
        "the public may read USERPASSWORD",
        "\"USERPASSWORD\" is granted to nobody",
    );
    check(
        "root may search userPassword",
        "\"userPassword\" is granted to nobody",
    );
    check(
        "services may compare beadleAlternateMail",
        "\"beadleAlternateMail\" is granted to nobody",
    );
}

#[test]
fn good_sentences_are_taken() {
    let schema = Schema::built_in();
    let never = never(&schema);
    for text in [
        "the public may read cn",
        "public may search, compare cn of everything",
        "members may read and search *, + of open and staff below ou=people,dc=uni",
        "self may read beadleAlternateMail",
        "self may delete everything",
        "services may write userPassword of (&(sn=a)(cn=\\28 of below))",
        "service lms may add open",
        "group cn=a\\, b,dc=uni may add, and delete of (sn=x) below dc=uni",
        "members may read cn of below ou=people,dc=uni",
        "root may read cn",
    ] {
        assert!(
            parse(text, &never, &schema).is_ok(),
            "{text}: {:?}",
            parse(text, &never, &schema).err()
        );
    }
}

#[test]
fn more_groups_than_can_be_looked_up_at_once_are_refused() {
    let schema = Schema::built_in();
    let never = never(&schema);
    let rules = |count: usize| {
        let texts = (0..count).map(|at| format!("group cn=g{} may read cn", at / 2));
        let rules = texts.map(|text| parse(&text, &never, &schema).unwrap());
        AccessRules::new(rules.collect(), never, &schema)
    };
    assert_eq!(rules(2 * GROUPS_MAX).unwrap().groups().count(), GROUPS_MAX);
    let first = "group cn=g64 may read cn".into();
    assert_eq!(rules(2 * GROUPS_MAX + 2).err(), Some(TooManyGroups(first)));
}
