//! The pairs of an RDN, as an entry is named by them.

use crate::directory::request::{Answer, Refusal};
use crate::domain::entry::AttributeDescription;
use crate::domain::schema::Schema;
use crate::types::{AttributeType, Ava, Rdn};

/// Errors: [`Answer::InvalidName`] of an RDN with an attribute type that the schema does not know, or twice (RFC 4512
/// section 2.3), or with a value that is none.
pub(super) fn check(schema: &Schema, rdn: &Rdn) -> Result<(), Refusal> {
    let mut seen: Vec<AttributeType> = Vec::new();
    for ava in &rdn.avas {
        let kind = naming(schema, ava)?.kind;
        let fault = match (
            seen.contains(&kind),
            schema.definition(kind).syntax.allows(&ava.value),
        ) {
            (true, _) => "it is in the name twice",
            (false, false) => "the name has no value of it",
            (false, true) => {
                seen.push(kind);
                continue;
            }
        };
        let why = format!("{}: {fault}", ava.attribute);
        return Err(Refusal::because(Answer::InvalidName, why));
    }
    Ok(())
}

/// The attribute of a pair. Errors: [`Answer::InvalidName`].
pub(super) fn naming(schema: &Schema, ava: &Ava) -> Result<AttributeDescription, Refusal> {
    let kind = schema.attribute(ava.attribute.as_bytes());
    let kind = kind.ok_or_else(|| {
        let why = format!("{}: no such attribute", ava.attribute);
        Refusal::because(Answer::InvalidName, why)
    })?;
    let options = "".into();
    Ok(AttributeDescription { kind, options })
}
