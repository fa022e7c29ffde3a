//! Setting a PIN: as `userPassword` in an entry that is added or modified, or by Password Modify (RFC 3062).
//!
//! An entry has one PIN at most, and only its hash is stored. The owner must know the present one, which is checked as at
//! a log-in: a wrong one counts.

use crate::directory::change::decide::{NewPin, Proof, Proven, Step, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::modify::rewritten;
use crate::directory::change::stamp;
use crate::directory::changes::{Actor, GivenValue, Modification, ModificationKind, SetPin, Strictness};
use crate::directory::request::{Answer, Asker, PinFault, Refusal};
use crate::domain::audit::Written;
use crate::domain::pin::{self, PIN_BYTES_MAX};
use crate::index::EntryRef;
use crate::types::{Dn, Entropy, Pin};

/// What becomes of an entry's PIN.
pub(super) enum Wanted {
    /// Nothing.
    Unchanged,
    /// Another one.
    New { new: Value, old: Old },
    /// None.
    Removed { old: Old },
}

/// What was said of the PIN that is there.
pub(super) enum Old {
    /// Nothing.
    Untold,
    /// That it is deleted, whatever it is.
    Deleted,
    /// That it is this one.
    Shown(Value),
}

impl Old {
    fn deleted(value: Option<Value>) -> Old {
        value.map_or(Old::Deleted, Old::Shown)
    }

    fn shown(&self) -> Option<&Pin> {
        match self {
            Old::Untold | Old::Deleted => None,
            Old::Shown(Value(pin)) => Some(pin),
        }
    }
}

/// A PIN or, from an administrator, its hash; wiped when dropped.
pub(super) struct Value(Pin);

impl Wanted {
    /// What the modifications of `userPassword` come to. Errors: [`Answer::Constraint`] for more than one PIN.
    pub(super) fn of<'m>(modifications: impl Iterator<Item = &'m Modification>) -> Result<Wanted, Refusal> {
        let mut wanted = Wanted::Unchanged;
        for Modification { kind, attribute } in modifications {
            let value = only(&attribute.values)?;
            wanted = match (kind, value, wanted) {
                (ModificationKind::Add | ModificationKind::Replace, Some(new), was) => {
                    Wanted::New { new, old: was.old() }
                }
                (ModificationKind::Replace, None, was) => Wanted::Removed { old: was.old() },
                (ModificationKind::Delete, old, Wanted::Unchanged) => Wanted::Removed {
                    old: Old::deleted(old),
                },
                // As clients write it that add the new one first.
                (
                    ModificationKind::Delete,
                    old,
                    Wanted::New {
                        new,
                        old: Old::Untold,
                    },
                ) => Wanted::New {
                    new,
                    old: Old::deleted(old),
                },
                (ModificationKind::Add, None, _) => return Err(Answer::Malformed.into()),
                (ModificationKind::Delete | ModificationKind::Increment, ..) => {
                    let why = "userPassword: delete the old PIN and add the new one";
                    return Err(Refusal::because(Answer::Constraint, why));
                }
            };
        }
        Ok(wanted)
    }

    fn old(self) -> Old {
        match self {
            Wanted::Unchanged => Old::Untold,
            Wanted::New { old, .. } | Wanted::Removed { old } => old,
        }
    }
}

/// The PIN that a new entry begins with. Errors: [`Answer::Malformed`] for none, [`Answer::Constraint`] for more than one.
pub(super) fn first(values: &[GivenValue]) -> Result<Wanted, Refusal> {
    let new = only(values)?.ok_or(Answer::Malformed)?;
    Ok(Wanted::New {
        new,
        old: Old::Untold,
    })
}

fn only(values: &[GivenValue]) -> Result<Option<Value>, Refusal> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(Value(Pin::new(value.as_slice())))),
        _ => {
            let why = "userPassword: an account has one PIN";
            Err(Refusal::because(Answer::Constraint, why))
        }
    }
}

