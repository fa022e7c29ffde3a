//! What schema files say (RFC 4512 section 4.1), as written, and what can be wrong with them.

use thiserror::Error;

/// One schema file: the name it goes by in error messages, and its text.
#[derive(Clone, Copy, Debug)]
pub struct SchemaFile<'a> {
    /// The file's name.
    pub name: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

/// What is wrong in a schema file, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {fault}")]
pub struct SchemaError {
    /// The file's name.
    pub file: Box<str>,
    /// The line, from 1, where the faulty description begins or breaks.
    pub line: usize,
    /// What is wrong and what would be right.
    pub fault: SchemaFault,
}

/// What can be wrong in a schema file. Every text says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaFault {
    /// Something stands where something else must.
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        /// What would be right.
        expected: &'static str,
        /// What stands there.
        found: Box<str>,
    },
    /// The file ends inside a description.
    #[error("the description that begins here has no closing `)`")]
    Unclosed,
    /// A keyword that descriptions of this kind do not have.
    #[error("unknown keyword `{0}`; vendor extensions begin with `X-`")]
    UnknownKeyword(Box<str>),
    /// An object class or attribute type with this name or OID exists already.
    #[error("`{0}` is defined already; give it a name and an OID of its own")]
    Duplicate(Box<str>),
    /// A SUP, MUST or MAY names an attribute type that no file defines.
    #[error("attribute type `{0}` is defined in no schema file; define it or correct its name")]
    UnknownAttribute(Box<str>),
    /// A SUP names an object class that no file defines.
    #[error("object class `{0}` is defined in no schema file; define it or correct its name")]
    UnknownClass(Box<str>),
    /// A matching rule this server does not have.
    #[error("matching rule `{0}` is not supported; the subschema subentry lists those that are")]
    UnknownRule(Box<str>),
    /// A syntax this server does not have.
    #[error("syntax `{0}` is not supported; the subschema subentry lists those that are")]
    UnknownSyntax(Box<str>),
    /// An attribute type with neither SYNTAX nor SUP.
    #[error("`{0}` has neither SYNTAX nor SUP; give it one of them")]
    NoSyntax(Box<str>),
    /// A SUP chain that comes back to its start.
    #[error("`{0}` is its own superior; break the circle of SUP")]
    Circular(Box<str>),
    /// More attribute types than [`crate::types::attribute::ATTRIBUTE_TYPES_MAX`], or as many classes.
    #[error("more than {0} definitions; load fewer schema files")]
    TooMany(usize),
}

/// An attribute type description (RFC 4512 section 4.1.2) as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeTypeText {
    /// OID and names.
    pub head: Head,
    /// SUP.
    pub superior: Option<Box<str>>,
    /// EQUALITY.
    pub equality: Option<Box<str>>,
    /// ORDERING.
    pub ordering: Option<Box<str>>,
    /// SUBSTR.
    pub substrings: Option<Box<str>>,
    /// SYNTAX, without the length in braces, which RFC 4512 makes a suggestion and this server ignores.
    pub syntax: Option<Box<str>>,
    /// SINGLE-VALUE.
    pub single_value: bool,
    /// COLLECTIVE.
    pub collective: bool,
    /// NO-USER-MODIFICATION.
    pub no_user_modification: bool,
    /// USAGE.
    pub usage: Usage,
}

/// What an attribute is for (RFC 4512 section 4.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// Information about the thing the entry stands for.
    #[default]
    UserApplications,
    /// Operational, of the directory.
    DirectoryOperation,
    /// Operational, shared between servers.
    DistributedOperation,
    /// Operational, of one server.
    DsaOperation,
}

/// An object class description (RFC 4512 section 4.1.1) as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectClassText {
    /// OID and names.
    pub head: Head,
    /// SUP.
    pub superiors: Vec<Box<str>>,
    /// ABSTRACT, STRUCTURAL or AUXILIARY.
    pub kind: ClassKind,
    /// MUST.
    pub must: Vec<Box<str>>,
    /// MAY.
    pub may: Vec<Box<str>>,
}

/// The kind of an object class (RFC 4512 section 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassKind {
    /// Only a base for others.
    Abstract,
    /// What an entry is: it has one chain of these.
    #[default]
    Structural,
    /// What an entry may have besides.
    Auxiliary,
}

/// What every description begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The numeric OID.
    pub oid: Box<str>,
    /// The names, canonical first; may be none.
    pub names: Vec<Box<str>>,
    /// DESC.
    pub description: Option<Box<str>>,
    /// OBSOLETE.
    pub obsolete: bool,
    /// The line where the description begins.
    pub line: usize,
}

impl Head {
    /// The canonical name, or the OID of what has no name.
    pub fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.oid)
    }
}

/// The descriptions of one file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptions {
    /// Attribute types.
    pub attribute_types: Vec<AttributeTypeText>,
    /// Object classes.
    pub object_classes: Vec<ObjectClassText>,
}
