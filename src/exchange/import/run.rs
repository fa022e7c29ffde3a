//! A whole import: plan the file, apply the plan, and again for what conflicted.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::schema::Schema;
use crate::exchange::entries::Entries;
use crate::exchange::import::{
    Applying, Effect, ImportPlan, ImportSettings, Importer, Lost, Refused, Unready, Writers, Written,
};
use crate::exchange::problem::Problem;
use crate::exchange::row::{More, Row, RowError, Rows};
use crate::record::{Batch, Revision};
use crate::types::Entropy;

/// How often a file is planned again because others wrote at the same time; then [`ImportError::Busy`].
pub const ROUNDS_MAX: u32 = 10;

/// How many batches may conflict until the file is planned again at once, and not after the last batch.
pub const CONFLICTS_MAX: u32 = 16;

/// Where an import takes place: a store and its snapshots.
pub trait World {
    /// Why the store fails.
    type Error;

    /// A snapshot of `revision` or later.
    fn existing(&mut self, revision: Revision) -> Result<Entries, Self::Error>;

    /// Whether somebody else can write meanwhile.
    fn writers(&self) -> Writers;

    /// Commits a batch. Where nobody else writes it may return before the batch is durable.
    fn commit(&mut self, batch: Batch) -> Result<Committed, Self::Error>;

    /// How many of the last batches may not be durable yet.
    fn under_way(&self) -> usize;

    /// Waits until every batch is durable. Errors: why one of them is not.
    fn settle(&mut self) -> Result<(), Self::Error>;
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable, or under way where nobody else writes.
    At(Revision),
    /// A guard did not hold; a snapshot of this revision shows why.
    Conflict(Revision),
}

/// What is done with rows that are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepGoing {
    /// The good rows are applied all the same.
    Yes,
    /// Nothing is applied.
    No,
}

/// Whether anything is written at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is.
    Apply,
    /// Only said what would be.
    DryRun,
}

/// What an import tells while it runs.
pub enum Event<'a> {
    /// A row was read; the bytes of the file so far. The name is the entry's, as written.
    Row {
        /// Its name.
        dn: &'a [u8],
        /// What it will do.
        effect: &'a Effect,
        /// Bytes of the file read so far.
        bytes: u64,
    },
    /// A row is refused.
    Refused(&'a Refused),
    /// Entries that are durably written so far, and in all.
    Written(u64, u64),
}

/// What the rows of a file came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows in the file.
    pub rows: u64,
    /// Entries added.
    pub new: u64,
    /// Entries changed.
    pub changed: u64,
    /// Entries that were so already.
    pub unchanged: u64,
    /// Rows refused.
    pub refused: u64,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The rows: what was written, or what would have been if nothing was.
    pub counts: Counts,
    /// Whether the good rows were written: no row was refused or [`KeepGoing::Yes`], and no dry run.
    pub applied: Applied,
}

impl Outcome {
    /// How many entries were written.
    pub fn written(&self) -> u64 {
        match self.applied {
            Applied::No => 0,
            Applied::Yes | Applied::Partly => self.counts.new + self.counts.changed,
        }
    }
}

/// Whether the good rows were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// They were; also if there was nothing to write.
    Yes,
    /// Nothing was written.
    No,
    /// Some were, before others wrote something at the same time that made other rows bad.
    Partly,
}

/// Why an import ended early. What was committed before stays; the same file again does the rest.
#[derive(Debug, Error)]
pub enum ImportError<E> {
    /// It cannot begin.
    #[error(transparent)]
    Unready(#[from] Unready),
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file cannot be read on from here, and nothing of it was applied.
    #[error(transparent)]
    Hopeless(Problem),
    /// The store failed, for this reason.
    #[error("{0}")]
    Store(E),
    /// A fault of ours: the plan no longer has what it was given.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Others wrote the same entries, again and again.
    #[error("other writers were in the way {ROUNDS_MAX} times; import the file again")]
    Busy,
    /// The one who watches the events asked to stop. The batches that were under way are durable and told.
    #[error("stopped")]
    Stopped,
}

/// What an import needs beside the world and the file.
pub struct Job<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// How rows are understood.
    pub settings: &'a ImportSettings,
    /// What is done with bad rows.
    pub keep_going: KeepGoing,
    /// Whether anything is written.
    pub mode: Mode,
}

/// Opens the file, from its beginning: called again when the file has to be planned again.
pub type Reopen<'a> = dyn FnMut() -> Result<Box<dyn Rows + 'a>, RowError> + 'a;
/// Hears the events. `Break` stops the import.
pub type Events<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;

/// Imports a file. Errors: [`ImportError`]; refused rows are no error but counted.
pub fn run<W: World>(
    job: &Job<'_>,
    world: &mut W,
    open: &mut Reopen<'_>,
    entropy: &mut dyn Entropy,
    events: &mut Events<'_>,
) -> Result<Outcome, ImportError<W::Error>> {
    let mut story = Story {
        events,
        first: None,
        refused: HashSet::new(),
        written: Written::default(),
    };
    let mut revision = Revision(0);
    for _ in 0..ROUNDS_MAX {
        let existing = world.existing(revision).map_err(ImportError::Store)?;
        let plan = plan(job, &existing, open()?, entropy, &mut story)?;
        let stops = !story.refused.is_empty() && job.keep_going == KeepGoing::No;
        if job.mode == Mode::DryRun || stops {
            return Ok(story.end(Applied::No));
        }
        match apply(plan, world, &mut story)? {
            None => return Ok(story.end(Applied::Yes)),
            Some(conflict) => revision = conflict,
        }
    }
    Err(ImportError::Busy)
}

