//! Searches (RFC 4511 section 4.5): one entry after the other into a sink, in as many pieces as it takes, and in
//! an order in which another search can go on: ascending ids.

mod allowance;
mod look;
mod ranking;

use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;

use allowance::Allowance;
use look::Look;
use ranking::Ranking;

use crate::directory::ask::chain::{Chains, TooLong};
use crate::directory::ask::computed::Computed;
use crate::directory::ask::directory::Directory;
use crate::directory::ask::plan::{Planner, mentioned};
use crate::directory::ask::selection::Selected;
use crate::directory::request::{
    Answer, Asker, EntrySink, PageMark, Position, Scope, Search, SearchBase, SearchEnd, SortEnd,
};
use crate::domain::access::{Groups, View};
use crate::domain::schema::Schema;
use crate::domain::sort::Rank;
use crate::index::{Candidates, EntryRef, Slot, Snapshot, Walk};
use crate::types::{AttributeSet, Dn, EntryId, Timestamp};

/// The most looks ([`Effort`](crate::domain::effort::Effort)) at one entry for anybody but root: about a tenth of a second, in which nobody else is served
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
    end: SearchEnd,
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

/// Entries to be looked at.
struct Pending {
    base: Slot,
    slots: Vec<Slot>,
    /// How many have been looked at.
    next: usize,
    /// The last entry in front of all `slots`, and the last that `slots` were gathered from.
    before: EntryId,
    behind: EntryId,
    /// How many of those behind are to be gathered next; `None`: there are none.
    gather: Option<usize>,
    order: Order,
}

/// In which order entries are pending.
enum Order {
    /// By id, and so are they given.
    Ids,
    /// By id, and each that matches is put in its place.
    Ranking(Ranking),
    /// By these ranks, a rank a slot: those that match.
    Ranks(Vec<Rank>),
}

/// Why a search does not go on.
enum Stop {
    /// It has ended so.
    Answer(Answer),
    /// There is one more entry, and the page has room for none.
    PageIsFull,
    /// It is not to be sorted.
    Unsorted(SortEnd),
}

