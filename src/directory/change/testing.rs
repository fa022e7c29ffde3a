//! Decisions without a store, for the tests of this folder and of imports.

use std::net::{IpAddr, Ipv4Addr};

use super::csn::Csn;
use super::decide::{ChangeRules, Proof, Step, Supplies, World, decide};
use crate::directory::Directory;
use crate::directory::changes::{
    Actor, Change, GivenAttribute, Modification, ModificationKind, Modify, OldValues, Rename, Terms,
};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Asker, Refusal};
use crate::domain::audit::Origin;
use crate::index::Snapshot;
use crate::index::testing::BASE;
use crate::record::{self, Batch, Revision};
use crate::types::{Dn, EntryId, PinHash, SeededEntropy, Timestamp};

/// What a decision has been given on its way.
#[derive(Default)]
pub(super) struct Given {
    pub fresh: Option<EntryId>,
    pub hash: Option<PinHash>,
    pub proof: Option<super::decide::Proven>,
    pub csn: Csn,
}

/// What comes next when `asker` wants `change`.
pub(super) fn step(
    directory: &Directory,
    snapshot: &Snapshot,
    asker: &Asker,
    change: &Change,
    given: &Given,
) -> Result<Step, Refusal> {
    let rules = ChangeRules {
        base: directory.schema().normal_dn(&dn(BASE)).unwrap(),
        unique: super::unique::usual(directory.schema()),
    };
    let (terms, principals) = (Terms::default(), Principals::default());
    let world = World::new(snapshot, directory, &principals, &rules, &terms, asker);
    let actor = Actor {
        asker: asker.clone(),
        origin: Origin {
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            caller: None,
            service: None,
        },
    };
    let mut supplies = Supplies {
        now: Timestamp::default(),
        csn: given.csn,
        entropy: &mut SeededEntropy::new(1),
        fresh: given.fresh,
        hash: given.hash.as_ref(),
        proof: given.proof.map_or(Proof::Missing, Proof::Given),
    };
    decide(&world, change, &actor, &mut supplies)
}

/// The batch of what root wants, with nothing to prove or to hash.
pub(crate) fn batch(directory: &Directory, snapshot: &Snapshot, change: &Change) -> Batch {
    let given = Given {
        fresh: Some(snapshot.next_id()),
        ..Given::default()
    };
    done(step(directory, snapshot, &Asker::Root, change, &given))
}

/// The batch that was decided on.
pub(super) fn done(step: Result<Step, Refusal>) -> Batch {
    match step {
        Ok(Step::Done(decision)) => decision.batch,
        Ok(_) => panic!("something is to be done before"),
        Err(refusal) => panic!("{:?}", refusal.answer),
    }
}

/// The snapshot once `batch` is stored.
pub(super) fn after(directory: &Directory, snapshot: &Snapshot, batch: &Batch) -> Snapshot {
    let change = record::Change {
        revision: Revision(snapshot.revision().0 + 1),
        operations: batch.operations.clone(),
    };
    snapshot.apply(&[change], directory.schema()).unwrap()
}

pub(super) fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

pub(super) fn given(description: &[u8], value: &str) -> GivenAttribute {
    GivenAttribute {
        description: description.into(),
        values: vec![value.as_bytes().to_vec().into()],
    }
}

/// One value more.
pub(super) fn value(entry: &str, description: &[u8], value: &str) -> Change {
    Change::Modify(Modify {
        dn: dn(entry),
        modifications: vec![Modification {
            kind: ModificationKind::Add,
            attribute: given(description, value),
        }],
    })
}

/// A new name, and a new place if there is a `superior`.
pub(crate) fn renaming(entry: &str, rdn: &str, superior: Option<&str>) -> Change {
    Change::Rename(Rename {
        dn: dn(entry),
        rdn: dn(rdn).rdns.remove(0),
        old_values: OldValues::Deleted,
        superior: superior.map(dn),
    })
}
