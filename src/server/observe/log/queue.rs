//! Lines on their way to the writer: in one order, in two shares.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::audit::AuditEvent;
use crate::index::{IndexHandle, Snapshot};
use crate::server::clock::{Clock, SystemClock};
use crate::server::observe::log::line::Line;
use crate::types::Timestamp;

/// The most audit events that wait to be written, beside as many that are being written. One more waits for room: at
/// some thousand log-ins a second a reader of the log may stall for seconds before anybody notices.
pub const AUDIT_MAX: usize = 16_384;
/// The most other lines that wait; one more is dropped and counted.
pub const OTHERS_MAX: usize = 16_384;
/// The most bytes of finished text among those; a line beyond is dropped and counted.
pub const TEXT_BYTES_MAX: usize = 1 << 22;
/// Room that [`Log::has_room`] keeps for those who asked it at the same time.
const AUDIT_SPARE: usize = 256;
/// How long the writer, once woken, lets lines gather: at most 200 times a second it wakes and writes.
const LINGER: Duration = Duration::from_millis(5);
/// So many lines are worth writing at once.
const HURRY: usize = 4_096;

/// The queue. Cheap to put into: a lock held for some 20 ns, no allocation once it has grown.
#[derive(Default)]
pub struct Log {
    state: Mutex<State>,
    /// The writer waits here for lines.
    work: Condvar,
    /// Threads with an audit event wait here for room.
    room: Condvar,
    /// Tasks with an audit event wait here for room.
    room_soon: Notify,
    /// Who ends the log waits here for the writer.
    progress: Condvar,
    names: OnceLock<Arc<IndexHandle>>,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    batch: Lines,
    rest: Rest,
    is_closed: bool,
    has_ended: bool,
    /// How often something was written.
    writes: u64,
}

impl State {
    /// After the end there is none: whoever waits is not let go on, for it would answer what nobody wrote down.
    fn has_room_for_audit(&self) -> bool {
        self.batch.audit < AUDIT_MAX && !self.is_closed
    }
}

/// What the writer is at.
#[derive(Default, PartialEq, Eq)]
enum Rest {
    /// It writes, and will look again by itself.
    #[default]
    Busy,
    /// It waits for a line.
    Idle,
    /// It waits for more lines.
    Lingering,
}

/// Lines in their order.
#[derive(Default)]
pub struct Lines {
    pub(super) items: Vec<Item>,
    /// The finished lines of `items`, one after the other.
    pub(super) text: Vec<u8>,
    /// How many lines were dropped since the batch before.
    pub(super) lost: u64,
    audit: usize,
}

/// One line.
pub(super) enum Item {
    /// So many of the next bytes of the text, line end included.
    Text(usize),
    /// Fields, and when they were handed over.
    Line(Timestamp, Line),
}

impl Lines {
    /// The audit events in it, each with the moment it happened.
    pub fn audit_events(&self) -> impl Iterator<Item = (&AuditEvent, Timestamp)> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(_, Line::Audit(event, now)) => Some((event, *now)),
            _ => None,
        })
    }

    /// How many lines were dropped since the batch before.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
        (self.lost, self.audit) = (0, 0);
    }

    fn has_room_for_another(&self) -> bool {
        self.items.len() - self.audit < OTHERS_MAX
    }
}

/// Those who have something to say.
impl Log {
    /// Hands a request's line over, or drops and counts it when too many wait.
    pub fn tell(&self, line: Line) {
        let at = SystemClock.now();
        let mut state = self.lock();
        if state.is_closed || !state.batch.has_room_for_another() {
            return self.drop_one(state);
        }
        state.batch.items.push(Item::Line(at, line));
        self.wake(state);
    }

    /// The same with a finished line.
    fn tell_text(&self, line: &[u8]) {
        let mut state = self.lock();
        let has_room = state.batch.has_room_for_another()
            && line.len() <= TEXT_BYTES_MAX - state.batch.text.len().min(TEXT_BYTES_MAX);
        if state.is_closed || !has_room {
            return self.drop_one(state);
        }
        state.batch.text.extend_from_slice(line);
        state.batch.items.push(Item::Text(line.len()));
        self.wake(state);
    }

