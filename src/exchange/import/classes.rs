//! The object classes of an entry whose file has no word for them: those it has, and what its values need.
//!
//! Values decide, not the header: a table of a few columns is of many entries, most of which have no value in most of
//! them. Only auxiliary classes are added, for what an entry is stays with who made it.

use crate::domain::entry::{AttributeDescription, Entry};
use crate::domain::schema::text::ClassKind;
use crate::domain::schema::{ObjectClass, Schema};
use crate::types::AttributeSet;

/// The object class of a new entry that names none.
const PERSON: &str = "inetOrgPerson";
/// Auxiliary classes that say what an entry is: a number alone makes no group of a person.
const NEVER_INFERRED: &[&str] = &["posixGroup"];

/// Whether a file of these columns says itself which classes its entries have.
pub(super) fn are_spoken_of(schema: &Schema, columns: &[AttributeDescription]) -> bool {
    let kind = schema.object_class_attribute();
    columns.iter().any(|column| column.kind == kind)
}

/// Adds to the classes of `entry` those auxiliary ones that allow the values which its own do not; a new entry, which
/// has no class yet, is a person.
pub(super) fn infer(schema: &Schema, entry: &mut Entry) {
    let kind = schema.object_class_attribute();
    let mut classes = entry.values(kind).to_vec();
    let own: Vec<&ObjectClass> = classes.iter().filter_map(|name| schema.class(name)).collect();
    let allowed = match own.is_empty() {
        // What an account has is operational, so that any entry may have it; a new person shall be an account.
        true => schema
            .class(PERSON.as_bytes())
            .map_or(AttributeSet::EMPTY, allows),
        false => schema.allowed(&own),
    };
    if classes.is_empty() {
        classes.push(PERSON.as_bytes().into());
    }
    let added = needed(schema, entry, &allowed);
    classes.extend(added.map(|class| class.name().as_bytes().into()));
    entry.set(kind, classes);
}

/// The auxiliary classes that allow values of `entry` beside those that are `allowed`.
fn needed<'a>(
    schema: &'a Schema,
    entry: &Entry,
    allowed: &AttributeSet,
) -> impl Iterator<Item = &'a ObjectClass> + use<'a> {
    let attributes = entry.attributes.iter();
    let has: AttributeSet = attributes.map(|attribute| attribute.description.kind).collect();
    let (mut missing, possible) = (has.difference(allowed), has.union(allowed));
    schema.object_classes().iter().filter(move |class| {
        let helps = !missing.intersection(&allows(class)).is_empty();
        let is_added = helps && may_be_added(class) && class.must.difference(&possible).is_empty();
        if is_added {
            missing = missing.difference(&allows(class));
        }
        is_added
    })
}

fn may_be_added(class: &ObjectClass) -> bool {
    class.kind() == ClassKind::Auxiliary && !NEVER_INFERRED.contains(&class.name())
}

fn allows(class: &ObjectClass) -> AttributeSet {
    class.must.union(&class.may)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Dn;

    /// The classes of an entry of `own` classes that has values of these attributes.
    fn inferred(own: &[&str], attributes: &str) -> Vec<String> {
        let schema = Schema::built_in();
        let mut entry = Entry {
            dn: Dn::default(),
            attributes: Vec::new(),
        };
        let values = |names: &[&str]| names.iter().map(|name| name.as_bytes().into()).collect();
        entry.set(schema.object_class_attribute(), values(own));
        for name in attributes.split(',') {
            entry.set(schema.attribute(name.as_bytes()).unwrap(), values(&["1"]));
        }
        infer(&schema, &mut entry);
        let classes = entry.values(schema.object_class_attribute()).iter();
        classes
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    #[test]
    fn a_new_person_gets_the_auxiliary_classes_its_values_need() {
        let check = |attributes: &str, expected: &[&str]| {
            let expected = [&["inetOrgPerson"], expected].concat();
            assert_eq!(inferred(&[], attributes), expected, "{attributes}");
        };
        check("uid,cn,sn,mail,userPassword", &[]);
        check("uid,cn,sn,beadleClass", &["beadleAccount"]);
        check("uid,cn,sn,uidNumber,gidNumber,homeDirectory", &["posixAccount"]);
        check("uid,cn,sn,eduPersonAffiliation", &["eduPerson"]);
        check("uid,cn,sn,gidNumber", &[]);
    }

    #[test]
    fn an_entry_keeps_its_classes_and_gets_only_those_its_own_do_not_do_for() {
        let check = |own: &[&str], attributes: &str, added: &[&str]| {
            assert_eq!(inferred(own, attributes), [own, added].concat(), "{attributes}");
        };
        check(&["inetOrgPerson", "posixAccount"], "uid,gidNumber", &[]);
        check(&["inetOrgPerson"], "uid,beadleClass", &[]);
        check(&["inetOrgPerson"], "uid,eduPersonAffiliation", &["eduPerson"]);
        check(&["account", "extensibleObject"], "uid,eduPersonAffiliation", &[]);
        check(&["organizationalUnit"], "ou,gidNumber", &[]);
        check(&["account"], "uid,telephoneNumber", &[]);
    }
}
