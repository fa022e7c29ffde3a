//! The running schema (RFC 4512): attribute types, object classes, matching rules and syntaxes.

pub mod check;
mod compile;
pub mod reader;
mod subschema;
pub mod text;
mod well_known;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::domain::entry::AttributeDescription;
use crate::domain::matching::{Form, MatchingRule};
pub use crate::domain::schema::compile::OBJECT_CLASS;
use crate::domain::schema::text::{
    AttributeTypeText, ClassKind, ObjectClassText, SchemaError, SchemaFile, Usage,
};
pub use crate::domain::schema::well_known::WellKnown;
use crate::domain::syntax::{Syntax, is_descriptor};
use crate::types::{AttributeSet, AttributeType};

/// Everything the schema files say, compiled.
pub struct Schema {
    pub(super) attribute_types: Vec<AttributeDefinition>,
    pub(super) object_classes: Vec<ObjectClass>,
    /// The canonical name of each attribute type: together, as every attribute of an answer needs one.
    pub(super) spelled: Box<[Box<str>]>,
    pub(super) attribute_names: ByName<AttributeType>,
    pub(super) class_names: ByName<ClassPosition>,
    pub(super) operational: AttributeSet,
    pub(super) dn_valued: AttributeSet,
    pub(super) well_known: WellKnown,
}

/// What has these names, aliases and OIDs, in lower case. Only schema files put names in, so nobody can make them meet in
/// one place.
type ByName<P> = HashMap<Box<[u8]>, P, FixedState>;

/// An attribute type with everything it inherits resolved.
#[derive(Debug)]
pub struct AttributeDefinition {
    /// The description as it was written.
    pub text: AttributeTypeText,
    /// The direct supertype.
    pub superior: Option<AttributeType>,
    /// The equality rule; without one, equality is Undefined and values are compared by nobody.
    pub equality: Option<&'static MatchingRule>,
    /// The ordering rule.
    pub ordering: Option<&'static MatchingRule>,
    /// The substrings rule.
    pub substrings: Option<&'static MatchingRule>,
    /// The syntax.
    pub syntax: &'static Syntax,
    /// The type itself and every type below it.
    pub subtypes: AttributeSet,
}

impl AttributeDefinition {
    /// The canonical name.
    pub fn name(&self) -> &str {
        self.text.head.name()
    }

    /// The numeric OID.
    pub fn oid(&self) -> &str {
        &self.text.head.oid
    }

    /// Whether `rule` makes sense of its values (RFC 4512 section 4.1.4).
    pub fn can_be_matched_by(&self, rule: &MatchingRule) -> bool {
        let own = [self.equality, self.ordering, self.substrings];
        rule.applies_to(self.syntax, own.into_iter().flatten())
    }

    /// Whether the attribute is operational: returned only when asked for.
    pub fn is_operational(&self) -> bool {
        self.text.usage != Usage::UserApplications
    }

    /// Whether its values are names of entries.
    pub fn is_dn_valued(&self) -> bool {
        let form = self.equality.map(|rule| rule.form);
        matches!(form, Some(Form::Dn | Form::NameAndUid))
    }
}

/// The position of an object class in the running schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassPosition(pub(super) u16);

/// An object class with everything it inherits resolved.
#[derive(Debug)]
pub struct ObjectClass {
    /// The description as it was written.
    pub text: ObjectClassText,
    /// Where it stands.
    pub position: ClassPosition,
    /// The class itself and every class above it, up to `top`.
    pub line: Vec<ClassPosition>,
    /// What an entry of this class must have, inherited included.
    pub must: AttributeSet,
    /// What an entry of this class may have, inherited included.
    pub may: AttributeSet,
}

impl ObjectClass {
    /// The canonical name.
    pub fn name(&self) -> &str {
        self.text.head.name()
    }

    /// Abstract, structural or auxiliary.
    pub fn kind(&self) -> ClassKind {
        self.text.kind
    }

    /// Whether this is `other` or a class below it.
    pub fn is_a(&self, other: ClassPosition) -> bool {
        self.line.contains(&other)
    }

    /// The structural class of an entry with these classes (RFC 4512 section 2.4.2): the lowest one. Of two of which
    /// neither is above the other, as no checked entry has, the one that comes first.
    pub fn structural<'s>(classes: impl Iterator<Item = &'s ObjectClass>) -> Option<&'s ObjectClass> {
        let structural = classes.filter(|class| class.kind() == ClassKind::Structural);
        structural.reduce(|lowest, class| {
            if class.is_a(lowest.position) {
                class
            } else {
                lowest
            }
        })
    }
}

