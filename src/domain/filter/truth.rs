//! What a filter says of an entry (RFC 4511 section 4.5.1.7).

use crate::domain::effort::{Effort, LOOK_BYTES};
use crate::domain::filter::{
    Assertion, DnAttributes, ExtensibleAssertion, Filter, SubstringAssertion, Target, Truth,
};
use crate::domain::matching::{MatchingRule, Purpose};
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::{ClassPosition, Schema};
use crate::domain::syntax::number;
use crate::types::AttributeSet;

impl Filter {
    /// What the filter says of `entry` to somebody who may search `readable` only: an item on any other
    /// attribute is Undefined, also inside NOT (DESIGN invariant 4). An item that names a supertype looks at
    /// its readable subtypes only.
    ///
    /// Looks at no more than `effort` allows: once that is spent the answer means nothing.
    ///
    /// Allocates nothing for presence, for equality and substrings of ASCII text, and for AND, OR and NOT.
    pub fn truth<E: Attributes>(
        &self,
        schema: &Schema,
        entry: &E,
        readable: &AttributeSet,
        effort: &Effort,
    ) -> Truth {
        let question = Question {
            schema,
            entry,
            readable,
            effort,
        };
        question.answer(self)
    }
}

impl Truth {
    /// NOT.
    #[expect(
        clippy::should_implement_trait,
        reason = "`!` on three values would read as on two"
    )]
    pub fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Undefined => Truth::Undefined,
        }
    }
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Truth {
        if truth { Truth::True } else { Truth::False }
    }
}

fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut sum = Truth::True;
    for truth in truths {
        match truth {
            Truth::False => return Truth::False,
            Truth::Undefined => sum = Truth::Undefined,
            Truth::True => {}
        }
    }
    sum
}

fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut sum = Truth::False;
    for truth in truths {
        match truth {
            Truth::True => return Truth::True,
            Truth::Undefined => sum = Truth::Undefined,
            Truth::False => {}
        }
    }
    sum
}

/// One entry as one asker sees it.
struct Question<'a, E> {
    schema: &'a Schema,
    entry: &'a E,
    readable: &'a AttributeSet,
    effort: &'a Effort,
}

