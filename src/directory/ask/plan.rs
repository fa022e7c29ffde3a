//! Where to look for the entries a filter is true of: the fewest candidates the indexes can name.
//!
//! A plan may name too many candidates, never too few: every one is verified against the whole filter. It goes by what
//! the viewer may see only: values that are hidden are not counted, and lead nowhere.

use std::hint::black_box;

use crate::directory::ask::computed::ComputedTypes;
use crate::domain::access::{HAS_SWITCHES, View};
use crate::domain::filter::{Assertion, Filter, SubstringAssertion, Target};
use crate::domain::matching::MatchingRule;
use crate::domain::schema::{AttributeDefinition, Schema};
use crate::index::{Candidates, Slot, Snapshot, SubstringParts};
use crate::types::{AttributeSet, AttributeType};

/// A part of a substring assertion shorter than this says too little to search by.
const NEEDLE_BYTES_MIN: usize = 2;

/// What a plan may look at.
pub(super) struct Planner<'a> {
    pub snapshot: &'a Snapshot,
    pub schema: &'a Schema,
    pub computed: &'a ComputedTypes,
    /// For whom: what the viewer can see nothing of is as if it were not there, and changes nothing.
    pub view: &'a View<'a>,
    /// The base of the search.
    pub base: Slot,
}

/// Where to look for what a filter is true of.
enum SearchPlan<'f> {
    /// Nowhere: it is true of no entry.
    Nowhere,
    /// Everywhere.
    Anywhere,
    /// Where an index says for this item; about so many entries.
    Item(&'f Filter, usize),
    /// In all of these places; about so many entries.
    Union(Vec<SearchPlan<'f>>, usize),
}

impl SearchPlan<'_> {
    fn estimate(&self) -> usize {
        match self {
            SearchPlan::Nowhere => 0,
            SearchPlan::Anywhere => usize::MAX,
            SearchPlan::Item(_, estimate) | SearchPlan::Union(_, estimate) => *estimate,
        }
    }
}

