//! The schema as the subschema subentry shows it (RFC 4512 sections 4.1 and 4.2).

use std::fmt::{self, Display};

use crate::domain::matching::{MatchingRule, Purpose};
use crate::domain::schema::Schema;
use crate::domain::schema::text::{AttributeTypeText, ClassKind, Head, ObjectClassText, Usage};
use crate::domain::syntax::Syntax;

impl Schema {
    /// The values of `attributeTypes`.
    pub fn attribute_type_descriptions(&self) -> impl Iterator<Item = String> {
        self.attribute_types()
            .map(|(_, definition)| definition.text.to_string())
    }

    /// The values of `objectClasses`.
    pub fn object_class_descriptions(&self) -> impl Iterator<Item = String> {
        self.object_classes().iter().map(|class| class.text.to_string())
    }

    /// The values of `matchingRules`.
    pub fn matching_rule_descriptions(&self) -> impl Iterator<Item = String> {
        let describe =
            |rule: &MatchingRule| format!("( {} NAME '{}' SYNTAX {} )", rule.oid, rule.name, rule.syntax());
        MatchingRule::all().iter().map(describe)
    }

    /// The values of `matchingRuleUse`: the rules an extensible filter may name, and for which attributes.
    pub fn matching_rule_use_descriptions(&self) -> impl Iterator<Item = String> {
        let usable = MatchingRule::all()
            .iter()
            .filter(|rule| rule.purpose != Purpose::Substrings);
        usable.filter_map(|rule| {
            let applies = self
                .attribute_types()
                .filter(|(_, definition)| definition.can_be_matched_by(rule));
            let names: Vec<&str> = applies.map(|(_, definition)| definition.name()).collect();
            let describe = || format!("( {} NAME '{}' APPLIES {} )", rule.oid, rule.name, Oids(&names));
            (!names.is_empty()).then(describe)
        })
    }

    /// The values of `ldapSyntaxes`.
    pub fn syntax_descriptions(&self) -> impl Iterator<Item = String> {
        Syntax::all()
            .iter()
            .map(|syntax| format!("( {} DESC '{}' )", syntax.oid, syntax.description))
    }
}

impl Display for AttributeTypeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "( {}", self.head)?;
        field(f, "SUP", &self.superior)?;
        field(f, "EQUALITY", &self.equality)?;
        field(f, "ORDERING", &self.ordering)?;
        field(f, "SUBSTR", &self.substrings)?;
        field(f, "SYNTAX", &self.syntax)?;
        flag(f, " SINGLE-VALUE", self.single_value)?;
        flag(f, " COLLECTIVE", self.collective)?;
        flag(f, " NO-USER-MODIFICATION", self.no_user_modification)?;
        f.write_str(match self.usage {
            Usage::UserApplications => "",
            Usage::DirectoryOperation => " USAGE directoryOperation",
            Usage::DistributedOperation => " USAGE distributedOperation",
            Usage::DsaOperation => " USAGE dSAOperation",
        })?;
        f.write_str(" )")
    }
}

impl Display for ObjectClassText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "( {}", self.head)?;
        list(f, "SUP", &self.superiors)?;
        f.write_str(match self.kind {
            ClassKind::Abstract => " ABSTRACT",
            ClassKind::Structural => " STRUCTURAL",
            ClassKind::Auxiliary => " AUXILIARY",
        })?;
        list(f, "MUST", &self.must)?;
        list(f, "MAY", &self.may)?;
        f.write_str(" )")
    }
}

impl Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.oid)?;
        match self.names.as_slice() {
            [] => {}
            [name] => write!(f, " NAME '{name}'")?,
            names => write!(f, " NAME ( '{}' )", names.join("' '"))?,
        }
        if let Some(description) = &self.description {
            write!(f, " DESC '{description}'")?;
        }
        flag(f, " OBSOLETE", self.obsolete)
    }
}

