//! Searches (RFC 4511 section 4.5): one entry after the other into a sink, in as many pieces as it takes.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::directory::ask::computed::{Computed, WholeEntry};
use crate::directory::ask::directory::Directory;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::ask::plan::{Planner, mentioned};
use crate::directory::ask::selection::{Found, Selected};
use crate::directory::request::{Answer, Asker, EntrySink, Scope, Search};
use crate::domain::access::{Groups, View};
use crate::domain::effort::Effort;
use crate::domain::filter::Truth;
use crate::domain::schema::Schema;
use crate::index::{Candidates, EntryRef, Slot, Snapshot, Walk};
use crate::types::{AttributeSet, Dn, Timestamp};

/// So many looks ([`Effort`]) of a filter at one entry count as looking at another entry.
const LOOKS_AN_ENTRY: u64 = 16;
/// The most looks at one entry for anybody but root: about a tenth of a second, in which nobody else is served
/// by the thread. A filter that wants more, such as very many items on a group's very many members by another
/// rule than the indexed one, ends its search with `AdminLimitExceeded`.
const LOOKS_MAX: u64 = 1 << 18;

/// How a turn of a search ended.
#[derive(Clone, Debug)]
pub enum TurnEnd {
    /// Not to its end: run it again.
    More,
    /// To its end.
    Done(Answer),
}

/// A search on its way.
pub struct SearchCursor {
    question: Question,
    allowance: Allowance,
    state: State,
    computed: Computed,
}

/// What is asked, and of what: one snapshot, so that all entries are of one moment.
struct Question {
    directory: Arc<Directory>,
    snapshot: Arc<Snapshot>,
    asker: Asker,
    groups: Groups,
    search: Search,
    selected: Selected,
    /// Computed attributes that the filter asks about.
    computed_for_filter: AttributeSet,
    /// How many looks at an entry are allowed.
    looks_max: u64,
}

enum State {
    /// Nothing was looked for yet.
    Fresh,
    /// Some entries are still to be looked at.
    Pending(Pending),
    /// It has ended so.
    Ended(Answer),
}

/// Entries still to be looked at, the last first.
struct Pending {
    base: Slot,
    slots: Vec<Slot>,
    descent: Descent,
}

/// What becomes of a pending entry's children.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Descent {
    /// They are looked at in their turn.
    Children,
    /// Nothing: the pending entries are all.
    None,
}

impl SearchCursor {
    /// A search that was asked for at `now`.
    pub fn new(
        directory: Arc<Directory>,
        snapshot: Arc<Snapshot>,
        asker: Asker,
        search: Search,
        now: Timestamp,
    ) -> SearchCursor {
        let computed = directory.computed().all();
        SearchCursor {
            allowance: Allowance::new(directory.limits(), &asker, &search, now),
            state: State::Fresh,
            computed: Computed::default(),
            question: Question {
                selected: Selected::new(&search.selection, directory.schema()),
                computed_for_filter: mentioned(&search.filter).intersection(computed),
                looks_max: match asker {
                    Asker::Root => u64::MAX,
                    _ => LOOKS_MAX,
                },
                groups: directory.groups(&asker, &snapshot),
                directory,
                snapshot,
                asker,
                search,
            },
        }
    }

    /// Goes on with the search: looks at no more than `budget` entries, or until the sink says `Break`.
    /// A search that has ended says so again.
    pub fn run(&mut self, sink: &mut dyn EntrySink, budget: usize, now: Timestamp) -> TurnEnd {
        let question = &self.question;
        let view = question.directory.view_in(&question.asker, question.groups);
        let begun = match std::mem::replace(&mut self.state, State::Fresh) {
            State::Fresh => question.begin(&view),
            State::Pending(pending) => Ok(pending),
            State::Ended(answer) => Err(answer),
        };
        let mut pending = match begun {
            Ok(pending) => pending,
            Err(answer) => return self.end(answer),
        };
        let mut look = Look {
            question,
            view: &view,
            allowance: &mut self.allowance,
            computed: &mut self.computed,
        };
        match look.go_on(&mut pending, sink, budget, now) {
            ControlFlow::Continue(()) => {
                self.state = State::Pending(pending);
                TurnEnd::More
            }
            ControlFlow::Break(answer) => self.end(answer),
        }
    }

    fn end(&mut self, answer: Answer) -> TurnEnd {
        self.state = State::Ended(answer.clone());
        TurnEnd::Done(answer)
    }
}

impl Question {
    fn schema(&self) -> &Schema {
        self.directory.schema()
    }

    /// Finds the base and where to look. Errors: the answer, if the base is nothing the viewer may know of.
    fn begin(&self, view: &View<'_>) -> Result<Pending, Answer> {
        let base = known_entry(&self.snapshot, &self.search.base, self.schema(), view)?;
        let base = base.slot();
        let (slots, descent) = match self.search.scope {
            Scope::Base => (vec![base], Descent::None),
            scope => match self.candidates(base, scope) {
                Candidates::Among(slots) => (slots, Descent::None),
                Candidates::Anywhere => self.whole_scope(base, scope),
            },
        };
        Ok(Pending { base, slots, descent })
    }

    /// Where the filter may be true, unless looking at the whole scope is less work.
    fn candidates(&self, base: Slot, scope: Scope) -> Candidates {
        let planner = Planner {
            snapshot: &self.snapshot,
            schema: self.schema(),
            computed: self.directory.computed(),
        };
        let worthwhile = match scope {
            Scope::One => self.snapshot.children_at_most(base),
            _ => self.snapshot.len(),
        };
        planner.candidates(&self.search.filter, worthwhile / 2)
    }

