//! One LDAP connection's task: reads, has the session and the directory answer, writes many answers at once.
//!
//! Messages are served in their order, one at a time; a client that sends faster waits in its own socket.
//! A search runs right here in pieces; between them what there is is written, others get their turn, and an
//! abandon or unbind that has come in meanwhile is heeded.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::directory::ask::search::TurnEnd;
use crate::directory::changes::{Actor, Change, Terms};
use crate::directory::request::{
    Answer, Asker, Authenticate, Changed, Outcome, Refusal, Request, Search, Verdict,
};
use crate::domain::audit::Origin;
use crate::ldap::body;
use crate::ldap::entry_writer::{EntryWriter, OUTPUT_MARK_BYTES};
use crate::ldap::envelope::{Frame, Message, MessageId, frame};
use crate::ldap::next::{Next, Pending, Trailing};
use crate::ldap::operation::Operation;
use crate::ldap::result::{self, LdapResult, ResultCode};
use crate::ldap::session::Session;
use crate::server::ldap::end::{self, End};
use crate::server::ldap::listener::{Begin, LdapService};
use crate::server::ldap::patience::{Patience, at_once, within};
use crate::server::observe::log::line::{self, LdapLine, Line};
use crate::server::runner::{ENTRIES_PER_TURN, Runner};

/// The least room a read gets, in bytes; most requests are far smaller.
const READ_BYTES: usize = 4096;
/// The most messages answered before their answers are written.
const MESSAGES_PER_WRITE_MAX: usize = 64;
/// How much is read while a search runs, to look for its abandon. What a client sends beyond waits.
const LOOK_AHEAD_BYTES_MAX: usize = 16 * 1024;
/// An empty buffer larger than this is given back before a connection waits: most connections only wait.
const BUFFER_KEPT_BYTES: usize = 16 * 1024;
/// How long a client may take to let its connection be closed in good order.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// What a connection is made of, besides its stream.
pub(super) struct Wiring {
    pub(super) service: Arc<LdapService>,
    pub(super) session: Session,
    pub(super) id: u64,
    pub(super) source: IpAddr,
}

/// What a connection's bytes come and go by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Serves one connection to its end.
pub(super) async fn serve<S: Stream>(stream: S, wiring: Wiring, begin: Begin) {
    let (service, id) = (Arc::clone(&wiring.service), wiring.id);
    let end = match begin {
        Begin::Tls => serve_tls(stream, wiring).await,
        Begin::Cleartext => serve_cleartext(stream, wiring).await,
    };
    end::count(&service.counters, end);
    tracing::debug!(target: "beadle::ldap", conn = id, end = end.name(), "connection ended");
}

async fn serve_cleartext<S: Stream>(stream: S, wiring: Wiring) -> End {
    let mut connection = Connection::new(stream, wiring);
    match connection.serve().await {
        End::StartTls => serve_tls(connection.stream, connection.wiring).await,
        end => end,
    }
}

async fn serve_tls<S: Stream>(stream: S, mut wiring: Wiring) -> End {
    match handshake(stream, &wiring.service).await {
        Ok(stream) => {
            wiring.session.on_tls();
            Connection::new(stream, wiring).serve().await
        }
        Err(error) => {
            tell_failed(&wiring, &error);
            End::TlsFailed
        }
    }
}

async fn handshake<S: Stream>(stream: S, service: &LdapService) -> io::Result<Box<TlsStream<S>>> {
    let tls = service.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    let limit = seconds(service.settings.first_message_limit_s);
    let stream = tokio::select! {
        biased;
        () = service.shutdown.stop.cancelled() => return Err(io::ErrorKind::Interrupted.into()),
        accepted = tokio::time::timeout(limit, TlsAcceptor::from(tls.config()).accept(stream)) => accepted??,
    };
    Ok(Box::new(stream))
}

