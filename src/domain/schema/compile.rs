//! From the descriptions of schema files to a [`Schema`]: names resolved, inheritance applied.

use crate::domain::matching::MatchingRule;
use crate::domain::schema::reader::parse;
use crate::domain::schema::text::{
    AttributeTypeText, Descriptions, Head, ObjectClassText, SchemaError, SchemaFault, SchemaFile,
};
use crate::domain::schema::{AttributeDefinition, ByName, ClassPosition, ObjectClass, Schema, WellKnown};
use crate::domain::syntax::Syntax;
use crate::types::attribute::ATTRIBUTE_TYPES_MAX;
use crate::types::{AttributeSet, AttributeType};

/// Where `objectClass` stands: the first description of the first file is its.
pub const OBJECT_CLASS: AttributeType = AttributeType(0);

/// A fault and the description it is in.
type Compiled<T> = Result<T, SchemaFault>;

/// Descriptions of all files with the file each is from.
struct Sources<'a, T> {
    texts: Vec<T>,
    files: Vec<&'a str>,
}

/// Compiles the files together: each may refer to any other. Errors: the first thing that is wrong.
pub(super) fn schema<'a>(files: impl Iterator<Item = SchemaFile<'a>>) -> Result<Schema, SchemaError> {
    let mut types = Sources {
        texts: Vec::new(),
        files: Vec::new(),
    };
    let mut classes = Sources {
        texts: Vec::new(),
        files: Vec::new(),
    };
    for file in files {
        let Descriptions {
            attribute_types,
            object_classes,
        } = parse(file)?;
        types.files.extend(attribute_types.iter().map(|_| file.name));
        types.texts.extend(attribute_types);
        classes.files.extend(object_classes.iter().map(|_| file.name));
        classes.texts.extend(object_classes);
    }
    let attribute_names = types.names(|text| &text.head, AttributeType)?;
    let class_names = classes.names(|text| &text.head, ClassPosition)?;
    let well_known = WellKnown::resolve(|name| attribute(name, &attribute_names));
    let well_known = well_known.map_err(|fault| types.error(0, 1, fault))?;
    let attribute_types = attribute_types(types, &attribute_names)?;
    let object_classes = object_classes(classes, &class_names, &attribute_names)?;
    let operational = set(&attribute_types, AttributeDefinition::is_operational);
    let dn_valued = set(&attribute_types, |definition| {
        !definition.is_operational() && definition.is_dn_valued()
    });
    Ok(Schema {
        spelled: attribute_types.iter().map(|kind| kind.name().into()).collect(),
        attribute_types,
        object_classes,
        attribute_names,
        class_names,
        operational,
        dn_valued,
        well_known,
    })
}

impl<T> Sources<'_, T> {
    /// Every name and OID in lower case, with its position.
    fn names<P: Copy>(
        &self,
        head: impl Fn(&T) -> &Head,
        position: impl Fn(u16) -> P,
    ) -> Result<ByName<P>, SchemaError> {
        let mut names = ByName::default();
        for (at, text) in self.texts.iter().enumerate() {
            let head = head(text);
            if at >= ATTRIBUTE_TYPES_MAX {
                return Err(self.error(at, head.line, SchemaFault::TooMany(ATTRIBUTE_TYPES_MAX)));
            }
            for name in head.names.iter().chain([&head.oid]) {
                let key = name.to_ascii_lowercase().into_bytes().into();
                if names.insert(key, position(at as u16)).is_some() {
                    return Err(self.error(at, head.line, SchemaFault::Duplicate(name.clone())));
                }
            }
        }
        Ok(names)
    }

    fn error(&self, at: usize, line: usize, fault: SchemaFault) -> SchemaError {
        SchemaError {
            file: self.files[at].into(),
            line,
            fault,
        }
    }
}

