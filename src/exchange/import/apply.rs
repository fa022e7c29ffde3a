//! A plan as batches: entries above before those below, guarded against whoever writes meanwhile.

use std::collections::{BTreeSet, HashMap};

use crate::directory::change::unique;
use crate::exchange::import::plan::{Claim, ImportPlan, Lost, PlannedRow, RowKind};
use crate::exchange::import::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX};
use crate::record::{Batch, Guard, Key, Operation, Revision};
use crate::types::EntryId;

/// Hands out the batches of a plan. Each must be committed, or given up, before the next is asked for.
///
/// The guards of a batch name what it depends on: the buckets of its names and unique values, the entries it changes,
/// all entries above those it adds, which give them their names. Where this import itself has written one of them,
/// the guard names that commit, so that the batches of one import do not conflict with each other.
///
/// Who changes something else meanwhile guards [`everything`](unique::everything), which every batch touches: nobody
/// removes an entry that an import has put another below, or renames one without hearing who has come to refer to it.
/// What a row refers to is not guarded, for a file may name what is not there.
pub struct Applying {
    plan: ImportPlan,
    writers: Writers,
    /// Positions in the plan, entries above first.
    order: Vec<u32>,
    next: usize,
    /// The commit of ours that last wrote the records every batch writes.
    own: Option<Revision>,
    /// The entries that new ones are below, of this plan or not.
    aboves: HashMap<EntryId, Above>,
    /// The ones of them in the batch that is out.
    in_batch: Vec<EntryId>,
    /// What is in the batch that is out.
    out: Written,
    done: Written,
}

/// An entry that new ones are below.
struct Above {
    /// What it is below itself.
    above: Option<EntryId>,
    /// Whether the plan adds it.
    is_new: bool,
    /// The commit of ours that wrote it.
    written: Option<Revision>,
}

/// Whether somebody else can write during an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Nobody: the import has the store for itself. Its batches need no guards, and many are under way at once.
    Alone,
    /// The daemon's other commands and its log-ins.
    Several,
}

/// Entries written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Those that were added.
    pub new: u64,
    /// Those that were changed.
    pub changed: u64,
}

/// Operations of each batch that are no entries: the next id, and the record that stands for all buckets.
const OVERHEAD: usize = 2;

impl Applying {
    /// Begins to apply `plan`; without guards where nobody else writes.
    pub fn new(plan: ImportPlan, writers: Writers) -> Applying {
        let good = (0..)
            .zip(&plan.rows)
            .filter(|(_, row)| row.kind != RowKind::Refused);
        let mut order: Vec<u32> = good.map(|(at, _)| at).collect();
        let depth = |at: &u32| plan.rows.get(*at as usize).map(|row| row.depth);
        order.sort_by_key(depth);
        let aboves = aboves(&plan);
        Applying {
            plan,
            writers,
            order,
            next: 0,
            own: None,
            aboves,
            in_batch: Vec::new(),
            out: Written::default(),
            done: Written::default(),
        }
    }

