//! The shipped schema files: each says where it comes from, all load, and what they must hold is there.

use std::path::PathBuf;

use beadle::domain::entry::{Attribute, Entry};
use beadle::domain::schema::Schema;
use beadle::domain::schema::reader::parse;
use beadle::domain::schema::text::SchemaFile;
use beadle::types::Dn;

/// Name and text of every file in `schemas/`, by name.
fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("schemas/ is there")
        .map(|file| file.expect("schemas/ can be read").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a schema file is UTF-8");
            (
                path.file_name()
                    .expect("a file has a name")
                    .to_string_lossy()
                    .into_owned(),
                text,
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_names_its_source_in_line_1_and_is_compiled_in() {
    let schema = Schema::built_in();
    for (name, text) in files() {
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("# ") && ["RFC", "rfc"].iter().any(|word| first.contains(word)),
            "{name}"
        );
        let read = parse(SchemaFile {
            name: &name,
            text: &text,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        for described in &read.attribute_types {
            let kind = schema.attribute(described.head.oid.as_bytes());
            assert_eq!(
                kind.map(|kind| schema.name(kind)),
                Some(described.head.name()),
                "{name}"
            );
        }
        for described in &read.object_classes {
            let class = schema.class(described.head.oid.as_bytes());
            assert_eq!(
                class.map(|class| class.name()),
                Some(described.head.name()),
                "{name}"
            );
        }
    }
}

#[test]
fn a_file_of_ones_own_adds_to_the_schema() {
    let text = "objectidentifier Campus 1.3.6.1.4.1.32473.9\n\
        attributetype ( Campus:1 NAME 'campusLocker' SUP name SINGLE-VALUE )\n\
        objectclass ( Campus:2 NAME 'campusMember' SUP top AUXILIARY MAY campusLocker )";
    let schema = Schema::load(&[SchemaFile {
        name: "campus.schema",
        text,
    }])
    .unwrap_or_else(|error| panic!("{error}"));
    let locker = schema
        .attribute(b"1.3.6.1.4.1.32473.9.1")
        .expect("it was just defined");
    assert_eq!(
        schema.definition(locker).equality.map(|rule| rule.name),
        Some("caseIgnoreMatch")
    );

    let mut entry = student(&schema);
    entry.set(locker, vec![b"17".as_slice().into()]);
    assert!(schema.check(&entry).is_err(), "no class allows it yet");
    add(&schema, &mut entry, "objectClass", "campusMember");
    assert_eq!(schema.check(&entry), Ok(()));
}

#[test]
fn a_person_a_unix_account_and_a_member_of_a_university_are_allowed_at_once() {
    let schema = Schema::built_in();
    let mut entry = student(&schema);
    for (name, value) in [
        ("objectClass", "posixAccount"),
        ("objectClass", "eduPerson"),
        ("objectClass", "schacPersonalCharacteristics"),
        ("objectClass", "beadleAccount"),
        ("uidNumber", "1000"),
        ("gidNumber", "1000"),
        ("homeDirectory", "/home/u1"),
        ("eduPersonAffiliation", "student"),
        ("schacDateOfBirth", "20060102"),
        ("beadleStudentNumber", "3035000001"),
        ("beadleOpenToPublic", "mail"),
        ("userPassword", "{SSHA}x"),
        ("entryUUID", "597ae2f6-16a6-1027-98f4-d28b5365dc14"),
    ] {
        add(&schema, &mut entry, name, value);
    }
    assert_eq!(schema.check(&entry), Ok(()));
    add(&schema, &mut entry, "uidNumber", "1001");
    assert_eq!(
        schema.check(&entry).unwrap_err().to_string(),
        "uidNumber: it may have one value only"
    );
}

#[test]
fn a_violation_never_shows_a_value() {
    let schema = Schema::built_in();
    for name in [
        "userPassword",
        "beadleDisabled",
        "objectClass",
        "uid",
        "manager",
        "beadleRecoveryMobile",
    ] {
        let mut entry = student(&schema);
        add(&schema, &mut entry, name, "hunter2\u{e9}");
        add(&schema, &mut entry, name, "hunter2\u{e9}");
        let violation = schema.check(&entry).expect_err(name);
        assert!(
            !format!("{violation} {violation:?}").contains("hunter2"),
            "{name}"
        );
    }
}

fn student(schema: &Schema) -> Entry {
    let dn = Dn::parse("uid=u1,ou=people,dc=uni,dc=example").expect("a name");
    let mut entry = Entry {
        dn,
        attributes: Vec::new(),
    };
    for (name, value) in [
        ("objectClass", "inetOrgPerson"),
        ("uid", "u1"),
        ("cn", "Ada"),
        ("sn", "Lovelace"),
    ] {
        add(schema, &mut entry, name, value);
    }
    entry
}

fn add(schema: &Schema, entry: &mut Entry, name: &str, value: &str) {
    let description = schema.describe(name.as_bytes()).expect(name);
    let value: Box<[u8]> = value.as_bytes().into();
    match entry
        .attributes
        .iter_mut()
        .find(|attribute| attribute.description == description)
    {
        Some(attribute) => attribute.values.push(value),
        None => entry.attributes.push(Attribute {
            description,
            values: vec![value],
        }),
    }
}
