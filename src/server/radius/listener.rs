//! Serves RADIUS on a socket: reads, asks, answers, holds rejections back, counts and logs.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Level, debug, enabled, info, warn};

use crate::directory::request::{Authenticate, Verdict};
use crate::radius::next::{Dropped, Event, Next, Reply, ReplyKind};
use crate::radius::reason::{DropReason, Unanswered};
use crate::radius::session::{Peer, Pending, Session};
use crate::radius::wire::code_name;
use crate::server::answers::Answers;
use crate::server::entropy::SystemEntropy;
use crate::server::observe::log::line::{self, Line, RadiusLine};
use crate::server::observe::log::queue::Log;
use crate::server::observe::mentions::Mentions;
use crate::server::radius::counters::{RadiusCounters, Trouble};
use crate::server::radius::held::{Held, HeldReply};
use crate::server::radius::socket::{Batch, BoundSocket, RadiusSocket};
use crate::types::Timestamp;

/// The most log-ins of one socket that are being verified. One more gets no answer, as if the directory
/// were busy, and is asked again when the client retransmits.
pub const IN_FLIGHT_MAX: usize = 4_096;
/// How long, after the stop, answers under way may still take, in milliseconds; those that take longer
/// are not sent.
pub const DRAIN_MS_MAX: u64 = 5_000;
/// The pause after a failed read, in milliseconds, lest a lasting failure fill a processor.
const RECEIVE_RETRY_MS: u64 = 10;

/// What a listener is connected to.
pub struct RadiusWiring<A> {
    /// Who verifies log-ins.
    pub answers: Arc<A>,
    /// What happened is counted here.
    pub counters: Arc<RadiusCounters>,
    /// A line of each packet goes here.
    pub log: Arc<Log>,
    /// What must be remembered beyond this process goes here: at most one event for each client.
    pub events: UnboundedSender<Event>,
}

/// Serves `session` on `socket` until `stop`, then sends what is under way for up to [`DRAIN_MS_MAX`].
/// Nothing a client sends and no failure of the socket ends it earlier.
///
/// The socket has a thread of its own: shared workers would be woken for every datagram that comes while
/// one of them is busy with the last, which costs more than the answer. Log-ins that must be hashed are
/// awaited in the caller's runtime.
///
/// Errors: the system has no thread or no poller left; nothing was served.
pub async fn serve<A: Answers>(
    socket: BoundSocket,
    session: Session,
    wiring: RadiusWiring<A>,
    stop: CancellationToken,
) -> io::Result<()> {
    let (ended, end) = oneshot::channel();
    let log_ins = Handle::current();
    let thread = thread::Builder::new().name("radius".to_owned());
    thread.spawn(move || {
        let served = serve_here(socket, session, wiring, stop, log_ins);
        // The caller may have gone; then nobody asks.
        let _ = ended.send(served);
    })?;
    end.await
        .unwrap_or_else(|_| Err(io::Error::other("the radius thread died")))
}

fn serve_here<A: Answers>(
    socket: BoundSocket,
    session: Session,
    wiring: RadiusWiring<A>,
    stop: CancellationToken,
    log_ins: Handle,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = Listener {
            socket: RadiusSocket::open(socket)?,
            session,
            wiring,
            entropy: SystemEntropy,
            held: Held::default(),
            strangers: Mentions::default(),
            log_ins,
            in_flight: JoinSet::new(),
        };
        listener.run(stop).await;
        Ok(())
    })
}

struct Listener<A> {
    socket: RadiusSocket,
    session: Session,
    wiring: RadiusWiring<A>,
    entropy: SystemEntropy,
    held: Held,
    strangers: Mentions,
    /// Where log-ins are awaited.
    log_ins: Handle,
    in_flight: JoinSet<Verified>,
}

/// A packet on its way through.
#[derive(Clone, Copy)]
pub(super) struct Way {
    peer: Peer,
    code: &'static str,
    now: Timestamp,
    received: Instant,
}

struct Verified {
    way: Way,
    pending: Pending,
    verdict: Verdict,
}