/// Puts the wanted PIN into `draft`, which is `entry` with other values, or an entry that is new. `Some`: what has to be
/// done before. Errors: [`Refusal`].
pub(super) fn set_in(
    world: &World<'_>,
    entry: Option<EntryRef<'_>>,
    draft: &mut Draft<'_>,
    wanted: &Wanted,
    supplies: &Supplies<'_>,
) -> Result<Option<Step>, Refusal> {
    let (new, old) = match wanted {
        Wanted::Unchanged => return Ok(None),
        Wanted::New { new, old } => (Some(new), old),
        Wanted::Removed { old } => (None, old),
    };
    let types = world.directory.schema().well_known();
    if let Some(entry) = entry {
        if let Some(step) = prove(world, entry, old.shown(), supplies)? {
            return Ok(Some(step));
        }
        let is_missing = entry.first_value(types.user_password).is_none();
        if is_missing && !matches!(old, Old::Untold) && world.terms.modify == Strictness::Strict {
            let why = "userPassword: the entry does not have it";
            return Err(Refusal::because(Answer::NoSuchAttribute, why));
        }
    }
    let hash: Option<Box<[u8]>> = match (new, supplies.hash) {
        (None, _) => None,
        // Whoever moves accounts from another directory has hashes and no PINs.
        (Some(Value(given)), _) if is_root(world) && pin::is_hash(given.expose()) => {
            Some(given.expose().into())
        }
        (Some(_), Some(hash)) => Some(hash.expose().into()),
        (Some(Value(given)), None) => {
            check_usable(given)?;
            return Ok(Some(Step::Hash(NewPin::Given(Pin::new(given.expose())))));
        }
    };
    let changed = hash.iter().map(|_| stamp::moment(supplies.now));
    draft.set(types.password_changed_time, changed.collect());
    draft.set(types.imported_hash, Vec::new());
    draft.set(types.user_password, hash.into_iter().collect());
    Ok(None)
}

/// Decides on a Password Modify. Errors: [`Refusal`].
pub(super) fn set(
    world: &World<'_>,
    set_pin: &SetPin,
    actor: &Actor,
    supplies: &mut Supplies<'_>,
) -> Result<Step, Refusal> {
    let entry = whose(world, set_pin)?;
    if let Some(step) = prove(world, entry, set_pin.old.as_ref(), supplies)? {
        return Ok(step);
    }
    let schema = world.directory.schema();
    let types = schema.well_known();
    let Some(hash) = supplies.hash else {
        return Ok(Step::Hash(match &set_pin.new {
            Some(new) => {
                check_usable(new)?;
                NewPin::Given(Pin::new(new.expose()))
            }
            None => NewPin::MadeUp(made_up(supplies.entropy)),
        }));
    };
    let mut draft = Draft::of(schema, entry);
    draft.set(types.user_password, vec![hash.expose().into()]);
    draft.set(types.imported_hash, Vec::new());
    draft.set(types.password_changed_time, vec![stamp::moment(supplies.now)]);
    draft.check(&draft.entry(entry.dn()), &[types.user_password])?;
    let attributes = vec![schema.name(types.user_password).into()];
    let what = Written::PinSet;
    Ok(Step::Done(rewritten(
        world, entry, draft, actor, supplies, what, attributes,
    )?))
}

/// The entry whose PIN is meant. Errors: [`Answer::NoSuchEntry`], [`Answer::Unwilling`] for an account that has none.
fn whose<'w>(world: &World<'w>, set_pin: &SetPin) -> Result<EntryRef<'w>, Refusal> {
    let Some(named) = &set_pin.whose else {
        return match world.asker {
            Asker::Member(own) => world
                .snapshot
                .entry_by_id(*own)
                .ok_or_else(|| Answer::NoSuchEntry(None).into()),
            _ => {
                let why = "this account's PIN is in the configuration";
                Err(Refusal::because(Answer::Unwilling, why).for_pin(PinFault::NotAllowed))
            }
        };
    };
    let text = std::str::from_utf8(named).map_err(|_| Answer::InvalidName)?;
    let text = text.strip_prefix("dn:").unwrap_or(text);
    if let Ok(dn) = Dn::parse(text)
        && !dn.rdns.is_empty()
    {
        return world.entry(&dn);
    }
    let uid = text.strip_prefix("u:").unwrap_or(text);
    let schema = world.directory.schema();
    let found = world.snapshot.entry_by_uid(uid, schema);
    // Whoever may not find somebody by UID learns of no UID.
    let may_find = |entry: &EntryRef<'_>| {
        let sight = world.view.sight(entry.id(), entry);
        sight.is_some_and(|sight| sight.search.contains(schema.well_known().uid))
    };
    found
        .filter(may_find)
        .ok_or_else(|| Answer::NoSuchEntry(None).into())
}

