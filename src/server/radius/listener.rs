//! Serves RADIUS on a socket: reads, asks, answers, holds rejections back, counts and logs.

use std::collections::HashMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Level, debug, enabled, warn};

use crate::directory::request::{Authenticate, Verdict};
use crate::radius::next::{Dropped, Event, Next, Pending, Reply, ReplyKind};
use crate::radius::reason::{DropReason, Unanswered};
use crate::radius::session::{Peer, REJECT_DELAY_MS_MAX, Session};
use crate::radius::wire::code_name;
use crate::server::entropy::SystemEntropy;
use crate::server::observe::log::line::{self, Line, RadiusLine};
use crate::server::observe::log::queue::Log;
use crate::server::observe::mentions::Mentions;
use crate::server::radius::counters::{RadiusCounters, Trouble};
use crate::server::radius::held::{Held, HeldReply};
use crate::server::radius::socket::{BoundSocket, Datagrams, Outgoing, RadiusSocket};
use crate::server::runner::Runner;
use crate::types::Timestamp;

/// The most log-ins of one socket that are being verified, those given up that have not ended among them. One more
/// gets no answer, as if the directory were busy, and is asked again when the client retransmits; none of those
/// is dropped for it.
pub const IN_FLIGHT_MAX: usize = 4_096;
/// How long, after the stop, answers under way may still take, in milliseconds; those that take longer
/// are not sent.
pub const DRAIN_MS_MAX: u64 = 5_000;
/// The pause after a failed read, in milliseconds, lest a lasting failure fill a processor.
const RECEIVE_RETRY_MS: u64 = 10;

/// What a listener is connected to.
pub struct RadiusWiring {
    /// Who verifies log-ins.
    pub runner: Arc<Runner>,
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
pub async fn serve(
    socket: BoundSocket,
    session: Session,
    wiring: RadiusWiring,
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

fn serve_here(
    socket: BoundSocket,
    session: Session,
    wiring: RadiusWiring,
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
            unreached: Mentions::default(),
            log_ins,
            in_flight: HashMap::new(),
            verdicts: JoinSet::new(),
            outbox: Vec::new(),
        };
        listener.run(stop).await;
        Ok(())
    })
}

struct Listener {
    socket: RadiusSocket,
    session: Session,
    wiring: RadiusWiring,
    entropy: SystemEntropy,
    held: Held,
    /// Who has lately been said to be no client.
    strangers: Mentions,
    /// Whom an answer could lately not be sent.
    unreached: Mentions,
    /// Where log-ins are awaited.
    log_ins: Handle,
    /// Log-ins being verified, by the number of their request.
    in_flight: HashMap<u64, InFlight>,
    /// Their tasks, and those of requests given up, until they have ended.
    verdicts: JoinSet<(u64, Verdict)>,
    /// Answers that leave when what is at hand is done.
    outbox: Vec<Outgoing>,
}

/// A packet on its way through.
#[derive(Clone, Copy)]
pub(super) struct Way {
    peer: Peer,
    code: &'static str,
    now: Timestamp,
    received: Instant,
}

struct InFlight {
    way: Way,
    pending: Pending,
    task: AbortHandle,
}

impl Listener {
    async fn run(mut self, stop: CancellationToken) {
        let mut datagrams = Datagrams::new();
        let mut stopped = pin!(stop.cancelled());
        loop {
            tokio::select! {
                () = &mut stopped => break,
                received = self.socket.receive(&mut datagrams) => match received {
                    Ok(()) => self.on_datagrams(&datagrams),
                    Err(error) => self.on_receive_error(&error).await,
                },
                Some(verdict) = self.verdicts.join_next() => self.on_verdict(verdict),
                held = self.held.due() => self.on_due(held),
            }
            self.flush().await;
        }
        // What is not sent by then the client asks again, of whoever serves next.
        let _ = timeout(Duration::from_millis(DRAIN_MS_MAX), self.drain()).await;
    }

    fn on_datagrams(&mut self, datagrams: &Datagrams) {
        let (now, received) = (self.wiring.runner.now(), Instant::now());
        for (peer, datagram) in datagrams.iter() {
            let code = datagram.first().copied().map_or("", code_name);
            let way = Way {
                peer,
                code,
                now,
                received,
            };
            self.on_datagram(datagram, way);
        }
    }

    async fn on_receive_error(&mut self, error: &io::Error) {
        self.wiring.counters.trouble(Trouble::Receive);
        debug!(%error, "radius: receive");
        sleep(Duration::from_millis(RECEIVE_RETRY_MS)).await;
    }

    fn on_datagram(&mut self, datagram: &[u8], way: Way) {
        self.wiring.counters.packet();
        let next = self
            .session
            .on_packet(datagram, way.peer, way.now, &mut self.entropy);
        self.see_to_events();
        match next {
            Next::Drop(dropped) => self.dropped(way, &dropped),
            Next::Reply(reply) => self.reply(way, reply),
            Next::Run(pending, log_in) => self.ask(way, pending, log_in),
        }
    }

