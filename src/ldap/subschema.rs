//! The subschema subentry (RFC 4512 section 4.2): the running schema as clients read it.

use std::fmt::Write;
use std::sync::Arc;

use crate::domain::matching::MatchingRule;
use crate::domain::schema::Schema;
use crate::domain::schema_text::{AttributeTypeText, ClassKind, Head, ObjectClassText, Usage};
use crate::domain::syntax::Syntax;
use crate::ldap::own_entry::OwnEntry;
use crate::types::Dn;

/// The name of the subschema subentry.
pub const SUBSCHEMA_DN: &str = "cn=Subschema";

/// The subschema subentry of a schema.
pub fn subschema(schema: Arc<Schema>) -> OwnEntry {
    let attribute_types = schema
        .attribute_types()
        .map(|(_, definition)| attribute_type(&definition.text));
    let object_classes = schema
        .object_classes()
        .iter()
        .map(|class| object_class(&class.text));
    OwnEntry::named(SUBSCHEMA_DN, Arc::clone(&schema))
        .user("objectClass", ["top", "subentry", "subschema"])
        .user("cn", ["Subschema"])
        .operational("structuralObjectClass", ["subschema"])
        .operational("entryDN", [SUBSCHEMA_DN])
        .operational("subschemaSubentry", [SUBSCHEMA_DN])
        .operational("ldapSyntaxes", Syntax::all().iter().map(syntax))
        .operational("matchingRules", MatchingRule::all().iter().map(matching_rule))
        .operational("attributeTypes", attribute_types)
        .operational("objectClasses", object_classes)
}

/// Whether `dn` names the subschema subentry.
pub fn is_subschema(dn: &Dn) -> bool {
    let [rdn] = dn.rdns.as_slice() else { return false };
    let [ava] = rdn.avas.as_slice() else { return false };
    let named_cn = ["cn", "commonName", "2.5.4.3"]
        .iter()
        .any(|name| ava.attribute.eq_ignore_ascii_case(name));
    named_cn && ava.value.eq_ignore_ascii_case(b"Subschema")
}

/// An AttributeTypeDescription (RFC 4512 section 4.1.2).
fn attribute_type(text: &AttributeTypeText) -> String {
    let mut out = Description::begin(&text.head);
    out.word("SUP", text.superior.as_deref());
    out.word("EQUALITY", text.equality.as_deref());
    out.word("ORDERING", text.ordering.as_deref());
    out.word("SUBSTR", text.substrings.as_deref());
    out.word("SYNTAX", text.syntax.as_deref());
    out.flag("SINGLE-VALUE", text.single_value);
    out.flag("COLLECTIVE", text.collective);
    out.flag("NO-USER-MODIFICATION", text.no_user_modification);
    out.word("USAGE", usage(text.usage));
    out.end()
}

/// Without a word it is for user applications.
fn usage(usage: Usage) -> Option<&'static str> {
    match usage {
        Usage::UserApplications => None,
        Usage::DirectoryOperation => Some("directoryOperation"),
        Usage::DistributedOperation => Some("distributedOperation"),
        Usage::DsaOperation => Some("dSAOperation"),
    }
}

/// An ObjectClassDescription (RFC 4512 section 4.1.1).
fn object_class(text: &ObjectClassText) -> String {
    let mut out = Description::begin(&text.head);
    out.list("SUP", &text.superiors);
    out.flag("ABSTRACT", text.kind == ClassKind::Abstract);
    out.flag("STRUCTURAL", text.kind == ClassKind::Structural);
    out.flag("AUXILIARY", text.kind == ClassKind::Auxiliary);
    out.list("MUST", &text.must);
    out.list("MAY", &text.may);
    out.end()
}

/// A SyntaxDescription (RFC 4512 section 4.1.5).
fn syntax(syntax: &Syntax) -> String {
    format!("( {} DESC {} )", syntax.oid, quoted(syntax.description))
}

/// A MatchingRuleDescription (RFC 4512 section 4.1.3).
fn matching_rule(rule: &MatchingRule) -> String {
    format!(
        "( {} NAME {} SYNTAX {} )",
        rule.oid,
        quoted(rule.name),
        rule.syntax()
    )
}

/// A description as it grows.
struct Description(String);

impl Description {
    fn begin(head: &Head) -> Description {
        let mut out = Description(format!("( {}", head.oid));
        match head.names.as_slice() {
            [] => {}
            [name] => out.word("NAME", Some(&quoted(name))),
            names => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                out.word("NAME", Some(&format!("( {} )", names.join(" "))));
            }
        }
        out.word("DESC", head.description.as_deref().map(quoted).as_deref());
        out.flag("OBSOLETE", head.obsolete);
        out
    }

    fn word(&mut self, key: &str, word: Option<&str>) {
        if let Some(word) = word {
            // Writing to a string does not fail.
            let _ = write!(self.0, " {key} {word}");
        }
    }

    fn flag(&mut self, key: &str, set: bool) {
        if set {
            let _ = write!(self.0, " {key}");
        }
    }

    fn list(&mut self, key: &str, words: &[Box<str>]) {
        match words {
            [] => {}
            [word] => self.word(key, Some(word)),
            words => self.word(key, Some(&format!("( {} )", words.join(" $ ")))),
        }
    }

    fn end(self) -> String {
        self.0 + " )"
    }
}

/// A qdstring (RFC 4512 section 4.1).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\5C").replace('\'', "\\27"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema_text::{self, SchemaFile};

    fn parsed(text: &str) -> schema_text::Descriptions {
        let file = SchemaFile { name: "test", text };
        crate::domain::schema_reader::parse(file).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_description_parses_back_to_itself() {
        let schema = Schema::built_in();
        for (_, definition) in schema.attribute_types() {
            let again = parsed(&format!("attributetype {}", attribute_type(&definition.text)));
            let mut expected = definition.text.clone();
            expected.head.line = 1;
            assert_eq!(again.attribute_types, [expected]);
        }
        for class in schema.object_classes() {
            let again = parsed(&format!("objectclass {}", object_class(&class.text)));
            let mut expected = class.text.clone();
            expected.head.line = 1;
            assert_eq!(again.object_classes, [expected]);
        }
    }

    #[test]
    fn quotes_in_descriptions_are_escaped() {
        assert_eq!(quoted(r"the member's \ name"), r"'the member\27s \5C name'");
    }

    #[test]
    fn the_name_of_the_subentry_matches_in_any_spelling_and_no_other() {
        let check = |text, expected| {
            let dn = Dn::parse(text).unwrap_or_default();
            assert_eq!(is_subschema(&dn), expected, "{text}");
        };
        check("cn=Subschema", true);
        check("CN=subschema", true);
        check("2.5.4.3=SUBSCHEMA", true);
        check("cn=Subschema,dc=uni", false);
        check("cn=Subschema+ou=x", false);
        check("ou=Subschema", false);
        check("", false);
    }
}