/// The longest name that is looked up; nothing of a longer name exists.
pub const NAME_BYTES_MAX: usize = 128;

/// The most options in one attribute description; more make it no description.
pub const OPTIONS_MAX: usize = 16;

const BUILT_IN: &[SchemaFile<'_>] = &[
    SchemaFile {
        name: "operational.schema",
        text: include_str!("../../../schemas/operational.schema"),
    },
    SchemaFile {
        name: "core.schema",
        text: include_str!("../../../schemas/core.schema"),
    },
    SchemaFile {
        name: "cosine.schema",
        text: include_str!("../../../schemas/cosine.schema"),
    },
    SchemaFile {
        name: "inetorgperson.schema",
        text: include_str!("../../../schemas/inetorgperson.schema"),
    },
    SchemaFile {
        name: "rfc2307bis.schema",
        text: include_str!("../../../schemas/rfc2307bis.schema"),
    },
    SchemaFile {
        name: "eduperson.schema",
        text: include_str!("../../../schemas/eduperson.schema"),
    },
    SchemaFile {
        name: "schac.schema",
        text: include_str!("../../../schemas/schac.schema"),
    },
    SchemaFile {
        name: "beadle.schema",
        text: include_str!("../../../schemas/beadle.schema"),
    },
];

impl Schema {
    /// The schema compiled into the binary: operational attributes, core, cosine, inetorgperson, rfc2307bis,
    /// eduperson, schac, beadle.
    pub fn built_in() -> Schema {
        Schema::load(&[]).expect("the built-in schema files are loaded by a test")
    }

    /// The built-in schema and `extra` files. Errors: the first thing that is wrong, with file and line.
    pub fn load(extra: &[SchemaFile<'_>]) -> Result<Schema, SchemaError> {
        compile::schema(BUILT_IN.iter().chain(extra).copied())
    }

    /// The attribute type with this name, alias or OID (no options), in any case.
    pub fn attribute(&self, name: &[u8]) -> Option<AttributeType> {
        with_lower_case(name, |name| self.attribute_names.get(name).copied())
    }

    /// What the schema says of `kind`, which must come from this schema.
    pub fn definition(&self, kind: AttributeType) -> &AttributeDefinition {
        &self.attribute_types[usize::from(kind.0)]
    }

    /// The canonical name of an attribute type, as answers spell it, such as `givenName`.
    pub fn name(&self, kind: AttributeType) -> &str {
        &self.spelled[usize::from(kind.0)]
    }

    /// Every attribute type.
    pub fn attribute_types(&self) -> impl Iterator<Item = (AttributeType, &AttributeDefinition)> {
        (0..).map(AttributeType).zip(&self.attribute_types)
    }

    /// Every operational attribute type: what `+` selects (RFC 3673) and `*` does not.
    pub fn operational(&self) -> &AttributeSet {
        &self.operational
    }

    /// Every user attribute type whose values are names of entries, such as `member` and `manager`.
    pub fn dn_valued(&self) -> &AttributeSet {
        &self.dn_valued
    }

    /// The attribute types that the server itself reads and writes.
    pub fn well_known(&self) -> &WellKnown {
        &self.well_known
    }

    /// `objectClass`.
    pub fn object_class_attribute(&self) -> AttributeType {
        compile::OBJECT_CLASS
    }

    /// The object class with this name, alias or OID, in any case.
    pub fn class(&self, name: &[u8]) -> Option<&ObjectClass> {
        let position = with_lower_case(name, |name| self.class_names.get(name).copied())?;
        Some(self.class_at(position))
    }

    /// The object class at a position of this schema.
    pub fn class_at(&self, position: ClassPosition) -> &ObjectClass {
        &self.object_classes[usize::from(position.0)]
    }

    /// Every object class.
    pub fn object_classes(&self) -> &[ObjectClass] {
        &self.object_classes
    }

    /// The numeric OID of the attribute type, object class or matching rule with this name.
    pub fn oid(&self, name: &[u8]) -> Option<&str> {
        if let Some(class) = self.class(name) {
            return Some(&class.text.head.oid);
        }
        if let Some(kind) = self.attribute(name) {
            return Some(&self.definition(kind).text.head.oid);
        }
        MatchingRule::find(name).map(|rule| rule.oid)
    }

    /// The attribute description in `text`, such as `cn;lang-en` (RFC 4512 section 2.5). `None` for an unknown
    /// type and for options that are none.
    pub fn describe(&self, text: &[u8]) -> Option<AttributeDescription> {
        let mut parts = text.split(|byte| *byte == b';');
        let kind = self.attribute(parts.next()?)?;
        let mut options = Vec::new();
        for part in parts {
            let option = std::str::from_utf8(part).ok()?.to_ascii_lowercase();
            let named = option.starts_with(|first: char| first.is_ascii_digit()) || is_descriptor(&option);
            if !named || option.contains('_') || options.len() == OPTIONS_MAX {
                return None;
            }
            options.push(option);
        }
        options.sort_unstable();
        options.dedup();
        Some(AttributeDescription {
            kind,
            options: options.join(";").into(),
        })
    }

    /// An attribute description as answers spell it: canonical name, options in order.
    pub fn spell(&self, description: &AttributeDescription) -> String {
        let name = self.name(description.kind);
        match &*description.options {
            "" => name.into(),
            options => format!("{name};{options}"),
        }
    }
}

/// Hands `name` in lower case to `look_up`, without allocating. Names past [`NAME_BYTES_MAX`] are nobody's.
fn with_lower_case<T>(name: &[u8], look_up: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let mut buffer = [0; NAME_BYTES_MAX];
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    look_up(lower)
}

/// The built-in schema, compiled once for all tests of this binary.
#[cfg(test)]
pub(crate) static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(Schema::built_in);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_aliases_and_oids_lead_to_the_same_type_in_any_case() {
        let schema = &*SCHEMA;
        let kind = schema.attribute(b"sn").unwrap();
        for name in ["SURNAME", "2.5.4.4", "Sn"] {
            assert_eq!(schema.attribute(name.as_bytes()), Some(kind));
        }
        assert_eq!(schema.name(schema.attribute(b"GIVENNAME").unwrap()), "givenName");
        assert_eq!(schema.name(schema.object_class_attribute()), "objectClass");
        for unknown in [
            &b"nosuch"[..],
            b"",
            b"2.5.4",
            b"\xff",
            &[b'a'; NAME_BYTES_MAX + 1],
        ] {
            assert_eq!(schema.attribute(unknown), None);
        }
    }