    /// Hands over an audit event that happened at `now`. Errors: there is no room, and here it is again.
    pub fn try_audit(&self, event: AuditEvent, now: Timestamp) -> Result<(), AuditEvent> {
        let at = SystemClock.now();
        let mut state = self.lock();
        if !state.has_room_for_audit() {
            return Err(event);
        }
        state.batch.audit += 1;
        state.batch.items.push(Item::Line(at, Line::Audit(event, now)));
        self.wake(state);
        Ok(())
    }

    /// The same; waits for room, for as long as the log's reader stalls. Dropped while it waits, the event is not
    /// written: nobody was answered.
    pub async fn audit(&self, mut event: AuditEvent, now: Timestamp) {
        loop {
            let mut room = std::pin::pin!(self.room_soon.notified());
            // From here on no wake-up is missed.
            room.as_mut().enable();
            match self.try_audit(event, now) {
                Ok(()) => return,
                Err(back) => event = back,
            }
            room.await;
        }
    }

    /// The same on a thread that may block.
    pub fn audit_blocking(&self, mut event: AuditEvent, now: Timestamp) {
        while let Err(back) = self.try_audit(event, now) {
            event = back;
            let full = |state: &mut State| !state.has_room_for_audit();
            drop(self.room.wait_while(self.lock(), full));
        }
    }

    /// Whether an audit event would find room now, and also a moment later unless 256 others come in between: for
    /// who cannot wait and has somebody to hand over to who can.
    pub fn has_room(&self) -> bool {
        let state = self.lock();
        !state.is_closed && state.batch.audit + AUDIT_SPARE <= AUDIT_MAX
    }

    /// From now on the entries of audit events are called by their names in `index`.
    pub fn name_by(&self, index: Arc<IndexHandle>) {
        // The index is loaded once.
        let _ = self.names.set(index);
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_one(&self, mut state: MutexGuard<'_, State>) {
        state.batch.lost += 1;
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Wakes the writer if it does not look by itself: a system call, some 200 times a second.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let is_due = match state.rest {
            Rest::Busy => false,
            Rest::Idle => true,
            Rest::Lingering => state.batch.items.len() >= HURRY,
        };
        if is_due {
            state.rest = Rest::Busy;
            drop(state);
            self.work.notify_one();
        }
    }
}

/// Whoever writes.
impl Log {
    /// Puts everything that waits into `batch`, in its order, and lets those go on who wait for room.
    pub fn take(&self, batch: &mut Lines) {
        batch.clear();
        mem::swap(&mut self.lock().batch, batch);
        if batch.audit >= AUDIT_MAX {
            self.room.notify_all();
            self.room_soon.notify_waiters();
        }
    }

    /// Where the names of entries are, once there are any.
    pub(super) fn names(&self) -> Option<Arc<Snapshot>> {
        self.names.get().map(|index| index.load())
    }

    /// Waits until there is something to take and more of it has had time to gather; `false` when the log has been
    /// closed and everything taken.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        if state.batch.is_empty() {
            state.rest = Rest::Idle;
        }
        let idle = |state: &mut State| state.batch.is_empty() && !state.is_closed;
        let mut state = self
            .work
            .wait_while(state, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.rest = Rest::Lingering;
        let lingering = |state: &mut State| state.rest == Rest::Lingering && !state.is_closed;
        let waited = self.work.wait_timeout_while(state, LINGER, lingering);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.rest = Rest::Busy;
        !state.batch.is_empty() || !state.is_closed
    }

    /// Something has been written.
    pub(super) fn on_written(&self) {
        self.lock().writes += 1;
        self.progress.notify_all();
    }

    /// `lines` could not be written and never will be.
    pub(super) fn on_lost(&self, lines: u64) {
        self.lock().batch.lost += lines;
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// The writer writes no more.
    pub(super) fn on_end(&self) {
        self.lock().has_ended = true;
        self.progress.notify_all();
    }

    /// From now on nothing comes in, and the writer ends when everything is written.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.work.notify_one();
    }

    /// Waits until the writer has ended, or nothing was written for `patience`; whether it has.
    pub(super) fn has_ended_within(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        while !state.has_ended {
            let writes = state.writes;
            let stands = |state: &mut State| !state.has_ended && state.writes == writes;
            let waited = self.progress.wait_timeout_while(state, patience, stands);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() {
                break;
            }
        }
        state.has_ended
    }
}

/// Finished lines, each in one call, as tracing writes them. Never waits and never fails.
impl io::Write for &Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.tell_text(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