/// Says why a client and TLS did not agree, which is all most clients let their administrator know. One that only
/// looks whether somebody listens, or is slow, is nothing to speak of.
fn tell_failed(wiring: &Wiring, error: &io::Error) {
    if error.kind() == io::ErrorKind::InvalidData {
        tracing::info!(target: "beadle::ldap", conn = wiring.id, source = %wiring.source, %error, "TLS handshake failed");
    }
}

/// One message as the log tells it. Never a value, a filter or a name.
struct Served {
    id: MessageId,
    operation: Operation,
    code: Option<ResultCode>,
    entries: u64,
}

struct Connection<S> {
    stream: S,
    wiring: Wiring,
    input: BytesMut,
    output: BytesMut,
    /// Whether a PIN is in `output`: then not even its bytes stay behind.
    output_has_pin: bool,
    patience: Patience,
}

impl<S: Stream> Connection<S> {
    fn new(stream: S, wiring: Wiring) -> Connection<S> {
        let service = &wiring.service;
        // A token of its own: waiting on the common one would have all connections meet at its lock.
        let stop = service.shutdown.stop.child_token();
        let patience = Patience::new(stop, seconds(service.settings.first_message_limit_s));
        Connection {
            stream,
            wiring,
            input: BytesMut::new(),
            output: BytesMut::new(),
            output_has_pin: false,
            patience,
        }
    }

    /// Serves messages until there is a reason not to.
    async fn serve(&mut self) -> End {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        self.part(end).await
    }

    /// Answers what has been read, writes the answers, reads more.
    async fn turn(&mut self) -> Result<(), End> {
        self.answer_buffered().await?;
        self.write_out().await?;
        if self.patience.is_stopped() {
            return Err(End::Shutdown);
        }
        self.read().await
    }

    /// Writes the last words of a connection that ends, if it has any.
    async fn part(&mut self, end: End) -> End {
        if end == End::Shutdown {
            let result = LdapResult::with_diagnostic(ResultCode::Unavailable, "shutting down");
            result::put_notice_of_disconnection(&mut self.output, &result);
        }
        let written = self.write_out().await;
        if end == End::StartTls {
            return written.err().unwrap_or(end);
        }
        let _ = within(FAREWELL_LIMIT, self.stream.shutdown()).await;
        end
    }

    async fn answer_buffered(&mut self) -> Result<(), End> {
        let mut answered = 0;
        while let Some(length) = self.whole_frame()? {
            self.message(length).await?;
            answered += 1;
            if answered >= MESSAGES_PER_WRITE_MAX || self.output.len() >= OUTPUT_MARK_BYTES {
                answered = 0;
                self.write_out().await?;
                tokio::task::yield_now().await;
            }
        }
        if answered > 0 {
            self.patience
                .until(seconds(self.wiring.service.settings.idle_limit_s));
        }
        Ok(())
    }

    /// The length of the message at the start of the input, if it is all there.
    fn whole_frame(&mut self) -> Result<Option<usize>, End> {
        match frame(&self.input, self.wiring.session.limits().bytes_max) {
            Frame::Complete(length) => Ok(Some(length)),
            Frame::Incomplete(missing) => {
                // Room grows with what has really come, not with what was announced.
                self.input.reserve(missing.min(self.input.len()).max(READ_BYTES));
                Ok(None)
            }
            Frame::NotLdap => Err(End::NotLdap),
            Frame::TooLong => Err(End::TooLong),
        }
    }

    /// Serves the message in the first `length` bytes of the input.
    async fn message(&mut self, length: usize) -> Result<(), End> {
        let begun = Instant::now();
        let bytes = self.input.get(..length).unwrap_or_default();
        let trailing = if self.input.len() > length {
            Trailing::Pipelined
        } else {
            Trailing::Nothing
        };
        let session = &mut self.wiring.session;
        let parsed = Message::parse(bytes, session.limits());
        let (head, next) = match &parsed {
            Ok(message) => {
                let next = session.on_message(message, trailing, &mut self.output);
                (Some((message.id, message.operation)), next)
            }
            Err(refusal) => (
                refusal.answerable(),
                session.on_refusal(*refusal, &mut self.output),
            ),
        };
        self.forget(length, head);
        let Some((id, operation)) = head else {
            return Err(End::Malformed);
        };
        let mut served = Served {
            id,
            operation,
            code: None,
            entries: 0,
        };
        let went = self.go_on(next, &mut served).await;
        self.tell(&served, begun);
        went
    }

