//! Adding an entry (RFC 4511 section 4.7).

use crate::directory::ask::search::known_entry;
use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Decision, ENTRY_BYTES_MAX, Step, Supplies, World};
use crate::directory::change::draft::{self, Draft};
use crate::directory::change::modify::{described, sound_values};
use crate::directory::change::naming;
use crate::directory::change::pin::{self, Wanted};
use crate::directory::change::stamp;
use crate::directory::changes::{Actor, NewEntry};
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::Written;
use crate::index::EntryRef;
use crate::types::{AttributeType, Dn};

/// Decides on a new entry. Errors: [`Refusal`].
pub(super) fn add(
    world: &World<'_>,
    new: &NewEntry,
    actor: &Actor,
    supplies: &mut Supplies<'_>,
) -> Result<Step, Refusal> {
    let schema = world.directory.schema();
    let name = schema.normal_dn(&new.dn).ok_or(Answer::InvalidName)?;
    new.dn
        .rdns
        .first()
        .map_or(Ok(()), |rdn| naming::check(schema, rdn))?;
    let (mut draft, touched, pin) = read(world, new)?;
    draft.check(&draft.entry(new.dn.clone()), &touched)?;
    let packed = draft.packed(new.dn.clone());
    if let Some(assertion) = &world.terms.assertion {
        world.directory.check_new(&packed, assertion)?;
    }
    if !world.view.may_add(&packed) {
        return Err(Answer::InsufficientAccess.into());
    }
    let parent = place(world, new, name.as_ref())?;
    if let Some(step) = pin::set_in(world, None, &mut draft, &pin, supplies)? {
        return Ok(step);
    }
    let given = draft.entry(Dn::default()).attributes;
    let names = given
        .iter()
        .map(|attribute| schema.spell(&attribute.description).into());
    let names: Vec<Box<str>> = names.collect();
    stamp::created(world, &mut draft, supplies);
    let mut claims = Claims::new(world);
    claims.values(world, &draft, None)?;
    // Ids cost commits, so whoever is refused takes none.
    let Some(id) = supplies.fresh else {
        return Ok(Step::Number);
    };
    claims.names(world, &draft, None);
    claims.name(name.as_ref());
    parent.into_iter().for_each(|parent| claims.below(parent));
    let entry = draft.entry(new.dn.clone());
    let parent = parent.map(|parent| parent.id());
    claims.add(id, draft.encode(id, parent, &entry, ENTRY_BYTES_MAX)?);
    Ok(Step::Done(Decision::of(
        id,
        claims,
        actor,
        (new.dn.to_string(), Written::Added, names),
    )))
}

/// What is to be added, with the values of its name, which attributes were given, and the PIN. Errors: [`Refusal`].
fn read<'w>(world: &World<'w>, new: &NewEntry) -> Result<(Draft<'w>, Vec<AttributeType>, Wanted), Refusal> {
    let schema = world.directory.schema();
    let mut draft = Draft::new(schema);
    let mut touched: Vec<AttributeType> = Vec::new();
    let mut pin = Wanted::Unchanged;
    for given in &new.attributes {
        let description = described(world, &given.description)?;
        touched.push(description.kind);
        let is_pin = description.kind == schema.well_known().user_password;
        if draft.has(&description) || (is_pin && !matches!(pin, Wanted::Unchanged)) {
            let why = format!("{}: it is given twice", schema.spell(&description));
            return Err(Refusal::because(Answer::ValueExists, why));
        }
        if is_pin {
            // No copy of a PIN is made that is not wiped.
            pin = pin::first(&given.values)?;
            continue;
        }
        let values = sound_values(world, &description, &given.values)?;
        if values.is_empty() {
            let why = format!("{}: it has no value", schema.spell(&description));
            return Err(Refusal::because(Answer::Malformed, why));
        }
        draft.replace(description, values);
    }
    let mut entry = draft.entry(new.dn.clone());
    let refused = |violation| draft::refusal(schema, &violation, &touched);
    schema.add_naming_values(&mut entry).map_err(refused)?;
    for attribute in entry.attributes {
        draft.replace(attribute.description, attribute.values);
    }
    Ok((draft, touched, pin))
}

/// The entry that the new one is to be below; `None` of the base. Errors: [`Answer::AlreadyExists`],
/// [`Answer::NoSuchEntry`] if what is to be above is nothing the asker may know of.
fn place<'w>(
    world: &World<'w>,
    new: &NewEntry,
    name: crate::types::NormalDnRef<'_>,
) -> Result<Option<EntryRef<'w>>, Refusal> {
    let base = world.rules.base.as_ref();
    if !name.is_at_or_under(base) {
        let why = "the name is not below the directory's base";
        return Err(Refusal::because(Answer::Unwilling, why));
    }
    let is_taken = world.snapshot.entry_by_normal_dn(name).is_some();
    if name == base {
        return match is_taken {
            true => Err(Answer::AlreadyExists.into()),
            false => Ok(None),
        };
    }
    let above = new.dn.parent().unwrap_or_default();
    let parent = known_entry(world.snapshot, &above, world.directory.schema(), &world.view)?;
    match is_taken {
        true => Err(Answer::AlreadyExists.into()),
        false => Ok(Some(parent)),
    }
}
