//! What is left of a search's limits.

use std::ops::ControlFlow;

use super::Stop;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::request::{Answer, Asker, Search};
use crate::types::Timestamp;

/// What is left of the limits.
pub(super) struct Allowance {
    entries: u64,
    /// Of the page, if there are pages.
    page: u64,
    candidates: u64,
    deadline: Timestamp,
    /// The entries given, with those of the pages before.
    given: u64,
}

impl Allowance {
    /// Of a search that was asked for at `now`. All pages of one together have one limit of entries.
    pub(super) fn new(limits: &SearchLimits, asker: &Asker, search: &Search, now: Timestamp) -> Allowance {
        let entries = match asker {
            Asker::Public => limits.entries_max_public,
            Asker::Member(_) => limits.entries_max_member,
            Asker::Service(_) => limits.entries_max_service,
            Asker::Root | Asker::Operator(_) => 0,
        };
        let candidates = match asker.is_administrator() {
            true => 0,
            false => limits.candidates_max,
        };
        let time_s = limit(limits.time_limit_s).min(limit(search.time_limit_s.into()));
        let page = search.controls.page.as_ref();
        let given = page
            .and_then(|page| page.from.as_ref())
            .map_or(0, |from| from.given);
        Allowance {
            entries: limit(entries)
                .min(limit(search.entries_max.into()))
                .saturating_sub(given),
            page: page.map_or(u64::MAX, |page| page.entries_max.get().into()),
            candidates: limit(candidates),
            deadline: now.plus_s(time_s),
            given,
        }
    }

    /// How many entries were given, with those of the pages before.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// How many more entries may be given at most.
    pub(super) fn room(&self) -> u64 {
        self.page.min(self.entries)
    }

    /// Before anything is done at `now`.
    pub(super) fn in_time(&self, now: Timestamp) -> ControlFlow<Stop> {
        match now > self.deadline {
            true => ControlFlow::Break(Stop::Answer(Answer::TimeLimitExceeded)),
            false => ControlFlow::Continue(()),
        }
    }

    /// Before an entry that the asker may know of is looked at; how many others there are, the limit does not tell.
    pub(super) fn look(&mut self) -> ControlFlow<Stop> {
        take(&mut self.candidates, Stop::Answer(Answer::AdminLimitExceeded))
    }

    /// Before an entry is given away.
    pub(super) fn give(&mut self) -> ControlFlow<Stop> {
        take(&mut self.page, Stop::PageIsFull)?;
        take(&mut self.entries, Stop::Answer(Answer::SizeLimitExceeded))?;
        self.given += 1;
        ControlFlow::Continue(())
    }
}

fn limit(max: u64) -> u64 {
    if max == 0 { u64::MAX } else { max }
}

fn take(left: &mut u64, otherwise: Stop) -> ControlFlow<Stop> {
    match left.checked_sub(1) {
        Some(less) => {
            *left = less;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(otherwise),
    }
}