fn attribute_types(
    sources: Sources<'_, AttributeTypeText>,
    names: &ByName<AttributeType>,
) -> Result<Vec<AttributeDefinition>, SchemaError> {
    let texts = &sources.texts;
    let mut lines = Vec::with_capacity(texts.len());
    let mut definitions = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let line =
            line_of_types(at, texts, names).map_err(|fault| sources.error(at, text.head.line, fault))?;
        let definition =
            definition(&line, texts).map_err(|fault| sources.error(at, text.head.line, fault))?;
        lines.push(line);
        definitions.push(definition);
    }
    for (at, line) in lines.iter().enumerate() {
        line.iter()
            .for_each(|above| definitions[*above].subtypes.insert(AttributeType(at as u16)));
    }
    Ok(definitions)
}

fn set(definitions: &[AttributeDefinition], is_in: impl Fn(&AttributeDefinition) -> bool) -> AttributeSet {
    let all = (0..).map(AttributeType).zip(definitions);
    all.filter(|(_, definition)| is_in(definition))
        .map(|(kind, _)| kind)
        .collect()
}

/// The type itself and every type above it, nearest first.
fn line_of_types(
    at: usize,
    texts: &[AttributeTypeText],
    names: &ByName<AttributeType>,
) -> Compiled<Vec<usize>> {
    let mut line = vec![at];
    let mut current = at;
    while let Some(superior) = &texts[current].superior {
        current = usize::from(attribute(superior, names)?.0);
        if line.contains(&current) {
            return Err(SchemaFault::Circular(texts[at].head.name().into()));
        }
        line.push(current);
    }
    Ok(line)
}

/// What the nearest in the line says counts (RFC 4512 section 2.5.1).
fn definition(line: &[usize], texts: &[AttributeTypeText]) -> Compiled<AttributeDefinition> {
    let text = &texts[line[0]];
    let nearest = |field: fn(&AttributeTypeText) -> &Option<Box<str>>| {
        line.iter().find_map(|at| field(&texts[*at]).as_deref())
    };
    let syntax =
        nearest(|text| &text.syntax).ok_or_else(|| SchemaFault::NoSyntax(text.head.name().into()))?;
    Ok(AttributeDefinition {
        superior: line.get(1).map(|at| AttributeType(*at as u16)),
        equality: nearest(|text| &text.equality).map(rule).transpose()?,
        ordering: nearest(|text| &text.ordering).map(rule).transpose()?,
        substrings: nearest(|text| &text.substrings).map(rule).transpose()?,
        syntax: Syntax::find(syntax).ok_or_else(|| SchemaFault::UnknownSyntax(syntax.into()))?,
        subtypes: AttributeSet::EMPTY,
        text: text.clone(),
    })
}

fn rule(name: &str) -> Compiled<&'static MatchingRule> {
    MatchingRule::find(name.as_bytes()).ok_or_else(|| SchemaFault::UnknownRule(name.into()))
}

fn attribute(name: &str, names: &ByName<AttributeType>) -> Compiled<AttributeType> {
    let found = names.get(name.to_ascii_lowercase().as_bytes()).copied();
    found.ok_or_else(|| SchemaFault::UnknownAttribute(name.into()))
}

fn object_classes(
    sources: Sources<'_, ObjectClassText>,
    names: &ByName<ClassPosition>,
    attribute_names: &ByName<AttributeType>,
) -> Result<Vec<ObjectClass>, SchemaError> {
    let mut classes = Vec::with_capacity(sources.texts.len());
    for (at, text) in sources.texts.iter().enumerate() {
        let class = object_class(at, &sources.texts, names, attribute_names);
        classes.push(class.map_err(|fault| sources.error(at, text.head.line, fault))?);
    }
    Ok(classes)
}

fn object_class(
    at: usize,
    texts: &[ObjectClassText],
    names: &ByName<ClassPosition>,
    attribute_names: &ByName<AttributeType>,
) -> Compiled<ObjectClass> {
    let line = line_of_classes(at, texts, names)?;
    let collect = |field: fn(&ObjectClassText) -> &[Box<str>]| -> Compiled<AttributeSet> {
        let named = line.iter().flat_map(|above| field(&texts[usize::from(above.0)]));
        named.map(|name| attribute(name, attribute_names)).collect()
    };
    Ok(ObjectClass {
        must: collect(|text| &text.must)?,
        may: collect(|text| &text.may)?,
        position: ClassPosition(at as u16),
        text: texts[at].clone(),
        line,
    })
}

