//! What the directory itself notes in every entry (RFC 4512 section 3.4, RFC 4530).

use crate::directory::change::csn::Csn;
use crate::directory::change::decide::{Supplies, World};
use crate::directory::change::draft::Draft;
use crate::types::{AttributeType, Entropy, Timestamp};

/// Notes in `draft` who made it when, and gives it an identity of its own.
pub(super) fn created(world: &World<'_>, draft: &mut Draft<'_>, supplies: &mut Supplies<'_>) {
    let types = world.directory.schema().well_known();
    draft.set(types.entry_uuid, vec![random_uuid(supplies.entropy)]);
    let now = supplies.now;
    stamp(world, draft, types.create_timestamp, types.creators_name, now);
    modified(world, draft, now, supplies.csn);
}

/// Notes in `draft` who changed it when, and as which change.
pub(super) fn modified(world: &World<'_>, draft: &mut Draft<'_>, now: Timestamp, csn: Csn) {
    let types = world.directory.schema().well_known();
    stamp(world, draft, types.modify_timestamp, types.modifiers_name, now);
    draft.set(types.entry_csn, vec![csn.to_string().into_bytes().into()]);
}

fn stamp(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    time: AttributeType,
    author: AttributeType,
    now: Timestamp,
) {
    draft.set(time, vec![moment(now)]);
    draft.set(author, world.author.iter().cloned().collect());
}

/// A moment as operational attributes have it (RFC 4517 section 3.3.13).
pub(super) fn moment(now: Timestamp) -> Box<[u8]> {
    now.generalized_time().to_string().into_bytes().into()
}

/// A random UUID (RFC 9562 section 5.4) as text.
pub fn random_uuid(entropy: &mut dyn Entropy) -> Box<[u8]> {
    let mut octets = [0; 16];
    entropy.fill(&mut octets);
    let bits = u128::from_be_bytes(octets);
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let part = |shift: u32, octets: u32| (bits >> shift) & ((1 << (8 * octets)) - 1);
    let (low, mid, high) = (part(96, 4), part(80, 2), part(64, 2));
    format!(
        "{low:08x}-{mid:04x}-{high:04x}-{:04x}-{:012x}",
        part(48, 2),
        part(0, 6)
    )
    .into_bytes()
    .into()
}
