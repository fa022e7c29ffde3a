//! A plan as batches: entries above before those below, guarded against whoever writes meanwhile.

use std::collections::{BTreeSet, HashMap};

use crate::directory::change::unique;
use crate::exchange::import::plan::{Claim, ImportPlan, Lost, PlannedRow, RowKind};
use crate::exchange::import::{BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX};
use crate::record::{Batch, Guard, Key, Operation, Revision};
use crate::types::EntryId;

/// Hands out the batches of a plan. Each must be committed, or given up, before the next is asked for.
///
/// The guards of a batch name what it depends on: the buckets of its unique values, the entries it changes,
/// the entries above those it adds. Where this import itself has written one of them, the guard names that
/// commit, so that the batches of one import do not conflict with each other.
pub struct Applying {
    plan: ImportPlan,
    writers: Writers,
    /// Positions in the plan, entries above first.
    order: Vec<u32>,
    next: usize,
    /// The commit of ours that last wrote the records every batch writes.
    own: Option<Revision>,
    /// The entries of this plan that others are below: the commit that wrote them.
    aboves: HashMap<EntryId, Option<Revision>>,
    /// The ones of them in the batch that is out.
    in_batch: Vec<EntryId>,
    /// What is in the batch that is out.
    out: Written,
    done: Written,
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
        let added = |row: &&PlannedRow| row.kind == RowKind::New;
        let parents: BTreeSet<EntryId> = plan.rows.iter().filter_map(|row| row.above).collect();
        let aboves = plan
            .rows
            .iter()
            .filter(added)
            .filter(|row| parents.contains(&row.id));
        let aboves = aboves.map(|row| (row.id, None)).collect();
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
            above.extend(
                row.above
                    .filter(|id| row.kind == RowKind::New && !self.in_batch.contains(id)),
            );
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
            self.aboves.insert(id, Some(revision));
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
        matches!(self.aboves.get(&above), Some(None)) && !self.in_batch.contains(&above)
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
        for id in above {
            let written = self.aboves.get(id).copied().flatten().unwrap_or(self.plan.seen);
            batch.guards.push(Guard::UnchangedSince(Key::entry(*id), written));
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