impl Planner<'_> {
    /// Where `filter` may be true, in no order. [`Candidates::Anywhere`] also if more than `worthwhile` candidates would have to be looked at.
    pub(super) fn candidates(&self, filter: &Filter, worthwhile: usize) -> Candidates {
        let plan = match filter {
            // Nothing to choose from, and looking is as good as counting.
            Filter::Equality(assertion) if self.is_rare(assertion) => SearchPlan::Item(filter, 0),
            _ => self.plan(filter),
        };
        if plan.estimate() > worthwhile {
            return Candidates::Anywhere;
        }
        let mut slots = Vec::new();
        if !self.collect(&plan, worthwhile, &mut slots) || slots.len() > worthwhile {
            return Candidates::Anywhere;
        }
        Candidates::Among(slots)
    }

    fn plan<'f>(&self, filter: &'f Filter) -> SearchPlan<'f> {
        match filter {
            Filter::And(filters) => {
                let plans = filters.iter().map(|filter| self.plan(filter));
                plans
                    .min_by_key(SearchPlan::estimate)
                    .unwrap_or(SearchPlan::Anywhere)
            }
            Filter::Or(filters) => self.union(filters),
            Filter::Not(_) | Filter::Present(_) | Filter::Extensible(_) => SearchPlan::Anywhere,
            Filter::Equality(assertion) => self.item(filter, self.equality_estimate(assertion)),
            Filter::GreaterOrEqual(_) | Filter::LessOrEqual(_) => self.item(filter, Some(self.share(4))),
            Filter::Substrings(_) => self.item(filter, Some(self.share(8))),
            Filter::Undefined => SearchPlan::Nowhere,
        }
    }

    /// Whether few entries at the most can have the value.
    fn is_rare(&self, assertion: &Assertion) -> bool {
        let mut kinds = assertion.target.kinds.iter();
        let is_computed = self.computed.all().contains(assertion.target.kind);
        !is_computed && kinds.all(|kind| !self.snapshot.has_very_many(kind, &assertion.normal))
    }

    fn union<'f>(&self, filters: &'f [Filter]) -> SearchPlan<'f> {
        let plans: Vec<_> = filters.iter().map(|filter| self.plan(filter)).collect();
        let sum = plans
            .iter()
            .map(SearchPlan::estimate)
            .fold(0, usize::saturating_add);
        match sum {
            usize::MAX => SearchPlan::Anywhere,
            sum => SearchPlan::Union(plans, sum),
        }
    }

    fn item<'f>(&self, filter: &'f Filter, estimate: Option<usize>) -> SearchPlan<'f> {
        estimate.map_or(SearchPlan::Anywhere, |estimate| {
            SearchPlan::Item(filter, estimate)
        })
    }

    /// One in `parts` entries: a guess for what is not counted beforehand.
    fn share(&self, parts: usize) -> usize {
        self.size() / parts + 1
    }

    fn equality_estimate(&self, assertion: &Assertion) -> Option<usize> {
        let kind = assertion.target.kind;
        if let Some(stored) = self.computed.stored_like(kind) {
            return self.count(stored, &assertion.normal);
        }
        if self.computed.all().contains(kind) {
            return match self.view.ever_searches(kind) {
                true => self
                    .computed
                    .candidates_estimate(assertion, self.snapshot, self.view),
                false => Some(self.own().count()),
            };
        }
        let kinds = self.indexed_kinds(&assertion.target, assertion.rule, |definition| {
            definition.equality
        })?;
        kinds.map(|kind| self.count(kind, &assertion.normal)).sum()
    }

    /// Appends the candidates of `plan`; `false` if the indexes do not know after all.
    fn collect(&self, plan: &SearchPlan<'_>, worthwhile: usize, slots: &mut Vec<Slot>) -> bool {
        match plan {
            SearchPlan::Nowhere => true,
            SearchPlan::Anywhere => false,
            SearchPlan::Union(plans, _) => plans.iter().all(|plan| self.collect(plan, worthwhile, slots)),
            SearchPlan::Item(filter, _) => match filter {
                Filter::Equality(assertion) => self.equality(assertion, slots),
                Filter::GreaterOrEqual(assertion) => self.range(assertion, Snapshot::at_least, slots),
                Filter::LessOrEqual(assertion) => self.range(assertion, Snapshot::at_most, slots),
                Filter::Substrings(assertion) => self.substrings(assertion, worthwhile, slots),
                _ => false,
            },
        }
    }

    fn equality(&self, assertion: &Assertion, slots: &mut Vec<Slot>) -> bool {
        let kind = assertion.target.kind;
        if let Some(stored) = self.computed.stored_like(kind) {
            return self.add(kind, |sets| self.look_up(stored, &assertion.normal, sets), slots);
        }
        if self.computed.all().contains(kind) {
            let look_up = |_| {
                self.computed
                    .candidates(assertion, self.snapshot, self.schema, self.view)
            };
            return self.add(kind, look_up, slots);
        }
        let kinds = self.indexed_kinds(&assertion.target, assertion.rule, |definition| {
            definition.equality
        });
        let Some(mut kinds) = kinds else { return false };
        kinds.all(|kind| self.add(kind, |sets| self.look_up(kind, &assertion.normal, sets), slots))
    }

    /// Where an index of `kind` says that entries with this value are, of those in these sets at least.
    fn look_up(&self, kind: AttributeType, normal: &[u8], sets: Option<u64>) -> Candidates {
        match sets {
            Some(sets) => self.snapshot.equality_in(kind, normal, sets),
            None => self.snapshot.equality(kind, normal),
        }
    }

    fn range(
        &self,
        assertion: &Assertion,
        look_up: fn(&Snapshot, AttributeType, &[u8]) -> Candidates,
        slots: &mut Vec<Slot>,
    ) -> bool {
        let kinds = self.indexed_kinds(&assertion.target, assertion.rule, |definition| {
            definition.ordering
        });
        let Some(mut kinds) = kinds else { return false };
        kinds.all(|kind| self.add(kind, |_| look_up(self.snapshot, kind, &assertion.normal), slots))
    }

    fn substrings(&self, assertion: &SubstringAssertion, worthwhile: usize, slots: &mut Vec<Slot>) -> bool {
        let pieces = &assertion.pieces;
        let parts = SubstringParts {
            initial: pieces.initial.as_ref().map(|piece| &*piece.text),
            any: pieces.any.iter().map(|piece| &*piece.text).collect(),
            last: pieces.last.as_ref().map(|piece| &*piece.text),
        };
        if pieces.iter().all(|piece| piece.text.len() < NEEDLE_BYTES_MIN) {
            return false;
        }
        let kinds = self.indexed_kinds(&assertion.target, assertion.rule, |definition| {
            definition.substrings
        });
        let Some(mut kinds) = kinds else { return false };
        kinds.all(|kind| {
            // How many hidden values there are must not decide when to give up.
            let most = match self.view.always_searches(kind) {
                true => worthwhile,
                false => usize::MAX,
            };
            self.add(kind, |_| self.snapshot.substring(kind, &parts, most), slots)
        })
    }

    /// How many entries the viewer may know of, at the most.
    pub(super) fn size(&self) -> usize {
        let sets = self.view.sets_known();
        sets.map_or(self.snapshot.len(), |sets| self.snapshot.len_of(sets))
    }

    /// About how many entries have this value of `kind`, of those that the viewer may ask about it.
    fn count(&self, kind: AttributeType, normal: &[u8]) -> Option<usize> {
        if !self.view.ever_searches(kind) {
            return Some(self.own().count());
        }
        if self.view.always_searches(kind) {
            return self.snapshot.equality_estimate(kind, normal);
        }
        let sets = self.view.sets_searching(kind);
        if sets == Some(HAS_SWITCHES) {
            return Some(self.snapshot.len_of(HAS_SWITCHES) + self.own().count());
        }
        let admits = |slot| self.admits(kind, sets, slot);
        self.snapshot.equality_count(kind, normal, sets, admits)
    }

    /// Whether the viewer may ask about `kind` of the entry at `slot`; `sets` are those that the viewer may search by it.
    fn admits(&self, kind: AttributeType, sets: Option<u64>, slot: Slot) -> bool {
        // Mostly that can be told without the entry.
        if let (Some(sets), Some(marks)) = (sets, self.snapshot.marks_of(slot))
            && marks & HAS_SWITCHES == 0
            && self.own().all(|own| own != slot)
        {
            return marks & sets != 0;
        }
        let entry = self.snapshot.entry(slot);
        let sight = entry.and_then(|entry| self.view.sight(entry.id(), &entry));
        sight.is_some_and(|sight| sight.search.contains(kind))
    }

    /// The viewer's own entry, of which more may be asked than of others.
    fn own(&self) -> impl Iterator<Item = Slot> {
        let own = self.view.own().and_then(|id| self.snapshot.entry_by_id(id));
        own.into_iter().map(|entry| entry.slot())
    }

    /// Appends those that an index of `kind` names and that the viewer may ask about; `false` if it does not know. Where
    /// the viewer may never ask, the index is not looked into. `look_up` may leave out what is in none of the sets that it
    /// is given.
    fn add(
        &self,
        kind: AttributeType,
        look_up: impl FnOnce(Option<u64>) -> Candidates,
        slots: &mut Vec<Slot>,
    ) -> bool {
        if !self.view.ever_searches(kind) {
            slots.extend(self.own());
            return true;
        }
        if self.view.always_searches(kind) {
            let Candidates::Among(more) = look_up(None) else {
                return false;
            };
            slots.extend(more);
            return true;
        }
        let sets = self.view.sets_searching(kind);
        let opened = match sets {
            // So few have opened anything that no index is needed; to look into one takes as long as it has hidden values.
            Some(HAS_SWITCHES) => self.snapshot.slots_in(HAS_SWITCHES),
            _ => None,
        };
        let Some(more) = opened.or_else(|| look_up(sets).among()) else {
            return false;
        };
        if more.is_empty() {
            // One hidden entry that has the value takes as long as none.
            black_box(self.admits(kind, sets, self.base));
        }
        let admitted = more.into_iter().filter(|slot| self.admits(kind, sets, *slot));
        slots.extend(admitted.chain(self.own()));
        true
    }

    /// The attribute types that `target` includes, if the indexes of all hold normal forms of `rule`.
    fn indexed_kinds<'t>(
        &self,
        target: &'t Target,
        rule: &MatchingRule,
        own_rule: fn(&AttributeDefinition) -> Option<&'static MatchingRule>,
    ) -> Option<impl Iterator<Item = AttributeType> + 't> {
        let same_form =
            |kind| own_rule(self.schema.definition(kind)).is_some_and(|own| own.form == rule.form);
        target.kinds.iter().all(same_form).then(|| target.kinds.iter())
    }
}

/// Every attribute type that `filter` asks about.
pub(super) fn mentioned(filter: &Filter) -> AttributeSet {
    let all = |filters: &[Filter]| {
        let sets = filters.iter().map(mentioned);
        sets.fold(AttributeSet::EMPTY, |sum, set| sum.union(&set))
    };
    match filter {
        Filter::And(filters) | Filter::Or(filters) => all(filters),
        Filter::Not(filter) => mentioned(filter),
        Filter::Equality(assertion) | Filter::GreaterOrEqual(assertion) | Filter::LessOrEqual(assertion) => {
            assertion.target.kinds
        }
        Filter::Present(target) => target.kinds,
        Filter::Substrings(assertion) => assertion.target.kinds,
        Filter::Extensible(assertion) => assertion.target.kinds,
        Filter::Undefined => AttributeSet::EMPTY,
    }
}
