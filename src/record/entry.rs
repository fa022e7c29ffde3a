//! The bytes of a stored entry: version 1, compact, attribute names and not positions.
//!
//! ```text
//! 1                          version
//! 0 | 1 varint               no parent, or the parent's entry id
//! varint text                the RDN as it is spelt (RFC 4514)
//! varint                     how many attributes follow; each:
//!   code                       0, or 1 + position in CODED_NAMES; the high bit says that options follow
//!   [varint text]              the name, for code 0
//!   [varint text]              the options, if the high bit says so
//!   varint values              the values as `domain::packed` has them
//! ```
//!
//! A varint is LEB128 in at most ten bytes; the one before a text or values is their length in bytes. Names and
//! not positions are stored, so an attribute whose schema file was taken away stays as it is until it is back.

use thiserror::Error;

use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::packed::{self, AttributeView};
use crate::domain::schema::Schema;
use crate::record::coded_name::CODED_NAMES;
use crate::types::{EntryId, Rdn};

/// The version that [`StoredEntry::encode`] writes; every version up to it is read.
pub const ENTRY_VERSION: u8 = 1;

/// An entry as it is stored. Has no `Debug`: a value may be a PIN's hash.
#[derive(Clone)]
pub struct StoredEntry {
    /// The stable id: the record's key.
    pub id: EntryId,
    /// The id of the entry above; `None` for the base entry.
    pub parent: Option<EntryId>,
    /// The RDN as it is spelt.
    pub rdn: Rdn,
    /// The attributes, in the order they were written.
    pub attributes: Vec<StoredAttribute>,
}

/// One attribute of a stored entry. Has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAttribute {
    /// The canonical name when it was written; the schema may not know it any more.
    pub name: Box<str>,
    /// The options as in [`AttributeDescription`].
    pub options: Box<str>,
    /// The values as in [`packed::AttributeView`].
    pub encoded: Vec<u8>,
}

/// A stored entry read where it lies. Everything was checked when it was made.
pub struct EntryView<'a> {
    /// The id of the entry above; `None` for the base entry.
    pub parent: Option<EntryId>,
    /// The RDN as it is spelt.
    pub rdn_text: &'a str,
    /// The same, parsed.
    pub rdn: Rdn,
    count: u64,
    attributes: &'a [u8],
}

/// One attribute of an [`EntryView`].
#[derive(Clone, Copy)]
pub struct StoredAttributeView<'a> {
    /// The canonical name when it was written.
    pub name: &'a str,
    /// Its position in [`CODED_NAMES`], if it has one: cheaper to look up than the name.
    pub coded: Option<u8>,
    /// The options.
    pub options: &'a str,
    /// The values as in [`packed::AttributeView`].
    pub encoded: &'a [u8],
}

/// Why bytes are no stored entry that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Written by a newer Beadle: a version or a well-known name that this one does not know.
    #[error("the entry was written by a newer version of this program")]
    Newer,
    /// Damaged from this byte on.
    #[error("the entry's record is damaged at byte {0}")]
    Damaged(usize),
}

impl StoredEntry {
    /// The stored form of an entry under `parent`. `None` if its DN is empty.
    pub fn new(schema: &Schema, id: EntryId, parent: Option<EntryId>, entry: &Entry) -> Option<StoredEntry> {
        Some(StoredEntry {
            id,
            parent,
            rdn: entry.dn.rdns.first()?.clone(),
            attributes: entry
                .attributes
                .iter()
                .map(|attribute| StoredAttribute::new(schema, attribute))
                .collect(),
        })
    }

    /// The record's value.
    pub fn encode(&self) -> Vec<u8> {
        let values: usize = self
            .attributes
            .iter()
            .map(|attribute| attribute.encoded.len() + 4)
            .sum();
        let mut out = Vec::with_capacity(32 + values);
        out.push(ENTRY_VERSION);
        match self.parent {
            None => out.push(0),
            Some(parent) => {
                out.push(1);
                push_varint(&mut out, parent.0);
            }
        }
        push_bytes(&mut out, self.rdn.to_string().as_bytes());
        push_varint(&mut out, self.attributes.len() as u64);
        self.attributes
            .iter()
            .for_each(|attribute| attribute.push(&mut out));
        out
    }

    /// Reads the value of the record whose key is `id`. Errors: [`EntryError`].
    pub fn decode(id: EntryId, bytes: &[u8]) -> Result<StoredEntry, EntryError> {
        let view = EntryView::new(bytes)?;
        let attributes = view.attributes().map(|attribute| StoredAttribute {
            name: attribute.name.into(),
            options: attribute.options.into(),
            encoded: attribute.encoded.to_vec(),
        });
        Ok(StoredEntry {
            id,
            parent: view.parent,
            attributes: attributes.collect(),
            rdn: view.rdn,
        })
    }

