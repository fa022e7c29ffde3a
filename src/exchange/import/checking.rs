//! The schema's verdict on an entry, told in lines of the file.

use crate::domain::entry::Entry;
use crate::domain::schema::Schema;
use crate::domain::schema::check::{SchemaViolation, ViolationReason};
use crate::exchange::problem::{Fault, Problem, shown};
use crate::exchange::row::{Field, Row};
use crate::types::AttributeSet;

/// Checks the whole entry that came of `row`, after giving it the values its RDN names. What is `stored` is what the
/// directory has of it.
pub(super) fn check_schema(
    schema: &Schema,
    entry: &mut Entry,
    stored: Option<&Entry>,
    row: &Row,
) -> Result<(), Problem> {
    let told = |violation: SchemaViolation| problem(schema, &violation, row);
    schema.add_naming_values(entry).map_err(told)?;
    let lacking = may_lack(schema, entry, stored);
    schema.check_lacking(entry, &lacking).map_err(told)
}

/// What the entry may lack though its classes demand it: what it lacks in the directory already and, if the file brings
/// its identity with it, as an export does, what names others. They may have been deleted, and a group is left empty.
fn may_lack(schema: &Schema, entry: &Entry, stored: Option<&Entry>) -> AttributeSet {
    let lacking = stored.map_or(AttributeSet::EMPTY, |stored| {
        let have: AttributeSet = stored.attributes.iter().map(|it| it.description.kind).collect();
        let classes = stored.values(schema.object_class_attribute()).iter();
        schema.lacking(classes.map(|class| &**class), &have)
    });
    match entry.values(schema.well_known().entry_uuid).is_empty() {
        true => lacking,
        false => lacking.union(schema.dn_valued()),
    }
}

fn problem(schema: &Schema, violation: &SchemaViolation, row: &Row) -> Problem {
    let name = &*violation.attribute;
    let described = schema.describe(name.as_bytes());
    let is_meant = |field: &Field<'_>| schema.describe(field.name.as_bytes()) == described;
    let value = |at: usize| row.fields().filter(is_meant).nth(at.saturating_sub(1));
    let (field, fault) = match violation.reason {
        ViolationReason::InvalidSyntax(at, syntax) => {
            let field = value(at);
            let shown = shown(field.map_or(&[], |field| field.value));
            let fault = match field.is_some_and(|field| field.value.is_empty()) {
                true => Fault::EmptyValue,
                false => Fault::Syntax {
                    value: shown,
                    syntax: syntax.into(),
                },
            };
            (field, fault)
        }
        ViolationReason::UnknownClass(at) => {
            let field = value(at);
            (
                field,
                Fault::UnknownClass(shown(field.map_or(&[], |field| field.value))),
            )
        }
        ViolationReason::Duplicate(at) => (value(at), Fault::ValueTwice),
        ViolationReason::SingleValue => (value(2), Fault::Schema(violation.reason.clone())),
        _ => (value(1), Fault::Schema(violation.reason.clone())),
    };
    Problem::of(field.map_or(row.line, |field| field.line), name, fault)
}
