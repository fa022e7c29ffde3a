//! The queue and its writer, driven by hand.

use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;

use tracing::level_filters::LevelFilter;

use super::LogFormat;
use super::line::{Line, RadiusLine};
use super::queue::{AUDIT_MAX, Lines, Log, OTHERS_MAX, TEXT_BYTES_MAX};
use super::writer::{Form, LogThread, Writer};
use crate::domain::audit::{AuditEvent, Hashes, Subject};
use crate::types::Timestamp;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_339_800_123);
const FORM: Form = Form {
    format: LogFormat::Text,
    audit: LevelFilter::INFO,
};

/// An event with a number, by which it is known again.
fn event(entries: u64) -> AuditEvent {
    AuditEvent::EntriesExported {
        subject: Subject::Operator(7),
        entries,
        hashes: Hashes::LeftOut,
    }
}

fn request() -> Line {
    Line::Radius(RadiusLine {
        client: Some("vpn-1".into()),
        source: "192.0.2.7:1812".parse().expect("an address"),
        caller: None,
        is_noise: false,
        code: "Access-Request",
        result: "accept",
        reason: "",
        duration_us: 4,
    })
}

fn say(log: &Log, text: &str) {
    let mut out = log;
    out.write_all(text.as_bytes()).expect("it never fails");
}

fn fill_audit(log: &Log) {
    (0..AUDIT_MAX as u64).for_each(|number| assert!(log.try_audit(event(number), NOW).is_ok()));
    assert!(log.try_audit(event(0), NOW).is_err());
}

fn taken(log: &Log) -> Lines {
    let mut batch = Lines::default();
    log.take(&mut batch);
    batch
}

/// What `log` has, as it is written, each line without its time.
fn written(log: &Arc<Log>) -> Vec<String> {
    let mut out = Vec::new();
    Writer::new(log.clone(), &mut out, FORM).write_waiting();
    let text = String::from_utf8(out).expect("UTF-8");
    let stamp = "2026-11-22T09:30:00.123Z".len();
    text.lines()
        .map(|line| line.get(stamp..).unwrap_or(line).to_owned())
        .collect()
}

#[test]
fn lines_of_every_kind_are_written_in_the_order_they_came() {
    let log = Arc::<Log>::default();
    log.tell(request());
    say(&log, "2026-11-22T09:30:00.123Z first\n");
    assert!(log.try_audit(event(3), NOW).is_ok());
    say(&log, "2026-11-22T09:30:00.123Z second\n");
    let expected = [
        r#"  INFO beadle::radius: radius client="vpn-1" source=192.0.2.7 code="Access-Request" result="accept" reason="" duration_us=4"#,
        " first",
        r#"  INFO audit: at=2026-11-22T09:30:00.123Z event="entries_exported" subject=operator:7 entries=3 hashes="left_out""#,
        " second",
    ];
    assert_eq!(written(&log), expected);
    assert!(written(&log).is_empty(), "nothing is written twice");
}

#[test]
fn beyond_their_share_request_lines_are_dropped_counted_and_said_to_be_lost() {
    let log = Arc::<Log>::default();
    (0..OTHERS_MAX + 3).for_each(|_| log.tell(request()));
    say(&log, "one more\n");
    assert_eq!(log.dropped(), 4);
    let lines = written(&log);
    assert_eq!(lines.len(), OTHERS_MAX + 1);
    assert!(lines[OTHERS_MAX].ends_with(" lost=4"), "{}", lines[OTHERS_MAX]);
    log.tell(request());
    assert_eq!(
        (written(&log).len(), log.dropped()),
        (1, 4),
        "it goes on, and says so once"
    );
}

#[test]
fn finished_text_is_bounded_by_its_bytes_too() {
    let log = Log::default();
    let long = "x".repeat(TEXT_BYTES_MAX / 2);
    (0..3).for_each(|_| say(&log, &long));
    assert_eq!((taken(&log).len(), log.dropped()), (2, 1));
}