    /// Takes the served message out of the input; of one that may hold a PIN not even the bytes stay behind.
    fn forget(&mut self, length: usize, head: Option<(MessageId, Operation)>) {
        if head.is_some_and(|(_, operation)| operation.may_hold_a_pin())
            && let Some(bytes) = self.input.get_mut(..length)
        {
            bytes.fill(0);
        }
        self.input.advance(length);
    }

    async fn go_on(&mut self, next: Next, served: &mut Served) -> Result<(), End> {
        match next {
            Next::Answered(code) => served.code = Some(code),
            Next::Unanswered => {}
            Next::Run(pending, request) => self.run(pending, request, served).await?,
            Next::StartTls => {
                served.code = Some(ResultCode::Success);
                return Err(End::StartTls);
            }
            Next::Close => return Err(End::Unbound),
        }
        Ok(())
    }

    fn runner(&self) -> &Runner {
        &self.wiring.service.runner
    }

    async fn authenticate(&mut self, log_in: Authenticate) -> Result<Verdict, End> {
        let now = self.runner().now();
        if let Some(verdict) = self.runner().authenticate_now(&log_in, now) {
            return Ok(verdict);
        }
        // Hashing takes its time: what is answered already must not wait for it.
        self.write_out().await?;
        Ok(self.runner().authenticate(log_in, now).await)
    }

    async fn change(&mut self, change: Change, terms: Terms) -> Result<Result<Changed, Refusal>, End> {
        // The disk takes its time, as hashing does.
        self.write_out().await?;
        let asker = self.wiring.session.asker().clone();
        let origin = Origin {
            source: self.wiring.source,
            caller: None,
            service: None,
        };
        Ok(self
            .wiring
            .service
            .runner
            .change(Actor { asker, origin }, change, terms)
            .await)
    }

    async fn run(&mut self, pending: Pending, request: Request, served: &mut Served) -> Result<(), End> {
        let outcome = match request {
            Request::Search(search) => return self.search(pending, search, served).await,
            Request::Compare(compare) => {
                Outcome::Answered(self.runner().compare(self.wiring.session.asker(), &compare))
            }
            Request::Change(change, terms) => Outcome::Changed(self.change(change, terms).await?),
            Request::Identify => Outcome::Identified(self.runner().identify(self.wiring.session.asker())),
            Request::Authenticate(log_in) => Outcome::Authenticated(self.authenticate(log_in).await?),
            Request::AuthenticateLocal(user) => {
                Outcome::Authenticated(self.wiring.service.authenticate_local(user).await)
            }
        };
        self.settle(pending, outcome, served);
        Ok(())
    }

    fn settle(&mut self, pending: Pending, outcome: Outcome, served: &mut Served) {
        if matches!(&outcome, Outcome::Changed(Ok(changed)) if changed.made_up.is_some()) {
            // So that it does not move with the PIN in it.
            self.output.reserve(READ_BYTES);
            self.output_has_pin = true;
        }
        served.code = Some(self.wiring.session.on_outcome(pending, outcome, &mut self.output));
    }