    fn whole_scope(&self, base: Slot, scope: Scope) -> (Vec<Slot>, Descent) {
        match scope {
            Scope::Base => (vec![base], Descent::None),
            Scope::Subtree => (vec![base], Descent::Children),
            Scope::One => (self.children(base), Descent::None),
            Scope::Subordinate => (self.children(base), Descent::Children),
        }
    }

    fn children(&self, parent: Slot) -> Vec<Slot> {
        let mut children: Vec<Slot> = self.snapshot.child_slots(parent).collect();
        children.reverse();
        children
    }
}

/// A look at one entry after the other.
struct Look<'a> {
    question: &'a Question,
    view: &'a View<'a>,
    allowance: &'a mut Allowance,
    computed: &'a mut Computed,
}

impl Look<'_> {
    /// `Break` with the answer at the end.
    fn go_on(
        &mut self,
        pending: &mut Pending,
        sink: &mut dyn EntrySink,
        budget: usize,
        now: Timestamp,
    ) -> ControlFlow<Answer> {
        let mut looks = (budget as u64).saturating_mul(LOOKS_AN_ENTRY);
        while looks > 0 {
            let Some(slot) = pending.slots.pop() else {
                return ControlFlow::Break(Answer::Success);
            };
            self.allowance.look(now)?;
            if pending.descent == Descent::Children {
                pending.slots.extend(self.question.children(slot));
            }
            let effort = Effort::of(self.question.looks_max);
            if self.look_at(slot, pending.base, sink, &effort)?.is_break() {
                break;
            }
            looks = looks.saturating_sub(LOOKS_AN_ENTRY + effort.spent());
        }
        ControlFlow::Continue(())
    }

    /// Gives the entry at `slot` to the sink if it belongs into the answer.
    fn look_at(
        &mut self,
        slot: Slot,
        base: Slot,
        sink: &mut dyn EntrySink,
        effort: &Effort,
    ) -> ControlFlow<Answer, ControlFlow<()>> {
        let question = self.question;
        let entry = question
            .snapshot
            .entry(slot)
            .filter(|entry| in_scope(entry, base, question.search.scope));
        let known = entry.and_then(|entry| Some((entry, self.view.sight(entry.id(), &entry)?)));
        let Some((entry, sight)) = known else {
            return ControlFlow::Continue(ControlFlow::Continue(()));
        };
        let matches = self.matches(entry, &sight.search, effort);
        if effort.is_exceeded() {
            return ControlFlow::Break(Answer::AdminLimitExceeded);
        }
        if !matches {
            return ControlFlow::Continue(ControlFlow::Continue(()));
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

    fn matches(&mut self, entry: EntryRef<'_>, searchable: &AttributeSet, effort: &Effort) -> bool {
        let question = self.question;
        self.compute(entry, &question.computed_for_filter.intersection(searchable));
        let filter = &question.search.filter;
        filter.truth(question.schema(), &self.whole(entry), searchable, effort) == Truth::True
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

#[inline]
fn in_scope(entry: &EntryRef<'_>, base: Slot, scope: Scope) -> bool {
    match scope {
        Scope::Base => entry.slot() == base,
        Scope::One => entry.is_child_of(base),
        Scope::Subtree => entry.is_within(base),
        Scope::Subordinate => entry.is_below(base),
    }
}

/// The entry named `dn` if the viewer may know of it. Errors: [`Answer::NoSuchEntry`] with the deepest
/// ancestor the viewer may know of; the same whether the entry is hidden or not there.
pub(super) fn known_entry<'s>(
    snapshot: &'s Snapshot,
    dn: &Dn,
    schema: &Schema,
    view: &View<'_>,
) -> Result<EntryRef<'s>, Answer> {
    let knows = |entry: &EntryRef<'_>| view.knows(entry.id(), entry);
    let mut matched = match snapshot.walk(dn, schema) {
        Walk::Found(entry) if knows(&entry) => return Ok(entry),
        Walk::Found(entry) => entry.parent(),
        Walk::Missing(deepest) => deepest,
    };
    while let Some(hidden) = matched.filter(|entry| !knows(entry)) {
        matched = hidden.parent();
    }
    Err(Answer::NoSuchEntry(matched.map(|entry| entry.dn())))
}

/// What is left of the limits.
struct Allowance {
    entries: u64,
    candidates: u64,
    deadline: Timestamp,
}

impl Allowance {
    fn new(limits: &SearchLimits, asker: &Asker, search: &Search, now: Timestamp) -> Allowance {
        let entries = match asker {
            Asker::Public => limits.entries_max_public,
            Asker::Member(_) => limits.entries_max_member,
            Asker::Service(_) => limits.entries_max_service,
            Asker::Root => 0,
        };
        let candidates = match asker {
            Asker::Root => 0,
            _ => limits.candidates_max,
        };
        let time_s = limit(limits.time_limit_s).min(limit(search.time_limit_s.into()));
        Allowance {
            entries: limit(entries).min(limit(search.entries_max.into())),
            candidates: limit(candidates),
            deadline: now.plus_s(time_s),
        }
    }

    /// Before an entry is looked at.
    fn look(&mut self, now: Timestamp) -> ControlFlow<Answer> {
        if now > self.deadline {
            return ControlFlow::Break(Answer::TimeLimitExceeded);
        }
        take(&mut self.candidates, Answer::AdminLimitExceeded)
    }

    /// Before an entry is given away.
    fn give(&mut self) -> ControlFlow<Answer> {
        take(&mut self.entries, Answer::SizeLimitExceeded)
    }
}

fn limit(max: u64) -> u64 {
    if max == 0 { u64::MAX } else { max }
}

fn take(left: &mut u64, else_answer: Answer) -> ControlFlow<Answer> {
    match left.checked_sub(1) {
        Some(less) => {
            *left = less;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(else_answer),
    }
}

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turn_tests;
