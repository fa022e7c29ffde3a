//! The indexes of one base by attribute type, and how they are built on several threads.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use super::Slot;
use super::membership::{MembershipColumn, Posting};
use super::ordered::OrderedColumn;
use super::postings::{Postings, posting};
use super::terms::{Term, TermFinder};
use super::text::{TextBuilder, TextColumn};
use crate::domain::packed::AttributeView;
use crate::types::AttributeType;

/// The indexes of one attribute type. Absent ones were not asked for, or could not be built.
#[derive(Default)]
pub(super) struct Column {
    pub equality: Option<Postings>,
    pub membership: Option<MembershipColumn>,
    pub text: Option<TextColumn>,
    pub ordering: Option<OrderedColumn>,
}

/// The indexes of a base.
#[derive(Default)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// The indexes of `kind`.
    #[inline]
    pub(super) fn of(&self, kind: AttributeType) -> Option<&Column> {
        self.0.get(usize::from(kind.0))
    }

    /// Builds what large columns find substrings by: see [`TextColumn::add_trigrams`].
    pub(super) fn add_trigrams(&self) {
        let texts = self.0.iter().filter_map(|column| column.text.as_ref());
        texts.for_each(TextColumn::add_trigrams);
    }

    /// Builds the columns from parts that cover ascending ranges of slots, on up to `threads` threads.
    pub(super) fn build(parts: Vec<ColumnsPart>, threads: NonZeroUsize) -> Columns {
        let kinds = parts.iter().map(|part| part.0.len()).max().unwrap_or(0);
        let mut sources: Vec<Vec<Source>> = Vec::new();
        sources.resize_with(kinds, Vec::new);
        for part in parts {
            part.0
                .into_iter()
                .zip(&mut sources)
                .for_each(|(source, all)| all.push(source));
        }
        let work = Mutex::new(sources.into_iter().enumerate());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..threads.get() {
                scope.spawn(|| build_some(&work, &done));
            }
        });
        let mut columns = done.into_inner().unwrap_or_else(|poison| poison.into_inner());
        columns.sort_unstable_by_key(|(kind, _)| *kind);
        Columns(columns.into_iter().map(|(_, column)| column).collect())
    }
}

type Work = Mutex<std::iter::Enumerate<std::vec::IntoIter<Vec<Source>>>>;

fn build_some(work: &Work, done: &Mutex<Vec<(usize, Column)>>) {
    loop {
        // A poisoned lock means another thread panicked; the scope passes that on.
        let next = work.lock().ok().and_then(|mut work| work.next());
        let Some((kind, sources)) = next else { return };
        let column = Source::merged(sources).finish();
        if let Ok(mut done) = done.lock() {
            done.push((kind, column));
        }
    }
}

/// What the columns of a range of slots are built from.
#[derive(Default)]
pub(super) struct ColumnsPart(Vec<Source>);

/// What one attribute type's columns are built from.
#[derive(Default)]
struct Source {
    equality: Option<Vec<u64>>,
    membership: Option<Vec<Posting>>,
    text: Option<TextBuilder>,
    ordering: Option<Vec<(Box<[u8]>, u32)>>,
}

impl ColumnsPart {
    /// An empty part with a place for each attribute type that `finder` indexes.
    pub(super) fn new(finder: &TermFinder<'_>) -> ColumnsPart {
        let source = |role: super::settings::Role| Source {
            equality: role.equality.then(Vec::new),
            membership: role.membership.then(Vec::new),
            text: role.substring.then(TextBuilder::default),
            ordering: role.ordering.then(Vec::new),
        };
        ColumnsPart(finder.roles.iter().map(source).collect())
    }

    /// Adds an entry. Slots must come in ascending order without a gap.
    pub(super) fn push<'v>(
        &mut self,
        slot: Slot,
        attributes: impl Iterator<Item = AttributeView<'v>>,
        finder: &mut TermFinder<'_>,
    ) {
        let texts = self.0.iter_mut().filter_map(|source| source.text.as_mut());
        texts.for_each(TextBuilder::next_slot);
        for attribute in attributes {
            finder.terms(attribute, &mut |kind, term| {
                if let Some(source) = self.0.get_mut(usize::from(kind.0)) {
                    source.push(slot, term);
                }
            });
        }
    }
}

impl Source {
    fn push(&mut self, slot: Slot, term: Term<'_>) {
        match term {
            Term::Equality(hash) => {
                let list = self.equality.get_or_insert_default();
                list.push(posting(hash, slot.0));
            }
            Term::Membership(hash, offset) => {
                let list = self.membership.get_or_insert_default();
                list.push(Posting { hash, slot, offset });
            }
            Term::Text(normal) => self.text.get_or_insert_default().push(normal),
            Term::Ordering(key) => {
                let list = self.ordering.get_or_insert_default();
                list.push((key.into(), slot.0));
            }
        }
    }

    /// The sources of ascending ranges as one.
    fn merged(sources: Vec<Source>) -> Source {
        let mut sources = sources.into_iter();
        let mut all = sources.next().unwrap_or_default();
        for next in sources {
            extend(&mut all.equality, next.equality);
            extend(&mut all.membership, next.membership);
            extend(&mut all.ordering, next.ordering);
            if let (Some(text), Some(next)) = (&mut all.text, &next.text) {
                text.append(next);
            }
        }
        all
    }

    fn finish(self) -> Column {
        Column {
            equality: self.equality.map(Postings::build),
            membership: self.membership.map(MembershipColumn::build),
            text: self.text.and_then(TextBuilder::finish),
            ordering: self.ordering.map(|pairs| OrderedColumn::build(&pairs)),
        }
    }
}

fn extend<T>(all: &mut Option<Vec<T>>, next: Option<Vec<T>>) {
    if let (Some(all), Some(next)) = (all, next) {
        all.extend(next);
    }
}
