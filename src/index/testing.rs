//! A small university for the tests of this layer and those above.

use std::num::NonZeroUsize;

use super::{Builder, IndexSettings, Snapshot};
use crate::domain::entry::{Attribute, Entry};
use crate::domain::schema::Schema;
use crate::record::entry::StoredEntry;
use crate::record::{Change, Key, Kind, Operation, Record, Revision};
use crate::types::Dn;

/// The name of the base entry.
pub(crate) const BASE: &str = "dc=uni,dc=example";

/// An entry as tests write it: id, parent's id (0 for none), RDN, and lines of `name: value`.
pub(crate) struct Row<'a>(pub u64, pub u64, pub &'a str, pub &'a [&'a str]);

/// The value of the record that holds `row`.
pub(crate) fn stored(schema: &Schema, row: &Row<'_>) -> Vec<u8> {
    let mut entry = Entry {
        dn: Dn::parse(row.2).unwrap(),
        attributes: Vec::new(),
    };
    for line in row.3 {
        let (name, value) = line.split_once(": ").unwrap();
        let description = schema.describe(name.as_bytes()).unwrap();
        let value = value.as_bytes().into();
        let mut attributes = entry.attributes.iter_mut();
        match attributes.find(|attribute| attribute.description == description) {
            Some(attribute) => attribute.values.push(value),
            None => entry.attributes.push(Attribute {
                description,
                values: vec![value],
            }),
        }
    }
    let parent = (row.1 != 0).then_some(row.1);
    StoredEntry::new(schema, row.0, parent, &entry).unwrap().encode()
}

/// The key of the entry `id`.
pub(crate) fn key(id: u64) -> Key {
    Key::new(Kind::Entry, &id.to_be_bytes())
}

/// The operation that writes `row`.
pub(crate) fn put(schema: &Schema, row: &Row<'_>) -> Operation {
    Operation::Put {
        key: key(row.0),
        value: stored(schema, row).into(),
        expires: None,
    }
}

/// One commit of `operations`.
pub(crate) fn change(revision: u64, operations: Vec<Operation>) -> Change {
    Change {
        revision: Revision(revision),
        operations,
    }
}

/// A builder with the usual indexes.
pub(crate) fn builder(schema: &Schema) -> Builder<'_> {
    let base = Dn::parse(BASE).unwrap();
    Builder::new(schema, &IndexSettings::usual(schema), &base, 7)
}

/// The snapshot of `rows` at revision 1.
pub(crate) fn snapshot(schema: &Schema, rows: &[Row<'_>]) -> Snapshot {
    let mut builder = builder(schema);
    for row in rows {
        let record = Record {
            key: key(row.0),
            value: stored(schema, row).into(),
            revision: Revision(1),
            expires: None,
        };
        builder.push(&record).unwrap();
    }
    builder.finish(Revision(1), NonZeroUsize::MIN).unwrap()
}

/// Two people, a hidden one, two groups, and the containers above them.
pub(crate) const UNIVERSITY: &[Row<'_>] = &[
    Row(
        1,
        0,
        "dc=uni",
        &[
            "objectClass: organization",
            "objectClass: dcObject",
            "o: University",
            "dc: uni",
        ],
    ),
    Row(
        2,
        1,
        "ou=people",
        &["objectClass: organizationalUnit", "ou: people"],
    ),
    Row(
        3,
        1,
        "ou=groups",
        &["objectClass: organizationalUnit", "ou: groups"],
    ),
    Row(
        4,
        2,
        "uid=ada",
        &[
            "objectClass: inetOrgPerson",
            "objectClass: posixAccount",
            "uid: ada",
            "cn: Ada Lovelace",
            "cn;lang-en: Countess",
            "sn: Lovelace",
            "givenName: Ada",
            "mail: ada@uni.example",
            "mobile: +852 6123 4567",
            "uidNumber: 1000",
            "gidNumber: 100",
            "homeDirectory: /home/ada",
            "employeeType: staff",
            "userPassword: {SSHA}abcdefgh",
            "beadleAlternateMail: ada@home.example",
            "beadleNotOpenToPublic: mail",
            "beadleOpenToPublic: mobile",
            "beadleOpenToPublic: userPassword",
            "beadleOpenToPublic: beadleAlternateMail",
            "modifyTimestamp: 20261122093000Z",
        ],
    ),
    Row(
        5,
        2,
        "uid=Grace",
        &[
            "objectClass: inetOrgPerson",
            "uid: Grace",
            "cn: Grace Hopper",
            "sn: Hopper",
            "givenName: Grace",
            "mail: grace@uni.example",
            "mobile: +852 6999 9999",
            "employeeType: student",
            "userPassword: {SSHA}hgfedcba",
            "modifyTimestamp: 20251122093000Z",
        ],
    ),
    Row(
        6,
        2,
        "uid=shy",
        &[
            "objectClass: inetOrgPerson",
            "uid: shy",
            "cn: Shy Person",
            "sn: Person",
            "mail: shy@uni.example",
            "employeeType: hidden",
        ],
    ),
    Row(
        7,
        3,
        "cn=staff",
        &[
            "objectClass: groupOfNames",
            "cn: staff",
            "member: uid=ada,ou=people,dc=uni,dc=example",
            "member: UID=Grace, ou=People, dc=uni, dc=example",
            "member: uid=nobody,ou=people,dc=uni,dc=example",
        ],
    ),
    Row(
        8,
        3,
        "cn=secret",
        &[
            "objectClass: groupOfUniqueNames",
            "cn: secret",
            "uniqueMember: uid=ada,ou=people,dc=uni,dc=example",
            "description: hidden",
        ],
    ),
];