impl SearchCursor {
    /// A search that was asked for at `now`.
    pub fn new(
        directory: Arc<Directory>,
        snapshot: Arc<Snapshot>,
        asker: Asker,
        mut search: Search,
        now: Timestamp,
    ) -> SearchCursor {
        let computed = directory.computed().all();
        let groups = directory.groups(&asker, &snapshot);
        let state = {
            let view = directory.view_in(&asker, groups);
            match Chains::new(&directory, &snapshot, &view).unfold(&mut search.filter) {
                Ok(()) => State::Fresh,
                Err(TooLong) => State::Ended(Answer::AdminLimitExceeded),
            }
        };
        SearchCursor {
            allowance: Allowance::new(directory.limits(), &asker, &search, now),
            state,
            computed: Computed::default(),
            end: SearchEnd::default(),
            question: Question {
                selected: Selected::new(&search.selection, directory.schema()),
                computed_for_filter: mentioned(&search.filter).intersection(computed),
                looks_max: match asker.is_administrator() {
                    true => u64::MAX,
                    false => LOOKS_MAX,
                },
                groups,
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
            State::Fresh => question.begin(&view, self.allowance.room()),
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
        let went = look.go_on(&mut pending, sink, budget, now);
        if question.search.controls.sort.is_some() {
            self.end.sort = self.end.sort.or_else(|| pending.sort_end());
        }
        match went {
            ControlFlow::Continue(()) => {
                self.state = State::Pending(pending);
                TurnEnd::More
            }
            ControlFlow::Break(Stop::Answer(answer)) => self.end(answer),
            ControlFlow::Break(Stop::PageIsFull) => self.end_page(&pending),
            ControlFlow::Break(Stop::Unsorted(why)) => self.leave_unsorted(why),
        }
    }

    /// What there is to say of a search that has ended, beside its answer.
    pub fn into_end(self) -> SearchEnd {
        self.end
    }

    /// The next page begins behind what was looked at for this one.
    fn end_page(&mut self, pending: &Pending) -> TurnEnd {
        let position = pending.position(pending.next, &self.question.snapshot);
        self.end.more = position.map(|position| PageMark {
            position,
            given: self.allowance.given(),
        });
        self.end(Answer::Success)
    }

    /// Begins again without an order, if that is an answer.
    fn leave_unsorted(&mut self, why: SortEnd) -> TurnEnd {
        self.end.sort = Some(why);
        let sort = self.question.search.controls.sort.take();
        if sort.is_some_and(|sort| sort.is_critical) {
            return self.end(Answer::NotSorted);
        }
        self.state = State::Fresh;
        TurnEnd::More
    }

    fn end(&mut self, answer: Answer) -> TurnEnd {
        self.state = State::Ended(answer.clone());
        TurnEnd::Done(answer)
    }
}

/// So many children are counted one by one for who may not know of all.
const CHILDREN_MAX: usize = 1024;
/// No entry has this id.
const BEFORE_ALL: EntryId = EntryId(0);
/// So many entries of a whole scope are gathered at first, and each time more: a page is mostly full before. Tests have
/// small directories.
const GATHERED_FIRST: usize = if cfg!(test) { 3 } else { 4096 };
/// How many times as many are gathered each time.
const GATHERED_MORE: usize = 4;

impl Pending {
    /// In front of the entry `at` this place.
    fn position(&self, at: usize, snapshot: &Snapshot) -> Option<Position> {
        match &self.order {
            Order::Ranks(ranks) => ranks.get(at.checked_sub(1)?).cloned().map(Position::Behind),
            Order::Ids | Order::Ranking(_) => Some(Position::After(match at.checked_sub(1) {
                None => self.before,
                Some(last) => snapshot.id_at(*self.slots.get(last)?)?,
            })),
        }
    }

    /// Once all that match have been put in order: has them looked at again, in that order, to be given away. `false` if
    /// there is nothing to sort.
    fn take_ranked(&mut self) -> bool {
        let Order::Ranking(ranking) = &mut self.order else {
            return false;
        };
        let (ranks, slots) = ranking.in_order();
        (self.slots, self.next, self.order) = (slots, 0, Order::Ranks(ranks));
        true
    }

    /// What becomes of the order that was asked for, as far as one knows.
    fn sort_end(&self) -> Option<SortEnd> {
        match &self.order {
            Order::Ids => Some(SortEnd::TooMany),
            Order::Ranking(_) => None,
            Order::Ranks(_) => Some(SortEnd::Sorted),
        }
    }
}

impl Question {
    fn schema(&self) -> &Schema {
        self.directory.schema()
    }

    /// Finds the base and where to look. Errors: the answer, if the base is nothing the viewer may know of.
    fn begin(&self, view: &View<'_>, room: u64) -> Result<Pending, Answer> {
        let base = known_base(&self.snapshot, &self.search.base, self.schema(), view)?;
        if let Some(assertion) = &self.search.controls.assertion {
            self.directory.check_assertion(base, view, assertion)?;
        }
        let base = base.slot();
        let page = self.search.controls.page.as_ref();
        let position = page.and_then(|page| Some(&page.from.as_ref()?.position));
        let before = match position {
            Some(Position::After(id)) => *id,
            _ => BEFORE_ALL,
        };
        let mut pending = Pending {
            base,
            slots: Vec::new(),
            next: 0,
            before,
            behind: before,
            gather: None,
            order: self.order(position, room),
        };
        let candidates = match self.search.scope {
            Scope::Base => Candidates::Among(vec![base]),
            scope => self.candidates(base, scope, view),
        };
        match candidates {
            Candidates::Anywhere => pending.gather = Some(GATHERED_FIRST),
            Candidates::Among(mut slots) => {
                self.snapshot.put_in_order(&mut slots);
                slots.drain(..self.snapshot.count_up_to(&slots, before));
                pending.slots = self.known(slots, view);
            }
        }
        Ok(pending)
    }

    /// Gathers the next entries of the whole scope, when those there were have been looked at. `false`: there are no more.
    fn gather(&self, pending: &mut Pending, view: &View<'_>) -> bool {
        let Some(most) = pending.gather.take() else {
            return false;
        };
        let (snapshot, after) = (&self.snapshot, pending.behind);
        let first = match self.search.scope {
            Scope::One => snapshot.first_right_below(pending.base, after, most),
            _ => snapshot.first_within(pending.base, after, most),
        };
        let last = first.slots.last().and_then(|slot| snapshot.id_at(*slot));
        (pending.before, pending.behind) = (after, last.unwrap_or(after));
        pending.gather = first.more.then(|| most.saturating_mul(GATHERED_MORE));
        pending.slots = self.known(first.slots, view);
        pending.next = 0;
        true
    }

    /// Those of `slots` that the viewer may know of, or nearly so.
    fn known(&self, mut slots: Vec<Slot>, view: &View<'_>) -> Vec<Slot> {
        if let Some(sets) = view.sets_known() {
            let own = view.own().and_then(|id| self.snapshot.entry_by_id(id));
            self.snapshot
                .keep_in(sets, own.map(|entry| entry.slot()), &mut slots);
        }
        slots
    }

    /// In which order to look. Pages that have begun unsorted go on unsorted.
    fn order(&self, position: Option<&Position>, room: u64) -> Order {
        let behind = match (&self.search.controls.sort, position) {
            (None, _) | (_, Some(Position::After(_))) => return Order::Ids,
            (Some(_), None) => None,
            (Some(_), Some(Position::Behind(rank))) => Some(rank.clone()),
        };
        // One more than there is room for: to know whether there are more.
        let kept_max = room.saturating_add(1);
        Order::Ranking(Ranking::new(kept_max, behind, self.directory.sort_room().clone()))
    }

    /// Where the filter may be true, unless looking at the whole scope is less work.
    fn candidates(&self, base: Slot, scope: Scope, view: &View<'_>) -> Candidates {
        let planner = Planner {
            snapshot: &self.snapshot,
            schema: self.schema(),
            computed: self.directory.computed(),
            view,
            base,
        };
        let worthwhile = match scope {
            Scope::One => self.children(base, view).unwrap_or_else(|| planner.size()),
            _ => planner.size(),
        };
        planner.candidates(&self.search.filter, worthwhile / 2)
    }

    /// How many children of `base` the viewer may know of, at the most; `None` if that takes too long to tell.
    fn children(&self, base: Slot, view: &View<'_>) -> Option<usize> {
        let all = self.snapshot.children_at_most(base);
        if view.sets_known().is_none() {
            return Some(all);
        }
        let children = (all <= CHILDREN_MAX).then(|| self.snapshot.children(base));
        children.map(|children| children.filter(|child| view.knows(child.id(), child)).count())
    }
}

/// The entry named `dn` if the viewer may know of it. Errors: [`Answer::NoSuchEntry`] with the deepest
/// ancestor the viewer may know of; the same whether the entry is hidden or not there.
pub(in crate::directory) fn known_entry<'s>(
    snapshot: &'s Snapshot,
    dn: &Dn,
    schema: &Schema,
    view: &View<'_>,
) -> Result<EntryRef<'s>, Answer> {
    known(snapshot.walk(dn, schema), dn, view)
}

