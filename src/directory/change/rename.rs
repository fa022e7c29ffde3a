//! A new name or place for an entry and all below it (RFC 4511 section 4.9).

use crate::directory::ask::search::deepest_known;
use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Decision, ENTRY_BYTES_MAX, Step, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::naming::{self, naming};
use crate::directory::change::references::References;
use crate::directory::change::stamp;
use crate::directory::change::unseen::Seen;
use crate::directory::changes::{Actor, OldValues, Rename};
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::Written;
use crate::index::EntryRef;
use crate::types::dn::DN_RDNS_MAX;
use crate::types::{AttributeType, Dn, NormalDnRef, Rdn};

/// The most entries below a renamed one that somebody may refer to by name; more get `AdminLimitExceeded`.
const BELOW_MAX: usize = 100_000;

/// An entry at or below a renamed one, and how far below.
type Member<'w> = (EntryRef<'w>, usize);

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
    let new_dn = renamed(entry, parent, &rename.rdn);
    let new_name = schema.normal_dn(&new_dn).ok_or(Answer::InvalidName)?;
    check_seen(world, entry, &rename.rdn)?;
    let mut draft = Draft::of(schema, entry);
    let mut touched = rename_values(world, &mut draft, entry, rename)?;
    let whole = draft.entry(new_dn.clone());
    if !world.view.may_add(&draft.packed(new_dn.clone())) {
        return Err(Answer::InsufficientAccess.into());
    }
    let (old_text, new_text) = (entry.dn_text(), new_dn.to_string());
    let is_other = old_text != new_text;
    let family = match is_other {
        true => family(world, entry, new_dn.rdns.len())?,
        false => Vec::new(),
    };
    check_rights(world, entry, &family, &new_dn)?;
    draft.check(&whole, &touched)?;
    check_free(world, entry, parent, new_name.as_ref())?;
    let mut claims = Claims::new(world);
    claims.name(new_name.as_ref());
    claims.values(world, &draft, Some(entry))?;
    parent.into_iter().for_each(|parent| claims.below(parent));
    if is_other {
        // Whoever refers to it refers to something below the new place from now on.
        parent.into_iter().for_each(|parent| claims.referred(parent));
        let references = followed(world, draft, &family, entry, &new_text);
        draft = references.write(&mut claims, supplies)?;
    }
    stamp::modified(world, &mut draft, supplies.now, supplies.csn);
    let whole = draft.entry(new_dn);
    let above = parent.map(|parent| parent.id());
    let bytes = draft.encode(entry.id(), above, &whole, ENTRY_BYTES_MAX)?;
    claims.write(entry.id(), bytes);
    touched.dedup();
    Ok(Step::Done(Decision::of(
        entry.id(),
        claims,
        actor,
        (
            old_text,
            Written::Renamed(new_text.into()),
            touched.iter().map(|kind| schema.name(*kind).into()).collect(),
        ),
    )))
}

/// What becomes of all that refer to `entry`, of which `draft` was made, or to the `family` below it.
fn followed<'w>(
    world: &'w World<'w>,
    draft: Draft<'w>,
    family: &[Member<'w>],
    entry: EntryRef<'w>,
    new: &str,
) -> References<'w> {
    let uids = draft.uids();
    let mut references = References::new(world, entry.id(), draft);
    follow(&mut references, family, entry, new);
    references.follow_uids(entry, &uids);
    references
}

/// Errors: whether `entry` can have the values of the name tells of values that the asker may not see.
fn check_seen(world: &World<'_>, entry: EntryRef<'_>, rdn: &Rdn) -> Result<(), Refusal> {
    let (schema, seen) = (world.directory.schema(), Seen::of(world, entry));
    for ava in &rdn.avas {
        seen.check_naming(schema, naming(schema, ava)?.kind)?;
    }
    Ok(())
}

/// The name of `entry` below `parent`; without one it stays where it is.
fn renamed(entry: EntryRef<'_>, parent: Option<EntryRef<'_>>, rdn: &Rdn) -> Dn {
    match parent {
        Some(parent) => parent.dn().child(rdn.clone()),
        None => Dn {
            rdns: std::iter::once(rdn.clone())
                .chain(entry.dn().rdns.into_iter().skip(1))
                .collect(),
        },
    }
}

