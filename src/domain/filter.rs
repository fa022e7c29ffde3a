//! Search filters (RFC 4511 section 4.5.1.7), compiled against the schema, with three-valued logic.

use crate::domain::packed::Attributes;
use crate::domain::schema::Schema;
use crate::types::AttributeSet;

/// A filter whose attribute names are resolved and whose assertion values are in normal form.
/// What cannot be resolved is [`Filter::Undefined`].
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// An item that is neither true nor false of any entry: unknown attribute, unknown rule, bad value.
    Undefined,
}

/// The three values of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The filter matches.
    True,
    /// The filter does not match.
    False,
    /// Nobody can say; not a match, and NOT of it is not one either.
    Undefined,
}

/// Whether an extensible match looks at the attributes of the DN too (RFC 4511 `dnAttributes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnAttributes {
    /// Yes.
    Included,
    /// No.
    Excluded,
}

impl Filter {
    /// `(description=value)`.
    pub fn equality(_schema: &Schema, _description: &[u8], _value: &[u8]) -> Filter {
        unimplemented!()
    }
    /// `(description>=value)`.
    pub fn greater_or_equal(_schema: &Schema, _description: &[u8], _value: &[u8]) -> Filter {
        unimplemented!()
    }
    /// `(description<=value)`.
    pub fn less_or_equal(_schema: &Schema, _description: &[u8], _value: &[u8]) -> Filter {
        unimplemented!()
    }
    /// `(description~=value)`.
    pub fn approximate(_schema: &Schema, _description: &[u8], _value: &[u8]) -> Filter {
        unimplemented!()
    }
    /// `(description=*)`.
    pub fn present(_schema: &Schema, _description: &[u8]) -> Filter {
        unimplemented!()
    }
    /// `(description=initial*any*final)`.
    pub fn substrings(
        _schema: &Schema,
        _description: &[u8],
        _initial: Option<&[u8]>,
        _any: &[&[u8]],
        _last: Option<&[u8]>,
    ) -> Filter {
        unimplemented!()
    }
    /// `(description:dn:rule:=value)`.
    pub fn extensible(
        _schema: &Schema,
        _rule: Option<&[u8]>,
        _description: Option<&[u8]>,
        _value: &[u8],
        _dn: DnAttributes,
    ) -> Filter {
        unimplemented!()
    }

    /// What the filter says of `entry` to somebody who may read `readable` only: an item on any other
    /// attribute is Undefined, also inside NOT (DESIGN invariant 4).
    pub fn truth<E: Attributes>(&self, _schema: &Schema, _entry: &E, _readable: &AttributeSet) -> Truth {
        unimplemented!()
    }
}