    #[test]
    fn rules_syntaxes_and_subtypes_are_inherited() {
        let schema = &*SCHEMA;
        let name = schema.definition(schema.attribute(b"name").unwrap());
        let cn = schema.attribute(b"cn").unwrap();
        assert_eq!(schema.definition(cn).equality.unwrap().name, "caseIgnoreMatch");
        assert_eq!(schema.definition(cn).syntax.description, "Directory String");
        assert!(name.subtypes.contains(cn) && !schema.definition(cn).subtypes.contains(name_kind(schema)));
        let country = schema.definition(schema.attribute(b"c").unwrap());
        assert_eq!(country.syntax.description, "Country String");
    }

    fn name_kind(schema: &Schema) -> AttributeType {
        schema.attribute(b"name").unwrap()
    }

    #[test]
    fn classes_inherit_what_they_demand_and_allow() {
        let schema = &*SCHEMA;
        let person = schema.class(b"INETORGPERSON").unwrap();
        assert!(person.is_a(schema.class(b"2.5.6.6").unwrap().position));
        assert!(!schema.class(b"person").unwrap().is_a(person.position));
        assert!(person.must.contains(schema.attribute(b"sn").unwrap()));
        assert!(person.may.contains(schema.attribute(b"userPassword").unwrap()));
    }

    #[test]
    fn options_are_put_in_one_order() {
        let schema = &*SCHEMA;
        let description = schema.describe(b"CN;x-b;Lang-EN;x-b").unwrap();
        assert_eq!(&*description.options, "lang-en;x-b");
        assert_eq!(schema.spell(&description), "cn;lang-en;x-b");
        assert_eq!(
            schema.spell(&schema.describe(b"userCertificate;binary").unwrap()),
            "userCertificate;binary"
        );
        for wrong in ["cn;", ";cn", "cn; x", "nosuch;x", "cn;a_b"] {
            assert_eq!(schema.describe(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