/// The same of a base.
fn known_base<'s>(
    snapshot: &'s Snapshot,
    base: &SearchBase,
    schema: &Schema,
    view: &View<'_>,
) -> Result<EntryRef<'s>, Answer> {
    let walk = match base.normal(schema) {
        Some(normal) => snapshot.walk_normal(normal),
        None => snapshot.walk(base.dn(), schema),
    };
    known(walk, base.dn(), view)
}

fn known<'s>(walk: Walk<'s>, dn: &Dn, view: &View<'_>) -> Result<EntryRef<'s>, Answer> {
    match walk {
        Walk::Found(entry) if view.knows(entry.id(), &entry) => Ok(entry),
        Walk::Found(entry) => Err(no_such_entry(entry.parent(), 1, dn, view)),
        Walk::Missing(deepest) => Err(no_such_entry(deepest, 0, dn, view)),
    }
}

/// That there is no entry `dn`, which there is not: [`Answer::NoSuchEntry`].
pub(in crate::directory) fn deepest_known(
    snapshot: &Snapshot,
    dn: &Dn,
    schema: &Schema,
    view: &View<'_>,
) -> Answer {
    match snapshot.walk(dn, schema) {
        Walk::Found(entry) => no_such_entry(Some(entry), 0, dn, view),
        Walk::Missing(deepest) => no_such_entry(deepest, 0, dn, view),
    }
}

/// `looks`: at how many entries on the way to `dn` it has been seen that they are hidden.
fn no_such_entry(mut matched: Option<EntryRef<'_>>, mut looks: usize, dn: &Dn, view: &View<'_>) -> Answer {
    while let Some(hidden) = matched.filter(|entry| !view.knows(entry.id(), entry)) {
        matched = hidden.parent();
        looks += 1;
    }
    // A hidden entry takes as long as none: a look at rights for each part of the name.
    if let Some(entry) = matched {
        (looks..dn.rdns.len()).for_each(|_| {
            black_box(view.knows(entry.id(), &entry));
        });
    }
    Answer::NoSuchEntry(matched.map(|entry| entry.dn()))
}

#[cfg(test)]
mod chain_tests;
#[cfg(test)]
mod hidden_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod sort_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turn_tests;
