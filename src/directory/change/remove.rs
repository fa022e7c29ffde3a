//! Deleting an entry (RFC 4511 section 4.8).

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{Copies, Decision, Step, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::references::References;
use crate::directory::changes::Actor;
use crate::directory::request::{Answer, Refusal};
use crate::domain::audit::{AuditEvent, EntryWritten, Written};
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
    let event = AuditEvent::EntryWritten(Box::new(EntryWritten {
        subject: actor.asker.subject(),
        origin: actor.origin.clone(),
        dn: entry.dn_text().into(),
        what: Written::Deleted,
        attributes: Vec::new(),
    }));
    Ok(Step::Done(Decision {
        entry: entry.id(),
        batch: claims.batch(),
        events: vec![event],
        copies: Copies::default(),
    }))
}
