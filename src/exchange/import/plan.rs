//! What an import will write, encoded, in as little memory as it takes.

use std::collections::HashMap;

use thiserror::Error;

use crate::directory::change::unique;
use crate::record::Revision;
use crate::types::EntryId;

/// The new and changed entries of one file. Handed out in batches by [`super::Applying`].
pub struct ImportPlan {
    /// The revision of the directory it was made against.
    pub(super) seen: Revision,
    /// The first entry id that is still free when it is applied.
    pub(super) next_id: EntryId,
    pub(super) rows: Vec<PlannedRow>,
    /// The entries of the directory that new ones come to be below, and what each of them is below.
    pub(super) aboves: HashMap<EntryId, Option<EntryId>>,
    claims: Vec<Claim>,
    /// The attributes the claims' numbers mean; names first.
    spaces: Vec<Box<str>>,
    chunks: Vec<Vec<u8>>,
}

/// What a plan was given and no longer has: a fault of this program. Nothing may be written in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Lost {
    /// The entry's bytes.
    #[error("the import has lost the bytes of entry {0}; nothing more was written")]
    Bytes(EntryId),
    /// The entry's unique values.
    #[error("the import has lost the unique values of entry {0}; nothing more was written")]
    Claims(EntryId),
    /// The attribute of that number.
    #[error("the import has lost its unique attribute number {0}; nothing more was written")]
    Attribute(u8),
}

/// One entry to be written.
pub(super) struct PlannedRow {
    pub id: EntryId,
    pub above: Option<EntryId>,
    pub kind: RowKind,
    /// The number of RDNs in its name: entries are written in this order.
    pub depth: u8,
    chunk: u32,
    start: u32,
    length: u32,
    first_claim: u32,
    claims: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    New,
    Changed,
    /// Found out too late to leave it out.
    Refused,
}

/// The bucket of a unique value; the attribute by its number in [`ImportPlan::spaces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Claim {
    pub space: u8,
    pub bucket: u16,
}

/// An entry as [`ImportPlan::push`] takes it.
pub(super) struct Planned<'a> {
    pub id: EntryId,
    pub above: Option<EntryId>,
    pub kind: RowKind,
    pub depth: usize,
    pub bytes: &'a [u8],
    pub claims: &'a [Claim],
}

/// The entries' bytes are kept in pieces of this size, so that they are given back to the system as a whole.
const CHUNK_BYTES: usize = 4 << 20;

impl ImportPlan {
    pub(super) fn new(
        seen: Revision,
        next_id: EntryId,
        unique: impl Iterator<Item = Box<str>>,
    ) -> ImportPlan {
        let spaces = std::iter::once(unique::NAMES.into()).chain(unique).collect();
        ImportPlan {
            seen,
            next_id,
            rows: Vec::new(),
            aboves: HashMap::new(),
            claims: Vec::new(),
            spaces,
            chunks: Vec::new(),
        }
    }

    /// How many entries it will add, and how many it will change.
    pub fn new_and_changed(&self) -> (u64, u64) {
        let count = |kind| self.rows.iter().filter(|row| row.kind == kind).count() as u64;
        (count(RowKind::New), count(RowKind::Changed))
    }

    /// The bytes it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_BYTES
    }

    /// The bytes of the entry of `row`. Errors: [`Lost`].
    pub(super) fn bytes(&self, row: &PlannedRow) -> Result<&[u8], Lost> {
        let start = row.start as usize;
        let chunk = self.chunks.get(row.chunk as usize);
        let bytes = chunk.and_then(|chunk| chunk.get(start..start + row.length as usize));
        bytes.ok_or(Lost::Bytes(row.id))
    }

    /// The unique values that `row` takes. Errors: [`Lost`].
    pub(super) fn claims(&self, row: &PlannedRow) -> Result<&[Claim], Lost> {
        let first = row.first_claim as usize;
        let claims = self.claims.get(first..first + row.claims as usize);
        claims.ok_or(Lost::Claims(row.id))
    }

    /// The attribute of `claim`. Errors: [`Lost`].
    pub(super) fn space(&self, claim: &Claim) -> Result<&str, Lost> {
        let space = self.spaces.get(usize::from(claim.space));
        space.map(|space| &**space).ok_or(Lost::Attribute(claim.space))
    }

    /// The plan without its entries' bytes, which never happens.
    #[cfg(test)]
    pub(super) fn forgetting(mut self) -> ImportPlan {
        self.chunks.clear();
        self
    }

    /// Adds an entry. Its bytes are fewer than [`CHUNK_BYTES`]; positions fit into 32 bits because of
    /// [`super::PLAN_BYTES_MAX`] and [`super::ROWS_MAX`].
    pub(super) fn push(&mut self, planned: &Planned<'_>) {
        let fits = |chunk: &Vec<u8>| chunk.len() + planned.bytes.len() <= CHUNK_BYTES;
        if !self.chunks.last().is_some_and(fits) {
            self.chunks.push(Vec::with_capacity(CHUNK_BYTES));
        }
        let chunk = self.chunks.len() - 1;
        let start = self.chunks.last().map_or(0, Vec::len);
        if let Some(last) = self.chunks.last_mut() {
            last.extend_from_slice(planned.bytes);
        }
        self.rows.push(PlannedRow {
            id: planned.id,
            above: planned.above,
            kind: planned.kind,
            depth: planned.depth.try_into().unwrap_or(u8::MAX),
            chunk: chunk as u32,
            start: start as u32,
            length: planned.bytes.len() as u32,
            first_claim: self.claims.len() as u32,
            claims: planned.claims.len() as u32,
        });
        self.claims.extend_from_slice(planned.claims);
    }
}