impl<E: Attributes> Question<'_, E> {
    fn answer(&self, filter: &Filter) -> Truth {
        if !self.effort.spend(1) {
            return Truth::Undefined;
        }
        match filter {
            Filter::And(filters) => all(filters.iter().map(|filter| self.answer(filter))),
            Filter::Or(filters) => any(filters.iter().map(|filter| self.answer(filter))),
            Filter::Not(filter) => self.answer(filter).not(),
            Filter::Equality(assertion) => self.equality(assertion),
            Filter::GreaterOrEqual(assertion) => self.order(assertion, |normal, asserted| normal >= asserted),
            Filter::LessOrEqual(assertion) => self.order(assertion, |normal, asserted| normal <= asserted),
            Filter::Present(target) => self.ask(target, |_| true),
            Filter::Substrings(assertion) => self.substrings(assertion),
            Filter::Extensible(assertion) => self.extensible(assertion),
            Filter::Undefined => Truth::Undefined,
        }
    }

    /// Whether `holds` of any attribute that the target includes and the asker may read.
    fn ask(&self, target: &Target, mut holds: impl FnMut(AttributeView<'_>) -> bool) -> Truth {
        if !target.is_readable(self.readable) {
            return Truth::Undefined;
        }
        let mut views = self.entry.attributes();
        views
            .any(|view| target.includes(&view) && self.readable.contains(view.kind) && holds(view))
            .into()
    }

    /// The values of an attribute, as far as the effort reaches.
    fn values<'v>(&self, view: AttributeView<'v>) -> impl Iterator<Item = &'v [u8]> {
        view.values()
            .take_while(|value| self.effort.spend(1 + value.len() / LOOK_BYTES))
    }

    fn equality(&self, assertion: &Assertion) -> Truth {
        if let Some(class) = assertion.class {
            if let Some(known) = self.known_class(assertion, class) {
                return known;
            }
            let is_a = |value: &[u8]| self.schema.class(value).is_some_and(|found| found.is_a(class));
            return self.ask(&assertion.target, |view| self.values(view).any(is_a));
        }
        if let Some(known) = self.known(assertion) {
            return known;
        }
        let mut scratch = Scratch::new();
        self.ask(&assertion.target, |view| {
            self.values(view).any(
                |value| match assertion.rule.matches_normal(value, &assertion.normal) {
                    Some(matches) => matches,
                    None => scratch.normal(self.schema, assertion.rule, value) == Some(&assertion.normal),
                },
            )
        })
    }

    /// What the entry knows of a class without its object classes being read.
    fn known_class(&self, assertion: &Assertion, class: ClassPosition) -> Option<Truth> {
        let target = &assertion.target;
        let plain = target.options.is_empty() && self.readable.contains(target.kind);
        self.entry.has_class(class).filter(|_| plain).map(Truth::from)
    }

    /// What the entry knows of an asserted value without its values being read.
    fn known(&self, assertion: &Assertion) -> Option<Truth> {
        let target = &assertion.target;
        let sole = target.options.is_empty() && target.kinds.iter().eq([target.kind]);
        // Nothing is looked for that may not be asked about.
        if !sole || !self.readable.contains(target.kind) {
            return None;
        }
        self.entry
            .has_value(target.kind, &assertion.normal)
            .map(Truth::from)
    }

    fn order(&self, assertion: &Assertion, holds: fn(&[u8], &[u8]) -> bool) -> Truth {
        self.normal(&assertion.target, assertion.rule, |normal| {
            holds(normal, &assertion.normal)
        })
    }

    fn substrings(&self, assertion: &SubstringAssertion) -> Truth {
        let pieces = assertion.pieces.iter().count();
        self.normal(&assertion.target, assertion.rule, |normal| {
            self.effort.spend(pieces) && assertion.pieces.matches(normal)
        })
    }

    /// Whether `holds` of the normal form of any value.
    fn normal(&self, target: &Target, rule: &MatchingRule, holds: impl Fn(&[u8]) -> bool) -> Truth {
        let mut scratch = Scratch::new();
        self.ask(target, |view| {
            self.values(view)
                .any(|value| scratch.normal(self.schema, rule, value).is_some_and(&holds))
        })
    }

    fn extensible(&self, assertion: &ExtensibleAssertion) -> Truth {
        if assertion.rule.purpose == Purpose::InChain {
            return Truth::Undefined;
        }
        let mut scratch = Scratch::new();
        let mut holds = |value: &[u8]| assertion.holds(self.schema, value, &mut scratch);
        let truth = self.ask(&assertion.target, |view| self.values(view).any(&mut holds));
        if truth != Truth::False || assertion.dn == DnAttributes::Excluded {
            return truth;
        }
        let target = &assertion.target;
        let Some(dn) = self.entry.dn() else {
            return truth;
        };
        let mut avas = dn.rdns.iter().flat_map(|rdn| &rdn.avas);
        avas.any(|ava| {
            let kind = self.schema.attribute(ava.attribute.as_bytes());
            let counts = |kind| target.kinds.contains(kind) && self.readable.contains(kind);
            target.options.is_empty() && kind.is_some_and(counts) && holds(&ava.value)
        })
        .into()
    }
}

impl ExtensibleAssertion {
    fn holds(&self, schema: &Schema, value: &[u8], scratch: &mut Scratch) -> bool {
        let bits = || number::as_i64(value).zip(number::as_i64(&self.normal));
        match self.rule.purpose {
            Purpose::AllBits => bits().is_some_and(|(value, asked)| value & asked == asked),
            Purpose::AnyBit => bits().is_some_and(|(value, asked)| value & asked != 0),
            Purpose::Equality => scratch.normal(schema, self.rule, value) == Some(&self.normal),
            Purpose::Ordering => scratch
                .normal(schema, self.rule, value)
                .is_some_and(|normal| normal < &*self.normal),
            Purpose::Substrings | Purpose::InChain => false,
        }
    }
}

/// Room for one normal form at a time: on the stack for what is common.
struct Scratch {
    stack: [u8; 256],
    heap: Vec<u8>,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch {
            stack: [0; 256],
            heap: Vec::new(),
        }
    }

    /// The normal form of a stored value; `None` for one that its rule refuses, which then matches nothing.
    fn normal<'a>(&'a mut self, schema: &Schema, rule: &MatchingRule, value: &'a [u8]) -> Option<&'a [u8]> {
        match rule.normal_in(value, &mut self.stack) {
            Some(length) => self.stack.get(..length),
            None => {
                self.heap.clear();
                rule.normalize(schema, value, &mut self.heap).ok()?;
                Some(&self.heap)
            }
        }
    }
}
