//! Lines that come as fields read as tracing prints them, in both forms.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use beadle::domain::audit::{AuditEvent, Evidence, Origin, RefusalReason, Subject};
use beadle::domain::pin::HashScheme;
use beadle::ldap::operation::Operation;
use beadle::server::observe::log::LogFormat;
use beadle::server::observe::log::line::{LdapLine, Line, RadiusLine};
use beadle::server::observe::log::queue::Log;
use beadle::server::observe::log::writer::{Form, Writer};
use beadle::types::{Caller, EntryId, Timestamp};
use tracing::level_filters::LevelFilter;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_339_800_123);
const FILE: &str = "a \"quoted\" \\ 陳\u{7f}\n\t'name'\u{202e}.ldif";

/// What tracing writes.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody died").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines without their time.
fn untimed(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    let without = |line: &str| match line.strip_prefix("{\"timestamp\":\"") {
        Some(json) => json.split_once('"').expect("a time").1.to_owned(),
        None => line.split_once('Z').expect("a time").1.to_owned(),
    };
    text.lines().map(without).collect()
}

fn traced(format: LogFormat, tell: impl FnOnce()) -> Vec<String> {
    let out = Out::default();
    let sink = out.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || sink.clone());
    match format {
        LogFormat::Text => tracing::subscriber::with_default(lines.finish(), tell),
        LogFormat::Json => tracing::subscriber::with_default(lines.json().flatten_event(true).finish(), tell),
    }
    let text = out.0.lock().expect("nobody died");
    untimed(&text)
}

fn queued(format: LogFormat, tell: impl FnOnce(&Log)) -> Vec<String> {
    let (log, mut out) = (Arc::<Log>::default(), Vec::new());
    tell(&log);
    let audit = LevelFilter::INFO;
    Writer::new(log, &mut out, Form { format, audit }).write_waiting();
    untimed(&out)
}

fn check(tell: impl Fn(), queue: impl Fn(&Log)) {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (traced, queued) = (traced(format, &tell), queued(format, &queue));
        assert!(!traced.is_empty());
        assert_eq!(queued, traced);
    }
}

#[test]
fn ldap_requests_read_as_tracing_prints_them() {
    let source: std::net::IpAddr = "2001:db8::7".parse().expect("an address");
    check(
        || {
            tracing::info!(target: "beadle::ldap", conn = 7u64, source = %source, msg = 2, op = "bind", code = 49,
                entries = 0, duration_us = 102_139, asker = "public");
            tracing::info!(target: "beadle::ldap", conn = 7u64, msg = 2_147_483_647, op = "unbind", entries = 3,
                duration_us = u64::MAX, asker = "member");
        },
        |log| {
            log.tell(Line::Ldap(LdapLine {
                conn: 7,
                source: Some(source),
                msg: 2,
                op: Operation::Bind,
                code: Some(49),
                entries: 0,
                duration_us: 102_139,
                asker: "public",
            }));
            log.tell(Line::Ldap(LdapLine {
                conn: 7,
                source: None,
                msg: 2_147_483_647,
                op: Operation::Unbind,
                code: None,
                entries: 3,
                duration_us: u64::MAX,
                asker: "member",
            }));
        },
    );
}

#[test]
fn radius_requests_read_as_tracing_prints_them() {
    let source: std::net::SocketAddr = "192.0.2.7:1812".parse().expect("an address");
    let line = |client: Option<&str>, caller| {
        Line::Radius(RadiusLine {
            client: client.map(Into::into),
            source,
            caller,
            is_noise: client.is_none(),
            code: "Access-Request",
            result: "drop",
            reason: "malformed",
            duration_us: 4,
        })
    };
    check(
        || {
            let (code, result, reason, duration_us) = ("Access-Request", "drop", "malformed", 4);
            let (nas, caller) = (source.ip(), "00-10-A4-23-19-C0");
            tracing::info!(
                target: "beadle::radius", client = "vpn-1", source = %nas, %caller, code, result, reason, duration_us, "radius"
            );
            tracing::debug!(target: "beadle::radius", client = "", %source, code, result, reason, duration_us, "radius");
        },
        |log| {
            let caller = Caller::Mac([0, 0x10, 0xa4, 0x23, 0x19, 0xc0]);
            log.tell(line(Some("vpn-1"), Some(caller)));
            log.tell(line(None, None));
        },
    );
}

#[test]
fn audit_events_read_as_tracing_prints_them() {
    let origin = |service: Option<&str>| Origin {
        source: "192.0.2.7".parse().expect("an address"),
        caller: service.map(|_| Caller::Mac([0, 0x10, 0xa4, 0x23, 0x19, 0xc0])),
        service: service.map(Into::into),
    };
    let events = [
        AuditEvent::LoginAccepted {
            subject: Subject::Entry(EntryId(17)),
            origin: origin(Some("vpn")),
            evidence: Evidence::RecentLogin,
        },
        AuditEvent::LoginRefused {
            subject: Subject::Nobody,
            origin: origin(None),
            reason: RefusalReason::UnknownName,
        },
        AuditEvent::AccountLocked {
            subject: Subject::Root,
            origin: origin(None),
            until: NOW.plus_s(60),
        },
        AuditEvent::HashUpgraded {
            subject: Subject::Service("mail".into()),
            from: HashScheme::Ssha,
        },
        AuditEvent::EntriesImported {
            subject: Subject::Operator(0),
            file: FILE.into(),
            entries: 4,
        },
    ];
    let told = || {
        let (at, source) = (NOW.rfc3339(), "192.0.2.7");
        tracing::info!(target: "audit", %at, event = "login_accepted", subject = %"entry:17", source = %source,
            caller = %"00-10-A4-23-19-C0", service = "vpn", evidence = "recent_login");
        tracing::info!(target: "audit", %at, event = "login_refused", subject = %"nobody", source = %source,
            service = "-", reason = "unknown_name");
        tracing::warn!(target: "audit", %at, event = "account_locked", subject = %"root", source = %source,
            service = "-", until = %NOW.plus_s(60).rfc3339());
        tracing::info!(target: "audit", %at, event = "hash_upgraded", subject = %"service:mail",
            from = HashScheme::Ssha.name());
        tracing::info!(target: "audit", %at, event = "entries_imported", subject = %"operator:0", file = FILE, entries = 4);
    };
    check(told, |log| {
        let events = events.iter().cloned();
        events.for_each(|event| assert!(log.try_audit(event, NOW).is_ok()));
    });
}
