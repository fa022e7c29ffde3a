//! Tables of before, refused with the sentences of `[access]` that say the same.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::defaults::RULES;
use super::document::Span;

/// A table that is no longer read: where it is, and what to write instead.
pub(super) struct Superseded {
    pub(super) place: Span,
    pub(super) right: String,
}

/// Takes `[visibility]` and `[[access]]` out of `table`. What is said of them all is everything they said, and of what
/// they left to its default, that.
pub(super) fn take(table: &mut DeTable<'_>) -> Vec<Superseded> {
    let visibility = table.remove("visibility");
    let is_list = |value: &Spanned<DeValue<'_>>| matches!(value.get_ref(), DeValue::Array(_));
    let access = match table.get("access").is_some_and(is_list) {
        true => table.remove("access"),
        false => None,
    };
    let grants = access.as_ref().and_then(|list| list.get_ref().as_array());
    let mut all: Vec<Superseded> = visibility
        .iter()
        .map(|table| of_visibility(table, grants.is_some()))
        .collect();
    all.extend(grants.into_iter().flatten().map(|table| Superseded {
        place: table.span(),
        right: format!("write in access.rules: {:?}", of_access(table)),
    }));
    if let (None, Some(first)) = (&visibility, all.first_mut()) {
        first.right = format!(
            "{}; and as no [visibility] said otherwise: {:?}",
            first.right, RULES[0]
        );
    }
    all
}

fn of_visibility(table: &Spanned<DeValue<'_>>, are_others_granted: bool) -> Superseded {
    let mut keys = Vec::new();
    let mut rules = Vec::new();
    let key = |name| value(table, name);
    if key("open_to_public").is_some() || key("public_entries").is_some() || are_others_granted {
        rules.push(public_rule(table));
        if !are_others_granted {
            rules.extend(RULES.iter().skip(1).map(|rule| (*rule).to_owned()));
        }
        keys.push(format!("rules = {rules:?}"));
    }
    for name in ["never_public", "owner_only"] {
        let list = key(name).map(strings);
        keys.extend(list.map(|list| format!("{name} = {list:?}")));
    }
    let right = match keys.is_empty() {
        true => "take it out".into(),
        false => format!("write under [access]: {}", keys.join(" and ")),
    };
    Superseded {
        place: table.span(),
        right,
    }
}

/// What the default says, with the attributes and the entries that were written.
fn public_rule(table: &Spanned<DeValue<'_>>) -> String {
    const BEFORE: &str = "the public may read ";
    const OF: &str = " of ";
    let (attributes, entries) = RULES[0]
        .trim_start_matches(BEFORE)
        .split_once(OF)
        .unwrap_or_default();
    let attributes = match value(table, "open_to_public").map(strings) {
        Some(names) => names.join(", "),
        None => attributes.into(),
    };
    let entries = text(table, "public_entries").unwrap_or(entries);
    [BEFORE, &attributes, OF, entries].concat()
}

fn of_access(table: &Spanned<DeValue<'_>>) -> String {
    let who = match text(table, "to").unwrap_or("members") {
        "member" => "members".into(),
        who => who.replace("service:", "service "),
    };
    let attributes = value(table, "read").map(strings).unwrap_or_default().join(", ");
    let entries = match text(table, "entries") {
        None | Some("(objectClass=*)") => "everything",
        Some(filter) => filter,
    };
    format!("{who} may read {attributes} of {entries}")
}

fn value<'t, 's>(table: &'t Spanned<DeValue<'s>>, key: &str) -> Option<&'t Spanned<DeValue<'s>>> {
    table.get_ref().as_table()?.get(key)
}

fn text<'t>(table: &'t Spanned<DeValue<'_>>, key: &str) -> Option<&'t str> {
    value(table, key)?.get_ref().as_str()
}

fn strings(list: &Spanned<DeValue<'_>>) -> Vec<String> {
    let values = list.get_ref().as_array().into_iter().flatten();
    values
        .filter_map(|value| value.get_ref().as_str().map(Into::into))
        .collect()
}
