//! Modifying an entry (RFC 4511 section 4.6, RFC 4525).

use std::collections::HashSet;

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Decision, ENTRY_BYTES_MAX, Step, Supplies, World};
use crate::directory::change::draft::{self, Draft};
use crate::directory::change::pin::{self, Wanted};
use crate::directory::change::references::References;
use crate::directory::change::stamp;
use crate::directory::change::unseen::Seen;
use crate::directory::changes::{Actor, GivenValue, Modification, ModificationKind, Modify, Strictness};
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::Written;
use crate::domain::entry::{Attribute, AttributeDescription};
use crate::domain::schema::Schema;
use crate::index::EntryRef;
use crate::types::AttributeType;

/// A modification whose attribute and values the schema knows.
pub(super) struct Sound {
    pub(super) kind: ModificationKind,
    pub(super) description: AttributeDescription,
    pub(super) values: Vec<Box<[u8]>>,
}

/// Decides on modifications of one entry. Errors: [`Refusal`].
pub(super) fn modify(
    world: &World<'_>,
    modify: &Modify,
    actor: &Actor,
    supplies: &mut Supplies<'_>,
) -> Result<Step, Refusal> {
    let schema = world.directory.schema();
    let password = schema.well_known().user_password;
    let is_of_pin = |modification: &&Modification| {
        let described = schema.describe(&modification.attribute.description);
        described.is_some_and(|description| description.kind == password)
    };
    let (of_pin, others): (Vec<_>, Vec<_>) = modify.modifications.iter().partition(is_of_pin);
    let sound: Vec<Sound> = others
        .into_iter()
        .map(|it| sound(world, it))
        .collect::<Result<_, _>>()?;
    for modification in &of_pin {
        described(world, &modification.attribute.description)?;
    }
    let pin = Wanted::of(of_pin.into_iter())?;
    let entry = world.entry(&modify.dn)?;
    let writable = world.view.writable(entry.id(), &entry);
    if let Some(first) = sound.iter().find(|it| !writable.contains(it.description.kind)) {
        let why = format!("{}: you may not write it", schema.spell(&first.description));
        return Err(Refusal::because(Answer::InsufficientAccess, why));
    }
    let mut touched: Vec<AttributeType> = sound.iter().map(|it| it.description.kind).collect();
    touched.extend((!matches!(pin, Wanted::Unchanged)).then_some(password));
    let seen = Seen::of(world, entry);
    let mut draft = Draft::of(schema, entry).demanding(&seen.hidden(&touched));
    for step in &sound {
        let strictness = seen.strictness(schema, step, world.terms.modify)?;
        apply(schema, &mut draft, step, strictness)?;
    }
    draft.check(&draft.entry(entry.dn()), &touched)?;
    if let Some(step) = pin::set_in(world, Some(entry), &mut draft, &pin, supplies)? {
        return Ok(step);
    }
    let mut seen = HashSet::new();
    let each_once = sound.iter().filter(|it| seen.insert(&it.description));
    let mut spelt: Vec<Box<str>> = each_once.map(|it| schema.spell(&it.description).into()).collect();
    if touched.contains(&password) {
        spelt.push(schema.name(password).into());
    }
    let (what, attributes) = (Written::Modified, spelt);
    Ok(Step::Done(rewritten(
        world, entry, draft, actor, supplies, what, attributes,
    )?))
}

/// What it takes to store `draft` in the place of `entry`. Errors: [`Refusal`], if a unique value is taken or the entry
/// would be too long.
pub(super) fn rewritten(
    world: &World<'_>,
    entry: EntryRef<'_>,
    mut draft: Draft<'_>,
    actor: &Actor,
    supplies: &Supplies<'_>,
    what: Written,
    attributes: Vec<Box<str>>,
) -> Result<Decision, Refusal> {
    stamp::modified(world, &mut draft, supplies.now, supplies.csn);
    let mut claims = Claims::new(world);
    claims.values(world, &draft, Some(entry))?;
    claims.names(world, &draft, Some(entry));
    let uids = draft.uids();
    let mut references = References::new(world, entry.id(), draft);
    references.follow_uids(entry, &uids);
    let draft = references.write(&mut claims, supplies)?;
    let whole = draft.entry(entry.dn());
    let parent = entry.parent().map(|parent| parent.id());
    let bytes = draft.encode(entry.id(), parent, &whole, ENTRY_BYTES_MAX)?;
    claims.write(entry.id(), bytes);
    Ok(Decision::of(
        entry.id(),
        claims,
        actor,
        (entry.dn_text(), what, attributes),
    ))
}

/// Checks what can be checked without looking at the entry. Errors: [`Refusal`].
fn sound(world: &World<'_>, modification: &Modification) -> Result<Sound, Refusal> {
    let schema = world.directory.schema();
    let description = described(world, &modification.attribute.description)?;
    let given = &modification.attribute.values;
    let malformed = |why: &str| {
        let why = format!("{}: {why}", schema.spell(&description));
        Refusal::because(Answer::Malformed, why)
    };
    match modification.kind {
        ModificationKind::Add if given.is_empty() => return Err(malformed("no value to add")),
        ModificationKind::Increment if given.len() != 1 => {
            return Err(malformed("an increment is one value"));
        }
        _ => {}
    }
    Ok(Sound {
        kind: modification.kind,
        values: sound_values(world, &description, given)?,
        description,
    })
}

