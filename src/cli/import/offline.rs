//! An import into a store whose daemon is stopped.

use std::ops::ControlFlow;

use crate::cli::import::arguments::Manner;
use crate::cli::import::report::Report;
use crate::cli::import::source::Source;
use crate::cli::{offline, serve};
use crate::config::Settings;
use crate::domain::audit::AuditEvent;
use crate::exchange::import::{Event, ImportError, Mode, Outcome};
use crate::server::boot::plan::Plan;
use crate::server::boot::signals::{HangUp, Signals};
use crate::server::clock::{Clock, SystemClock};
use crate::server::work::telling::Teller;

/// Imports `source` and returns what it came to. A signal ends it after the batches under way.
/// Errors: one sentence that names the folder at fault, or says how far it came.
pub fn run(
    settings: Settings,
    source: &Source,
    manner: &Manner,
    report: &mut Report,
) -> anyhow::Result<Outcome> {
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
        teller: Teller::new(wanted.mode),
        broken: None,
    };
    let told = &mut |event: Event<'_>| hearing.hear(&event);
    let outcome = place.import(&source.path, &wanted, SystemClock.now(), told);
    let (broken, written) = (hearing.broken, hearing.teller.written);
    let entries = outcome.as_ref().map_or(written.0, Outcome::written);
    // Also of an import that ended early.
    if entries > 0 {
        let event = AuditEvent::EntriesImported {
            subject: offline::operator()?,
            file: source.audited().into(),
            entries,
        };
        report.aside(|| offline::tell_audit(log, [event]))?;
    }
    match (broken, outcome) {
        (Some(error), _) => Err(error),
        (None, Ok(outcome)) => Ok(outcome),
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
    teller: Teller,
    /// Why nothing can be told any more.
    broken: Option<anyhow::Error>,
}

impl Hearing<'_> {
    fn hear(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Some(told) = self.teller.told(event)
            && let Err(error) = self.report.hear(&told)
        {
            self.broken.get_or_insert(error);
        }
        match self.broken.is_some() || self.signals.is_stop_due() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
