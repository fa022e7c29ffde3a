//! An import into a store whose daemon is stopped.

use std::ops::ControlFlow;

use crate::cli::import::report::{Bad, Report};
use crate::cli::import::{Manner, Source};
use crate::cli::{offline, serve};
use crate::config::Settings;
use crate::domain::audit::AuditEvent;
use crate::exchange::import::{Effect, Event, ImportError, Mode, Outcome, Refused};
use crate::server::boot::plan::Plan;
use crate::server::boot::signals::{HangUp, Signals};
use crate::server::clock::{Clock, SystemClock};
use crate::server::http::admin_socket::{figures, shown_row};

/// Imports `source` and returns the figures. A signal ends it after the batches under way.
/// Errors: one sentence that names the folder at fault, or says how far it came.
pub fn run(
    settings: Settings,
    source: &Source,
    manner: &Manner,
    report: &mut Report,
) -> anyhow::Result<String> {
    let log = settings.plain.places.log;
    let plan = Plan::from(settings);
    let runtime = serve::runtime()?;
    let signals = runtime.block_on(async { Signals::new(HangUp::Stop) })?;
    let place = offline::open(&plan, &runtime)?;
    let wanted = manner.wanted(source.format);
    if wanted.mode == Mode::Apply {
        offline::keep_base(&place, &plan)?;
    }
    let mut hearing = Hearing {
        report,
        signals,
        mode: wanted.mode,
        rows: 0,
        broken: None,
        written: (0, 0),
    };
    let told = &mut |event: Event<'_>| hearing.hear(&event);
    let outcome = place.import(&source.path, &wanted, SystemClock.now(), told);
    let Hearing { broken, written, .. } = hearing;
    let entries = outcome.as_ref().map_or(written.0, Outcome::written);
    // Also of an import that ended early.
    if entries > 0 {
        let event = AuditEvent::EntriesImported {
            subject: offline::operator()?,
            file: source.audited().into(),
            entries,
        };
        report.aside(|| offline::tell_audit(log, event))?;
    }
    match (broken, outcome) {
        (Some(error), _) => Err(error),
        (None, Ok(outcome)) => Ok(figures(&outcome)),
        (None, Err(error)) => {
            if matches!(error, ImportError::Stopped) {
                report.forget_refused();
            }
            Err(offline::ended(error, &plan, written))
        }
    }
}

/// Hears of an import, tells of it, and stops it when that is due.
struct Hearing<'a> {
    report: &'a mut Report,
    signals: Signals,
    mode: Mode,
    rows: u64,
    /// Why nothing can be told any more.
    broken: Option<anyhow::Error>,
    written: (u64, u64),
}

impl Hearing<'_> {
    fn hear(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Err(error) = self.tell(event) {
            self.broken.get_or_insert(error);
        }
        match self.broken.is_some() || self.signals.is_stop_due() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn tell(&mut self, event: &Event<'_>) -> anyhow::Result<()> {
        match event {
            Event::Row { dn, effect, bytes } => {
                self.rows += 1;
                let shown = self.mode == Mode::DryRun && **effect != Effect::Unchanged;
                let text = match shown {
                    true => shown_row(dn, effect),
                    false => self.rows.to_string(),
                };
                self.report.row(*bytes, &text)
            }
            Event::Refused(refused) => self.report.refused(&refused.problem.to_string(), bad(refused)),
            Event::Written(done, all) => {
                self.written = (*done, *all);
                self.report.written(*done, *all);
                Ok(())
            }
        }
    }
}

fn bad(refused: &Refused) -> Bad<'_> {
    match &refused.place {
        Some(place) => Bad::At(place.clone()),
        None => Bad::Row(&refused.text),
    }
}
