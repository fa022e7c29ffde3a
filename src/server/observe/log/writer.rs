//! The one thread that formats lines and writes them.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::index::Snapshot;
use crate::server::clock::{Clock, SystemClock};
use crate::server::observe::log::LogFormat;
use crate::server::observe::log::audit_line::AuditLine;
use crate::server::observe::log::fields::{Moments, Told, put_line};
use crate::server::observe::log::line::{Line, Lost};
use crate::server::observe::log::queue::{Item, Lines, Log};
use crate::types::Timestamp;

/// About so many bytes are written at once. Who ends the log sees after each whether its reader still reads.
const PAGE_BYTES: usize = 64 * 1024;
/// How long the end waits for a reader that reads nothing.
const STALLED: Duration = Duration::from_secs(5);
/// The first pause after a failure that may pass, such as a full pipe that must not be waited for; each that follows is
/// twice as long …
const RETRY_MIN: Duration = Duration::from_millis(1);
/// … up to this, such as on a full disk.
const RETRY_MAX: Duration = Duration::from_millis(100);

/// The form of lines.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Text or JSON.
    pub format: LogFormat,
    /// The least important audit events that are written.
    pub audit: LevelFilter,
}

/// Formats what waits in a log and writes it to `W`.
pub struct Writer<W> {
    log: Arc<Log>,
    out: W,
    form: Form,
    batch: Lines,
    page: Vec<u8>,
    /// How many lines are taken and not written yet, at most.
    at_work: u64,
    told: Moments,
    happened: Moments,
}

impl<W: Write> Writer<W> {
    /// A writer of what waits in `log`. There is one to a log.
    pub fn new(log: Arc<Log>, out: W, form: Form) -> Writer<W> {
        Writer {
            log,
            out,
            form,
            batch: Lines::default(),
            page: Vec::new(),
            at_work: 0,
            told: Moments::default(),
            happened: Moments::default(),
        }
    }

    /// Writes everything that waits. Returns when it is written, however long nobody reads.
    pub fn write_waiting(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        self.log.take(&mut batch);
        self.at_work = batch.len() as u64;
        // Entries are called by the names that they have now.
        let names = self.log.names();
        let mut text = &batch.text[..];
        for item in &batch.items {
            match item {
                Item::Text(length) => {
                    let (line, rest) = text.split_at_checked(*length).unwrap_or((text, &[]));
                    self.page.extend_from_slice(line);
                    text = rest;
                }
                Item::Line(at, line) => self.put(*at, line, names.as_deref()),
            }
            if self.page.len() >= PAGE_BYTES {
                self.write_page();
            }
        }
        if batch.lost > 0 {
            let at = self.told.show(SystemClock.now());
            put_line(&mut self.page, self.form.format, at, &Lost(batch.lost));
        }
        self.write_page();
        self.batch = batch;
    }

    fn put(&mut self, at: Timestamp, line: &Line, names: Option<&Snapshot>) {
        let (at, out, format) = (self.told.show(at), &mut self.page, self.form.format);
        match line {
            Line::Ldap(line) => put_line(out, format, at, line),
            Line::Radius(line) => put_line(out, format, at, line),
            Line::Audit(event, now) => {
                let happened = self.happened.show(*now);
                let line = AuditLine {
                    event,
                    happened,
                    names,
                };
                if line.head().level <= self.form.audit {
                    put_line(out, format, at, &line);
                }
            }
        }
    }

    /// A failure that waiting may mend is waited for, as a full disk or a reader that is slow; after any other, such as
    /// a reader that has gone, the lines are lost and counted: the log will not come back, and the directory goes on.
    fn write_page(&mut self) {
        let (mut rest, mut retry) = (&self.page[..], RETRY_MIN);
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(written @ 1..) => {
                    (rest, retry) = (rest.get(written..).unwrap_or_default(), RETRY_MIN);
                    self.log.on_written();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if may_pass(error.kind()) => {
                    thread::sleep(retry);
                    retry = (retry * 2).min(RETRY_MAX);
                }
                Ok(_) | Err(_) => {
                    let lines = rest.iter().filter(|byte| **byte == b'\n').count();
                    self.log.on_lost(lines as u64);
                    break;
                }
            }
        }
        self.page.clear();
    }

    fn run(mut self) {
        let _end = End(self.log.clone());
        while self.log.wait() {
            self.write_or_lose();
        }
        // What was lost since the last line.
        self.write_or_lose();
    }

    /// A panic is a fault of this program: what waited may be lost, which is counted and told, and the log goes on. Who
    /// waits for room would otherwise wait for ever.
    fn write_or_lose(&mut self) {
        if catch_unwind(AssertUnwindSafe(|| self.write_waiting())).is_err() {
            self.page.clear();
            self.log.on_lost(self.at_work);
        }
    }
}

fn may_pass(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// Tells who waits for the writer that it has ended.
struct End(Arc<Log>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.on_end();
    }
}

/// A log that is being written. Dropped, it writes what waits and ends; a reader who has not read for five seconds is
/// not waited for any longer, and what it has not read is lost.
pub struct LogThread {
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

impl LogThread {
    /// Starts to write what comes into `log`. Errors: the system has no thread to give.
    pub fn start(log: Arc<Log>, out: impl Write + Send + 'static, form: Form) -> io::Result<LogThread> {
        let writer = Writer::new(log.clone(), out, form);
        let thread = thread::Builder::new().name("log".to_owned());
        let thread = Some(thread.spawn(move || writer.run())?);
        Ok(LogThread { log, thread })
    }

    /// Where lines are handed over.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        self.log.close();
        if self.log.has_ended_within(STALLED) {
            // It catches every panic.
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}
