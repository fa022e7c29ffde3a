//! Matching rules (RFC 4517 section 4): when two values are the same, which comes first, what is inside.
//!
//! Every rule turns a value into a *normal form*: two values match if and only if their normal forms are equal
//! bytes, and for a rule that orders, the order of the bytes is the order of the values. Indexes hold normal
//! forms or their hashes; a filter holds the normal form of its assertion.

pub mod name;
mod prepare;
mod rules;
pub mod substring;
pub mod text;

use thiserror::Error;

use crate::domain::syntax::{Syntax, number, time};
use crate::types::{Dn, NormalDn};
use rules::RULES;
use text::{Case, Fold};

/// A value (or an assertion) that is none of the rule's syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the value does not belong to the syntax")]
pub struct InvalidValue;

/// What values may name: a matching rule for names must be told what they stand for.
pub trait Names {
    /// The numeric OID of the attribute type, object class or matching rule with this name.
    fn oid(&self, name: &[u8]) -> Option<&str>;

    /// The normal form of a DN, by the equality rules of its attribute types. `None` if it names a type that does
    /// not exist or a value its rule refuses.
    fn normal_dn(&self, dn: &Dn) -> Option<NormalDn>;
}

/// A matching rule.
#[derive(Debug)]
pub struct MatchingRule {
    /// The OID.
    pub oid: &'static str,
    /// The name.
    pub name: &'static str,
    /// What the rule decides.
    pub purpose: Purpose,
    /// How the rule makes normal forms.
    pub form: Form,
    syntax: &'static str,
}

/// What a matching rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Whether two values are the same.
    Equality,
    /// Which of two values comes first.
    Ordering,
    /// Whether pieces stand in a value in their order.
    Substrings,
    /// Whether all bits of the assertion are set (LDAP_MATCHING_RULE_BIT_AND of MS-ADTS 3.1.1.3.4.4).
    AllBits,
    /// Whether any bit of the assertion is set (LDAP_MATCHING_RULE_BIT_OR).
    AnyBit,
    /// Whether a DN is reached by the values of the entries that values name (LDAP_MATCHING_RULE_TRANSITIVE_EVAL): who
    /// knows the other entries must say.
    InChain,
}

/// How values are made normal. Rules of different purposes share a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text folded to lower case, spaces compacted.
    CaseIgnore,
    /// Text, spaces compacted.
    CaseExact,
    /// As [`Form::CaseIgnore`], ASCII only.
    CaseIgnoreIa5,
    /// As [`Form::CaseExact`], ASCII only.
    CaseExactIa5,
    /// Lines separated by `$`, each as [`Form::CaseIgnore`].
    CaseIgnoreList,
    /// Text without its spaces.
    Numeric,
    /// Text folded to lower case without its spaces and hyphens.
    Telephone,
    /// `TRUE` or `FALSE`.
    Boolean,
    /// A sortable form of a whole number of any size.
    Integer,
    /// A bit string's digits.
    Bits,
    /// The bytes as they are.
    Octets,
    /// A moment in UTC.
    Time,
    /// The 16 bytes of a UUID.
    Uuid,
    /// A numeric OID; a known name is replaced by its OID.
    Oid,
    /// A distinguished name's normal form ([`Names::normal_dn`]).
    Dn,
    /// A distinguished name and an optional bit string.
    NameAndUid,
    /// The number that a description begins with.
    FirstInteger,
    /// The OID that a description begins with.
    FirstOid,
}

