//! Looking at one entry after the other, and giving away those that match.

use std::ops::ControlFlow;

use super::allowance::Allowance;
use super::{Order, Pending, Question, Stop};
use crate::directory::ask::computed::{Computed, WholeEntry};
use crate::directory::ask::selection::Found;
use crate::directory::request::{Answer, EntrySink, Scope};
use crate::domain::access::{Sight, View};
use crate::domain::effort::Effort;
use crate::domain::filter::Truth;
use crate::domain::sort::{Rank, SortKey};
use crate::index::{EntryRef, Slot};
use crate::types::{AttributeSet, Timestamp};

/// So many looks ([`Effort`]) of a filter at one entry count as looking at another entry.
const LOOKS_AN_ENTRY: u64 = 16;

/// A look at one entry after the other.
pub(super) struct Look<'a> {
    pub question: &'a Question,
    pub view: &'a View<'a>,
    pub allowance: &'a mut Allowance,
    pub computed: &'a mut Computed,
}

impl<'a> Look<'a> {
    /// `Break` with the reason at the end.
    pub(super) fn go_on(
        &mut self,
        pending: &mut Pending,
        sink: &mut dyn EntrySink,
        budget: usize,
        now: Timestamp,
    ) -> ControlFlow<Stop> {
        let mut looks = (budget as u64).saturating_mul(LOOKS_AN_ENTRY);
        while looks > 0 {
            let Some(slot) = pending.slots.get(pending.next).copied() else {
                if self.question.gather(pending, self.view) || pending.take_ranked() {
                    continue;
                }
                return ControlFlow::Break(Stop::Answer(Answer::Success));
            };
            self.allowance.in_time(now)?;
            let effort = Effort::of(self.question.looks_max);
            let pause = self.look_at(slot, pending, sink, &effort)?.is_break();
            pending.next += 1;
            if pause {
                break;
            }
            looks = looks.saturating_sub(LOOKS_AN_ENTRY + effort.spent());
        }
        ControlFlow::Continue(())
    }

    /// Gives the entry at `slot` to the sink, or puts it in its place among others, if it belongs into the answer.
    fn look_at(
        &mut self,
        slot: Slot,
        pending: &mut Pending,
        sink: &mut dyn EntrySink,
        effort: &Effort,
    ) -> ControlFlow<Stop, ControlFlow<()>> {
        const NEXT: ControlFlow<Stop, ControlFlow<()>> = ControlFlow::Continue(ControlFlow::Continue(()));
        let question = self.question;
        let entry = question.snapshot.entry(slot);
        let Some(entry) = entry.filter(|entry| in_scope(entry, pending.base, question.search.scope)) else {
            return NEXT;
        };
        let Some(sight) = self.view.sight(entry.id(), &entry) else {
            return NEXT;
        };
        // What is given in its order has been looked at before.
        if !matches!(pending.order, Order::Ranks(_)) {
            self.allowance.look()?;
        }
        let matches = self.matches(entry, &sight, effort);
        exceeded(effort)?;
        if !matches {
            return NEXT;
        }
        if let Order::Ranking(ranking) = &mut pending.order {
            let rank = self.rank(entry, &sight.read, effort);
            exceeded(effort)?;
            return match ranking.add(rank, slot) {
                Ok(()) => NEXT,
                Err(why) => ControlFlow::Break(Stop::Unsorted(why)),
            };
        }
        self.allowance.give()?;
        self.compute(entry, &question.selected.kinds().intersection(&sight.read));
        let found = Found {
            entry: self.whole(entry),
            readable: &sight.read,
            selected: &question.selected,
            schema: question.schema(),
        };
        ControlFlow::Continue(sink.entry(&found))
    }

    fn rank(&mut self, entry: EntryRef<'_>, readable: &AttributeSet, effort: &Effort) -> Rank {
        let question = self.question;
        let sort = question.search.controls.sort.as_ref();
        let keys = sort.map_or(&[][..], |sort| &sort.keys);
        let kinds: AttributeSet = keys.iter().map(SortKey::kind).collect();
        self.compute(entry, &kinds.intersection(readable));
        let whole = self.whole(entry);
        Rank::of(keys, question.schema(), (entry.id(), &whole), readable, effort)
    }

    fn matches(&mut self, entry: EntryRef<'_>, sight: &Sight, effort: &Effort) -> bool {
        let question = self.question;
        self.compute(entry, &question.computed_for_filter.intersection(&sight.search));
        self.whole(entry).truth(&question.search.filter, sight, effort) == Truth::True
    }

    fn whole<'e>(&'e self, entry: EntryRef<'e>) -> WholeEntry<'e> {
        WholeEntry {
            schema: self.question.schema(),
            stored: entry,
            computed: self.computed,
        }
    }

    fn compute(&mut self, entry: EntryRef<'_>, wanted: &AttributeSet) {
        let directory = &self.question.directory;
        self.computed
            .compute(entry, wanted, directory.computed(), directory.schema(), self.view);
    }
}

fn exceeded(effort: &Effort) -> ControlFlow<Stop> {
    if effort.is_exceeded() {
        return ControlFlow::Break(Stop::Answer(Answer::AdminLimitExceeded));
    }
    ControlFlow::Continue(())
}

#[inline]
pub(super) fn in_scope(entry: &EntryRef<'_>, base: Slot, scope: Scope) -> bool {
    match scope {
        Scope::Base => entry.slot() == base,
        Scope::One => entry.is_child_of(base),
        Scope::Subtree => entry.is_within(base),
        Scope::Subordinate => entry.is_below(base),
    }
}
