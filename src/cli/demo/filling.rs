//! Making the people of a demo up, once.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use tokio::runtime::Runtime;

use crate::cli::demo::campus::BASE;
use crate::cli::demo::people::People;
use crate::cli::offline;
use crate::cli::progress::{Progress, Shown};
use crate::exchange::import::{Event, Format, ImportError, KeepGoing, Mode};
use crate::server::boot::plan::Plan;
use crate::server::boot::signals::Signals;
use crate::server::clock::{Clock, SystemClock};
use crate::server::work::transfer::{Site, Wanted};

/// People follow from their number and this.
const SEED: u64 = 1911;
/// So many take long enough to be told about.
const MANY: u32 = 10_000;

/// A campus that is being made up.
pub struct Filling<'a> {
    plan: &'a Plan,
    /// A file that is there until everybody is.
    unfinished: &'a Path,
    people: u32,
    signals: &'a mut Signals,
    shown: Shown,
    making: Progress,
    writing: Option<Progress>,
    made: u64,
    written: (u64, u64),
}

impl<'a> Filling<'a> {
    /// Nobody is made up yet. The file at `unfinished` says so to a later start, if this one is interrupted.
    pub fn new(plan: &'a Plan, unfinished: &'a Path, people: u32, signals: &'a mut Signals) -> Filling<'a> {
        let shown = if people < MANY { Shown::No } else { Shown::Yes };
        Filling {
            plan,
            unfinished,
            people,
            signals,
            shown,
            making: Progress::new(shown, "made up", "entries"),
            writing: None,
            made: 0,
            written: (0, 0),
        }
    }

    /// Imports made-up people unless they all are there. Returns how many entries there are.
    /// Errors: one sentence that names the folder; also that a signal came.
    pub fn fill(mut self, runtime: &Runtime) -> anyhow::Result<u64> {
        let site = offline::open(self.plan, runtime)?;
        let there = site.entries().snapshot.len() as u64;
        if there > 0 && !self.unfinished.exists() {
            return Ok(there);
        }
        File::create(self.unfinished).with_context(|| self.unfinished.display().to_string())?;
        offline::keep_base(&site, self.plan)?;
        Ok(there + self.import(&site)?)
    }

    /// Imports everybody who is not there yet; how many that were.
    fn import(&mut self, site: &Site) -> anyhow::Result<u64> {
        let people = self.people.into();
        let mut open = || Ok(Box::new(People::new(BASE, people, SEED)) as _);
        let wanted = Wanted {
            format: Format::Ldif,
            keep_going: KeepGoing::No,
            mode: Mode::Apply,
            ignored: Vec::new(),
        };
        let told = &mut |event: Event<'_>| self.hear(&event);
        let outcome = site.import_rows(&mut open, &wanted, SystemClock.now(), told);
        self.making.end();
        self.writing.iter().for_each(Progress::end);
        match outcome {
            Ok(outcome) => {
                let refused = outcome.counts.refused;
                ensure!(refused == 0, "{refused} made-up people were refused");
                Ok(outcome.counts.new)
            }
            Err(ImportError::Stopped) => bail!("stopped before everybody was made up"),
            Err(error) => Err(offline::ended(error, self.plan, self.written)),
        }
    }

    fn hear(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Row { .. } => {
                self.made += 1;
                self.making.tell(self.made, self.made, self.people.into());
            }
            Event::Written(done, all) => {
                self.making.end();
                self.written = (*done, *all);
                let begun = || Progress::new(self.shown, "written", "entries");
                self.writing.get_or_insert_with(begun).tell(*done, *done, *all);
            }
            Event::Refused(_) => {}
        }
        match self.signals.is_stop_due() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