    /// The attributes that the schema knows, for the schema check and for export. Attributes it does not know
    /// stay in the record alone: whoever writes the entry back starts from [`StoredEntry::attributes`].
    pub fn known_attributes(&self, schema: &Schema) -> Vec<Attribute> {
        self.attributes
            .iter()
            .filter_map(|attribute| attribute.known(schema))
            .collect()
    }
}

impl StoredAttribute {
    /// The stored form of an attribute.
    pub fn new(schema: &Schema, attribute: &Attribute) -> StoredAttribute {
        let mut encoded = Vec::new();
        attribute
            .values
            .iter()
            .for_each(|value| packed::push_value(&mut encoded, value));
        let description = &attribute.description;
        StoredAttribute {
            name: schema.name(description.kind).into(),
            options: description.options.clone(),
            encoded,
        }
    }

    fn known(&self, schema: &Schema) -> Option<Attribute> {
        let kind = schema.attribute(self.name.as_bytes())?;
        let view = AttributeView {
            kind,
            options: &self.options,
            encoded: &self.encoded,
        };
        Some(Attribute {
            description: AttributeDescription {
                kind,
                options: self.options.clone(),
            },
            values: view.values().map(Box::from).collect(),
        })
    }

    fn push(&self, out: &mut Vec<u8>) {
        let position = CODED_NAMES.iter().position(|name| **name == *self.name);
        let code = position.map_or(0, |position| position as u8 + 1);
        out.push(if self.options.is_empty() {
            code
        } else {
            code | HAS_OPTIONS
        });
        if position.is_none() {
            push_bytes(out, self.name.as_bytes());
        }
        if !self.options.is_empty() {
            push_bytes(out, self.options.as_bytes());
        }
        push_bytes(out, &self.encoded);
    }
}

impl<'a> EntryView<'a> {
    /// Checks a whole record's value. Errors: [`EntryError`].
    pub fn new(bytes: &'a [u8]) -> Result<EntryView<'a>, EntryError> {
        let mut reader = Reader { bytes, at: 0 };
        match reader.byte()? {
            0 => return Err(EntryError::Damaged(0)),
            1..=ENTRY_VERSION => {}
            _ => return Err(EntryError::Newer),
        }
        let parent = match reader.byte()? {
            0 => None,
            1 => Some(EntryId(reader.varint()?)),
            _ => return Err(EntryError::Damaged(1)),
        };
        let at = reader.at;
        let rdn_text = reader.text()?;
        let rdn = Rdn::parse(rdn_text).map_err(|_| EntryError::Damaged(at))?;
        let count = reader.varint()?;
        let attributes = &bytes[reader.at..];
        for _ in 0..count {
            reader.attribute()?;
        }
        match reader.at == bytes.len() {
            true => Ok(EntryView {
                parent,
                rdn_text,
                rdn,
                count,
                attributes,
            }),
            false => Err(EntryError::Damaged(reader.at)),
        }
    }

    /// The attributes, in the order they were written.
    pub fn attributes(&self) -> impl Iterator<Item = StoredAttributeView<'a>> {
        let mut reader = Reader {
            bytes: self.attributes,
            at: 0,
        };
        (0..self.count).map_while(move |_| reader.attribute().ok())
    }
}

