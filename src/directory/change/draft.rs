//! An entry while it is being changed, and what becomes of it.

use std::collections::HashMap;

use crate::directory::request::{Answer, Refusal};
use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::packed::{self, AttributeView, Attributes};
use crate::domain::schema::check::{SchemaViolation, ViolationReason};
use crate::domain::schema::{ClassPosition, ObjectClass, Schema};
use crate::index::EntryRef;
use crate::record::entry::{StoredAttribute, StoredEntry};
use crate::types::{AttributeSet, AttributeType, Dn, EntryId};

/// An entry in the making. Has no `Debug`: a value may be a PIN's hash.
pub(super) struct Draft<'s> {
    schema: &'s Schema,
    held: Vec<Held>,
    /// Attributes that the schema has lost: they stay as they are.
    unknown: Vec<StoredAttribute>,
    /// The structural class it had before, if it was there.
    structural: Option<ClassPosition>,
    /// What the entry lacked before, such as the members of a group whose last one was removed.
    lacking: AttributeSet,
}

/// One attribute and its values, the deleted ones as gaps.
struct Held {
    description: AttributeDescription,
    values: Vec<Option<Box<[u8]>>>,
    live: usize,
    /// Where each normal form stands, once somebody has asked.
    places: Option<HashMap<Box<[u8]>, usize>>,
}

impl<'s> Draft<'s> {
    /// Of an entry that is not there yet.
    pub(super) fn new(schema: &'s Schema) -> Draft<'s> {
        Draft {
            schema,
            held: Vec::new(),
            unknown: Vec::new(),
            structural: None,
            lacking: AttributeSet::EMPTY,
        }
    }

    /// Of an entry as it stands.
    pub(super) fn of(schema: &'s Schema, entry: EntryRef<'_>) -> Draft<'s> {
        let held = entry.packed().map(|attribute| {
            let description = AttributeDescription {
                kind: attribute.kind,
                options: attribute.options.into(),
            };
            Held::new(description, attribute.values().map(Box::from).collect())
        });
        let unknown = entry.unknown().map(|attribute| StoredAttribute {
            name: attribute.name.into(),
            options: attribute.options.into(),
            encoded: attribute.encoded.to_vec(),
        });
        let have: AttributeSet = entry.packed().map(|attribute| attribute.kind).collect();
        let classes = entry.attribute(schema.object_class_attribute());
        let classes = classes.into_iter().flat_map(|classes| classes.values());
        let structural = ObjectClass::structural(classes.clone().filter_map(|name| schema.class(name)));
        Draft {
            schema,
            held: held.collect(),
            unknown: unknown.collect(),
            structural: structural.map(|class| class.position),
            lacking: schema.lacking(classes, &have),
        }
    }

