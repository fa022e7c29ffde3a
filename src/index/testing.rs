//! A small university for the tests of this layer and those above.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use super::{BuildError, Builder, IndexSettings, Sets, Snapshot};
use crate::domain::entry::{Attribute, Entry};
use crate::domain::schema::Schema;
use crate::record::entry::StoredEntry;
use crate::record::{Change, Key, Operation, Record, Revision};
use crate::types::{Dn, EntryId, SeededEntropy};

/// The built-in schema, compiled once.
pub(crate) fn schema() -> &'static Arc<Schema> {
    static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::built_in()));
    &SCHEMA
}

/// A slot by its number.
pub(crate) fn slot(number: u32) -> super::Slot {
    super::Slot(number)
}

/// The name of the base entry.
pub(crate) const BASE: &str = "dc=uni,dc=example";

/// An entry as tests write it: id, parent's id (0 for none), RDN, and lines of `name: value`.
#[derive(Clone, Copy)]
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
    let parent = (row.1 != 0).then_some(EntryId(row.1));
    StoredEntry::new(schema, EntryId(row.0), parent, &entry)
        .unwrap()
        .encode()
}

/// The key of the entry `id`.
pub(crate) fn key(id: u64) -> Key {
    Key::entry(EntryId(id))
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

/// The record of `row` at revision 1.
pub(crate) fn record(schema: &Schema, row: &Row<'_>) -> Record {
    Record {
        key: key(row.0),
        value: stored(schema, row).into(),
        revision: Revision(1),
        expires: None,
    }
}

/// The snapshot of `records` at revision 1 with the usual indexes, packed by two packers in turn.
pub(crate) fn built(
    schema: &Schema,
    records: impl IntoIterator<Item = Record>,
) -> Result<Snapshot, BuildError> {
    built_with(schema, records, Sets::default())
}

fn built_with(
    schema: &Schema,
    records: impl IntoIterator<Item = Record>,
    sets: Sets,
) -> Result<Snapshot, BuildError> {
    let base = Dn::parse(BASE).unwrap();
    let mut builder = Builder::new(schema, &IndexSettings::usual(schema), &base, 7, sets)?;
    let mut packers = [builder.packer(), builder.packer()];
    for (at, record) in records.into_iter().enumerate() {
        packers[at % 2].push(&record, schema)?;
    }
    packers.into_iter().for_each(|packer| builder.add(packer));
    builder.finish(Revision(1), NonZeroUsize::MIN.saturating_add(2))
}

/// The snapshot of `rows` at revision 1.
pub(crate) fn snapshot(schema: &Schema, rows: &[Row<'_>]) -> Snapshot {
    marked(schema, rows, Sets::default())
}

/// The same, with these sets marked.
pub(crate) fn marked(schema: &Schema, rows: &[Row<'_>], sets: Sets) -> Snapshot {
    built_with(schema, rows.iter().map(|row| record(schema, row)), sets).unwrap()
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

/// A row without its id: parent's id, RDN, lines.
pub(crate) type OwnedRow = (u64, String, Vec<String>);

/// A person with a few values out of few, so that random people share them.
pub(crate) fn random_row(entropy: &mut SeededEntropy, id: u64) -> OwnedRow {
    let mut pick = |count: u64| entropy.next_u64() % count;
    let parent = 2 + pick(2);
    let mut lines = vec![
        "objectClass: inetOrgPerson".to_owned(),
        format!("uid: u{}", pick(30)),
        format!(
            "cn: {} {}",
            ["Ada", "Grace", "Alan", "Åsa"][pick(4) as usize],
            pick(9)
        ),
        format!("sn: S{}", pick(5)),
        format!("uidNumber: {}", pick(2_000)),
        format!("modifyTimestamp: 2026112209{:02}00Z", pick(60)),
    ];
    if pick(3) == 0 {
        lines.push(format!("mail: m{}@uni.example", pick(30)));
    }
    for _ in 0..pick(4) {
        let member = format!("member: cn=p{},ou=people,dc=uni,dc=example", 9 + pick(60));
        if !lines.contains(&member) {
            lines.push(member);
        }
    }
    (parent, format!("cn=p{id}"), lines)
}

/// The operation that writes `row` under `id`.
pub(crate) fn put_owned(schema: &Schema, id: u64, row: &OwnedRow) -> Operation {
    let lines: Vec<&str> = row.2.iter().map(String::as_str).collect();
    put(schema, &Row(id, row.0, &row.1, &lines))
}
