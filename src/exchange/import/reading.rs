//! A row as an entry: names resolved, what only the directory may set refused, PINs in clear text refused.

use std::collections::HashMap;

use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::pin::HashScheme;
use crate::domain::schema::Schema;
use crate::exchange::import::ImportSettings;
use crate::exchange::problem::{Fault, Problem, shown};
use crate::exchange::row::{Field, Row};
use crate::types::{AttributeType, Dn};

/// How many spellings of attribute descriptions are remembered; more are resolved anew each time.
const SPELLINGS_MAX: usize = 4096;

/// Turns rows into entries.
pub(super) struct Reading<'a> {
    schema: &'a Schema,
    ignored: &'a [Box<str>],
    /// Attributes no user may set that a file may carry: what an export writes so that it can be restored.
    restored: [AttributeType; 8],
    spellings: HashMap<Box<str>, Meaning>,
}

/// What an attribute description of the file means.
#[derive(Clone)]
enum Meaning {
    Kept(AttributeDescription),
    Ignored,
    Refused(Fault),
}

impl<'a> Reading<'a> {
    pub(super) fn new(schema: &'a Schema, settings: &'a ImportSettings) -> Reading<'a> {
        let types = schema.well_known();
        Reading {
            schema,
            ignored: &settings.ignored,
            restored: [
                types.entry_uuid,
                types.create_timestamp,
                types.modify_timestamp,
                types.creators_name,
                types.modifiers_name,
                types.entry_csn,
                types.password_changed_time,
                types.imported_hash,
            ],
            spellings: HashMap::new(),
        }
    }

    /// The entry a row describes. Not yet checked against the schema as a whole.
    pub(super) fn entry(&mut self, row: &Row) -> Result<Entry, Problem> {
        let bad_dn = || Problem::of(row.dn_line(), "dn", Fault::BadDn(shown(row.dn())));
        let text = std::str::from_utf8(row.dn()).map_err(|_| bad_dn())?;
        let dn = Dn::parse(text).map_err(|_| bad_dn())?;
        if dn.rdns.is_empty() {
            return Err(bad_dn());
        }
        let mut entry = Entry {
            dn,
            attributes: Vec::new(),
        };
        for field in row.fields() {
            self.add(&mut entry, &field)
                .map_err(|fault| Problem::of(field.line, field.name, fault))?;
        }
        Ok(entry)
    }

    fn add(&mut self, entry: &mut Entry, field: &Field<'_>) -> Result<(), Fault> {
        let description = match self.meaning(field.name) {
            Meaning::Kept(description) => description,
            Meaning::Ignored => return Ok(()),
            Meaning::Refused(fault) => return Err(fault),
        };
        if description.kind == self.schema.well_known().user_password {
            check_pin(entry, &description, field.value)?;
        }
        push(entry, description, field.value);
        Ok(())
    }

    /// The attribute that the file calls `name`, unless it is skipped or refused.
    pub(super) fn description(&mut self, name: &str) -> Option<AttributeDescription> {
        match self.meaning(name) {
            Meaning::Kept(description) => Some(description),
            Meaning::Ignored | Meaning::Refused(_) => None,
        }
    }

    fn meaning(&mut self, name: &str) -> Meaning {
        if let Some(meaning) = self.spellings.get(name) {
            return meaning.clone();
        }
        let meaning = self.resolve(name);
        if self.spellings.len() < SPELLINGS_MAX {
            self.spellings.insert(name.into(), meaning.clone());
        }
        meaning
    }

    fn resolve(&self, name: &str) -> Meaning {
        let described = self.schema.describe(name.as_bytes());
        if self.is_ignored(name, described.as_ref()) {
            return Meaning::Ignored;
        }
        let Some(description) = described else {
            return Meaning::Refused(Fault::UnknownAttribute);
        };
        let kind = description.kind;
        let is_settable = !self.schema.definition(kind).text.no_user_modification;
        match is_settable || self.restored.contains(&kind) {
            true => Meaning::Kept(description),
            false => Meaning::Refused(Fault::NoUserModification),
        }
    }

    /// Whether the attribute is to be skipped, by the name the file gives it or by another one of its names.
    fn is_ignored(&self, name: &str, described: Option<&AttributeDescription>) -> bool {
        let bare = name.split(';').next().unwrap_or_default();
        self.ignored.iter().any(|ignored| {
            let kind = self.schema.attribute(ignored.as_bytes());
            ignored.eq_ignore_ascii_case(bare)
                || (kind.is_some() && kind == described.map(|found| found.kind))
        })
    }
}

/// Refuses what is no hash that a PIN can be checked against, and a second one.
fn check_pin(entry: &Entry, description: &AttributeDescription, value: &[u8]) -> Result<(), Fault> {
    if !entry.values(description.kind).is_empty() || !description.options.is_empty() {
        return Err(Fault::SecondPin);
    }
    HashScheme::recognise(value).map(|_| ()).map_err(Fault::Pin)
}

/// Adds a value. Values of one attribute mostly stand together, so the last attribute is looked at first.
fn push(entry: &mut Entry, description: AttributeDescription, value: &[u8]) {
    let found = entry
        .attributes
        .iter()
        .rposition(|attribute| attribute.description == description);
    match found.and_then(|at| entry.attributes.get_mut(at)) {
        Some(attribute) => attribute.values.push(value.into()),
        None => entry.attributes.push(Attribute {
            description,
            values: vec![value.into()],
        }),
    }
}