    /// The next batch, or `None` when all have been handed out. Errors: [`Lost`]; nothing of the batch is handed out.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Lost> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut claims = BTreeSet::new();
        let mut above = BTreeSet::new();
        self.in_batch.clear();
        self.out = Written::default();
        while let Some(row) = self
            .order
            .get(self.next)
            .and_then(|at| self.plan.rows.get(*at as usize))
        {
            let value = self.plan.bytes(row)?;
            bytes += value.len();
            let full = batch.operations.len() + OVERHEAD >= BATCH_OPERATIONS_MAX || bytes > BATCH_BYTES_MAX;
            if full && !batch.operations.is_empty() {
                break;
            }
            self.next += 1;
            if self.is_orphan(row) {
                continue;
            }
            claims.extend(self.plan.claims(row)?);
            if row.kind == RowKind::New {
                self.extend_above(&mut above, row);
            }
            batch.guards.push(self.row_guard(row));
            batch.operations.push(Operation::Put {
                key: Key::entry(row.id),
                value: value.into(),
                expires: None,
            });
            match row.kind {
                RowKind::New => self.out.new += 1,
                _ => self.out.changed += 1,
            }
            if self.aboves.contains_key(&row.id) {
                self.in_batch.push(row.id);
            }
        }
        if batch.is_empty() {
            return Ok(None);
        }
        self.add_guards(&mut batch, &claims, &above)?;
        if self.writers == Writers::Alone {
            batch.guards.clear();
        }
        Ok(Some(batch))
    }

    /// Says that the last batch was committed at `revision`. If it was not, because of a conflict, it is left
    /// out with all entries below its own, and the file must be planned again against a newer snapshot.
    pub fn committed(&mut self, revision: Revision) {
        self.own = Some(revision);
        self.done.new += self.out.new;
        self.done.changed += self.out.changed;
        for id in self.in_batch.drain(..) {
            if let Some(above) = self.aboves.get_mut(&id) {
                above.written = Some(revision);
            }
        }
    }

    /// What has been committed.
    pub fn done(&self) -> Written {
        self.done
    }

    /// How many entries have been handed out or left out, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.next as u64, self.order.len() as u64)
    }

    /// Whether the entry above `row` is one of this plan that has not been written.
    fn is_orphan(&self, row: &PlannedRow) -> bool {
        let Some(above) = row.above else { return false };
        let is_unwritten = |above: &Above| above.is_new && above.written.is_none();
        self.aboves.get(&above).is_some_and(is_unwritten) && !self.in_batch.contains(&above)
    }

    /// Adds to `all` every entry above `row`.
    fn extend_above(&self, all: &mut BTreeSet<EntryId>, row: &PlannedRow) {
        let mut above = row.above;
        while let Some(id) = above.filter(|id| all.insert(*id)) {
            above = self.aboves.get(&id).and_then(|entry| entry.above);
        }
    }

    /// That nobody has written the entry since it was looked at; a new one must not be there.
    fn row_guard(&self, row: &PlannedRow) -> Guard {
        match row.kind {
            RowKind::New => Guard::Absent(Key::entry(row.id)),
            _ => Guard::UnchangedSince(Key::entry(row.id), self.plan.seen),
        }
    }

    fn add_guards(
        &self,
        batch: &mut Batch,
        claims: &BTreeSet<Claim>,
        above: &BTreeSet<EntryId>,
    ) -> Result<(), Lost> {
        let own = self.own.unwrap_or(self.plan.seen);
        batch
            .guards
            .push(Guard::UnchangedSince(unique::everything(), own));
        batch.operations.push(unique::touch(unique::everything()));
        if self.own.is_none() {
            self.reserve_ids(batch);
        }
        for claim in claims {
            let key = unique::numbered(self.plan.space(claim)?, claim.bucket);
            batch.guards.push(Guard::UnchangedSince(key, self.plan.seen));
        }
        // Those of this batch have a guard of their own.
        for id in above.iter().filter(|id| !self.in_batch.contains(id)) {
            let written = self.aboves.get(id).and_then(|entry| entry.written);
            let since = written.unwrap_or(self.plan.seen);
            batch.guards.push(Guard::UnchangedSince(Key::entry(*id), since));
        }
        Ok(())
    }

    /// The first batch takes all ids of the plan at once: then nobody else's new entries are in the way.
    fn reserve_ids(&self, batch: &mut Batch) {
        batch
            .guards
            .push(Guard::UnchangedSince(Key::next_entry_id(), self.plan.seen));
        batch.operations.push(Operation::Put {
            key: Key::next_entry_id(),
            value: self.plan.next_id.to_bytes().into(),
            expires: None,
        });
    }
}

/// The entries that new ones of `plan` are below.
fn aboves(plan: &ImportPlan) -> HashMap<EntryId, Above> {
    let above = |above, is_new| Above {
        above,
        is_new,
        written: None,
    };
    let known = plan.aboves.iter().map(|(id, of)| (*id, above(*of, false)));
    let added = |row: &&PlannedRow| row.kind == RowKind::New;
    let parents: BTreeSet<EntryId> = plan.rows.iter().filter_map(|row| row.above).collect();
    let new = plan.rows.iter().filter(added);
    let new = new.filter(|row| parents.contains(&row.id));
    known
        .chain(new.map(|row| (row.id, above(row.above, true))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::import::plan::Planned;

    fn plan(claims: &[Claim]) -> ImportPlan {
        let mut plan = ImportPlan::new(Revision(1), EntryId(2), ["uid".into()].into_iter());
        plan.push(&Planned {
            id: EntryId(1),
            above: None,
            kind: RowKind::New,
            depth: 1,
            bytes: b"entry",
            claims,
        });
        plan
    }

    #[test]
    fn what_the_plan_has_lost_is_named_and_nothing_is_written_in_its_place() {
        let next = |plan| {
            Applying::new(plan, Writers::Several)
                .next_batch()
                .map(|batch| batch.is_some())
        };
        let claim = |space| [Claim { space, bucket: 7 }];
        assert_eq!(next(plan(&claim(1))), Ok(true));
        assert_eq!(next(plan(&claim(9))), Err(Lost::Attribute(9)));
        assert_eq!(next(plan(&claim(1)).forgetting()), Err(Lost::Bytes(EntryId(1))));
    }
}
