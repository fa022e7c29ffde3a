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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::AttributeDescription;
    use crate::domain::packed::push_value;
    use crate::domain::schema::SCHEMA;
    use crate::types::Dn;

    struct Person {
        dn: Dn,
        attributes: Vec<(AttributeDescription, Vec<u8>)>,
    }

    impl Attributes for Person {
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
            Some(self.dn.clone())
        }
    }

    fn ada(schema: &Schema) -> Person {
        let values: &[(&str, &[&str])] = &[
            ("objectClass", &["inetOrgPerson"]),
            ("structuralObjectClass", &["inetOrgPerson"]),
            ("uid", &["ada"]),
            ("cn", &["Ada  Lovelace", "Åsa Öberg"]),
            ("cn;lang-en-GB", &["Countess"]),
            ("sn", &["Lovelace"]),
            ("telephoneNumber", &["+852 3917-0000"]),
            ("uidNumber", &["1000"]),
            ("createTimestamp", &["20261122093000Z"]),
            ("manager", &["UID=Boss, DC=uni"]),
            ("postalAddress", &["1 Main St$Town"]),
            ("jpegPhoto", &["x"]),
            ("mail", &["Ada@Uni.Example"]),
        ];
        let pack = |(name, values): &(&str, &[&str])| {
            let mut encoded = Vec::new();
            values
                .iter()
                .for_each(|value| push_value(&mut encoded, value.as_bytes()));
            (schema.describe(name.as_bytes()).unwrap(), encoded)
        };
        Person {
            dn: Dn::parse("uid=ada,ou=people,dc=uni").unwrap(),
            attributes: values.iter().map(pack).collect(),
        }
    }

    fn says(filter: &str, readable: &AttributeSet) -> Truth {
        let schema = &*SCHEMA;
        Filter::parse(schema, filter)
            .unwrap()
            .truth(schema, &ada(schema), readable, &Effort::unlimited())
    }

    fn check(filter: &str, truth: Truth) {
        assert_eq!(says(filter, &AttributeSet::ALL), truth, "{filter}");
        assert_eq!(
            says(&format!("(!{filter})"), &AttributeSet::ALL),
            truth.not(),
            "not {filter}"
        );
    }

    #[test]
    fn equality_goes_by_the_attributes_rule() {
        for filter in [
            "(uid=ADA)",
            "(uid=  ada )",
            "(cn=ada lovelace)",
            "(cn=åsa ÖBERG)",
            "(commonName=countess)",
            "(2.5.4.4=LOVELACE)",
            "(telephoneNumber=+85239170000)",
            "(uidNumber=1000)",
            "(uid~=Ada)",
            "(createTimestamp=202611220930Z)",
            "(manager=uid=boss,DC=UNI)",
            "(postalAddress=1 main st$TOWN)",
            "(mail=ada@uni.example)",
            "(objectClass=INETORGPERSON)",
        ] {
            check(filter, Truth::True);
        }
        check("(uid=adam)", Truth::False);
        check("(uid=ad a)", Truth::False);
        check("(uid= )", Truth::False);
        check("(description=x)", Truth::False);
    }

    #[test]
    fn what_cannot_be_resolved_is_undefined_also_inside_not() {
        for filter in [
            "(nosuch=x)",
            "(nosuch=*)",
            "(uidNumber=abc)",
            "(uid>=a)",
            "(jpegPhoto=x)",
            "(manager=nosuch)",
            "(objectClass=nosuch)",
            "(objectClass=1.2.3)",
            "(uid=)",
            "(uidNumber=01000)",
            r"(uid:caseIgnoreSubstringsMatch:=a\2a)",
            "(uid:caseIgnoreIA5Match:=ADA)",
            "(mail:caseIgnoreMatch:=ada@uni.example)",
            "(manager=nosuch=1)",
            "(telephoneNumber=*-*)",
            "(uidNumber=1*)",
            "(createTimestamp>=yesterday)",
            "(cn;a_b=x)",
            "(uid:nosuchMatch:=ada)",
            "(uidNumber:caseIgnoreMatch:=1000)",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
        ] {
            check(filter, Truth::Undefined);
        }
    }

    #[test]
    fn a_class_is_matched_by_its_subclasses_and_an_oid() {
        check("(objectClass=person)", Truth::True);
        check("(objectClass=top)", Truth::True);
        check("(objectClass=2.5.6.6)", Truth::True);
        check("(objectClass=groupOfNames)", Truth::False);
        check("(structuralObjectClass=inetOrgPerson)", Truth::True);
        check("(structuralObjectClass=person)", Truth::False);
    }

    #[test]
    fn supertypes_and_options_widen_and_narrow() {
        check("(name=lovelace)", Truth::True);
        check("(name=countess)", Truth::True);
        check("(cn;lang-en-gb=countess)", Truth::True);
        check("(cn;lang-en-=countess)", Truth::True);
        check("(cn;lang-en=countess)", Truth::False);
        check("(cn;lang-en-gb=ada lovelace)", Truth::False);
        check("(cn;lang-de=*)", Truth::False);
    }

    #[test]
    fn order_goes_by_value_and_not_by_text() {
        check("(uidNumber>=999)", Truth::True);
        check("(uidNumber<=1000)", Truth::True);
        check("(uidNumber>=1001)", Truth::False);
        check("(uidNumber<=-5)", Truth::False);
        check("(createTimestamp>=20261122103000+0100)", Truth::True);
        check("(createTimestamp<=20261122092959.9Z)", Truth::False);
    }

    #[test]
    fn substrings_mind_words() {
        for filter in [
            "(uid=a*)",
            "(uid=*D*)",
            "(uid=*a)",
            "(uid=a*d*a)",
            "(cn=ada*love*lace)",
            "(cn=ada *lace)",
            "(cn=*a l*)",
            "(cn=ada * lovelace)",
            "(cn=*ada*)",
            "(cn=* lovelace)",
            "(cn=*lovelace *)",
            "(cn=  ada*)",
            "(cn=*Ö*)",
            "(telephoneNumber=+8523*)",
            "(telephoneNumber=*391 7*)",
            "(mail=*@UNI.*)",
            "(cn=* *)",
            "(postalAddress=*st*town)",
            "(postalAddress=*st$town)",
            "(name=count*)",
        ] {
            check(filter, Truth::True);
        }
        for filter in [
            "(uid=b*)",
            "(uid=ad*da)",
            "(cn=ada *lov e*)",
            "(cn=ad *)",
            "(cn=* ovelace)",
            "(uid=*adaa*)",
        ] {
            check(filter, Truth::False);
        }
    }

    #[test]
    fn extensible_matches_take_other_rules_and_the_dn() {
        check("(uid:caseExactMatch:=ada)", Truth::True);
        check("(uid:caseExactMatch:=ADA)", Truth::False);
        check("(uid:=ADA)", Truth::True);
        check("(:caseIgnoreMatch:=lovelace)", Truth::True);
        check("(ou:=people)", Truth::False);
        check("(ou:dn:=people)", Truth::True);
        check("(:dn:caseIgnoreMatch:=people)", Truth::True);
        check("(uidNumber:1.2.840.113556.1.4.803:=1000)", Truth::True);
        check("(uidNumber:1.2.840.113556.1.4.803:=7)", Truth::False);
        check("(uidNumber:1.2.840.113556.1.4.804:=9)", Truth::True);
        check("(uidNumber:integerOrderingMatch:=1001)", Truth::True);
    }

    #[test]
    fn three_values_are_joined_as_rfc_4511_says() {
        check("(&)", Truth::True);
        check("(|)", Truth::False);
        check("(&(uid=ada)(nosuch=x))", Truth::Undefined);
        check("(&(uid=x)(nosuch=x))", Truth::False);
        check("(|(uid=ada)(nosuch=x))", Truth::True);
        check("(|(uid=x)(nosuch=x))", Truth::Undefined);
        check("(&(uid=ada)(!(cn=x)))", Truth::True);
    }

    #[test]
    fn a_hidden_attribute_says_nothing_in_any_filter() {
        let schema = &*SCHEMA;
        let readable: AttributeSet = [schema.attribute(b"cn").unwrap()].into_iter().collect();
        for filter in [
            "(sn=lovelace)",
            "(sn=*)",
            "(sn=l*)",
            "(uidNumber>=1)",
            "(sn:=lovelace)",
            "(ou:dn:=people)",
        ] {
            assert_eq!(says(filter, &readable), Truth::Undefined, "{filter}");
            assert_eq!(
                says(&format!("(!{filter})"), &readable),
                Truth::Undefined,
                "{filter}"
            );
        }
        assert_eq!(says("(name=lovelace)", &readable), Truth::False);
        assert_eq!(says("(name=countess)", &readable), Truth::True);
        assert_eq!(says("(:dn:caseIgnoreMatch:=people)", &readable), Truth::False);
    }
}