    async fn search(&mut self, pending: Pending, search: Search, served: &mut Served) -> Result<(), End> {
        let Some(mut cursor) = self.runner().search(self.wiring.session.asker(), search) else {
            self.settle(pending, Outcome::Answered(Answer::Busy), served);
            return Ok(());
        };
        loop {
            let now = self.runner().now();
            let mut writer = EntryWriter::new(&mut self.output, pending.id(), pending.values());
            let progress = cursor.run(&mut writer, ENTRIES_PER_TURN, now);
            served.entries += writer.written();
            if let TurnEnd::Done(answer) = progress {
                let outcome = Outcome::Searched(answer, cursor.into_end());
                self.settle(pending, outcome, served);
                return Ok(());
            }
            self.write_out().await?;
            tokio::task::yield_now().await;
            if self.is_abandoned(pending.id()).await? {
                self.wiring.service.counters.abandoned.inc();
                return Ok(());
            }
        }
    }

    /// Looks at what has come in while a search runs: whether it is abandoned, or an error if the client has
    /// gone. Abandons stay in the input and are read again in their turn, to no effect.
    async fn is_abandoned(&mut self, id: MessageId) -> Result<bool, End> {
        let limits = *self.wiring.session.limits();
        if self.input.len() < LOOK_AHEAD_BYTES_MAX {
            self.input.reserve(READ_BYTES);
            if let Some(read) = at_once(self.stream.read_buf(&mut self.input)).await {
                closed_if_nothing(read?)?;
            }
        }
        let mut rest: &[u8] = &self.input;
        while let Frame::Complete(length) = frame(rest, limits.bytes_max) {
            let (first, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            if let Ok(message) = Message::parse(first, &limits) {
                match message.operation {
                    Operation::Unbind => return Err(End::Unbound),
                    Operation::Abandon if body::abandon(&message) == Some(id) => return Ok(true),
                    _ => {}
                }
            }
            rest = behind;
        }
        Ok(false)
    }

    async fn read(&mut self) -> Result<(), End> {
        give_back(&mut self.output);
        if self.input.is_empty() {
            give_back(&mut self.input);
        }
        let read = tokio::select! {
            biased;
            read = self.stream.read_buf(&mut self.input) => read?,
            end = self.patience.over() => return Err(end),
        };
        closed_if_nothing(read)
    }

    async fn write_out(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        let limit = seconds(self.wiring.service.settings.write_limit_s);
        let written = within(limit, write_all(&mut self.stream, &self.output)).await;
        if std::mem::take(&mut self.output_has_pin) {
            self.output.fill(0);
        }
        // Whatever became of it, nothing is ever written twice.
        self.output.clear();
        Ok(written.ok_or(End::WriteTimeout)??)
    }

    fn tell(&self, served: &Served, begun: Instant) {
        let counters = &self.wiring.service.counters;
        counters.count_request(served.operation);
        counters.entries.inc_by(served.entries);
        if served.code == Some(ResultCode::ProtocolError) {
            counters.protocol_errors.inc();
        }
        if tracing::enabled!(target: line::LDAP, tracing::Level::INFO) {
            self.wiring.service.log.tell(Line::Ldap(self.line(served, begun)));
        }
    }

    fn line(&self, served: &Served, begun: Instant) -> LdapLine {
        LdapLine {
            conn: self.wiring.id,
            source: (served.operation == Operation::Bind).then_some(self.wiring.source),
            msg: served.id,
            op: served.operation,
            code: served.code.clone().map(|code| code as u64),
            entries: served.entries,
            duration_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            asker: asker_kind(self.wiring.session.asker()),
        }
    }
}

async fn write_all<S: Stream>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn closed_if_nothing(read: usize) -> Result<(), End> {
    if read == 0 { Err(End::Closed) } else { Ok(()) }
}

fn give_back(buffer: &mut BytesMut) {
    if buffer.capacity() > BUFFER_KEPT_BYTES {
        *buffer = BytesMut::new();
    }
}

fn asker_kind(asker: &Asker) -> &'static str {
    match asker {
        Asker::Public => "public",
        Asker::Member(_) => "member",
        Asker::Service(_) => "service",
        Asker::Root => "root",
        Asker::Operator(_) => "operator",
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