/// An attribute description that users may write. Errors: [`Answer::UndefinedAttribute`], [`Answer::Constraint`] of one
/// that the directory itself keeps.
pub(super) fn described(world: &World<'_>, text: &[u8]) -> Result<AttributeDescription, Refusal> {
    let schema = world.directory.schema();
    let Some(description) = schema.describe(text) else {
        let why = format!("{}: no such attribute", String::from_utf8_lossy(text));
        return Err(Refusal::because(Answer::UndefinedAttribute, why));
    };
    let definition = schema.definition(description.kind);
    if definition.text.no_user_modification || world.directory.computed().all().contains(description.kind) {
        let why = format!("{}: the directory keeps it itself", definition.name());
        return Err(Refusal::because(Answer::Constraint, why));
    }
    // An account has one PIN.
    let is_pin = description.kind == schema.well_known().user_password;
    let is_known = |option: &str| {
        let fits = option.starts_with("lang-") || (option == BINARY && definition.syntax.is_certificate());
        fits && !is_pin
    };
    if !description.options.is_empty() && !description.options.split(';').all(is_known) {
        let why = format!("{}: no such option", schema.spell(&description));
        return Err(Refusal::because(Answer::UndefinedAttribute, why));
    }
    Ok(description)
}

/// The option of values that are transferred as BER (RFC 4522).
const BINARY: &str = "binary";

/// Values of their attribute's syntax, each once. Errors: [`Answer::InvalidSyntax`], [`Answer::ValueExists`].
pub(super) fn sound_values(
    world: &World<'_>,
    description: &AttributeDescription,
    given: &[GivenValue],
) -> Result<Vec<Box<[u8]>>, Refusal> {
    let schema = world.directory.schema();
    let attribute = Attribute {
        description: description.clone(),
        values: given.iter().map(|value| value.as_slice().into()).collect(),
    };
    if attribute.values.is_empty() {
        return Ok(attribute.values);
    }
    let checked = schema.check_attribute(&attribute);
    let touched = [description.kind];
    checked.map_err(|violation| draft::refusal(schema, &violation, &touched))?;
    Ok(attribute.values)
}

fn apply(
    schema: &Schema,
    draft: &mut Draft<'_>,
    step: &Sound,
    strictness: Strictness,
) -> Result<(), Refusal> {
    let Sound {
        kind,
        description,
        values,
    } = step;
    let refused = |answer, why: &str| {
        let why = format!("{}: {why}", schema.spell(description));
        Refusal::because(answer, why)
    };
    let is_comparable = schema.definition(description.kind).equality.is_some();
    if !is_comparable && !values.is_empty() {
        let is_asked = match kind {
            ModificationKind::Add => draft.has(description),
            ModificationKind::Delete => true,
            ModificationKind::Replace | ModificationKind::Increment => false,
        };
        if is_asked {
            return Err(refused(
                Answer::InappropriateMatching,
                "its values cannot be compared; replace them all",
            ));
        }
    }
    let is_strict = strictness == Strictness::Strict;
    match kind {
        ModificationKind::Replace => draft.replace(description.clone(), values.clone()),
        ModificationKind::Delete if values.is_empty() => {
            if is_strict && !draft.has(description) {
                return Err(refused(Answer::NoSuchAttribute, "the entry does not have it"));
            }
            draft.replace(description.clone(), Vec::new());
        }
        ModificationKind::Add => {
            for value in values {
                if draft.add(description, value.clone()).is_err() && is_strict {
                    return Err(refused(Answer::ValueExists, "the value is there already"));
                }
            }
        }
        ModificationKind::Delete => {
            for value in values {
                if draft.delete(description, value).is_err() && is_strict {
                    return Err(refused(Answer::NoSuchAttribute, "the value is not there"));
                }
            }
        }
        ModificationKind::Increment => increment(schema, draft, description, values)?,
    }
    Ok(())
}

/// Adds a number to each value (RFC 4525 section 2).
fn increment(
    schema: &Schema,
    draft: &mut Draft<'_>,
    description: &AttributeDescription,
    by: &[Box<[u8]>],
) -> Result<(), Refusal> {
    let refused = |answer, why: &str| {
        let why = format!("{}: {why}", schema.spell(description));
        Refusal::because(answer, why)
    };
    let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse::<i128>().ok();
    let by = by.first().and_then(|value| number(value));
    let old: Vec<Box<[u8]>> = draft.values_of(description).map(Box::from).collect();
    if old.is_empty() {
        return Err(refused(Answer::NoSuchAttribute, "the entry does not have it"));
    }
    let sum = |value: &[u8]| number(value)?.checked_add(by?);
    let new: Option<Vec<Box<[u8]>>> = old
        .iter()
        .map(|value| Some(sum(value)?.to_string().into_bytes().into()))
        .collect();
    let new = new.ok_or_else(|| refused(Answer::Constraint, "only whole numbers can be incremented"))?;
    draft.replace(description.clone(), new);
    Ok(())
}