    /// The same, but these are demanded though the entry lacked them before.
    pub(super) fn demanding(mut self, kinds: &AttributeSet) -> Draft<'s> {
        self.lacking = self.lacking.difference(kinds);
        self
    }

    /// The values of `description`, if it has any.
    pub(super) fn has(&self, description: &AttributeDescription) -> bool {
        self.held.iter().any(|held| held.description == *description)
    }

    /// The types of its attributes.
    pub(super) fn kinds(&self) -> AttributeSet {
        self.held.iter().map(|held| held.description.kind).collect()
    }

    /// The values of `kind` without options.
    pub(super) fn values(&self, kind: AttributeType) -> impl Iterator<Item = &[u8]> {
        let mut held = self.held.iter();
        let own = held.find(|held| held.description.kind == kind && held.description.options.is_empty());
        own.into_iter().flat_map(Held::live_values)
    }

    /// The UIDs it will have.
    pub(super) fn uids(&self) -> Vec<Box<[u8]>> {
        let uids = self.values(self.schema.well_known().uid);
        uids.map(Box::from).collect()
    }

    /// The values of `kind` with whatever options.
    pub(super) fn values_of_any(&self, kind: AttributeType) -> impl Iterator<Item = &[u8]> {
        let of_kind = self.held.iter().filter(move |held| held.description.kind == kind);
        of_kind.flat_map(Held::live_values)
    }

    /// The values of `description`.
    pub(super) fn values_of(&self, description: &AttributeDescription) -> impl Iterator<Item = &[u8]> {
        let mut held = self.held.iter();
        let own = held.find(|held| held.description == *description);
        own.into_iter().flat_map(Held::live_values)
    }

    /// Replaces the values of `kind` without options; no values removes the attribute.
    pub(super) fn set(&mut self, kind: AttributeType, values: Vec<Box<[u8]>>) {
        let options = "".into();
        self.replace(AttributeDescription { kind, options }, values);
    }

    /// Replaces the values of `description`; no values removes the attribute.
    pub(super) fn replace(&mut self, description: AttributeDescription, values: Vec<Box<[u8]>>) {
        let place = self.held.iter().position(|held| held.description == description);
        match (place, values.is_empty()) {
            (Some(place), true) => drop(self.held.remove(place)),
            (Some(place), false) => {
                if let Some(held) = self.held.get_mut(place) {
                    *held = Held::new(description, values);
                }
            }
            (None, true) => {}
            (None, false) => self.held.push(Held::new(description, values)),
        }
    }

    /// Adds a value. Errors: the value itself, if it is there already.
    pub(super) fn add(&mut self, description: &AttributeDescription, value: Box<[u8]>) -> Result<(), ()> {
        let schema = self.schema;
        let place = self.held.iter().position(|held| held.description == *description);
        let Some(held) = place.and_then(|place| self.held.get_mut(place)) else {
            self.held.push(Held::new(description.clone(), vec![value]));
            return Ok(());
        };
        held.add(schema, value)
    }

    /// Deletes a value. Errors: it is not there.
    pub(super) fn delete(&mut self, description: &AttributeDescription, value: &[u8]) -> Result<(), ()> {
        let schema = self.schema;
        let place = self.held.iter().position(|held| held.description == *description);
        let held = place.and_then(|place| self.held.get_mut(place)).ok_or(())?;
        held.delete(schema, value)?;
        if held.live == 0 {
            self.held.retain(|held| held.live > 0);
        }
        Ok(())
    }

    /// The entry as it would be under the name `dn`.
    pub(super) fn entry(&self, dn: Dn) -> Entry {
        let attributes = self.held.iter().map(|held| Attribute {
            description: held.description.clone(),
            values: held.live_values().map(Box::from).collect(),
        });
        Entry {
            dn,
            attributes: attributes.collect(),
        }
    }

    /// The whole entry against the schema. Errors: [`Refusal`], with the violation in words if it is about one of
    /// `touched`: of others the asker may not know.
    pub(super) fn check(&self, entry: &Entry, touched: &[AttributeType]) -> Result<(), Refusal> {
        let classes = entry.values(self.schema.object_class_attribute()).iter();
        let classes = classes.filter_map(|name| self.schema.class(name));
        let structural = ObjectClass::structural(classes).map(|class| class.position);
        if let (Some(before), Some(after)) = (self.structural, structural)
            && before != after
        {
            let why = "objectClass: an entry stays of its structural class";
            return Err(Refusal::because(Answer::ClassChange, why));
        }
        let checked = self.schema.check_lacking(entry, &self.lacking);
        checked.map_err(|violation| refusal(self.schema, &violation, touched))
    }

    /// The record's value for the entry `id` below `parent`. Errors: [`Answer::AdminLimitExceeded`] for one that is too
    /// long, and [`Answer::InvalidName`] for an entry without a name.
    pub(super) fn encode(
        self,
        id: EntryId,
        parent: Option<EntryId>,
        entry: &Entry,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Refusal> {
        let stored = StoredEntry::new(self.schema, id, parent, entry);
        let mut stored = stored.ok_or(Answer::InvalidName)?;
        stored.attributes.extend(self.unknown);
        let bytes = stored.encode();
        if bytes.len() > bytes_max {
            let why = format!(
                "the entry would take {} bytes; {bytes_max} are allowed",
                bytes.len()
            );
            return Err(Refusal::because(Answer::AdminLimitExceeded, why));
        }
        Ok(bytes)
    }

    /// The entry as access rules and filters look at it, under this name.
    pub(super) fn packed(&self, name: Dn) -> Packed {
        let pack = |held: &Held| {
            let mut encoded = Vec::new();
            held.live_values()
                .for_each(|value| packed::push_value(&mut encoded, value));
            (held.description.clone(), encoded)
        };
        Packed {
            name,
            attributes: self.held.iter().map(pack).collect(),
        }
    }
}