/// The bit of an attribute's code that says that options follow.
const HAS_OPTIONS: u8 = 0x80;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn damaged<T>(&self) -> Result<T, EntryError> {
        Err(EntryError::Damaged(self.at))
    }

    fn byte(&mut self) -> Result<u8, EntryError> {
        match self.bytes.get(self.at) {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => self.damaged(),
        }
    }

    fn varint(&mut self) -> Result<u64, EntryError> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let digit = u64::from(byte & 0x7f);
            if shift == 63 && digit > 1 {
                return self.damaged();
            }
            value |= digit << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.damaged()
    }

    fn run(&mut self) -> Result<&'a [u8], EntryError> {
        let length = usize::try_from(self.varint()?).or_else(|_| self.damaged())?;
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..length)) {
            Some(run) => {
                self.at += length;
                Ok(run)
            }
            None => self.damaged(),
        }
    }

    fn text(&mut self) -> Result<&'a str, EntryError> {
        let at = self.at;
        std::str::from_utf8(self.run()?).map_err(|_| EntryError::Damaged(at))
    }

    fn attribute(&mut self) -> Result<StoredAttributeView<'a>, EntryError> {
        let code = self.byte()?;
        let coded = (code & !HAS_OPTIONS).checked_sub(1);
        let name = match coded {
            None => self.text()?,
            Some(position) => CODED_NAMES.get(usize::from(position)).ok_or(EntryError::Newer)?,
        };
        let options = if code & HAS_OPTIONS == 0 { "" } else { self.text()? };
        let at = self.at;
        let encoded = self.run()?;
        match packed::is_well_formed(encoded) {
            true => Ok(StoredAttributeView {
                name,
                coded,
                options,
                encoded,
            }),
            false => Err(EntryError::Damaged(at)),
        }
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schema::SCHEMA;

    fn stored(parent: Option<EntryId>, attributes: &[(&str, &str, Vec<Vec<u8>>)]) -> StoredEntry {
        let pack = |(name, options, values): &(&str, &str, Vec<Vec<u8>>)| {
            let mut encoded = Vec::new();
            values
                .iter()
                .for_each(|value| packed::push_value(&mut encoded, value));
            StoredAttribute {
                name: (*name).into(),
                options: (*options).into(),
                encoded,
            }
        };
        StoredEntry {
            id: EntryId(7),
            parent,
            rdn: Rdn::parse("UID=Ada+cn=x").unwrap(),
            attributes: attributes.iter().map(pack).collect(),
        }
    }

    fn ada() -> StoredEntry {
        stored(
            Some(EntryId(300)),
            &[
                ("cn", "", vec![b"Ada".to_vec()]),
                ("gone", "lang-en", vec![b"x".to_vec(), Vec::new()]),
            ],
        )
    }

    #[test]
    fn version_1_is_written_as_documented() {
        let expected = b"\x01\x01\xac\x02\x0cUID=Ada+cn=x\x02\x02\x05\x04\x03Ada\x80\x04gone\x07lang-en\x05\x04\x01x\x04\x00";
        assert_eq!(ada().encode(), expected);
    }

    #[test]
    fn attributes_that_the_schema_has_lost_are_kept() {
        let schema = &*SCHEMA;
        let back = StoredEntry::decode(EntryId(7), &ada().encode()).unwrap();
        assert!(
            back.attributes == ada().attributes && back.parent == Some(EntryId(300)) && back.id == EntryId(7)
        );
        assert_eq!(back.known_attributes(schema).len(), 1);
        assert!(back.attributes.iter().any(|attribute| &*attribute.name == "gone"));
    }

    #[test]
    fn newer_and_damaged_records_are_told_apart() {
        let good = ada().encode();
        let refuse = |at: usize, byte: u8, error: EntryError| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            assert_eq!(StoredEntry::decode(EntryId(7), &bytes).err(), Some(error));
        };
        refuse(0, 2, EntryError::Newer);
        refuse(0, 0, EntryError::Damaged(0));
        refuse(1, 2, EntryError::Damaged(1));
        refuse(18, 0x7f, EntryError::Newer);
        refuse(20, 0x05, EntryError::Damaged(19));
        for length in 0..good.len() {
            assert!(matches!(
                StoredEntry::decode(EntryId(7), &good[..length]),
                Err(EntryError::Damaged(_))
            ));
        }
    }

    #[test]
    fn an_entry_is_stored_under_its_rdn() {
        let schema = &*SCHEMA;
        let mut entry = Entry {
            dn: crate::types::Dn::parse("uid=ada,dc=uni").unwrap(),
            attributes: Vec::new(),
        };
        entry.set(
            schema.attribute(b"surname").unwrap(),
            vec![b"L".as_slice().into()],
        );
        let stored = StoredEntry::new(schema, EntryId(1), Some(EntryId(0)), &entry).unwrap();
        assert_eq!(
            (stored.rdn.to_string().as_str(), &*stored.attributes[0].name),
            ("uid=ada", "sn")
        );
        assert!(stored.known_attributes(schema) == entry.attributes);
        entry.dn = Default::default();
        assert!(StoredEntry::new(schema, EntryId(1), None, &entry).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            parent in any::<Option<u64>>(),
            attributes in prop::collection::vec(
                ("[a-zA-Z]{1,8}|cn|uid", "([a-z-]{1,8})?", prop::collection::vec(any::<Vec<u8>>(), 1..4)),
                0..6,
            ),
        ) {
            let borrowed: Vec<_> = attributes.iter().map(|(n, o, v)| (n.as_str(), o.as_str(), v.clone())).collect();
            let parent = parent.map(EntryId);
            let entry = stored(parent, &borrowed);
            let back = StoredEntry::decode(EntryId(7), &entry.encode()).unwrap();
            prop_assert!(back.parent == parent && back.attributes == entry.attributes);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), to: u8) {
            let _ = StoredEntry::decode(EntryId(7), &bytes);
            bytes.splice(0..0, [1, 0, 3, b'a', b'=', b'b']);
            let _ = StoredEntry::decode(EntryId(7), &bytes);
            let mut good = ada().encode();
            let at = at.index(good.len());
            good[at] = to;
            let _ = StoredEntry::decode(EntryId(7), &good);
        }
    }
}