    /// Verdicts that cost microseconds are awaited here; the others in a task of their own, so that
    /// hashing keeps no datagram waiting.
    fn ask(&mut self, way: Way, pending: Pending, log_in: Authenticate) {
        let at_once = self.wiring.runner.authenticate_now(&log_in, way.now);
        let is_full = self.verdicts.len() >= IN_FLIGHT_MAX;
        if let Some(verdict) = at_once.or(is_full.then_some(Verdict::Busy)) {
            return self.conclude(way, pending, &verdict, way.now);
        }
        let runner = self.wiring.runner.clone();
        let number = pending.number();
        let log_in = async move { (number, runner.authenticate(log_in, way.now).await) };
        let task = self.verdicts.spawn_on(log_in, &self.log_ins);
        self.in_flight.insert(number, InFlight { way, pending, task });
    }

    fn on_verdict(&mut self, verdict: Result<(u64, Verdict), JoinError>) {
        let (number, verdict) = match verdict {
            Ok(verdict) => verdict,
            // Given up, and nobody waits for it.
            Err(error) if error.is_cancelled() => return,
            Err(error) => {
                self.wiring.counters.trouble(Trouble::VerdictLost);
                let mut in_flight = self.in_flight.iter();
                let lost = in_flight.find(|(_, it)| it.task.id() == error.id());
                let Some((number, _)) = lost else { return };
                // A retransmission is carried out again.
                (*number, Verdict::Busy)
            }
        };
        if let Some(InFlight { way, pending, .. }) = self.in_flight.remove(&number) {
            self.conclude(way, pending, &verdict, self.wiring.runner.now());
        }
    }

    fn conclude(&mut self, way: Way, pending: Pending, verdict: &Verdict, now: Timestamp) {
        let result = self.session.on_verdict(pending, verdict, now, &mut self.entropy);
        match result {
            Ok(reply) => self.reply(way, reply),
            Err(dropped) => self.dropped(way, &dropped),
        }
    }

    fn reply(&mut self, way: Way, reply: Reply) {
        self.wiring.counters.reply(reply.kind);
        log_reply(&self.wiring.log, way, &reply);
        let due = match reply.kind {
            // No longer than any rejection is held: the wall clock may have been set meanwhile.
            ReplyKind::Reject(_) => {
                let hold_ms = reply.not_before.ms_since(way.now).min(REJECT_DELAY_MS_MAX);
                way.received + Duration::from_millis(hold_ms)
            }
            ReplyKind::Accept | ReplyKind::Status | ReplyKind::Resent => {
                return self.transmit(way.peer, reply.octets);
            }
        };
        if due <= Instant::now() {
            self.transmit(way.peer, reply.octets);
        } else if self.held.push(HeldReply { due, way, reply }).is_err() {
            self.wiring.counters.trouble(Trouble::HeldFull);
        }
    }

    /// A client that has sent another request meanwhile would take the rejection for the answer to that one.
    fn on_due(&mut self, HeldReply { way, reply, .. }: HeldReply) {
        if self.session.is_wanted(&reply) {
            return self.transmit(way.peer, reply.octets);
        }
        self.abandoned(way, reply.client);
    }

    fn abandoned(&mut self, way: Way, client: Arc<str>) {
        let dropped = Dropped {
            reason: Unanswered::Abandoned.into(),
            client: Some(client),
        };
        self.dropped(way, &dropped);
    }

    fn transmit(&mut self, peer: Peer, octets: Arc<[u8]>) {
        self.outbox.push(Outgoing { peer, octets });
    }

    /// Sends what is in the outbox: what goes to one client and is of one length leaves in one call.
    async fn flush(&mut self) {
        self.outbox
            .sort_unstable_by_key(|it| (it.peer.source, it.octets.len()));
        let mut outbox = std::mem::take(&mut self.outbox);
        for alike in outbox.chunk_by(Outgoing::is_like) {
            let sent = self.socket.send_together(alike).await;
            self.send_one_by_one(alike.get(sent..).unwrap_or_default()).await;
        }
        outbox.clear();
        self.outbox = outbox;
    }

    /// So that each fails for a reason of its own.
    async fn send_one_by_one(&mut self, answers: &[Outgoing]) {
        for answer in answers {
            if let Err(error) = self.socket.send(answer).await {
                self.unsent(answer.peer, &error);
            }
        }
    }

    fn unsent(&mut self, peer: Peer, error: &io::Error) {
        self.wiring.counters.trouble(Trouble::Send);
        let source = peer.source.ip().to_canonical();
        if self.unreached.is_due(source, self.wiring.runner.now()) {
            warn!(%source, %error, "radius: an answer cannot be sent; the client will have to ask again");
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

    fn see_to_events(&mut self) {
        while let Some(event) = self.session.next_event() {
            match event {
                Event::GivenUp(number) => self.give_up(number),
                Event::Latched(_) => {
                    // No one listens any more only while the daemon stops; the client shows it again.
                    let _ = self.wiring.events.send(event);
                }
            }
        }
    }

    /// Whose client has gone, by a new request under the same Identifier, is not hashed and not audited as accepted.
    fn give_up(&mut self, number: u64) {
        if let Some(InFlight { way, pending, task }) = self.in_flight.remove(&number) {
            task.abort();
            self.abandoned(way, pending.client().clone());
        }
    }

    async fn drain(&mut self) {
        while !(self.in_flight.is_empty() && self.held.is_empty()) {
            tokio::select! {
                Some(verdict) = self.verdicts.join_next() => self.on_verdict(verdict),
                held = self.held.due() => self.on_due(held),
            }
            self.flush().await;
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
            source: way.peer.source,
            caller: reply.caller,
            is_noise: false,
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
            source: way.peer.source,
            caller: None,
            is_noise,
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