/// A draft as a filter looks at it.
pub(super) struct Packed {
    name: Dn,
    attributes: Vec<(AttributeDescription, Vec<u8>)>,
}

impl Attributes for Packed {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.attributes
            .iter()
            .map(|(description, encoded)| AttributeView {
                kind: description.kind,
                options: &description.options,
                encoded,
            })
    }

    fn dn(&self) -> Option<Dn> {
        Some(self.name.clone())
    }
}

impl Held {
    fn new(description: AttributeDescription, values: Vec<Box<[u8]>>) -> Held {
        Held {
            description,
            live: values.len(),
            values: values.into_iter().map(Some).collect(),
            places: None,
        }
    }

    fn live_values(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().flatten().map(|value| &**value)
    }

    /// Where each normal form stands: found once, so that a thousand values in one request are no million looks.
    fn places(&mut self, schema: &Schema) -> &mut HashMap<Box<[u8]>, usize> {
        let (kind, values) = (self.description.kind, &self.values);
        self.places.get_or_insert_with(|| {
            let placed = values.iter().enumerate();
            placed
                .filter_map(|(at, value)| Some((normal(schema, kind, value.as_deref()?), at)))
                .collect()
        })
    }

    fn add(&mut self, schema: &Schema, value: Box<[u8]>) -> Result<(), ()> {
        let form = normal(schema, self.description.kind, &value);
        let at = self.values.len();
        match self.places(schema).entry(form) {
            std::collections::hash_map::Entry::Occupied(_) => return Err(()),
            std::collections::hash_map::Entry::Vacant(free) => free.insert(at),
        };
        self.values.push(Some(value));
        self.live += 1;
        Ok(())
    }

    fn delete(&mut self, schema: &Schema, value: &[u8]) -> Result<(), ()> {
        let form = normal(schema, self.description.kind, value);
        let at = self.places(schema).remove(&form).ok_or(())?;
        if let Some(place) = self.values.get_mut(at) {
            *place = None;
            self.live -= 1;
        }
        Ok(())
    }
}

/// The form that tells whether two values are the same; of one that the rule refuses, the value itself.
fn normal(schema: &Schema, kind: AttributeType, value: &[u8]) -> Box<[u8]> {
    schema
        .normal_value(kind, value)
        .map_or_else(|| value.into(), Vec::into_boxed_slice)
}

/// What a violation is to the asker: in words if it is about one of `touched`, of others the asker may not know.
pub(super) fn refusal(schema: &Schema, violation: &SchemaViolation, touched: &[AttributeType]) -> Refusal {
    let named = violation.attribute.split(';').next().unwrap_or_default();
    let kind = schema.attribute(named.as_bytes());
    let may_know = match (&violation.reason, kind) {
        (ViolationReason::Missing(_), _) | (_, None) => true,
        (_, Some(kind)) => touched.contains(&kind),
    };
    let why = if may_know {
        violation.to_string()
    } else {
        String::new()
    };
    Refusal::because(answer(&violation.reason), why)
}

fn answer(reason: &ViolationReason) -> Answer {
    match reason {
        ViolationReason::NoObjectClass
        | ViolationReason::NoStructuralClass
        | ViolationReason::TwoStructuralClasses(..)
        | ViolationReason::Missing(_)
        | ViolationReason::NotAllowed => Answer::ClassViolation,
        ViolationReason::UnknownClass(_) | ViolationReason::InvalidSyntax(..) => Answer::InvalidSyntax,
        ViolationReason::NoValue => Answer::Malformed,
        ViolationReason::SingleValue => Answer::Constraint,
        ViolationReason::Duplicate(_) | ViolationReason::GivenTwice => Answer::ValueExists,
        ViolationReason::UnknownNamingAttribute => Answer::InvalidName,
        ViolationReason::NamingValueMissing => Answer::NamingViolation,
    }
}
