//! Whether an entry is one that the schema allows (RFC 4512 sections 2.2 to 2.4).

use thiserror::Error;

use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::schema::text::ClassKind;
use crate::domain::schema::{ObjectClass, Schema};
use crate::types::{AttributeSet, AttributeType, Ava};

/// Why an entry is refused. Names attributes and classes of the schema, never a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{attribute}: {reason}")]
pub struct SchemaViolation {
    /// The attribute description, canonically spelt; for an unknown naming attribute, what the DN says.
    pub attribute: Box<str>,
    /// What is wrong with it.
    pub reason: ViolationReason,
}

/// What can be wrong with an attribute of an entry. Values are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ViolationReason {
    /// No object class at all.
    #[error("the entry has none")]
    NoObjectClass,
    /// An object class that no schema file defines.
    #[error("value {0} is an object class that no schema file defines")]
    UnknownClass(usize),
    /// Only abstract and auxiliary classes.
    #[error("no value is a structural object class")]
    NoStructuralClass,
    /// Two structural classes of which neither is above the other.
    #[error("`{0}` and `{1}` are both structural and neither is a kind of the other")]
    TwoStructuralClasses(Box<str>, Box<str>),
    /// A class demands the attribute and the entry does not have it.
    #[error("the object class `{0}` demands it")]
    Missing(Box<str>),
    /// No class of the entry allows the attribute.
    #[error("no object class of the entry allows it")]
    NotAllowed,
    /// An attribute without values.
    #[error("it has no value")]
    NoValue,
    /// More than one value where the schema allows one.
    #[error("it may have one value only")]
    SingleValue,
    /// A value that is none of the attribute's syntax.
    #[error("value {0} is no {1}")]
    InvalidSyntax(usize, &'static str),
    /// A value that the equality rule finds the same as another.
    #[error("value {0} is there twice")]
    Duplicate(usize),
    /// A description that occurs twice in the entry.
    #[error("it is given twice")]
    GivenTwice,
    /// The RDN names an attribute that the schema does not know.
    #[error("the entry is named by an attribute that no schema file defines")]
    UnknownNamingAttribute,
    /// The entry does not have the value that its RDN names.
    #[error("the entry is named by a value that it does not have")]
    NamingValueMissing,
}

impl Schema {
    /// Checks a whole entry, as it is to be stored. Errors: the first thing that is wrong.
    pub fn check(&self, entry: &Entry) -> Result<(), SchemaViolation> {
        self.check_lacking(entry, &AttributeSet::EMPTY)
    }

    /// As [`Schema::check`], of an entry that may lack the attributes `lacking` though its classes demand them: what is
    /// amiss already is no reason to refuse a change.
    pub fn check_lacking(&self, entry: &Entry, lacking: &AttributeSet) -> Result<(), SchemaViolation> {
        let classes = self.classes_of(entry)?;
        self.single_line(&classes)?;
        self.check_must(entry, &classes, lacking)?;
        let allowed = self.allowed(&classes);
        for (at, attribute) in entry.attributes.iter().enumerate() {
            let description = &attribute.description;
            if entry.attributes[..at]
                .iter()
                .any(|other| other.description == *description)
            {
                return Err(self.violation(description, ViolationReason::GivenTwice));
            }
            if !allowed.contains(description.kind) {
                return Err(self.violation(description, ViolationReason::NotAllowed));
            }
            self.check_attribute(attribute)?;
        }
        self.check_naming(entry)
    }

