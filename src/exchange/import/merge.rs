//! What an entry becomes: what the file says, and what the directory keeps of its own.

use crate::directory::change::csn::Csn;
use crate::directory::change::random_uuid;
use crate::domain::entry::{Attribute, AttributeDescription, Entry};
use crate::domain::pin::imported_hash;
use crate::domain::schema::{Schema, WellKnown};
use crate::exchange::import::ImportSettings;
use crate::exchange::problem::Fault;
use crate::record::Revision;
use crate::types::{AttributeType, Entropy, Timestamp};

/// The value of `beadleImportedHash` by which an export says that the hash was never imported.
pub const NEVER_IMPORTED: &[u8] = b"none";

/// Completes entries of a file.
pub(super) struct Merge {
    types: WellKnown,
    creator: Option<Box<[u8]>>,
    now: Timestamp,
    seen: Revision,
}

/// The attributes a row gives other values than the directory has, and those it takes away.
pub(super) type Differences = [Vec<AttributeDescription>; 2];

impl Merge {
    /// Of entries as they are at `seen`.
    pub(super) fn new(schema: &Schema, settings: &ImportSettings, seen: Revision) -> Merge {
        Merge {
            types: *schema.well_known(),
            creator: settings.creator.clone(),
            now: settings.now,
            seen,
        }
    }

    /// Completes an entry the directory does not have.
    pub(super) fn new_entry(&self, entry: &mut Entry, entropy: &mut dyn Entropy) {
        self.remember_hash(entry);
        if entry.values(self.types.entry_uuid).is_empty() {
            entry.set(self.types.entry_uuid, vec![random_uuid(entropy)]);
        }
        self.stamp(entry, self.types.create_timestamp, self.types.creators_name);
        self.stamp(entry, self.types.modify_timestamp, self.types.modifiers_name);
    }

    /// Gives an entry of a file that speaks of `columns` only what it is silent about, as it is `stored`.
    pub(super) fn keep_unspoken(
        &self,
        schema: &Schema,
        entry: &mut Entry,
        stored: &Entry,
        columns: &[AttributeDescription],
    ) {
        for attribute in &stored.attributes {
            let description = &attribute.description;
            // These have rules of their own.
            let is_own = schema.definition(description.kind).is_operational()
                || [self.types.user_password, self.types.imported_hash].contains(&description.kind);
            if !columns.contains(description) && !is_own {
                entry.attributes.push(attribute.clone());
            }
        }
    }

    /// That a file of these `columns` leaves the PIN of an entry: an empty cell is more likely a table that had none than
    /// the wish to lock its person out. Errors: [`Fault::PinTakenAway`].
    pub(super) fn check_pin_stays(
        &self,
        entry: &Entry,
        stored: &Entry,
        columns: &[AttributeDescription],
    ) -> Result<(), Fault> {
        let pin = self.types.user_password;
        let is_spoken_of = columns.iter().any(|column| column.kind == pin);
        match is_spoken_of && entry.values(pin).is_empty() && !stored.values(pin).is_empty() {
            true => Err(Fault::PinTakenAway),
            false => Ok(()),
        }
    }

    /// Completes an entry that the directory has as `stored`, and says what the row changes; `None`: nothing. The stamps
    /// of the change itself are not among it. Errors: [`Fault::OtherUuid`].
    pub(super) fn known_entry(
        &self,
        schema: &Schema,
        entry: &mut Entry,
        stored: &Entry,
    ) -> Result<Option<Differences>, Fault> {
        let uuid = self.types.entry_uuid;
        let (said, known) = (entry.values(uuid), stored.values(uuid));
        if !said.is_empty() && !known.is_empty() && !same_uuid(said, known) {
            return Err(Fault::OtherUuid);
        }
        self.keep_hash(entry, stored);
        let said = entry.attributes.len();
        for attribute in &stored.attributes {
            let kind = attribute.description.kind;
            let stays = schema.definition(kind).is_operational() || kind == self.types.user_password;
            let is_said = entry
                .attributes
                .iter()
                .take(said)
                .any(|said| said.description.kind == kind);
            if stays && !is_said && kind != self.types.imported_hash {
                entry.attributes.push(attribute.clone());
            }
        }
        if same(entry, stored) {
            return Ok(None);
        }
        let differences = differences(entry, stored);
        let number = self.types.entry_csn;
        for kind in [self.types.modify_timestamp, self.types.modifiers_name, number] {
            let mut of_file = entry.attributes.iter().take(said);
            if !of_file.any(|attribute| attribute.description.kind == kind) {
                entry.set(kind, Vec::new());
            }
        }
        if entry.values(number).is_empty() && !stored.values(number).is_empty() {
            let csn = Csn::of_import(self.seen, self.now).to_string();
            entry.set(number, vec![csn.into_bytes().into()]);
        }
        self.stamp(entry, self.types.modify_timestamp, self.types.modifiers_name);
        Ok(Some(differences))
    }