impl MatchingRule {
    /// The rule with this name (in any case) or OID.
    pub fn find(name: &[u8]) -> Option<&'static MatchingRule> {
        RULES
            .iter()
            .find(|rule| rule.name.as_bytes().eq_ignore_ascii_case(name) || rule.oid.as_bytes() == name)
    }

    /// Every rule, as the subschema subentry lists them.
    pub fn all() -> &'static [MatchingRule] {
        RULES
    }

    /// The OID of the syntax of the rule's assertions.
    pub fn syntax(&self) -> &'static str {
        self.syntax
    }

    /// Appends the normal form of an attribute's `value` to `out`. Errors: [`InvalidValue`]; `out` then holds
    /// an unspecified tail.
    pub fn normalize(&self, names: &dyn Names, value: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidValue> {
        match self.form {
            Form::CaseIgnore => text::normalize(value, Case::Ignore, out),
            Form::CaseExact => text::normalize(value, Case::Exact, out),
            Form::CaseIgnoreIa5 if value.is_ascii() => text::normalize(value, Case::Ignore, out),
            Form::CaseExactIa5 if value.is_ascii() => text::normalize(value, Case::Exact, out),
            Form::CaseIgnoreIa5 | Form::CaseExactIa5 => Err(InvalidValue),
            Form::CaseIgnoreList => text::normalize_list(value, out),
            Form::Numeric => text::normalize_without(value, Case::Exact, b" ", out),
            Form::Telephone => text::normalize_without(value, Case::Ignore, b" -", out),
            Form::Boolean if matches!(value, b"TRUE" | b"FALSE") => append(out, value),
            Form::Boolean => Err(InvalidValue),
            Form::Integer => integer(value, out),
            Form::Bits => append(out, number::bits(value).ok_or(InvalidValue)?),
            Form::Octets => append(out, value),
            Form::Time => append(out, &time::parse(value).ok_or(InvalidValue)?.sortable()),
            Form::Uuid => append(out, &number::uuid(value).ok_or(InvalidValue)?),
            Form::Oid => name::normalize_oid(names, value, out),
            Form::Dn => name::normalize_dn(names, value, out),
            Form::NameAndUid => name::normalize_name_and_uid(names, value, out),
            Form::FirstInteger => integer(name::first_component(value)?, out),
            Form::FirstOid => name::normalize_oid(names, name::first_component(value)?, out),
        }
    }

    /// The normal form of an assertion for equality and ordering. Errors: [`InvalidValue`] for what is none of
    /// the rule's syntax; also for a name that no OID is known of (RFC 4517 section 4.2.26 makes that Undefined).
    pub fn normalize_assertion(&self, names: &dyn Names, value: &[u8]) -> Result<Vec<u8>, InvalidValue> {
        let mut out = Vec::with_capacity(value.len());
        if !Syntax::find(self.syntax).is_some_and(|syntax| syntax.allows(value)) {
            return Err(InvalidValue);
        }
        match self.form {
            Form::FirstInteger => integer(value, &mut out)?,
            Form::FirstOid | Form::Oid => name::normalize_oid(names, value, &mut out)?,
            _ => self.normalize(names, value, &mut out)?,
        }
        if matches!(self.form, Form::Oid | Form::FirstOid) && !out.first().is_some_and(u8::is_ascii_digit) {
            return Err(InvalidValue);
        }
        Ok(out)
    }

    /// Whether `value` has this normal form, found without allocating; `None` if that takes
    /// [`MatchingRule::normalize`]: text beyond ASCII and forms that are rarely asked for.
    pub fn matches_normal(&self, value: &[u8], normal: &[u8]) -> Option<bool> {
        match self.form {
            Form::Octets | Form::Boolean => Some(value == normal),
            _ => {
                let fold = self.fold()?;
                value
                    .is_ascii()
                    .then(|| fold.ascii(value).eq(normal.iter().copied()))
            }
        }
    }

    /// Writes the normal form of `value` into `buffer` and returns its length, without allocating. `None` as for
    /// [`MatchingRule::matches_normal`], and for values longer than the buffer.
    pub fn normal_in(&self, value: &[u8], buffer: &mut [u8]) -> Option<usize> {
        let fold = match self.form {
            Form::Octets => None,
            _ => Some(self.fold()?),
        };
        let buffer = buffer.get_mut(..value.len())?;
        match fold {
            None => buffer.copy_from_slice(value),
            Some(fold) if value.is_ascii() => {
                let places = buffer.iter_mut().zip(fold.ascii(value));
                return Some(places.map(|(place, byte)| *place = byte).count());
            }
            Some(_) => return None,
        }
        Some(value.len())
    }

    /// Whether the rule makes sense of values of an attribute (RFC 4512 section 4.1.4): it makes normal forms as
    /// one of the attribute's `own` rules does, or it is for the attribute's syntax or one that is contained in it.
    pub fn applies_to<'r>(&self, syntax: &Syntax, own: impl IntoIterator<Item = &'r MatchingRule>) -> bool {
        let syntax = syntax.oid;
        let contained = self.syntax == rules::DIRECTORY_STRING && rules::DIRECTORY_STRINGS.contains(&syntax);
        contained || self.syntax == syntax || own.into_iter().any(|rule| rule.form == self.form)
    }

    /// How text is folded, for the forms that are text.
    fn fold(&self) -> Option<Fold> {
        match self.form {
            Form::CaseIgnore | Form::CaseIgnoreIa5 => Some(Fold {
                case: Case::Ignore,
                dropped: b"",
            }),
            Form::CaseExact | Form::CaseExactIa5 => Some(Fold {
                case: Case::Exact,
                dropped: b"",
            }),
            Form::Numeric => Some(Fold {
                case: Case::Exact,
                dropped: b" ",
            }),
            Form::Telephone => Some(Fold {
                case: Case::Ignore,
                dropped: b" -",
            }),
            _ => None,
        }
    }
}