    /// The attributes that these object classes demand and `have` has not.
    pub fn lacking<'v>(&self, classes: impl Iterator<Item = &'v [u8]>, have: &AttributeSet) -> AttributeSet {
        let classes = classes.filter_map(|name| self.class(name));
        let must = classes.fold(AttributeSet::EMPTY, |sum, class| sum.union(&class.must));
        must.difference(have)
    }

    /// Checks one attribute's values: syntax, number, repetition.
    pub fn check_attribute(&self, attribute: &Attribute) -> Result<(), SchemaViolation> {
        let reason = self.wrong_values(attribute);
        reason.map_or(Ok(()), |reason| {
            Err(self.violation(&attribute.description, reason))
        })
    }

    /// Adds to the entry the values that its RDN names and it does not have (RFC 4511 section 4.7). Errors: an
    /// RDN with an attribute that the schema does not know.
    pub fn add_naming_values(&self, entry: &mut Entry) -> Result<(), SchemaViolation> {
        let Some(rdn) = entry.dn.rdns.first().cloned() else {
            return Ok(());
        };
        for ava in &rdn.avas {
            let kind = self.naming_attribute(ava)?;
            if !self.has_value(entry, kind, &ava.value) {
                let mut values = entry.values(kind).to_vec();
                values.push(ava.value.clone());
                entry.set(kind, values);
            }
        }
        Ok(())
    }

    /// Whether the entry has a value of `kind`, without options, that the equality rule finds the same.
    pub fn has_value(&self, entry: &Entry, kind: AttributeType, value: &[u8]) -> bool {
        let values = entry.values(kind);
        let asked = self.normal_value(kind, value);
        values.iter().any(|have| match &asked {
            Some(asked) => self.normal_value(kind, have).as_ref() == Some(asked),
            None => **have == *value,
        })
    }

    /// The normal form of a value under its attribute's equality rule, the value itself without one. `None` for
    /// a value that the rule refuses.
    pub fn normal_value(&self, kind: AttributeType, value: &[u8]) -> Option<Vec<u8>> {
        let mut normal = Vec::with_capacity(value.len());
        match self.definition(kind).equality {
            Some(rule) => rule.normalize(self, value, &mut normal).ok()?,
            None => normal.extend_from_slice(value),
        }
        Some(normal)
    }

    fn classes_of(&self, entry: &Entry) -> Result<Vec<&ObjectClass>, SchemaViolation> {
        let values = entry.values(self.object_class_attribute());
        if values.is_empty() {
            return Err(self.class_violation(ViolationReason::NoObjectClass));
        }
        let unknown = |at: usize| self.class_violation(ViolationReason::UnknownClass(at + 1));
        let classes = values.iter().enumerate();
        classes
            .map(|(at, value)| self.class(value).ok_or_else(|| unknown(at)))
            .collect()
    }

    /// The lowest structural class, if every other one is above it.
    fn single_line<'a>(&'a self, classes: &[&'a ObjectClass]) -> Result<&'a ObjectClass, SchemaViolation> {
        let lowest = ObjectClass::structural(classes.iter().copied())
            .ok_or_else(|| self.class_violation(ViolationReason::NoStructuralClass))?;
        let mut structural = classes
            .iter()
            .filter(|class| class.kind() == ClassKind::Structural);
        match structural.find(|class| !lowest.is_a(class.position)) {
            None => Ok(lowest),
            Some(other) => Err(self.class_violation(ViolationReason::TwoStructuralClasses(
                lowest.name().into(),
                other.name().into(),
            ))),
        }
    }

    fn check_must(
        &self,
        entry: &Entry,
        classes: &[&ObjectClass],
        lacking: &AttributeSet,
    ) -> Result<(), SchemaViolation> {
        let have: AttributeSet = entry
            .attributes
            .iter()
            .map(|attribute| attribute.description.kind)
            .collect();
        for class in classes {
            let missing = class.must.difference(&have).difference(lacking);
            if missing.is_empty() {
                continue;
            }
            if let Some((_, definition)) = self.attribute_types().find(|(kind, _)| missing.contains(*kind)) {
                let reason = ViolationReason::Missing(class.name().into());
                return Err(SchemaViolation {
                    attribute: definition.name().into(),
                    reason,
                });
            }
        }
        Ok(())
    }

    /// What the classes demand or allow, and every operational attribute; all there is for `extensibleObject`
    /// (RFC 4512 section 4.3).
    pub fn allowed(&self, classes: &[&ObjectClass]) -> AttributeSet {
        if classes
            .iter()
            .any(|class| &*class.text.head.oid == EXTENSIBLE_OBJECT)
        {
            return AttributeSet::ALL;
        }
        let own = |sum: AttributeSet, class: &&ObjectClass| sum.union(&class.must).union(&class.may);
        classes.iter().fold(*self.operational(), own)
    }

    fn wrong_values(&self, attribute: &Attribute) -> Option<ViolationReason> {
        let definition = self.definition(attribute.description.kind);
        let values = &attribute.values;
        if values.is_empty() {
            return Some(ViolationReason::NoValue);
        }
        if definition.text.single_value && values.len() > 1 {
            return Some(ViolationReason::SingleValue);
        }
        let invalid = |at: usize| ViolationReason::InvalidSyntax(at + 1, definition.syntax.description);
        if let Some(at) = values.iter().position(|value| !definition.syntax.allows(value)) {
            return Some(invalid(at));
        }
        // A name is no name for us if it holds attributes that the schema does not know.
        if values.len() == 1 && !definition.is_dn_valued() {
            return None;
        }
        self.repeated(attribute, invalid)
    }

    fn repeated(
        &self,
        attribute: &Attribute,
        invalid: impl Fn(usize) -> ViolationReason,
    ) -> Option<ViolationReason> {
        let mut normal = Vec::with_capacity(attribute.values.len());
        for (at, value) in attribute.values.iter().enumerate() {
            match self.normal_value(attribute.description.kind, value) {
                Some(form) => normal.push((form, at)),
                None => return Some(invalid(at)),
            }
        }
        normal.sort_unstable();
        let pair = normal.windows(2).find(|pair| pair[0].0 == pair[1].0)?;
        Some(ViolationReason::Duplicate(pair[1].1 + 1))
    }

    fn check_naming(&self, entry: &Entry) -> Result<(), SchemaViolation> {
        for ava in entry.dn.rdns.first().iter().flat_map(|rdn| &rdn.avas) {
            let kind = self.naming_attribute(ava)?;
            if !self.has_value(entry, kind, &ava.value) {
                let reason = ViolationReason::NamingValueMissing;
                return Err(SchemaViolation {
                    attribute: self.name(kind).into(),
                    reason,
                });
            }
        }
        Ok(())
    }

    fn naming_attribute(&self, ava: &Ava) -> Result<AttributeType, SchemaViolation> {
        self.attribute(ava.attribute.as_bytes())
            .ok_or_else(|| SchemaViolation {
                attribute: ava.attribute.clone(),
                reason: ViolationReason::UnknownNamingAttribute,
            })
    }

    fn violation(&self, description: &AttributeDescription, reason: ViolationReason) -> SchemaViolation {
        SchemaViolation {
            attribute: self.spell(description).into(),
            reason,
        }
    }

    fn class_violation(&self, reason: ViolationReason) -> SchemaViolation {
        SchemaViolation {
            attribute: self.name(self.object_class_attribute()).into(),
            reason,
        }
    }
}

