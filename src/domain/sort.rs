//! Sort keys (RFC 2891), and where an entry stands among others by them.

use thiserror::Error;

use crate::domain::effort::{Effort, LOOK_BYTES};
use crate::domain::entry::options_include;
use crate::domain::matching::{Form, MatchingRule, Purpose};
use crate::domain::packed::Attributes;
use crate::domain::schema::Schema;
use crate::types::{AttributeSet, AttributeType, EntryId};

/// Octets of a value's normal form that count: values alike in so many are alike, and their entries ordered by id.
const KEY_BYTES_MAX: usize = 128;

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least value; entries without one come last.
    Ascending,
    /// The other way round, in everything.
    Descending,
}

/// One key: an attribute, and the rule that orders its values.
#[derive(Clone, Debug)]
pub struct SortKey {
    kind: AttributeType,
    options: Box<str>,
    rule: &'static MatchingRule,
    direction: Direction,
}

/// Why there is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SortKeyError {
    /// The schema knows no such attribute.
    #[error("no such attribute")]
    NoSuchAttribute,
    /// There is no such rule, it does not order, or not these values; or none was named and the attribute has none.
    #[error("values of the attribute cannot be ordered so")]
    InappropriateMatching,
}

impl SortKey {
    /// By the values of `description`, as `rule` orders them. Without one as the attribute's own ordering rule does, or by
    /// what its equality rule compares: `cn` and `mail` have no ordering rule of their own (RFC 4519, RFC 4524).
    pub fn new(
        schema: &Schema,
        description: &[u8],
        rule: Option<&[u8]>,
        direction: Direction,
    ) -> Result<SortKey, SortKeyError> {
        let description = schema
            .describe(description)
            .ok_or(SortKeyError::NoSuchAttribute)?;
        let definition = schema.definition(description.kind);
        let rule = match rule {
            Some(name) => MatchingRule::find(name)
                .filter(|rule| rule.purpose == Purpose::Ordering && definition.can_be_matched_by(rule)),
            None => definition
                .ordering
                .or_else(|| definition.equality.filter(|rule| is_ordered(rule.form))),
        };
        Ok(SortKey {
            kind: description.kind,
            options: description.options,
            rule: rule.ok_or(SortKeyError::InappropriateMatching)?,
            direction,
        })
    }

    /// The attribute type.
    pub fn kind(&self) -> AttributeType {
        self.kind
    }

    /// The least value of an entry, in normal form, of those that may be read; `None` if it has none.
    fn value<E: Attributes>(
        &self,
        schema: &Schema,
        entry: &E,
        readable: &AttributeSet,
        effort: &Effort,
    ) -> Option<Vec<u8>> {
        if !readable.contains(self.kind) {
            return None;
        }
        let views = entry.attributes();
        let views =
            views.filter(|view| view.kind == self.kind && options_include(view.options, &self.options));
        let values = views.flat_map(|view| view.values());
        let values = values.take_while(|value| effort.spend(1 + value.len() / LOOK_BYTES));
        let normal = values.filter_map(|value| {
            let mut normal = Vec::new();
            self.rule.normalize(schema, value, &mut normal).ok()?;
            Some(normal)
        });
        normal.min()
    }

    /// Appends `value` so that the order of the bytes is the order of the values, and no value's bytes begin another's.
    fn push(&self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let start = out.len();
        match value {
            Some(value) => {
                out.push(1);
                for octet in value.iter().take(KEY_BYTES_MAX) {
                    out.push(*octet);
                    if *octet == 0 {
                        out.push(0xff);
                    }
                }
                out.extend_from_slice(&[0, 0]);
            }
            // RFC 2891 section 2.2: no value is larger than any.
            None => out.push(0xff),
        }
        if self.direction == Direction::Descending {
            out[start..].iter_mut().for_each(|octet| *octet = !*octet);
        }
    }
}

/// Whether the order of normal forms is one that a person would call an order.
fn is_ordered(form: Form) -> bool {
    matches!(
        form,
        Form::CaseIgnore
            | Form::CaseExact
            | Form::CaseIgnoreIa5
            | Form::CaseExactIa5
            | Form::Numeric
            | Form::Telephone
            | Form::Integer
            | Form::Time
    )
}

/// Where an entry stands among others: by the keys, and among equals by its id. Has no `Debug`: it holds values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(Box<[u8]>);

impl Rank {
    /// Of `entry`, whose id is `id`, to somebody who may read `readable`: what may not be read is not there.
    pub fn of<E: Attributes>(
        keys: &[SortKey],
        schema: &Schema,
        (id, entry): (EntryId, &E),
        readable: &AttributeSet,
        effort: &Effort,
    ) -> Rank {
        let mut bytes = Vec::new();
        for key in keys {
            let value = key.value(schema, entry, readable, effort);
            key.push(value.as_deref(), &mut bytes);
        }
        bytes.extend_from_slice(&id.to_bytes());
        Rank(bytes.into())
    }

    /// What [`Rank::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Rank {
        Rank(bytes.into())
    }

    /// It as bytes, which order as it does.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;

    fn key(description: &str, rule: Option<&str>) -> Result<&'static str, SortKeyError> {
        let rule = rule.map(str::as_bytes);
        let key = SortKey::new(&SCHEMA, description.as_bytes(), rule, Direction::Ascending)?;
        Ok(key.rule.name)
    }

    #[test]
    fn a_key_is_ordered_by_a_rule_that_orders_its_values() {
        assert_eq!(key("uidNumber", None), Ok("integerOrderingMatch"));
        assert_eq!(key("CN", None), Ok("caseIgnoreMatch"));
        assert_eq!(key("mail", None), Ok("caseIgnoreIA5Match"));
        assert_eq!(key("cn;lang-en", Some("2.5.13.6")), Ok("caseExactOrderingMatch"));
        for (description, rule) in [
            ("cn", Some("caseIgnoreMatch")),
            ("cn", Some("nosuch")),
            ("cn", Some("integerOrderingMatch")),
            ("member", None),
        ] {
            let wrong = Err(SortKeyError::InappropriateMatching);
            assert_eq!(key(description, rule), wrong, "{description} {rule:?}");
        }
        assert_eq!(key("nosuch", None), Err(SortKeyError::NoSuchAttribute));
    }

    #[test]
    fn bytes_order_as_values_do_in_both_directions() {
        let values: [Option<&[u8]>; 7] = [
            Some(b""),
            Some(b"\0"),
            Some(b"\0\0"),
            Some(b"\0a"),
            Some(b"a"),
            Some(b"\xff\xff"),
            None,
        ];
        let pushed = |direction, value| {
            let key = SortKey::new(&SCHEMA, b"cn", None, direction).unwrap();
            let mut out = Vec::new();
            key.push(value, &mut out);
            // What follows must not matter.
            out.push(if value.is_none() { 0 } else { 0xff });
            out
        };
        for pair in values.windows(2) {
            let both = |direction| (pushed(direction, pair[0]), pushed(direction, pair[1]));
            let (less, more) = both(Direction::Ascending);
            assert!(less < more, "{pair:?}");
            let (more, less) = both(Direction::Descending);
            assert!(less < more, "{pair:?}");
        }
    }
}