    /// Keeps the stored hash if the file says what it said last time, or nothing; else takes the file's.
    fn keep_hash(&self, entry: &mut Entry, stored: &Entry) {
        let (pin, imported_hash) = (self.types.user_password, self.types.imported_hash);
        let is_export = !entry.values(imported_hash).is_empty();
        let says_nothing = entry.values(pin).is_empty();
        self.remember_hash(entry);
        if says_nothing
            || (!is_export && same_values(entry.values(imported_hash), stored.values(imported_hash)))
        {
            entry.set(pin, stored.values(pin).to_vec());
            entry.set(imported_hash, stored.values(imported_hash).to_vec());
        }
    }

    /// Puts the digest of the entry's hash beside it, unless the file says what to put there.
    fn remember_hash(&self, entry: &mut Entry) {
        let (pin, imported_hash) = (self.types.user_password, self.types.imported_hash);
        match (entry.values(imported_hash), entry.values(pin)) {
            ([said], _) if **said == *NEVER_IMPORTED => entry.set(imported_hash, Vec::new()),
            ([], [hash]) => {
                let digest = imported_hash::digest(hash);
                entry.set(imported_hash, vec![digest]);
            }
            _ => {}
        }
    }

    /// Sets time and author where the entry has none.
    fn stamp(&self, entry: &mut Entry, time: AttributeType, author: AttributeType) {
        if entry.values(time).is_empty() {
            let now = self.now.generalized_time().to_string();
            entry.set(time, vec![now.into_bytes().into()]);
        }
        if let (true, Some(name)) = (entry.values(author).is_empty(), &self.creator) {
            entry.set(author, vec![name.clone()]);
        }
    }
}

/// The attributes that `entry` has otherwise than `stored` has them, and those that it has no more; for `--dry-run`.
fn differences(entry: &Entry, stored: &Entry) -> Differences {
    let differing = entry.attributes.iter().filter(|own| find(stored, own).is_none());
    let has = |description: &AttributeDescription| {
        let mut own = entry.attributes.iter();
        own.any(|own| own.description == *description)
    };
    let gone = stored.attributes.iter().filter(|other| !has(&other.description));
    let sorted = |attributes: &mut dyn Iterator<Item = &Attribute>| {
        let mut descriptions: Vec<_> = attributes
            .map(|attribute| attribute.description.clone())
            .collect();
        descriptions.sort_unstable();
        descriptions
    };
    [sorted(&mut { differing }), sorted(&mut { gone })]
}

/// Whether two entries hold the same values, in whatever order, and spell their own names alike. How the names
/// above are spelt is for the entries above to say.
fn same(left: &Entry, right: &Entry) -> bool {
    let own = |entry: &Entry| entry.dn.rdns.first().map(ToString::to_string);
    left.attributes.len() == right.attributes.len()
        && left
            .attributes
            .iter()
            .all(|attribute| find(right, attribute).is_some())
        && own(left) == own(right)
}

/// The attribute of `entry` with the same description and values.
fn find<'a>(entry: &'a Entry, attribute: &Attribute) -> Option<&'a Attribute> {
    let found = entry
        .attributes
        .iter()
        .find(|other| other.description == attribute.description)?;
    same_values(&found.values, &attribute.values).then_some(found)
}

fn same_values(left: &[Box<[u8]>], right: &[Box<[u8]>]) -> bool {
    if left == right {
        return true;
    }
    let sorted = |values: &[Box<[u8]>]| {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted
    };
    left.len() == right.len() && sorted(left) == sorted(right)
}

fn same_uuid(left: &[Box<[u8]>], right: &[Box<[u8]>]) -> bool {
    left.iter()
        .zip(right)
        .all(|(left, right)| left.eq_ignore_ascii_case(right))
}