const EXTENSIBLE_OBJECT: &str = "1.3.6.1.4.1.1466.101.120.111";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;
    use crate::types::Dn;

    /// An entry of `name: value` lines, the first of them its DN.
    fn entry(schema: &Schema, lines: &str) -> Entry {
        let mut lines = lines.lines().map(|line| line.trim().split_once(": ").unwrap());
        let dn = Dn::parse(lines.next().unwrap().1).unwrap();
        let mut attributes: Vec<Attribute> = Vec::new();
        for (name, value) in lines {
            let description = schema.describe(name.as_bytes()).unwrap();
            let value: Box<[u8]> = value.as_bytes().into();
            match attributes
                .iter_mut()
                .find(|attribute| attribute.description == description)
            {
                Some(attribute) => attribute.values.push(value),
                None => attributes.push(Attribute {
                    description,
                    values: vec![value],
                }),
            }
        }
        Entry { dn, attributes }
    }

    const ADA: &str = "dn: uid=ada,ou=people,dc=uni\nobjectClass: top\nobjectClass: person\n\
        objectClass: organizationalPerson\nobjectClass: inetOrgPerson\nuid: Ada\ncn: Ada\nsn: Lovelace\n\
        cn;lang-en: Countess\ntelephoneNumber: +852 3917 0000\nuserPassword: {SSHA}x\n\
        createTimestamp: 20261122093000Z\nbeadleDisabled: TRUE";

    fn check(lines: &str) -> Result<(), String> {
        let schema = &*SCHEMA;
        schema
            .check(&entry(schema, lines))
            .map_err(|violation| violation.to_string())
    }

    /// Ada with one line more is refused.
    fn refuse(line: &str, because: &str) {
        assert_eq!(check(&format!("{ADA}\n{line}")).unwrap_err(), because);
    }

    /// Ada without a line, or with another in its place, is refused.
    fn refuse_instead(line: &str, other: &str, because: &str) {
        assert!(ADA.contains(line));
        let lines: Vec<&str> = ADA
            .lines()
            .map(|have| if have.trim() == line { other } else { have })
            .collect();
        let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(check(&lines.join("\n")).unwrap_err(), because);
    }

    #[test]
    fn an_entry_that_the_schema_allows_passes() {
        assert_eq!(check(ADA), Ok(()));
        assert_eq!(
            check("dn: dc=uni\nobjectClass: dcObject\nobjectClass: organization\no: U\ndc: uni"),
            Ok(())
        );
        let group =
            "dn: cn=g\nobjectClass: groupOfNames\nobjectClass: posixGroup\ncn: g\ngidNumber: 1\nmember: cn=x";
        assert_eq!(check(group), Ok(()));
        assert_eq!(
            check(&format!("{ADA}\nobjectClass: extensibleObject\nc: HK")),
            Ok(())
        );
    }

    #[test]
    fn classes_must_be_known_and_of_one_line() {
        refuse(
            "objectClass: nosuch",
            "objectClass: value 5 is an object class that no schema file defines",
        );
        refuse(
            "objectClass: groupOfNames",
            "objectClass: `inetOrgPerson` and `groupOfNames` are both structural and neither is a kind of the other",
        );
        assert_eq!(
            check("dn: cn=a\ncn: a").unwrap_err(),
            "objectClass: the entry has none"
        );
        assert_eq!(
            check("dn: dc=a\nobjectClass: dcObject\ndc: a").unwrap_err(),
            "objectClass: no value is a structural object class"
        );
    }

    #[test]
    fn what_is_demanded_must_be_there_and_the_rest_allowed() {
        refuse_instead("sn: Lovelace", "", "sn: the object class `person` demands it");
        refuse(
            "uidNumber: 1",
            "uidNumber: no object class of the entry allows it",
        );
    }

    #[test]
    fn values_must_be_of_their_syntax_and_each_once() {
        refuse(
            "beadleDisabled: FALSE",
            "beadleDisabled: it may have one value only",
        );
        refuse(
            "telephoneNumber: \u{e9}",
            "telephoneNumber: value 2 is no Telephone Number",
        );
        refuse(
            "telephoneNumber: +85239170000",
            "telephoneNumber: value 2 is there twice",
        );
        refuse("manager: nosuch=a", "manager: value 1 is no DN");
        refuse("manager: a", "manager: value 1 is no DN");
        refuse("cn: ADA", "cn: value 2 is there twice");
    }

    #[test]
    fn an_entry_has_the_values_it_is_named_by() {
        let because = "uid: the entry is named by a value that it does not have";
        refuse_instead("uid: Ada", "uid: Eve", because);
        refuse_instead(
            "dn: uid=ada,ou=people,dc=uni",
            "dn: nosuch=ada",
            "nosuch: the entry is named by an attribute that no schema file defines",
        );
        let schema = &*SCHEMA;
        let mut named = entry(schema, "dn: uid=ada+cn=A\nobjectClass: account\nuid: ADA");
        schema.add_naming_values(&mut named).unwrap();
        assert_eq!(named.values(schema.attribute(b"uid").unwrap()).len(), 1);
        assert_eq!(
            named.values(schema.attribute(b"cn").unwrap()),
            [b"A".as_slice().into()]
        );
    }
}