fn integer(value: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    number::push_sortable(value, out).ok_or(InvalidValue)
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), InvalidValue> {
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schema::SCHEMA;

    fn normal(rule: &str, value: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let rule = MatchingRule::find(rule.as_bytes()).unwrap();
        rule.normalize(&*SCHEMA, value.as_bytes(), &mut out)
            .ok()
            .map(|()| out)
    }

    /// The two values match under the rule.
    fn same(rule: &str, a: &str, b: &str) {
        assert!(normal(rule, a).is_some(), "{rule} {a}");
        assert_eq!(normal(rule, a), normal(rule, b), "{rule} {a} {b}");
    }

    /// They do not, or the second is no value at all.
    fn different(rule: &str, a: &str, b: &str) {
        assert!(normal(rule, a).is_some(), "{rule} {a}");
        assert_ne!(normal(rule, a), normal(rule, b), "{rule} {a} {b}");
    }

    #[test]
    fn values_match_as_rfc_4517_says() {
        same("caseIgnoreMatch", " Ada  L", "ada l");
        different("caseIgnoreMatch", "Ada L", "AdaL");
        different("caseExactMatch", "Ada", "ada");
        same("2.5.13.8", "12 34", "1234");
        same("caseIgnoreIA5Match", "A@B", "a@b");
        different("caseIgnoreIA5Match", "a", "\u{e9}");
        different("caseExactIA5Match", "/h", "/H");
        same("telephoneNumberMatch", "+1 555-0100 x", "+15550100X");
        same("integerMatch", "-7", "-7");
        different("integerMatch", "7", "07");
        different("booleanMatch", "TRUE", "true");
        same("objectIdentifierMatch", "CN", "2.5.4.3");
        same("objectIdentifierMatch", "person", "2.5.6.6");
        same("objectIdentifierMatch", "noSuch", "NOSUCH");
        same("distinguishedNameMatch", "CN=A, dc=B", "2.5.4.3=a,DC=b");
        different("distinguishedNameMatch", "cn=a", "cn=a,dc=b");
        same("uniqueMemberMatch", "CN=a#'01'B", "cn=A#'01'B");
        different("uniqueMemberMatch", "cn=a#'01'B", "cn=a");
        same("generalizedTimeMatch", "20261122093000Z", "202611221030+0100");
        different("bitStringMatch", "'01'B", "'010'B");
        same(
            "uuidMatch",
            "597ae2f6-16a6-1027-98f4-d28b5365dc14",
            "597AE2F6-16A6-1027-98F4-D28B5365DC14",
        );
        same("caseIgnoreListMatch", "1 Main  St$Town", "1 main st$TOWN");
        different("caseIgnoreListMatch", "a$b", "a b");
        same(
            "objectIdentifierFirstComponentMatch",
            "( 2.5.4.3 NAME 'cn' )",
            "( cn SUP name )",
        );
        same("integerFirstComponentMatch", "( 1 FORM x )", "(1 NAME 'y' )");
        different("octetStringMatch", "a", "A");
    }

    #[test]
    fn an_assertion_of_another_syntax_is_none() {
        let schema = &*SCHEMA;
        for (rule, value) in [
            ("caseIgnoreMatch", ""),
            ("numericStringMatch", "12a"),
            ("objectIdentifierMatch", "nosuch"),
            ("distinguishedNameMatch", "a"),
            ("uuidMatch", "1"),
            ("integerFirstComponentMatch", "( 1 )"),
        ] {
            let rule = MatchingRule::find(rule.as_bytes()).unwrap();
            assert!(
                rule.normalize_assertion(schema, value.as_bytes()).is_err(),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn names_and_oids_of_rules_are_unique() {
        for rule in MatchingRule::all() {
            for name in [rule.name, rule.oid] {
                assert!(
                    std::ptr::eq(MatchingRule::find(name.as_bytes()).unwrap(), rule),
                    "{name}"
                );
            }
        }
        assert!(MatchingRule::find(b"nosuchMatch").is_none());
    }

    proptest! {
        #[test]
        fn the_ways_without_allocation_agree_with_the_one_with(value in "[ a-cA-C0-1\t-]{0,12}|\\PC{0,4}", other: String) {
            let schema = &*SCHEMA;
            for rule in MatchingRule::all() {
                let mut normal = Vec::new();
                let good = rule.normalize(schema, value.as_bytes(), &mut normal).is_ok();
                let mut buffer = [0; 64];
                if let Some(length) = rule.normal_in(value.as_bytes(), &mut buffer) {
                    prop_assert!(good && buffer[..length] == normal);
                }
                if good {
                    prop_assert!(rule.matches_normal(value.as_bytes(), &normal) != Some(false));
                    let same = other.as_bytes() == normal;
                    prop_assert!(same || rule.matches_normal(value.as_bytes(), other.as_bytes()) != Some(true));
                }
            }
        }
    }
}
