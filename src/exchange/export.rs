//! Export: every entry, parents before children, names and values in order, so that two exports of the same
//! directory are the same bytes and a re-import into an empty one gives the same directory.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::entry::{Attribute, Entry};
use crate::domain::schema::Schema;
use crate::exchange::csv;
use crate::exchange::entries::Entries;
use crate::exchange::import::NEVER_IMPORTED;
use crate::exchange::ldif;
use crate::index::EntryRef;
use crate::types::{AttributeType, NormalDn};

/// Whether hashes are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secrets {
    /// `userPassword` and the digest of what was imported are written.
    Included,
    /// They are not. Importing the file leaves the PINs that are there.
    LeftOut,
}

/// The form of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// LDIF, complete.
    Ldif,
    /// CSV with these columns: `dn` or attribute descriptions.
    Csv(Vec<Box<str>>),
}

/// Why an export ended early.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The output cannot be written.
    #[error("cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A column names no attribute.
    #[error("the schema knows no attribute `{0}`; correct --columns")]
    UnknownColumn(Box<str>),
    /// A column holds hashes, and those were not asked for.
    #[error("the column `{0}` is secret; add --with-secrets, or leave it out")]
    SecretColumn(Box<str>),
}

/// Whether an export of this form can be begun. Errors: [`ExportError`] about a column.
pub fn check(schema: &Schema, form: &Form, secrets: Secrets) -> Result<(), ExportError> {
    match form {
        Form::Ldif => Ok(()),
        Form::Csv(names) => Export::new(schema, secrets).columns(names).map(|_| ()),
    }
}

/// Writes the directory to `out`; `progress` hears how many entries of how many are written. Returns their
/// number. Errors: [`ExportError`].
pub fn export(
    schema: &Schema,
    source: &Entries,
    form: &Form,
    secrets: Secrets,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, ExportError> {
    let export = Export::new(schema, secrets);
    let columns = match form {
        Form::Ldif => Columns::default(),
        Form::Csv(names) => export.columns(names)?,
    };
    let order = in_order(schema, source);
    let mut text = Vec::new();
    match form {
        Form::Ldif => text.extend_from_slice(b"version: 1\n"),
        Form::Csv(_) => columns.push_header(&mut text),
    }
    for (written, entry) in (1..).zip(&order) {
        let mut entry = Entries::owned(*entry);
        export.make_canonical(&mut entry);
        match form {
            Form::Ldif => export.push_ldif(&mut text, &entry),
            Form::Csv(_) => columns.push_entry(&mut text, &entry),
        }
        out.write_all(&text)?;
        text.clear();
        progress(written, order.len() as u64);
    }
    out.write_all(&text)?;
    out.flush()?;
    Ok(order.len() as u64)
}

/// All entries, in the order of the tree: each behind the one above it, siblings by their normal names.
fn in_order<'s>(schema: &Schema, source: &'s Entries) -> Vec<EntryRef<'s>> {
    let key = |entry: &EntryRef<'_>| {
        let dn = entry.dn();
        // A name that the schema has no normal form for any more is still longer than the one above it.
        let normal = |rdn| {
            schema
                .normal_rdn(rdn)
                .map_or_else(|| rdn.to_string().into_bytes(), NormalDn::into_bytes)
        };
        dn.rdns.iter().rev().flat_map(normal).collect::<Box<[u8]>>()
    };
    let mut entries: Vec<_> = source.snapshot.entries().collect();
    entries.sort_by_cached_key(key);
    entries
}

struct Export<'a> {
    schema: &'a Schema,
    /// The PIN's hash, and the digest of the one that was imported last.
    secret: [AttributeType; 2],
    secrets: Secrets,
}

impl<'a> Export<'a> {
    fn new(schema: &'a Schema, secrets: Secrets) -> Export<'a> {
        let types = schema.well_known();
        Export {
            schema,
            secret: [types.user_password, types.imported_hash],
            secrets,
        }
    }

    /// Sorts attributes and values, and takes secrets out or completes them.
    fn make_canonical(&self, entry: &mut Entry) {
        let [pin, imported] = self.secret;
        match self.secrets {
            Secrets::Included if !entry.values(pin).is_empty() => {
                if entry.values(imported).is_empty() {
                    entry.set(imported, vec![NEVER_IMPORTED.into()]);
                }
            }
            _ => entry
                .attributes
                .retain(|attribute| !self.secret.contains(&attribute.description.kind)),
        }
        entry
            .attributes
            .sort_by_cached_key(|attribute| self.rank(attribute));
        for attribute in &mut entry.attributes {
            attribute.values.sort_unstable();
        }
    }

    /// `objectClass` first, operational attributes last, else by name.
    fn rank(&self, attribute: &Attribute) -> (u8, String) {
        let kind = attribute.description.kind;
        let class = match kind == self.schema.object_class_attribute() {
            true => 0,
            false => 1 + u8::from(self.schema.definition(kind).is_operational()),
        };
        (
            class,
            self.schema.spell(&attribute.description).to_ascii_lowercase(),
        )
    }

    fn push_ldif(&self, text: &mut Vec<u8>, entry: &Entry) {
        text.push(b'\n');
        ldif::push_line(text, "dn", entry.dn.to_string().as_bytes());
        for attribute in &entry.attributes {
            let name = self.schema.spell(&attribute.description);
            attribute
                .values
                .iter()
                .for_each(|value| ldif::push_line(text, &name, value));
        }
    }

    fn columns(&self, names: &[Box<str>]) -> Result<Columns, ExportError> {
        let column = |name: &str| {
            if name.eq_ignore_ascii_case("dn") {
                return Ok(Column {
                    name: name.into(),
                    attribute: None,
                });
            }
            let described = self.schema.describe(name.as_bytes());
            let attribute = described.ok_or_else(|| ExportError::UnknownColumn(name.into()))?;
            match self.secrets == Secrets::LeftOut && self.secret.contains(&attribute.kind) {
                true => Err(ExportError::SecretColumn(name.into())),
                false => Ok(Column {
                    name: self.schema.spell(&attribute).into(),
                    attribute: Some(attribute),
                }),
            }
        };
        Ok(Columns(
            names.iter().map(|name| column(name)).collect::<Result<_, _>>()?,
        ))
    }
}

/// The columns of a CSV export.
#[derive(Default)]
struct Columns(Vec<Column>);

struct Column {
    name: Box<str>,
    /// `None` is the name of the entry.
    attribute: Option<crate::domain::entry::AttributeDescription>,
}

impl Columns {
    fn push_header(&self, text: &mut Vec<u8>) {
        csv::push_record(text, self.0.iter().map(|column| column.name.as_bytes().to_vec()));
    }

    fn push_entry(&self, text: &mut Vec<u8>, entry: &Entry) {
        csv::push_record(text, self.0.iter().map(|column| column.cell(entry)));
    }
}

impl Column {
    fn cell(&self, entry: &Entry) -> Vec<u8> {
        let Some(description) = &self.attribute else {
            return entry.dn.to_string().into_bytes();
        };
        let found = entry
            .attributes
            .iter()
            .find(|attribute| attribute.description == *description);
        found.map_or_else(Vec::new, |attribute| csv::joined(&attribute.values))
    }
}
