//! Search filters (RFC 4511 section 4.5.1.7), compiled against the schema, with three-valued logic.

pub mod text;
mod truth;
#[cfg(test)]
mod truth_tests;

use crate::domain::entry::options_include;
use crate::domain::matching::substring::Pieces;
use crate::domain::matching::{Form, MatchingRule, Purpose};
use crate::domain::packed::AttributeView;
use crate::domain::schema::{ClassPosition, Schema};
use crate::domain::syntax::Syntax;
use crate::types::{AttributeSet, AttributeType};

/// The deepest filter: AND, OR and NOT inside one another. Decoders refuse a deeper one.
pub const FILTER_DEPTH_MAX: usize = 48;
/// The most elements (AND, OR, NOT, items) of a filter written as text. Its parser refuses a larger one.
pub const FILTER_ELEMENTS_MAX: usize = 4096;

/// A filter whose attribute names are resolved and whose assertion values are in normal form.
/// What cannot be resolved is [`Filter::Undefined`].
pub enum Filter {
    /// All of them; of none, true (RFC 4526).
    And(Vec<Filter>),
    /// Any of them; of none, false (RFC 4526).
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// A value is the same as the asserted one.
    Equality(Box<Assertion>),
    /// A value is the asserted one or comes after it.
    GreaterOrEqual(Box<Assertion>),
    /// A value is the asserted one or comes before it.
    LessOrEqual(Box<Assertion>),
    /// There is a value.
    Present(Box<Target>),
    /// A value has the asserted pieces.
    Substrings(Box<SubstringAssertion>),
    /// A rule of the asker's choice says so of a value.
    Extensible(Box<ExtensibleAssertion>),
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

/// Which attributes of an entry an item looks at.
#[derive(Clone, Debug)]
pub struct Target {
    /// The attribute type that was named; for a rule without a type, the first it applies to.
    pub kind: AttributeType,
    /// That type and its subtypes: an index serves an item only if it covers all of them.
    pub kinds: AttributeSet,
    /// The options that were named (RFC 4512 section 2.5.2): only attributes that carry all of them count.
    pub options: Box<str>,
}

/// An asserted value and where it is looked for. Has no `Debug`: values are not for logs.
pub struct Assertion {
    /// Where.
    pub target: Target,
    /// The rule that compares: of equality for [`Filter::Equality`], else of ordering.
    pub rule: &'static MatchingRule,
    /// The normal form of the asserted value.
    pub normal: Box<[u8]>,
    /// For equality on `objectClass`: the class. It is true of entries of its subclasses too, whether or not
    /// they list it; an index of `objectClass` must hold the whole line of each class
    /// ([`crate::domain::schema::ObjectClass::line`]).
    pub class: Option<ClassPosition>,
}

/// Asserted pieces and where they are looked for. Has no `Debug`.
pub struct SubstringAssertion {
    /// Where.
    pub target: Target,
    /// The substrings rule.
    pub rule: &'static MatchingRule,
    /// The pieces.
    pub pieces: Pieces,
}

/// An extensible assertion. Has no `Debug`.
pub struct ExtensibleAssertion {
    /// Where.
    pub target: Target,
    /// The rule.
    pub rule: &'static MatchingRule,
    /// The normal form of the asserted value; for a rule of bits the number as it was written.
    pub normal: Box<[u8]>,
    /// Whether the DN's pairs are looked at too.
    pub dn: DnAttributes,
}

impl Filter {
    /// `(description=value)`.
    pub fn equality(schema: &Schema, description: &[u8], value: &[u8]) -> Filter {
        let assertion = Target::named(schema, description).and_then(|target| {
            let rule = schema.definition(target.kind).equality?;
            Assertion::new(schema, target, rule, value)
        });
        assertion.map_or(Filter::Undefined, Filter::Equality)
    }

    /// `(description>=value)`.
    pub fn greater_or_equal(schema: &Schema, description: &[u8], value: &[u8]) -> Filter {
        ordering(schema, description, value).map_or(Filter::Undefined, Filter::GreaterOrEqual)
    }

    /// `(description<=value)`.
    pub fn less_or_equal(schema: &Schema, description: &[u8], value: &[u8]) -> Filter {
        ordering(schema, description, value).map_or(Filter::Undefined, Filter::LessOrEqual)
    }

    /// `(description~=value)`: equality, as RFC 4511 section 4.5.1.7.6 lets a server do.
    pub fn approximate(schema: &Schema, description: &[u8], value: &[u8]) -> Filter {
        Filter::equality(schema, description, value)
    }

    /// `(description=*)`.
    pub fn present(schema: &Schema, description: &[u8]) -> Filter {
        let target = Target::named(schema, description).map(Box::new);
        target.map_or(Filter::Undefined, Filter::Present)
    }

    /// `(description=initial*any*final)`.
    pub fn substrings(
        schema: &Schema,
        description: &[u8],
        initial: Option<&[u8]>,
        any: &[&[u8]],
        last: Option<&[u8]>,
    ) -> Filter {
        let assertion = Target::named(schema, description).and_then(|target| {
            let rule = schema.definition(target.kind).substrings?;
            let pieces = Pieces::new(schema, rule, initial, any, last).ok()?;
            pieces.iter().next()?;
            Some(Box::new(SubstringAssertion { target, rule, pieces }))
        });
        assertion.map_or(Filter::Undefined, Filter::Substrings)
    }

