//! From a change to what is written.

use crate::directory::Directory;
use crate::directory::ask::search::known_entry;
use crate::directory::change::claims::Claims;
use crate::directory::change::csn::Csn;
use crate::directory::change::{add, modify, pin, reading, remove, rename};
use crate::directory::changes::{Actor, Change, Terms};
use crate::directory::login::accounts::{Accounts, current};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Answer, Asker, EntryCopy, Refusal};
use crate::domain::access::View;
use crate::domain::audit::{AuditEvent, EntryWritten, Written};
use crate::index::{EntryRef, Snapshot};
use crate::record::{Batch, Revision};
use crate::types::{AttributeType, Dn, Entropy, EntryId, NormalDn, Pin, PinHash, Timestamp};

/// The longest value of an entry's record, in bytes; what would be longer gets `AdminLimitExceeded`.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024;

/// What every change must keep, besides the schema and who may do what.
pub struct ChangeRules {
    /// The name of the base entry: everything is at or below it.
    pub base: NormalDn,
    /// The attributes of which no two entries may have the same value.
    pub unique: Vec<AttributeType>,
}

/// The directory at one moment, as whoever wants a change may see it.
pub struct World<'a> {
    /// Its entries.
    pub snapshot: &'a Snapshot,
    /// Schema and access.
    pub directory: &'a Directory,
    /// What every change must keep.
    pub rules: &'a ChangeRules,
    /// On what terms the change is wanted.
    pub(super) terms: &'a Terms,
    /// Who wants the change, as they are by now.
    pub(super) asker: &'a Asker,
    /// How entries see who wants it.
    pub(super) view: View<'a>,
    /// How who wants it is called: `creatorsName`, `modifiersName`.
    pub(super) author: Option<Box<[u8]>>,
}

/// What a decision takes from outside.
pub struct Supplies<'a> {
    /// The moment.
    pub now: Timestamp,
    /// The number of the change, greater than that of every one before it.
    pub csn: Csn,
    /// Chance, for identities and PINs.
    pub entropy: &'a mut dyn Entropy,
    /// The id that [`Step::Number`] asked for.
    pub fresh: Option<EntryId>,
    /// The hash that [`Step::Hash`] asked for.
    pub hash: Option<&'a PinHash>,
    /// Whether the PIN that [`Step::Prove`] asked about was right.
    pub proof: Proof,
}

/// Whether who wants a change has shown the present PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not yet.
    Missing,
    /// It was that of this account.
    Given(Proven),
}

/// An account as it stood when its PIN was asked for: once it is written, perhaps with another PIN, a proof is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The entry.
    pub entry: EntryId,
    /// The commit that had written it.
    pub written: Revision,
}

/// What comes next.
pub enum Step {
    /// Check this PIN of this account as at a log-in, and decide again with [`Supplies::proof`].
    Prove(Proven, Pin),
    /// Take an id that no entry has had, and decide again with [`Supplies::fresh`]. Nothing else is in the way.
    Number,
    /// Hash this PIN and decide again with [`Supplies::hash`].
    Hash(NewPin),
    /// Commit this.
    Done(Decision),
}

/// A PIN that is to be set.
pub enum NewPin {
    /// As it was given.
    Given(Pin),
    /// Made up here: whoever asked must be told.
    MadeUp(Pin),
}

/// What is to be stored, and what is to be told once it is.
pub struct Decision {
    /// The entry that is changed.
    pub entry: EntryId,
    /// The batch; empty if nothing changes.
    pub batch: Batch,
    /// What the audit log hears.
    pub events: Vec<AuditEvent>,
    /// The entry as it was and as it will be, for who has asked for it.
    pub copies: Copies,
}

/// The entry of a change, before and after.
#[derive(Default)]
pub struct Copies {
    /// As it was.
    pub before: Option<EntryCopy>,
    /// As the batch leaves it.
    pub after: Option<EntryCopy>,
}

impl Decision {
    /// What `claims` come to, and that `actor` has done that to the entry with this id, which was called so, and to which of
    /// its attributes.
    pub(super) fn of(
        entry: EntryId,
        claims: Claims,
        actor: &Actor,
        (dn, what, attributes): (String, Written, Vec<Box<str>>),
    ) -> Decision {
        let written = EntryWritten {
            subject: actor.asker.subject(),
            origin: actor.origin.clone(),
            dn: dn.into(),
            what,
            attributes,
        };
        Decision {
            entry,
            batch: claims.batch(),
            events: vec![AuditEvent::EntryWritten(Box::new(written))],
            copies: Copies::default(),
        }
    }
}

impl<'a> World<'a> {
    /// The directory as `actor` may see it in `snapshot`.
    pub fn new(
        snapshot: &'a Snapshot,
        directory: &'a Directory,
        principals: &'a Principals,
        rules: &'a ChangeRules,
        terms: &'a Terms,
        asker: &'a Asker,
    ) -> World<'a> {
        let accounts = Accounts {
            snapshot,
            schema: directory.schema(),
            principals,
        };
        World {
            author: accounts.name_of(asker).map(|name| name.into_bytes().into()),
            view: directory.view(asker, snapshot),
            snapshot,
            directory,
            rules,
            terms,
            asker,
        }
    }

    /// The entry named `dn`, if the asker may know of it and it is as they say. Errors: [`Answer::NoSuchEntry`],
    /// [`Answer::AssertionFailed`].
    pub(super) fn entry(&self, dn: &Dn) -> Result<EntryRef<'a>, Refusal> {
        let entry = known_entry(self.snapshot, dn, self.directory.schema(), &self.view)?;
        if let Some(assertion) = &self.terms.assertion {
            self.directory.check_assertion(entry, &self.view, assertion)?;
        }
        Ok(entry)
    }
}

/// Decides on `change`. Errors: [`Refusal`]; nothing is to be written then.
pub fn decide(
    world: &World<'_>,
    change: &Change,
    actor: &Actor,
    supplies: &mut Supplies<'_>,
) -> Result<Step, Refusal> {
    if matches!(world.asker, Asker::Public) {
        return Err(Refusal::because(Answer::AuthRequired, "log in first"));
    }
    let step = match change {
        Change::Add(entry) => add::add(world, entry, actor, supplies),
        Change::Modify(modify) => modify::modify(world, modify, actor, supplies),
        Change::Remove(dn) => remove::remove(world, dn, actor, supplies),
        Change::Rename(rename) => rename::rename(world, rename, actor, supplies),
        Change::SetPin(set_pin) => pin::set(world, set_pin, actor, supplies),
    };
    match step? {
        Step::Done(decision) => {
            let copies = reading::copies(world, &decision)?;
            Ok(Step::Done(Decision { copies, ..decision }))
        }
        step => Ok(step),
    }
}

/// Who `asker` is in `snapshot`; see [`current`].
pub fn asker_now(directory: &Directory, snapshot: &Snapshot, asker: &Asker) -> Asker {
    current(directory.schema(), snapshot, asker)
}