/// Errors: another entry is called so, or the base would be called otherwise.
fn check_free(
    world: &World<'_>,
    entry: EntryRef<'_>,
    parent: Option<EntryRef<'_>>,
    new_name: NormalDnRef<'_>,
) -> Result<(), Refusal> {
    if parent.is_none() && new_name != entry.normal_dn().as_ref() {
        return Err(Refusal::because(Answer::Unwilling, "the base keeps its name"));
    }
    let there = world.snapshot.entry_by_normal_dn(new_name);
    if there.is_some_and(|there| there.id() != entry.id()) {
        return Err(Answer::AlreadyExists.into());
    }
    Ok(())
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

/// The entry and all below it. Errors: [`Answer::AdminLimitExceeded`] if they
/// are too many, [`Answer::InvalidName`] if the name of one would be too long once `entry` has one of `rdns` RDNs.
fn family<'w>(world: &World<'w>, entry: EntryRef<'w>, rdns: usize) -> Result<Vec<Member<'w>>, Refusal> {
    let mut family = Vec::new();
    let mut pending = vec![(entry.slot(), 0)];
    while let Some((slot, depth)) = pending.pop() {
        let Some(member) = world.snapshot.entry(slot) else {
            continue;
        };
        if rdns + depth > DN_RDNS_MAX {
            let why = format!("the name of an entry below it would have more than {DN_RDNS_MAX} parts");
            return Err(Refusal::because(Answer::InvalidName, why));
        }
        if family.len() > BELOW_MAX {
            let why = format!("more than {BELOW_MAX} entries are below it");
            return Err(Refusal::because(Answer::AdminLimitExceeded, why));
        }
        family.push((member, depth));
        let below = world.snapshot.child_slots(slot);
        pending.extend(below.map(|slot| (slot, depth + 1)));
    }
    Ok(family)
}

/// Whoever takes entries to another name with one above them must be let do to each what they do to that one. Errors:
/// [`Answer::InsufficientAccess`].
fn check_rights(
    world: &World<'_>,
    entry: EntryRef<'_>,
    family: &[Member<'_>],
    new: &Dn,
) -> Result<(), Refusal> {
    if world.asker.is_administrator() {
        return Ok(());
    }
    let may_move = |member: EntryRef<'_>, depth: usize| {
        let mut dn = member.dn();
        dn.rdns.truncate(depth);
        dn.rdns.extend_from_slice(&new.rdns);
        let moved = Draft::of(world.directory.schema(), member).packed(dn);
        world.view.may_delete(member.id(), &member) && world.view.may_add(&moved)
    };
    let mut below = family.iter().filter(|(member, _)| member.id() != entry.id());
    match below.all(|(member, depth)| may_move(*member, *depth)) {
        true => Ok(()),
        false => {
            let why = "you may not delete and add all that is below it";
            Err(Refusal::because(Answer::InsufficientAccess, why))
        }
    }
}

/// Has whoever refers to one of `family` by the old name of `entry`, which all of it is at or below, refer to it by the
/// new one.
fn follow(references: &mut References<'_>, family: &[Member<'_>], entry: EntryRef<'_>, new: &str) {
    let old = entry.dn_text();
    for (renamed, _) in family {
        if let Some(front) = renamed.dn_text().strip_suffix(&old) {
            references.follow(*renamed, Some(&format!("{front}{new}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::Directory;
    use crate::directory::change::testing::{Given, renaming, step};
    use crate::directory::request::{Answer, Asker};
    use crate::directory::testing::{UNLIMITED, directory, directory_of};
    use crate::index::Snapshot;
    use crate::index::testing::{Row, UNIVERSITY, snapshot};
    use crate::types::EntryId;
    use crate::types::dn::DN_RDNS_MAX;

    const PEOPLE: &str = "ou=people,dc=uni,dc=example";
    const UNIT: &[&str] = &["objectClass: organizationalUnit", "ou: x"];

    fn answer(
        directory: &Directory,
        snapshot: &Snapshot,
        asker: &Asker,
        entry: &str,
        to: &str,
    ) -> Option<Answer> {
        let change = renaming(entry, entry.split(',').next().unwrap(), Some(to));
        step(directory, snapshot, asker, &change, &Given::default())
            .err()
            .map(|refusal| refusal.answer)
    }

    #[test]
    fn a_subtree_goes_only_where_the_deepest_name_below_it_still_is_one() {
        let directory = directory(UNLIMITED);
        let chain =
            |first: u64, length: u64| (first + 1..first + length).map(|id| Row(id, id - 1, "ou=x", UNIT));
        // One below the other down to a name of 254 parts, and one below the base with two below it.
        let rows = UNIVERSITY.iter().copied().chain([Row(100, 1, "ou=x", UNIT)]);
        let rows = rows.chain(chain(100, 252)).chain([Row(
            1000,
            1,
            "ou=y",
            &["objectClass: organizationalUnit", "ou: y"],
        )]);
        let rows: Vec<Row<'_>> = rows.chain(chain(1000, 3)).collect();
        let snapshot = snapshot(directory.schema(), &rows);
        let moved = |depth: usize| {
            let to = "ou=x,".repeat(depth - 2) + "dc=uni,dc=example";
            answer(&directory, &snapshot, &Asker::Root, "ou=y,dc=uni,dc=example", &to)
        };
        assert!(moved(DN_RDNS_MAX - 3).is_none());
        assert!(matches!(moved(DN_RDNS_MAX - 2), Some(Answer::InvalidName)));
    }

    #[test]
    fn whoever_moves_a_subtree_needs_the_rights_for_all_of_it() {
        let units =
            "group cn=staff,ou=groups,dc=uni,dc=example may add and delete (objectClass=organizationalUnit)";
        let persons = "group cn=staff,ou=groups,dc=uni,dc=example may add and delete people below ou=people,dc=uni,dc=example";
        let there =
            "group cn=staff,ou=groups,dc=uni,dc=example may add people below ou=groups,dc=uni,dc=example";
        let (ada, groups) = (Asker::Member(EntryId(4)), "ou=groups,dc=uni,dc=example");
        let moved = |rules: &[&str], asker: &Asker| {
            let directory = directory_of(
                &[&["members may read * of everything"], rules].concat(),
                UNLIMITED,
            );
            let snapshot = snapshot(directory.schema(), UNIVERSITY);
            answer(&directory, &snapshot, asker, PEOPLE, groups)
        };
        let is_refused = |answer| matches!(answer, Some(Answer::InsufficientAccess));
        assert!(is_refused(moved(&[units], &ada)), "people are not theirs");
        assert!(
            is_refused(moved(&[units, persons], &ada)),
            "and not where they would be"
        );
        assert!(moved(&[units, persons, there], &ada).is_none());
        assert!(moved(&[], &Asker::Root).is_none());
    }
}
