//! What anybody may want changed in the directory, as it was asked: nothing is checked or resolved yet.
//!
//! None of these has `Debug`: a value may be a PIN.

use zeroize::Zeroizing;

use crate::directory::request::{Asker, Selection};
use crate::domain::audit::Origin;
use crate::domain::filter::Filter;
use crate::types::{Dn, Pin, Rdn};

/// A value as it was given; wiped when it is dropped, for it may be a PIN.
pub type GivenValue = Zeroizing<Vec<u8>>;

/// One change: it happens whole or not at all.
pub enum Change {
    /// A new entry (RFC 4511 section 4.7).
    Add(NewEntry),
    /// Other values of an entry (RFC 4511 section 4.6).
    Modify(Modify),
    /// An entry less (RFC 4511 section 4.8).
    Remove(Dn),
    /// Another name or place of an entry and all below it (RFC 4511 section 4.9).
    Rename(Rename),
    /// Another PIN of an account (RFC 3062).
    SetPin(SetPin),
}

/// On what terms a change is wanted.
#[derive(Default)]
pub struct Terms {
    /// What must be true of the entry, as far as who asks may see it (RFC 4528).
    pub assertion: Option<Box<Filter>>,
    /// What becomes of values that are there already, and of those that are not.
    pub modify: Strictness,
    /// What is to be told of the entry as it was before the change (RFC 4527).
    pub before: Option<Box<Reading>>,
    /// What is to be told of the entry as the change leaves it.
    pub after: Option<Box<Reading>>,
}

/// An entry that is to be told with the change of it, as far as who asks may read it.
pub struct Reading {
    /// The attributes.
    pub selection: Selection,
    /// Whether the change is not wanted where the entry cannot be told.
    pub is_critical: bool,
}

/// Whether a modification may find its work done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is refused (RFC 4511 section 4.6).
    #[default]
    Strict,
    /// That is as good as doing it (permissive modify).
    Permissive,
}

/// An entry to be added.
pub struct NewEntry {
    /// Its name.
    pub dn: Dn,
    /// Its attributes.
    pub attributes: Vec<GivenAttribute>,
}

/// An attribute description with values.
pub struct GivenAttribute {
    /// The description as it was written, such as `cn;lang-en`.
    pub description: Box<[u8]>,
    /// The values; none where a whole attribute is meant.
    pub values: Vec<GivenValue>,
}

/// Modifications of one entry, one after the other.
pub struct Modify {
    /// The entry.
    pub dn: Dn,
    /// What is done, in this order.
    pub modifications: Vec<Modification>,
}

/// One step of a [`Modify`].
pub struct Modification {
    /// What is done with the values.
    pub kind: ModificationKind,
    /// To which attribute, and with which values.
    pub attribute: GivenAttribute,
}

/// What a modification does (RFC 4511 section 4.6, RFC 4525).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModificationKind {
    /// Adds the values.
    Add,
    /// Deletes them, or the whole attribute.
    Delete,
    /// Puts them in the place of all there are.
    Replace,
    /// Adds the one value, a number, to each.
    Increment,
}

/// A new name for an entry.
pub struct Rename {
    /// The entry.
    pub dn: Dn,
    /// Its new RDN.
    pub rdn: Rdn,
    /// What becomes of the values of the old one.
    pub old_values: OldValues,
    /// The entry it is to be below; `None` leaves it where it is.
    pub superior: Option<Dn>,
}

/// What becomes of the values of an RDN that names the entry no more (`deleteoldrdn`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldValues {
    /// The entry keeps them.
    Kept,
    /// They are deleted.
    Deleted,
}

/// A new PIN.
pub struct SetPin {
    /// Whose, as it was written: a DN, or a bare UID; `None` is whoever asks.
    pub whose: Option<Box<[u8]>>,
    /// The present PIN, which the owner must know.
    pub old: Option<Pin>,
    /// The new one; `None` has one made up.
    pub new: Option<Pin>,
}

/// Who wants a change, and from where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub asker: Asker,
    /// From where, for the audit log.
    pub origin: Origin,
}