/// What has been told. The rounds behind the first meet the same rows again and tell only what is news.
struct Story<'s, 'e> {
    events: &'s mut Events<'e>,
    /// The first round's counts.
    first: Option<Counts>,
    /// The lines of the rows that are refused.
    refused: HashSet<u64>,
    written: Written,
}

impl Story<'_, '_> {
    fn tell<E>(&mut self, event: Event<'_>) -> Result<(), ImportError<E>> {
        let is_news = match &event {
            Event::Row { .. } => self.first.is_none(),
            Event::Refused(row) => self.refused.insert(row.line),
            Event::Written(..) => true,
        };
        match is_news && (self.events)(event).is_break() {
            true => Err(ImportError::Stopped),
            false => Ok(()),
        }
    }

    fn end(self, applied: Applied) -> Outcome {
        let mut counts = self.first.unwrap_or_default();
        counts.refused = self.refused.len() as u64;
        let Written { new, changed } = self.written;
        let applied = match applied {
            Applied::No if new + changed > 0 => Applied::Partly,
            other => other,
        };
        if applied != Applied::No {
            (counts.new, counts.changed) = (new, changed);
            counts.unchanged = counts.rows.saturating_sub(new + changed + counts.refused);
        }
        Outcome { counts, applied }
    }
}

/// Reads the whole file against one snapshot.
fn plan<S>(
    job: &Job<'_>,
    existing: &Entries,
    mut rows: Box<dyn Rows + '_>,
    entropy: &mut dyn Entropy,
    story: &mut Story<'_, '_>,
) -> Result<ImportPlan, ImportError<S>> {
    let importer = Importer::new(job.schema, existing, job.settings)?;
    let mut importer = importer.speaking_of(rows.columns());
    let (mut counts, mut row) = (Counts::default(), Row::default());
    loop {
        let checked = match rows.read(&mut row) {
            Ok(More::End) => break,
            Ok(More::Row) => importer.row(&row, entropy),
            Err(RowError::Bad(problem)) => Err(problem),
            Err(other) => return Err(other.into()),
        };
        counts.rows += 1;
        counts.unchanged += u64::from(checked == Ok(Effect::Unchanged));
        match checked {
            Ok(effect) => story.tell(Event::Row {
                dn: row.dn(),
                effect: &effect,
                bytes: rows.bytes_read(),
            })?,
            Err(problem) => story.tell(Event::Refused(&Refused::new(problem, &row)))?,
        }
    }
    let (plan, late) = importer.finish();
    late.iter()
        .try_for_each(|refused| story.tell(Event::Refused(refused)))?;
    (counts.new, counts.changed) = plan.new_and_changed();
    story.first.get_or_insert(counts);
    Ok(plan)
}

/// Commits every batch of `plan`; the revision of the last conflict, if there was one.
fn apply<W: World>(
    plan: ImportPlan,
    world: &mut W,
    story: &mut Story<'_, '_>,
) -> Result<Option<Revision>, ImportError<W::Error>> {
    let mut applying = Applying::new(plan, world.writers());
    let (mut conflicts, mut conflict) = (0, None);
    let mut durable = Durable::default();
    while let Some(batch) = applying.next_batch()? {
        match world.commit(batch).map_err(ImportError::Store)? {
            Committed::At(revision) => applying.committed(revision),
            Committed::Conflict(at) => {
                conflicts += 1;
                conflict = Some(at);
            }
        }
        if conflicts == CONFLICTS_MAX {
            break;
        }
        let (written, all) = applying.progress();
        let written = durable.up_to(written, world.under_way());
        if let Err(stopped) = story.tell(Event::Written(written, all)) {
            settle(world, &applying, &durable, story)?;
            return Err(stopped);
        }
    }
    settle(world, &applying, &durable, story)?;
    story.written.new += applying.done().new;
    story.written.changed += applying.done().changed;
    Ok(conflict)
}

/// Waits for the batches under way, and tells of them.
fn settle<W: World>(
    world: &mut W,
    applying: &Applying,
    durable: &Durable,
    story: &mut Story<'_, '_>,
) -> Result<(), ImportError<W::Error>> {
    world.settle().map_err(ImportError::Store)?;
    let (written, all) = applying.progress();
    match durable.waits() {
        true => story.tell(Event::Written(written, all)),
        false => Ok(()),
    }
}

/// How many entries the durable batches have, where some are still under way.
#[derive(Default)]
struct Durable {
    /// The number up to and with each batch that is under way.
    under_way: VecDeque<u64>,
    written: u64,
}

impl Durable {
    /// How many, when the newest batch brought the number to `written` and so many of the last are under way.
    fn up_to(&mut self, written: u64, under_way: usize) -> u64 {
        self.under_way.push_back(written);
        while self.under_way.len() > under_way
            && let Some(written) = self.under_way.pop_front()
        {
            self.written = written;
        }
        self.written
    }

    /// Whether some batches were under way when it was last asked.
    fn waits(&self) -> bool {
        !self.under_way.is_empty()
    }
}

impl<E> From<RowError> for ImportError<E> {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Io(error) => ImportError::Io(error),
            RowError::Bad(problem) | RowError::Hopeless(problem) => ImportError::Hopeless(problem),
        }
    }
}
