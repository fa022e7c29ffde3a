//! A new name or place for an entry and all below it (RFC 4511 section 4.9).

use crate::directory::ask::search::deepest_known;
use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Copies, Decision, ENTRY_BYTES_MAX, Step, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::naming::{self, naming};
use crate::directory::change::references::References;
use crate::directory::change::stamp;
use crate::directory::change::unseen::Seen;
use crate::directory::changes::{Actor, OldValues, Rename};
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::{AuditEvent, EntryWritten, Written};
use crate::index::EntryRef;
use crate::types::{AttributeType, Dn, Rdn};

/// The most entries below a renamed one that somebody may refer to by name; more get `AdminLimitExceeded`.
const BELOW_MAX: usize = 100_000;

/// Decides on a new name. Errors: [`Refusal`].
pub(super) fn rename(
    world: &World<'_>,
    rename: &Rename,
    actor: &Actor,
    supplies: &Supplies<'_>,
) -> Result<Step, Refusal> {
    let schema = world.directory.schema();
    naming::check(schema, &rename.rdn)?;
    let entry = world.entry(&rename.dn)?;
    // Before anything that tells what is there.
    if !world.view.may_delete(entry.id(), &entry) {
        return Err(Answer::InsufficientAccess.into());
    }
    let parent = superior(world, rename, entry)?;
    let new_dn = match parent {
        Some(parent) => parent.dn().child(rename.rdn.clone()),
        None => Dn {
            rdns: std::iter::once(rename.rdn.clone())
                .chain(entry.dn().rdns.into_iter().skip(1))
                .collect(),
        },
    };
    let new_name = schema.normal_dn(&new_dn).ok_or(Answer::InvalidName)?;
    let seen = Seen::of(world, entry);
    for ava in &rename.rdn.avas {
        seen.check_naming(schema, naming(schema, ava)?.kind)?;
    }
    let mut draft = Draft::of(schema, entry);
    let mut touched = rename_values(world, &mut draft, entry, rename)?;
    let whole = draft.entry(new_dn.clone());
    if !world.view.may_add(&draft.packed(new_dn.clone())) {
        return Err(Answer::InsufficientAccess.into());
    }
    draft.check(&whole, &touched)?;
    if parent.is_none() && new_name.as_ref() != entry.normal_dn().as_ref() {
        return Err(Refusal::because(Answer::Unwilling, "the base keeps its name"));
    }
    let there = world.snapshot.entry_by_normal_dn(new_name.as_ref());
    if there.is_some_and(|there| there.id() != entry.id()) {
        return Err(Answer::AlreadyExists.into());
    }
    let mut claims = Claims::new(world);
    claims.name(new_name.as_ref());
    claims.values(world, &draft, Some(entry))?;
    parent.into_iter().for_each(|parent| claims.below(parent));
    let (old_text, new_text) = (entry.dn_text(), new_dn.to_string());
    if old_text != new_text {
        let mut references = References::new(world, entry.id(), draft);
        follow(&mut references, world, entry, &new_text)?;
        draft = references.write(&mut claims, supplies.now)?;
    }
    stamp::modified(world, &mut draft, supplies.now);
    let whole = draft.entry(new_dn);
    let above = parent.map(|parent| parent.id());
    claims.write(
        entry.id(),
        draft.encode(entry.id(), above, &whole, ENTRY_BYTES_MAX)?,
    );
    touched.dedup();
    let event = AuditEvent::EntryWritten(Box::new(EntryWritten {
        subject: actor.asker.subject(),
        origin: actor.origin.clone(),
        dn: old_text.into(),
        what: Written::Renamed(new_text.into()),
        attributes: touched.iter().map(|kind| schema.name(*kind).into()).collect(),
    }));
    Ok(Step::Done(Decision {
        entry: entry.id(),
        batch: claims.batch(),
        events: vec![event],
        copies: Copies::default(),
    }))
}

/// The entry that will be above; `None` for the base. Errors: it is not there, or it is the entry itself or below it.
fn superior<'w>(
    world: &World<'w>,
    rename: &Rename,
    entry: EntryRef<'w>,
) -> Result<Option<EntryRef<'w>>, Refusal> {
    let Some(superior) = &rename.superior else {
        return Ok(entry.parent());
    };
    let schema = world.directory.schema();
    let parent = world.snapshot.entry_by_dn(superior, schema);
    let known = parent.filter(|parent| world.view.knows(parent.id(), parent));
    let Some(parent) = known else {
        return Err(deepest_known(world.snapshot, superior, schema, &world.view).into());
    };
    if parent.is_within(entry.slot()) {
        let why = "an entry cannot be moved below itself";
        return Err(Refusal::because(Answer::Unwilling, why));
    }
    Ok(Some(parent))
}

/// Gives the draft the values of its new RDN, and takes those of the old one if they shall go. What it has touched.
fn rename_values(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    entry: EntryRef<'_>,
    rename: &Rename,
) -> Result<Vec<AttributeType>, Refusal> {
    let mut touched = Vec::new();
    let old = entry
        .dn()
        .rdns
        .into_iter()
        .next()
        .unwrap_or_else(|| Rdn { avas: Vec::new() });
    if rename.old_values == OldValues::Deleted {
        for ava in &old.avas {
            let description = naming(world.directory.schema(), ava)?;
            touched.push(description.kind);
            // One that has gone already is none to delete.
            let _ = draft.delete(&description, &ava.value);
        }
    }
    for ava in &rename.rdn.avas {
        let description = naming(world.directory.schema(), ava)?;
        touched.push(description.kind);
        // It may have the value already.
        let _ = draft.add(&description, ava.value.clone());
    }
    Ok(touched)
}

/// Has whoever refers to `entry`, or to one below it, by its old name refer to it by the new one.
fn follow(
    references: &mut References<'_>,
    world: &World<'_>,
    entry: EntryRef<'_>,
    new: &str,
) -> Result<(), Refusal> {
    let old = entry.dn_text();
    let mut pending = vec![entry.slot()];
    let mut count = 0;
    while let Some(renamed) = pending.pop().and_then(|slot| world.snapshot.entry(slot)) {
        if count > BELOW_MAX {
            let why = format!("more than {BELOW_MAX} entries are below it");
            return Err(Refusal::because(Answer::AdminLimitExceeded, why));
        }
        count += 1;
        pending.extend(world.snapshot.child_slots(renamed.slot()));
        if let Some(front) = renamed.dn_text().strip_suffix(&old) {
            references.follow(renamed, Some(&format!("{front}{new}")));
        }
    }
    Ok(())
}