    /// `(description:dn:rule:=value)`.
    ///
    /// Without a rule, the attribute's equality rule; without a description, every attribute that the
    /// rule applies to. A rule that orders is true of values before the asserted one (RFC 4517 section 4.2).
    pub fn extensible(
        schema: &Schema,
        rule: Option<&[u8]>,
        description: Option<&[u8]>,
        value: &[u8],
        dn: DnAttributes,
    ) -> Filter {
        ExtensibleAssertion::new(schema, rule, description, value, dn)
            .map_or(Filter::Undefined, |assertion| assertion.simplest(schema))
    }
}

fn ordering(schema: &Schema, description: &[u8], value: &[u8]) -> Option<Box<Assertion>> {
    let target = Target::named(schema, description)?;
    let rule = schema.definition(target.kind).ordering?;
    Assertion::new(schema, target, rule, value)
}

impl Target {
    /// The attributes that a description names.
    fn named(schema: &Schema, description: &[u8]) -> Option<Target> {
        let description = schema.describe(description)?;
        Some(Target {
            kind: description.kind,
            kinds: schema.definition(description.kind).subtypes,
            options: description.options,
        })
    }

    /// Every attribute that the rule applies to.
    fn of_rule(schema: &Schema, rule: &MatchingRule) -> Option<Target> {
        let applies = || {
            schema
                .attribute_types()
                .filter(|(_, definition)| definition.can_be_matched_by(rule))
        };
        let kind = applies().next()?.0;
        Some(Target {
            kind,
            kinds: applies().map(|(kind, _)| kind).collect(),
            options: "".into(),
        })
    }

    /// Whether somebody who may read `readable` may ask about any of the attributes.
    pub(super) fn is_readable(&self, readable: &AttributeSet) -> bool {
        readable.contains(self.kind) || !self.kinds.intersection(readable).is_empty()
    }

    /// Whether the item looks at this attribute.
    pub fn includes(&self, view: &AttributeView<'_>) -> bool {
        self.kinds.contains(view.kind) && options_include(view.options, &self.options)
    }
}

impl Assertion {
    fn new(
        schema: &Schema,
        target: Target,
        rule: &'static MatchingRule,
        value: &[u8],
    ) -> Option<Box<Assertion>> {
        let normal = rule.normalize_assertion(schema, value).ok()?.into();
        let class = match target.kind == schema.object_class_attribute() {
            // RFC 4512 section 2.4 leaves open what an unknown class is; as an unknown attribute, Undefined.
            true => Some(schema.class(value)?.position),
            false => None,
        };
        Some(Box::new(Assertion {
            target,
            rule,
            normal,
            class,
        }))
    }
}

impl ExtensibleAssertion {
    /// The item that asks the same attribute, which has an equality rule, for this value.
    pub fn equality(&self, schema: &Schema, normal: Box<[u8]>) -> Filter {
        let rule = schema.definition(self.target.kind).equality;
        rule.map_or(Filter::Undefined, |rule| {
            Filter::Equality(Box::new(Assertion {
                target: self.target.clone(),
                rule,
                normal,
                class: None,
            }))
        })
    }

    /// Equality, which indexes know, if that is all it asks.
    fn simplest(self, schema: &Schema) -> Filter {
        let ExtensibleAssertion {
            target,
            rule,
            normal,
            dn,
        } = self;
        let own = schema.definition(target.kind).equality;
        let is_own =
            |own: &MatchingRule| std::ptr::eq(own, rule) && target.kind != schema.object_class_attribute();
        match own.is_some_and(is_own) && dn == DnAttributes::Excluded {
            true => Filter::Equality(Box::new(Assertion {
                target,
                rule,
                normal,
                class: None,
            })),
            false => Filter::Extensible(Box::new(ExtensibleAssertion {
                target,
                rule,
                normal,
                dn,
            })),
        }
    }

    fn new(
        schema: &Schema,
        rule: Option<&[u8]>,
        description: Option<&[u8]>,
        value: &[u8],
        dn: DnAttributes,
    ) -> Option<ExtensibleAssertion> {
        let rule = match rule {
            Some(name) => Some(MatchingRule::find(name)?),
            None => None,
        };
        let (target, rule) = match (description, rule) {
            (Some(description), None) => {
                let target = Target::named(schema, description)?;
                let rule = schema.definition(target.kind).equality?;
                (target, rule)
            }
            (Some(description), Some(rule)) if rule.purpose == Purpose::InChain => {
                let target = Target::named(schema, description)?;
                let own = schema.definition(target.kind).equality?;
                matches!(own.form, Form::Dn | Form::NameAndUid).then_some((target, rule))?
            }
            (Some(description), Some(rule)) => {
                let target = Target::named(schema, description)?;
                schema
                    .definition(target.kind)
                    .can_be_matched_by(rule)
                    .then_some((target, rule))?
            }
            (None, Some(rule)) if rule.purpose == Purpose::InChain => return None,
            (None, Some(rule)) => (Target::of_rule(schema, rule)?, rule),
            (None, None) => return None,
        };
        let normal = match rule.purpose {
            Purpose::Equality | Purpose::Ordering | Purpose::InChain => {
                rule.normalize_assertion(schema, value).ok()?.into()
            }
            Purpose::AllBits | Purpose::AnyBit => Syntax::find(rule.syntax())
                .filter(|syntax| syntax.allows(value))
                .map(|_| value.into())?,
            Purpose::Substrings => return None,
        };
        Some(ExtensibleAssertion {
            target,
            rule,
            normal,
            dn,
        })
    }
}