/// Whether the asker may set the PIN of `entry`; its owner shows the present one first. Errors:
/// [`Answer::InsufficientAccess`], [`Answer::Unwilling`] of an owner who does not show it.
fn prove(
    world: &World<'_>,
    entry: EntryRef<'_>,
    old: Option<&Pin>,
    supplies: &Supplies<'_>,
) -> Result<Option<Step>, Refusal> {
    let password = world.directory.schema().well_known().user_password;
    let is_own = matches!(world.asker, Asker::Member(own) if *own == entry.id());
    if !is_own && !world.view.writable(entry.id(), &entry).contains(password) {
        return Err(Refusal::from(Answer::InsufficientAccess).for_pin(PinFault::NotAllowed));
    }
    let present = Proven {
        entry: entry.id(),
        written: entry.revision(),
    };
    match old {
        // A proof of what has been written since is none: it may have got another PIN.
        _ if supplies.proof == Proof::Given(present) => Ok(None),
        // An administrator may say what the hash was.
        Some(old) if !is_own && entry.first_value(password).is_some_and(|hash| old.same_as(hash)) => Ok(None),
        Some(old) => Ok(Some(Step::Prove(present, Pin::new(old.expose())))),
        None if is_own => {
            let why = "give the present PIN too";
            Err(Refusal::because(Answer::Unwilling, why).for_pin(PinFault::OldMissing))
        }
        None => Ok(None),
    }
}

fn is_root(world: &World<'_>) -> bool {
    world.asker.is_administrator()
}

/// Errors: [`Answer::Constraint`] for a PIN that nobody could log in with.
fn check_usable(pin: &Pin) -> Result<(), Refusal> {
    let fault = match pin.expose().len() {
        0 => PinFault::TooShort,
        1..=PIN_BYTES_MAX => return Ok(()),
        _ => PinFault::Unusable,
    };
    let why = format!("a PIN has 1 to {PIN_BYTES_MAX} bytes");
    Err(Refusal::because(Answer::Constraint, why).for_pin(fault))
}

/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How many of them a made-up PIN has: 60 bits.
const MADE_UP_LETTERS: usize = 12;

fn made_up(entropy: &mut dyn Entropy) -> Pin {
    let mut letters = zeroize::Zeroizing::new([0; MADE_UP_LETTERS]);
    entropy.fill(letters.as_mut());
    for letter in letters.iter_mut() {
        *letter = ALPHABET[usize::from(*letter) % ALPHABET.len()];
    }
    Pin::new(letters.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::change::testing::{Given, after, done, step};
    use crate::directory::changes::Change;
    use crate::directory::testing::{UNLIMITED, directory_of};
    use crate::index::testing::{UNIVERSITY, snapshot};
    use crate::types::{EntryId, PinHash};

    const RULES: &[&str] = &["members may read * of everything", "self may write userPassword"];

    fn hashed(proof: Option<Proven>) -> Given {
        Given {
            hash: Some(PinHash::new(*b"{SSHA}abcdefgh")),
            proof,
            ..Given::default()
        }
    }

    fn setting(whose: &[u8], old: Option<&[u8]>) -> Change {
        Change::SetPin(SetPin {
            whose: Some(whose.into()),
            old: old.map(Pin::new),
            new: Some(Pin::new(&b"another"[..])),
        })
    }

    #[test]
    fn a_proof_is_of_one_account_and_of_the_pin_that_it_had() {
        let directory = directory_of(RULES, UNLIMITED);
        let before = snapshot(directory.schema(), UNIVERSITY);
        let ada = Asker::Member(EntryId(4));
        let own = setting(b"uid=ada,ou=people,dc=uni,dc=example", Some(b"stolen"));
        let Ok(Step::Prove(proven, _)) = step(&directory, &before, &ada, &own, &hashed(None)) else {
            panic!("the present PIN is asked for");
        };
        done(step(&directory, &before, &ada, &own, &hashed(Some(proven))));
        let other = Proven {
            entry: EntryId(5),
            ..proven
        };
        let again = step(&directory, &before, &ada, &own, &hashed(Some(other)));
        assert!(matches!(again, Ok(Step::Prove(..))), "of another account");

        let reset = setting(b"uid=ada,ou=people,dc=uni,dc=example", None);
        let reset = done(step(&directory, &before, &Asker::Root, &reset, &hashed(None)));
        let reset = after(&directory, &before, &reset);
        let again = step(&directory, &reset, &ada, &own, &hashed(Some(proven)));
        assert!(matches!(again, Ok(Step::Prove(..))), "of the PIN before");
    }
}
