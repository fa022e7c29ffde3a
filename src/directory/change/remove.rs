//! Deleting an entry (RFC 4511 section 4.8).

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Decision, Step, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::references::References;
use crate::directory::changes::Actor;
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::Written;
use crate::types::Dn;

/// Decides on an entry less. Errors: [`Refusal`].
pub(super) fn remove(
    world: &World<'_>,
    dn: &Dn,
    actor: &Actor,
    supplies: &Supplies<'_>,
) -> Result<Step, Refusal> {
    let entry = world.entry(dn)?;
    if !world.view.may_delete(entry.id(), &entry) {
        return Err(Answer::InsufficientAccess.into());
    }
    if world.snapshot.children(entry.slot()).next().is_some() {
        return Err(Refusal::because(Answer::NotLeaf, "there are entries below it"));
    }
    let mut claims = Claims::new(world);
    let draft = Draft::of(world.directory.schema(), entry);
    let mut references = References::new(world, entry.id(), draft);
    references.follow(entry, None);
    references.follow_uids(entry, &[]);
    references.write(&mut claims, supplies)?;
    claims.remove(entry.id());
    Ok(Step::Done(Decision::of(
        entry.id(),
        claims,
        actor,
        (entry.dn_text(), Written::Deleted, Vec::new()),
    )))
}
