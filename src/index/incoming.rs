//! Records as they come from the store, made ready to be packed.

use std::borrow::Cow;

use super::blob::Loose;
use super::quarantine::Reason;
use crate::domain::packed::AttributeView;
use crate::domain::schema::Schema;
use crate::record::coded_name::CODED_NAMES;
use crate::record::entry::{EntryView, StoredAttributeView};
use crate::record::{Key, Kind};
use crate::types::{AttributeType, Dn, EntryId, NormalDn, Rdn};

/// A record the index has a use for.
pub(super) enum Incoming<'r> {
    /// An entry.
    Entry(IncomingEntry<'r>),
    /// Anything else.
    Side,
}

/// An entry's record, taken apart.
pub(super) struct IncomingEntry<'r> {
    pub id: EntryId,
    pub parent: Option<EntryId>,
    /// The RDN as it is spelt; the whole DN of the base entry.
    pub name: Cow<'r, str>,
    pub normal: Vec<u8>,
    /// Attributes the schema has.
    pub known: Vec<AttributeView<'r>>,
    /// Attributes it has not.
    pub unknown: Vec<StoredAttributeView<'r>>,
}

impl IncomingEntry<'_> {
    /// What the entry is packed from.
    pub(super) fn loose(&self) -> Loose<'_> {
        Loose {
            name: &self.name,
            normal: &self.normal,
            known: &self.known,
            unknown: &self.unknown,
        }
    }
}

/// Reads records. One for a base, so that names are looked up once.
pub(super) struct Intake {
    /// By position in [`CODED_NAMES`].
    codes: Vec<Option<AttributeType>>,
    /// What stands above the base entry's own RDN: text with a leading comma, and normal form.
    above_base: (Box<str>, NormalDn),
}

impl Intake {
    /// For entries under `base`, which is the name of the entry without a parent. `None` if the schema cannot read
    /// what stands above it.
    pub(super) fn new(schema: &Schema, base: &Dn) -> Option<Intake> {
        // Nothing stands above the root either, which is no entry's name.
        let above = base.parent().unwrap_or_default();
        let text = match above.rdns.is_empty() {
            true => String::new(),
            false => format!(",{above}"),
        };
        let normal = schema.normal_dn(&above)?;
        Some(Intake {
            codes: CODED_NAMES
                .iter()
                .map(|name| schema.attribute(name.as_bytes()))
                .collect(),
            above_base: (text.into(), normal),
        })
    }

    /// Reads one record. Errors: why it must be set aside.
    pub(super) fn read<'r>(
        &self,
        key: &Key,
        value: &'r [u8],
        schema: &Schema,
    ) -> Result<Incoming<'r>, Reason> {
        let Some(id) = entry_id(key)? else {
            return Ok(Incoming::Side);
        };
        let view = EntryView::new(value)?;
        let (name, normal) = self.names(&view, schema);
        let mut entry = IncomingEntry {
            id,
            parent: view.parent,
            name,
            normal,
            known: Vec::with_capacity(32),
            unknown: Vec::new(),
        };
        for attribute in view.attributes() {
            match self.kind(&attribute, schema) {
                Some(kind) => entry.known.push(AttributeView {
                    kind,
                    options: attribute.options,
                    encoded: attribute.encoded,
                }),
                None => entry.unknown.push(attribute),
            }
        }
        Ok(Incoming::Entry(entry))
    }

    fn kind(&self, attribute: &StoredAttributeView<'_>, schema: &Schema) -> Option<AttributeType> {
        match attribute.coded {
            Some(position) => *self.codes.get(usize::from(position))?,
            None => schema.attribute(attribute.name.as_bytes()),
        }
    }

    /// The entry's own name as text and in normal form.
    fn names<'r>(&self, view: &EntryView<'r>, schema: &Schema) -> (Cow<'r, str>, Vec<u8>) {
        let mut name = Cow::Borrowed(view.rdn_text);
        let mut normal = normal_rdn(&view.rdn, view.rdn_text, schema);
        if view.parent.is_none() {
            name.to_mut().push_str(&self.above_base.0);
            normal.extend_from_slice(self.above_base.1.as_bytes());
        }
        (name, normal)
    }
}

/// A name that the schema cannot read any more gets a form that no DN has: its entry is found by searching,
/// not by name, until its schema file is back.
fn normal_rdn(rdn: &Rdn, text: &str, schema: &Schema) -> Vec<u8> {
    let unreadable = || [b"\0\0", text.as_bytes()].concat();
    schema
        .normal_rdn(rdn)
        .map_or_else(unreadable, NormalDn::into_bytes)
}

/// The id in an entry's key; `None` for a record of another kind. Errors: [`Reason::Key`].
pub(super) fn entry_id(key: &Key) -> Result<Option<EntryId>, Reason> {
    match key.as_bytes().split_first() {
        Some((kind, id)) if *kind == Kind::Entry as u8 => {
            Ok(Some(EntryId::from_bytes(id).ok_or(Reason::Key)?))
        }
        _ => Ok(None),
    }
}