fn field(f: &mut fmt::Formatter<'_>, keyword: &str, value: &Option<Box<str>>) -> fmt::Result {
    value
        .as_ref()
        .map_or(Ok(()), |value| write!(f, " {keyword} {value}"))
}

fn flag(f: &mut fmt::Formatter<'_>, keyword: &str, set: bool) -> fmt::Result {
    f.write_str(if set { keyword } else { "" })
}

fn list(f: &mut fmt::Formatter<'_>, keyword: &str, names: &[Box<str>]) -> fmt::Result {
    match names {
        [] => Ok(()),
        names => write!(f, " {keyword} {}", Oids(names)),
    }
}

/// Names as RFC 4512 lists them: one alone, several in parentheses.
struct Oids<'a, T>(&'a [T]);

impl<T: AsRef<str>> Display for Oids<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [name] => f.write_str(name.as_ref()),
            names => {
                f.write_str("(")?;
                for (at, name) in names.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { " " } else { " $ " }, name.as_ref())?;
                }
                f.write_str(" )")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;
    use crate::domain::schema::reader::parse;
    use crate::domain::schema::text::SchemaFile;

    #[test]
    fn what_is_shown_reads_back_as_the_same_schema() {
        let schema = &*SCHEMA;
        let types = schema
            .attribute_type_descriptions()
            .map(|text| format!("attributetype {text}\n"));
        let classes = schema
            .object_class_descriptions()
            .map(|text| format!("objectclass {text}\n"));
        let text: String = types.chain(classes).collect();
        let mut back = parse(SchemaFile {
            name: "shown",
            text: &text,
        })
        .unwrap();
        for (shown, (_, own)) in back.attribute_types.iter_mut().zip(schema.attribute_types()) {
            shown.head.line = own.text.head.line;
            assert_eq!(*shown, own.text);
        }
        for (shown, own) in back.object_classes.iter_mut().zip(schema.object_classes()) {
            shown.head.line = own.text.head.line;
            assert_eq!(*shown, own.text);
        }
        assert_eq!(back.object_classes.len(), schema.object_classes().len());
    }

    #[test]
    fn everything_that_is_referred_to_is_shown() {
        let schema = &*SCHEMA;
        let rules: Vec<String> = schema.matching_rule_descriptions().collect();
        let syntaxes: Vec<String> = schema.syntax_descriptions().collect();
        for (_, definition) in schema.attribute_types() {
            let used = [definition.equality, definition.ordering, definition.substrings];
            for rule in used.into_iter().flatten() {
                assert!(
                    rules
                        .iter()
                        .any(|text| text.contains(&format!("'{}'", rule.name)))
                );
            }
            assert!(
                syntaxes
                    .iter()
                    .any(|text| text.contains(&format!("( {} ", definition.syntax.oid)))
            );
        }
        for rule in MatchingRule::all() {
            assert!(
                syntaxes
                    .iter()
                    .any(|text| text.contains(&format!("( {} ", rule.syntax()))),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn descriptions_are_spelt_as_rfc_4512_says() {
        let schema = &*SCHEMA;
        let shown = |start: &str| {
            let all = schema
                .attribute_type_descriptions()
                .chain(schema.object_class_descriptions());
            let all = all.chain(schema.matching_rule_use_descriptions());
            all.into_iter().find(|text| text.starts_with(start)).unwrap()
        };
        assert_eq!(
            shown("( 2.5.4.4 "),
            "( 2.5.4.4 NAME ( 'sn' 'surname' ) SUP name )"
        );
        assert_eq!(
            shown("( 2.5.18.9 "),
            "( 2.5.18.9 NAME 'hasSubordinates' EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 \
             SINGLE-VALUE NO-USER-MODIFICATION USAGE directoryOperation )"
        );
        assert_eq!(
            shown("( 2.5.6.6 "),
            "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) \
             MAY ( userPassword $ telephoneNumber $ seeAlso $ description ) )"
        );
        assert!(shown("( 2.5.13.16 NAME 'bitStringMatch' APPLIES ").contains("x500UniqueIdentifier"));
    }
}