#[test]
fn neither_share_takes_the_others_room() {
    let log = Log::default();
    (0..=OTHERS_MAX).for_each(|_| log.tell(request()));
    fill_audit(&log);
    let batch = taken(&log);
    assert_eq!(
        (batch.len(), batch.audit_events().count()),
        (OTHERS_MAX + AUDIT_MAX, AUDIT_MAX)
    );
    fill_audit(&log);
    log.tell(request());
    assert_eq!(taken(&log).len(), AUDIT_MAX + 1);
    assert_eq!(log.dropped(), 1, "no audit event is dropped");
}

#[test]
fn an_audit_event_waits_until_there_is_room() {
    let log = Log::default();
    fill_audit(&log);
    let mut waiting = pin!(log.audit(event(99), NOW));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(context).is_pending());
    assert_eq!(taken(&log).len(), AUDIT_MAX);
    assert!(waiting.as_mut().poll(context).is_ready());
    let batch = taken(&log);
    assert_eq!(batch.audit_events().next(), Some((&event(99), NOW)));
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_thread_waits_for_room_too() {
    let log = Arc::<Log>::default();
    fill_audit(&log);
    let (blocked, done) = (log.clone(), mpsc::channel());
    let thread = thread::spawn(move || {
        blocked.audit_blocking(event(99), NOW);
        done.0.send(()).expect("it is waited for");
    });
    assert_eq!(taken(&log).len(), AUDIT_MAX);
    done.1.recv().expect("it goes on");
    thread.join().expect("it ends");
    assert_eq!(taken(&log).audit_events().next(), Some((&event(99), NOW)));
}

#[test]
fn who_cannot_wait_hears_of_a_lack_of_room_before_there_is_none() {
    let log = Log::default();
    let heard = (0..AUDIT_MAX as u64)
        .position(|number| !log.has_room() || log.try_audit(event(number), NOW).is_err());
    assert!(heard.is_some_and(|at| at > AUDIT_MAX / 2));
    assert!(log.try_audit(event(0), NOW).is_ok());
}

#[test]
fn lines_of_a_reader_that_has_gone_are_lost_and_counted() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Arc::<Log>::default();
    (0..3).for_each(|_| log.tell(request()));
    Writer::new(log.clone(), Gone, FORM).write_waiting();
    assert_eq!(log.dropped(), 3);
    assert!(written(&log)[0].ends_with(" lost=3"));
}

/// What is written to it, for all who have a copy.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody died").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody died").clone()).expect("UTF-8")
    }
}

#[test]
fn a_writer_that_panics_loses_what_it_is_at_says_so_and_goes_on() {
    struct Broken(bool, Shared);
    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.0) {
                std::panic::resume_unwind(Box::new("broken"));
            }
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (log, out) = (Arc::<Log>::default(), Shared::default());
    fill_audit(&log);
    let thread = LogThread::start(log.clone(), Broken(true, out.clone()), FORM).expect("a thread");
    log.audit_blocking(event(99), NOW);
    drop(thread);
    assert_eq!(log.dropped(), AUDIT_MAX as u64);
    let text = out.text();
    assert!(
        text.contains("entries=99") && text.contains(&format!(" lost={AUDIT_MAX}")),
        "{text}"
    );
}

#[test]
fn what_is_lost_while_the_log_ends_is_told_at_its_end() {
    let (log, out) = (Arc::<Log>::default(), Shared::default());
    log.close();
    log.tell(request());
    drop(LogThread::start(log, out.clone(), FORM).expect("a thread"));
    assert!(out.text().ends_with(" lost=1\n"), "{}", out.text());
}

#[test]
fn everything_is_written_before_the_end() {
    let (log, out) = (Arc::<Log>::default(), Shared::default());
    let thread = LogThread::start(log.clone(), out.clone(), FORM).expect("a thread");
    (0..10_000).for_each(|number| log.audit_blocking(event(number), NOW));
    drop(thread);
    log.tell(request());
    assert_eq!(log.dropped(), 1, "nothing comes in afterwards");
    assert_eq!(out.text().lines().count(), 10_000);
}

#[test]
fn audit_events_of_less_importance_are_left_out_where_that_is_asked_for() {
    let log = Arc::<Log>::default();
    assert!(log.try_audit(event(1), NOW).is_ok());
    let (mut out, audit) = (Vec::new(), LevelFilter::WARN);
    Writer::new(log, &mut out, Form { audit, ..FORM }).write_waiting();
    assert!(out.is_empty());
}
