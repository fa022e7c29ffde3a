//! The entry of a change as it was and as it will be (RFC 4527): what who asks may read of it before, and after.
//!
//! Both are of the state that the change was decided on and that its guards hold to, so they are of the very commit: the
//! entry before is that of the snapshot, the entry after that of the snapshot with the batch applied.

use crate::directory::change::decide::{Copies, Decision, World, asker_now};
use crate::directory::changes::Reading;
use crate::directory::request::{Answer, EntryCopy, Refusal};
use crate::domain::access::View;
use crate::index::Snapshot;
use crate::record::{Change, Revision};

/// What `world` asks to be told of the entry that is changed. Errors: [`Answer::InsufficientAccess`], if that is critical
/// and who asks will not know of the entry any more.
pub(super) fn copies(world: &World<'_>, decision: &Decision) -> Result<Copies, Refusal> {
    let mut copies = Copies::default();
    if let Some(reading) = &world.terms.before {
        copies.before = copy(world, world.snapshot, &world.view, decision, reading)?;
    }
    if let Some(reading) = &world.terms.after {
        let after = after(world, decision)?;
        let asker = asker_now(world.directory, &after, world.asker);
        let view = world.directory.view(&asker, &after);
        copies.after = copy(world, &after, &view, decision, reading)?;
    }
    Ok(copies)
}

fn after(world: &World<'_>, decision: &Decision) -> Result<Snapshot, Refusal> {
    let change = Change {
        revision: Revision(world.snapshot.revision().0.saturating_add(1)),
        operations: decision.batch.operations.clone(),
    };
    let after = world.snapshot.apply(&[change], world.directory.schema());
    after.map_err(|_| Answer::AdminLimitExceeded.into())
}

fn copy(
    world: &World<'_>,
    snapshot: &Snapshot,
    view: &View<'_>,
    decision: &Decision,
    reading: &Reading,
) -> Result<Option<EntryCopy>, Refusal> {
    let entry = snapshot.entry_by_id(decision.entry);
    let copy = entry.and_then(|entry| world.directory.copy(entry, view, &reading.selection));
    if copy.is_none() && reading.is_critical {
        let why = "you may not read the entry";
        return Err(Refusal::because(Answer::InsufficientAccess, why));
    }
    Ok(copy)
}
