//! Rows that are good if another row is: settled when the file is at its end.

use std::collections::HashSet;

use crate::exchange::import::plan::{ImportPlan, RowKind};
use crate::exchange::import::refused::Refused;
use crate::exchange::import::seen::Seen;
use crate::exchange::problem::{Fault, Problem};
use crate::types::EntryId;

/// An entry that the file has, or names as the one above another.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub id: EntryId,
    pub line: u64,
    pub state: NameState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameState {
    /// Another row needs it; its own has not come yet.
    Awaited,
    /// Its row has come and is good, as far as is known.
    Good,
    /// Its row has come and is refused.
    Refused,
}

/// A row that is good if something else is.
pub(super) struct OpenRow {
    /// Its position in the plan.
    pub row: usize,
    /// Its name, in normal form.
    pub name: Box<[u8]>,
    pub line: u64,
    /// The row, for the file of refused rows.
    pub text: Vec<u8>,
    pub needs: Vec<Needs>,
}

/// What an [`OpenRow`] needs.
pub(super) enum Needs {
    /// That the entry above, with this name in normal form, comes and is good.
    Above { name: Box<[u8]>, shown: Box<str> },
    /// That the entry `from` gives up a value it has in the directory.
    Release { from: EntryId, problem: Problem },
}

/// Refuses those of `open` whose needs were not met, in `plan` and in `names`. Those that remain are good.
pub(super) fn settle(mut open: Vec<OpenRow>, names: &mut Seen<Name>, plan: &mut ImportPlan) -> Vec<Refused> {
    let mut refused = Vec::new();
    loop {
        let changed = changed_ids(&open, plan);
        let (bad, good): (Vec<_>, Vec<_>) = open
            .into_iter()
            .map(|row| (first_unmet(&row, names, &changed), row))
            .partition(|(unmet, _)| unmet.is_some());
        open = good.into_iter().map(|(_, row)| row).collect();
        if bad.is_empty() {
            return refused;
        }
        for (unmet, row) in bad {
            if let Some(planned) = plan.rows.get_mut(row.row) {
                planned.kind = RowKind::Refused;
            }
            if let Some(name) = names.find(&row.name) {
                name.state = NameState::Refused;
            }
            refused.extend(unmet.map(|problem| Refused {
                line: row.line,
                problem,
                text: row.text,
                place: None,
            }));
        }
    }
}

fn first_unmet(row: &OpenRow, names: &mut Seen<Name>, changed: &HashSet<EntryId>) -> Option<Problem> {
    row.needs.iter().find_map(|needs| match needs {
        Needs::Release { from, .. } if changed.contains(from) => None,
        Needs::Release { problem, .. } => Some(problem.clone()),
        Needs::Above { name, shown } => match names.find(name).copied() {
            Some(Name {
                state: NameState::Good,
                ..
            }) => None,
            Some(Name {
                state: NameState::Refused,
                line,
                ..
            }) => Some(Problem::of(row.line, "dn", Fault::ParentRefused(line))),
            _ => Some(Problem::of(row.line, "dn", Fault::NoParent(shown.clone()))),
        },
    })
}

/// The entries that the plan changes: those may give up values. Empty if nobody asks.
fn changed_ids(open: &[OpenRow], plan: &ImportPlan) -> HashSet<EntryId> {
    let is_release = |needs: &Needs| matches!(needs, Needs::Release { .. });
    if !open.iter().any(|row| row.needs.iter().any(is_release)) {
        return HashSet::new();
    }
    let changed = plan.rows.iter().filter(|row| row.kind == RowKind::Changed);
    changed.map(|row| row.id).collect()
}
