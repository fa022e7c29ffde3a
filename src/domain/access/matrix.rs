//! All sentences as a table: who may do what with which attributes of which entries.

use crate::domain::access::{AccessRules, Entries, Right, Rights, Rule};
use crate::domain::schema::Schema;
use crate::types::AttributeType;

/// So many attributes that are treated alike are named one by one; more are counted.
const NAMED_MAX: usize = 24;

/// The sentences as rows for a table, the first of them its head: of each set of entries that they speak of, the
/// attributes that are treated alike, and a column for each grantee with the first letters of what may be done.
pub fn matrix(rules: &AccessRules, schema: &Schema) -> Vec<Vec<String>> {
    let mut grantees: Vec<&Rule> = Vec::new();
    let mut sets: Vec<&Entries> = Vec::new();
    for rule in rules.rules() {
        if !grantees.iter().any(|other| other.grantee == rule.grantee) {
            grantees.push(rule);
        }
        if !sets.iter().any(|other| other.are_those_of(&rule.entries)) {
            sets.push(&rule.entries);
        }
    }
    let names = grantees.iter().map(|rule| rule.who().to_owned());
    let head = [String::new()].into_iter().chain(names).collect();
    let of = |set: &&Entries| {
        let rights = grantees.iter().map(|grantee| granted(rules, grantee, set));
        block(set, &rights.collect::<Vec<_>>(), schema)
    };
    [head].into_iter().chain(sets.iter().flat_map(of)).collect()
}

fn granted(rules: &AccessRules, grantee: &Rule, set: &Entries) -> Rights {
    let own = rules
        .rules()
        .iter()
        .filter(|rule| rule.grantee == grantee.grantee && rule.entries.are_those_of(set));
    own.fold(Rights::NONE, |sum, rule| sum.and(&rule.rights))
}

fn block(set: &Entries, rights: &[Rights], schema: &Schema) -> Vec<Vec<String>> {
    let whole = rights.iter().map(|rights| letters(rights, None)).collect();
    let mut rows: Vec<(Vec<AttributeType>, Vec<String>)> = Vec::new();
    for (kind, _) in schema.attribute_types() {
        let cells: Vec<String> = rights.iter().map(|rights| letters(rights, Some(kind))).collect();
        let is_operational = schema.operational().contains(kind);
        let is_alike = |(kinds, others): &&mut (Vec<AttributeType>, Vec<String>)| {
            let first = kinds.first().copied();
            *others == cells
                && first.is_some_and(|kind| schema.operational().contains(kind) == is_operational)
        };
        match rows.iter_mut().find(is_alike) {
            _ if cells.iter().all(String::is_empty) => {}
            Some((kinds, _)) => kinds.push(kind),
            None => rows.push((vec![kind], cells)),
        }
    }
    rows.sort_by_key(|(kinds, _)| kinds.len() > NAMED_MAX);
    let head = row(format!("of {}", set.said), whole);
    let rows = rows
        .into_iter()
        .map(|(kinds, cells)| row(named(&kinds, schema), cells));
    [head].into_iter().chain(rows).collect()
}

fn row(name: String, cells: Vec<String>) -> Vec<String> {
    [name].into_iter().chain(cells).collect()
}

fn named(kinds: &[AttributeType], schema: &Schema) -> String {
    let is_operational = kinds
        .first()
        .is_some_and(|kind| schema.operational().contains(*kind));
    match (kinds.len() > NAMED_MAX, is_operational) {
        (true, true) => format!("  {} other operational attributes", kinds.len()),
        (true, false) => format!("  {} other attributes", kinds.len()),
        (false, _) => {
            let names: Vec<&str> = kinds.iter().map(|kind| schema.name(*kind)).collect();
            format!("  {}", names.join(", "))
        }
    }
}

/// The first letters of what may be done; what reading includes is not said again.
fn letters(rights: &Rights, kind: Option<AttributeType>) -> String {
    let reads = rights.include(Right::Read, kind);
    let is_said = |right: &Right| {
        let is_included = reads && matches!(right, Right::Search | Right::Compare);
        rights.include(*right, kind) && !is_included && right.is_of_whole_entries() == kind.is_none()
    };
    let said = Right::ALL.into_iter().filter(is_said);
    said.filter_map(|right| right.word().chars().next()).collect()
}