/// The class itself and every class above it.
fn line_of_classes(
    at: usize,
    texts: &[ObjectClassText],
    names: &ByName<ClassPosition>,
) -> Compiled<Vec<ClassPosition>> {
    let mut line = vec![ClassPosition(at as u16)];
    let mut done = 0;
    while let Some(current) = line.get(done).copied() {
        for superior in &texts[usize::from(current.0)].superiors {
            let key = superior.to_ascii_lowercase();
            let above = names
                .get(key.as_bytes())
                .ok_or_else(|| SchemaFault::UnknownClass(superior.clone()))?;
            if usize::from(above.0) == at {
                return Err(SchemaFault::Circular(texts[at].head.name().into()));
            }
            if !line.contains(above) {
                line.push(*above);
            }
        }
        done += 1;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(text: &str, error: &str) {
        let found = Schema::load(&[SchemaFile {
            name: "x.schema",
            text,
        }])
        .err()
        .map(|error| error.to_string());
        assert_eq!(found.as_deref(), Some(error));
    }

    #[test]
    fn descriptions_that_do_not_fit_together_are_refused_with_their_place() {
        refuse(
            "\nattributetype ( 9.9 NAME 'CN' SUP name )",
            "x.schema:2: `CN` is defined already; give it a name and an OID of its own",
        );
        refuse(
            "attributetype ( 9.9 NAME 'x' SUP y )",
            "x.schema:1: attribute type `y` is defined in no schema file; define it or correct its name",
        );
        refuse(
            "attributetype ( 9.9 NAME 'x' SUP y ) attributetype ( 9.8 NAME 'y' SUP x )",
            "x.schema:1: `x` is its own superior; break the circle of SUP",
        );
        refuse(
            "attributetype ( 9.9 NAME 'x' )",
            "x.schema:1: `x` has neither SYNTAX nor SUP; give it one of them",
        );
        refuse(
            "attributetype ( 9.9 NAME 'x' SYNTAX 1.2.3 )",
            "x.schema:1: syntax `1.2.3` is not supported; the subschema subentry lists those that are",
        );
        refuse(
            "attributetype ( 9.9 NAME 'x' SUP name EQUALITY fooMatch )",
            "x.schema:1: matching rule `fooMatch` is not supported; the subschema subentry lists those that are",
        );
        refuse(
            "objectclass ( 9.9 NAME 'x' SUP y )",
            "x.schema:1: object class `y` is defined in no schema file; define it or correct its name",
        );
        refuse(
            "objectclass ( 9.9 NAME 'x' MAY y )",
            "x.schema:1: attribute type `y` is defined in no schema file; define it or correct its name",
        );
        refuse(
            "objectclass ( 9.9 NAME 'x' SUP y ) objectclass ( 9.8 NAME 'y' SUP x )",
            "x.schema:1: `x` is its own superior; break the circle of SUP",
        );
    }

    #[test]
    fn a_schema_without_a_type_that_the_server_itself_reads_is_refused_by_its_name() {
        let alone = SchemaFile {
            name: "x.schema",
            text: "attributetype ( 2.5.4.0 NAME 'objectClass' SYNTAX 1.3.6.1.4.1.1466.115.121.1.38 )",
        };
        assert_eq!(
            schema([alone].into_iter())
                .err()
                .map(|error| error.to_string())
                .as_deref(),
            Some(
                "x.schema:1: attribute type `uid` is defined in no schema file; define it or correct its name"
            )
        );
    }

    #[test]
    fn a_schema_with_too_many_types_is_refused() {
        let text: String = (0..ATTRIBUTE_TYPES_MAX)
            .map(|at| format!("attributetype ( 9.{at} SUP name )\n"))
            .collect();
        let error = Schema::load(&[SchemaFile {
            name: "x.schema",
            text: &text,
        }])
        .err()
        .map(|error| error.fault);
        assert_eq!(error, Some(SchemaFault::TooMany(ATTRIBUTE_TYPES_MAX)));
    }
}