impl<A: Answers> Listener<A> {
    async fn run(mut self, stop: CancellationToken) {
        let mut batch = Batch::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                received = self.socket.receive(&mut batch) => match received {
                    Ok(()) => self.on_batch(&batch).await,
                    Err(error) => self.on_receive_error(&error).await,
                },
                Some(verified) = self.in_flight.join_next() => self.on_verified(verified).await,
                held = self.held.due() => self.on_due(held).await,
            }
        }
        // What is not sent by then the client asks again, of whoever serves next.
        let _ = timeout(Duration::from_millis(DRAIN_MS_MAX), self.drain()).await;
    }

    async fn on_batch(&mut self, batch: &Batch) {
        let (now, received) = (self.wiring.answers.now(), Instant::now());
        for (peer, datagram) in batch.datagrams() {
            let code = datagram.first().copied().map_or("", code_name);
            self.on_datagram(
                datagram,
                Way {
                    peer,
                    code,
                    now,
                    received,
                },
            )
            .await;
        }
    }

    async fn on_receive_error(&mut self, error: &io::Error) {
        self.wiring.counters.trouble(Trouble::Receive);
        debug!(%error, "radius: receive");
        sleep(Duration::from_millis(RECEIVE_RETRY_MS)).await;
    }

    async fn on_datagram(&mut self, datagram: &[u8], way: Way) {
        self.wiring.counters.packet();
        let next = self
            .session
            .on_packet(datagram, way.peer, way.now, &mut self.entropy);
        self.pass_events_on();
        match next {
            Next::Drop(dropped) => self.dropped(way, &dropped),
            Next::Reply(reply) => self.reply(way, reply).await,
            Next::Run(pending, log_in) => self.ask(way, pending, log_in).await,
        }
    }

    /// Verdicts that cost microseconds are awaited here; the others in a task of their own, so that
    /// hashing keeps no datagram waiting.
    async fn ask(&mut self, way: Way, pending: Pending, log_in: Authenticate) {
        let at_once = self.wiring.answers.authenticate_now(&log_in, way.now);
        let is_full = self.in_flight.len() >= IN_FLIGHT_MAX;
        if let Some(verdict) = at_once.or(is_full.then_some(Verdict::Busy)) {
            return self
                .conclude(Verified {
                    way,
                    pending,
                    verdict,
                })
                .await;
        }
        let answers = self.wiring.answers.clone();
        let log_in = async move {
            let verdict = answers.authenticate(log_in, way.now).await;
            Verified {
                way,
                pending,
                verdict,
            }
        };
        self.in_flight.spawn_on(log_in, &self.log_ins);
    }

    async fn on_verified(&mut self, verified: Result<Verified, JoinError>) {
        match verified {
            Ok(verified) => self.conclude(verified).await,
            Err(_) => self.wiring.counters.trouble(Trouble::VerdictLost),
        }
    }

    async fn conclude(
        &mut self,
        Verified {
            way,
            pending,
            verdict,
        }: Verified,
    ) {
        match self.session.on_verdict(pending, &verdict, &mut self.entropy) {
            Ok(reply) => self.reply(way, reply).await,
            Err(dropped) => self.dropped(way, &dropped),
        }
    }

    async fn reply(&mut self, way: Way, reply: Reply) {
        self.wiring.counters.reply(reply.kind);
        log_reply(&self.wiring.log, way, &reply);
        let elapsed = way.received.elapsed();
        let held_for = Duration::from_millis(reply.not_before.ms_since(way.now));
        if held_for <= elapsed {
            return self.transmit(way.peer, &reply.octets).await;
        }
        let due = way.received + held_for;
        if self.held.push(HeldReply { due, way, reply }).is_err() {
            self.wiring.counters.trouble(Trouble::HeldFull);
        }
    }

    /// A client that has sent another request meanwhile would take the rejection for the answer to that one.
    async fn on_due(&mut self, HeldReply { way, reply, .. }: HeldReply) {
        if self.session.is_wanted(&reply) {
            return self.transmit(way.peer, &reply.octets).await;
        }
        let dropped = Dropped {
            reason: Unanswered::Abandoned.into(),
            client: Some(reply.client),
        };
        self.dropped(way, &dropped);
    }

    async fn transmit(&self, peer: Peer, octets: &[u8]) {
        if let Err(error) = self.socket.send(peer, octets).await {
            self.wiring.counters.trouble(Trouble::Send);
            debug!(%error, "radius: send");
        }
    }

    fn dropped(&mut self, way: Way, dropped: &Dropped) {
        self.wiring.counters.dropped(dropped.reason);
        log_drop(&self.wiring.log, way, dropped);
        let source = way.peer.source.ip().to_canonical();
        if dropped.client.is_none() && self.strangers.is_due(source, way.now) {
            warn!(%source, "radius: no client in the configuration has this address; it gets no answer");
        }
    }

    fn pass_events_on(&mut self) {
        while let Some(event) = self.session.next_event() {
            let Event::Latched(client) = &event;
            info!(
                client = &**client,
                "radius: this client must send Message-Authenticator from now on"
            );
            // No one listens any more only while the daemon stops; the client shows it again.
            let _ = self.wiring.events.send(event);
        }
    }

    async fn drain(&mut self) {
        while !(self.in_flight.is_empty() && self.held.is_empty()) {
            tokio::select! {
                Some(verified) = self.in_flight.join_next() => self.on_verified(verified).await,
                held = self.held.due() => self.on_due(held).await,
            }
        }
    }
}

fn log_reply(log: &Log, way: Way, reply: &Reply) {
    let (result, reason) = match reply.kind {
        ReplyKind::Accept => ("accept", ""),
        ReplyKind::Reject(reason) => ("reject", reason.label()),
        ReplyKind::Status => ("status", ""),
        ReplyKind::Resent => ("resent", ""),
    };
    if enabled!(target: line::RADIUS, Level::INFO) {
        log.tell(Line::Radius(RadiusLine {
            client: Some(reply.client.clone()),
            noise_from: None,
            code: way.code,
            result,
            reason,
            duration_us: duration_us(way),
        }));
    }
}

/// Noise and strangers are not worth a line each at the usual level: anyone can send them, without end.
fn log_drop(log: &Log, way: Way, dropped: &Dropped) {
    let is_noise = dropped.client.is_none() || matches!(dropped.reason, DropReason::Malformed(_));
    let is_told = match is_noise {
        true => enabled!(target: line::RADIUS, Level::DEBUG),
        false => enabled!(target: line::RADIUS, Level::INFO),
    };
    if is_told {
        log.tell(Line::Radius(RadiusLine {
            client: dropped.client.clone(),
            noise_from: is_noise.then_some(way.peer.source),
            code: way.code,
            result: "drop",
            reason: dropped.reason.label(),
            duration_us: duration_us(way),
        }));
    }
}

fn duration_us(way: Way) -> u64 {
    u64::try_from(way.received.elapsed().as_micros()).unwrap_or(u64::MAX)
}
