//! From bytes to rows: which format, and what a CSV row means that does not say it.

use std::io::BufRead;

use crate::directory::csv_text::{CsvReader, Defaults};
use crate::directory::ldif::LdifReader;
use crate::directory::row::{RowError, Rows};
use crate::domain::schema::{ObjectClass, Schema};
use crate::domain::schema_text::ClassKind;
use crate::types::{AttributeSet, Dn};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// LDIF (RFC 2849).
    Ldif,
    /// CSV with a header row.
    Csv,
}

/// The object class of a CSV row that names none.
const PERSON: &str = "inetOrgPerson";

/// Reads a file. Errors: [`RowError::Hopeless`] for a CSV header that cannot be used.
pub fn rows<'a>(
    format: Format,
    input: impl BufRead + 'a,
    schema: &Schema,
    base: &Dn,
) -> Result<Box<dyn Rows + 'a>, RowError> {
    match format {
        Format::Ldif => Ok(Box::new(LdifReader::new(input))),
        Format::Csv => {
            let parent = format!("ou=people,{base}");
            let object_classes = |columns: &[&str]| classes(schema, columns);
            let defaults = Defaults {
                parent: &parent,
                object_classes: &object_classes,
            };
            Ok(Box::new(CsvReader::new(input, &defaults)?))
        }
    }
}

/// `inetOrgPerson`, and the auxiliary classes that allow the columns which it does not.
fn classes(schema: &Schema, columns: &[&str]) -> Vec<Box<str>> {
    let wanted: AttributeSet = columns
        .iter()
        .filter_map(|name| Some(schema.describe(name.as_bytes())?.kind))
        .collect();
    let allows = |class: &ObjectClass| class.must.union(&class.may);
    let mut classes = vec![PERSON.into()];
    let person = schema
        .class(PERSON.as_bytes())
        .map_or(AttributeSet::EMPTY, allows);
    let mut missing = wanted.difference(&person);
    for class in schema
        .object_classes()
        .iter()
        .filter(|class| class.kind() == ClassKind::Auxiliary)
    {
        let helps = !missing.intersection(&allows(class)).is_empty();
        if helps && class.must.difference(&wanted.union(&person)).is_empty() {
            classes.push(class.name().into());
            missing = missing.difference(&allows(class));
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_row_without_classes_gets_those_its_columns_need() {
        let schema = Schema::built_in();
        let check = |columns: &str, expected: &[&str]| {
            let columns: Vec<&str> = columns.split(',').collect();
            let found: Vec<Box<str>> = classes(&schema, &columns);
            assert_eq!(
                found.iter().map(|class| &**class).collect::<Vec<_>>(),
                expected,
                "{columns:?}"
            );
        };
        check("uid,cn,sn,mail,userPassword", &["inetOrgPerson"]);
        check("uid,cn,sn,beadleClass", &["inetOrgPerson", "beadleAccount"]);
        check(
            "uid,cn,sn,uidNumber,gidNumber,homeDirectory",
            &["inetOrgPerson", "posixAccount"],
        );
        check("uid,cn,sn,eduPersonAffiliation", &["inetOrgPerson", "eduPerson"]);
        check("uid,nosuch", &["inetOrgPerson"]);
    }
}
