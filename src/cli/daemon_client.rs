//! The running daemon's administration socket, from the other end.

use std::future::poll_fn;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, bail};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use crate::server::http::api::ProblemDetails;

/// Bytes of a file sent at once.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest problem that is read, in bytes; a longer one is a fault of the daemon.
const PROBLEM_BYTES_MAX: u64 = 64 * 1024;

/// What is said of a daemon that does not answer to the end.
pub const GONE: &str = "the daemon has ended the conversation";

/// A connection to a running daemon, for one request.
pub struct DaemonClient(UnixStream);

impl DaemonClient {
    /// Connects to the daemon at `socket`; `None` if none is running there. Errors: the socket is there and may
    /// not be used.
    pub fn connect(socket: &Path) -> anyhow::Result<Option<DaemonClient>> {
        match UnixStream::connect(socket) {
            Ok(stream) => Ok(Some(DaemonClient(stream))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| socket.display().to_string()),
        }
    }

    /// Asks for what is at `uri`. Errors: as [`DaemonClient::post`].
    pub fn get(self, uri: &str) -> anyhow::Result<Answer> {
        self.ask(Method::GET, uri, Upload(None))
    }

    /// Sends `file`, to its end, to `uri`. Errors: the daemon's reason, or that it has gone; the file cannot be read.
    pub fn post(self, uri: &str, file: Option<Box<dyn Read + Send>>) -> anyhow::Result<Answer> {
        self.ask(Method::POST, uri, Upload(file))
    }

    fn ask(self, method: Method, uri: &str, upload: Upload) -> anyhow::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "localhost")
            .body(upload)?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let response = runtime.block_on(exchange(self.0, request))?;
        Answer::of(response, runtime)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

async fn exchange(stream: UnixStream, request: Request<Upload>) -> anyhow::Result<Response<Incoming>> {
    stream.set_nonblocking(true)?;
    let stream = TokioIo::new(tokio::net::UnixStream::from_std(stream)?);
    let (mut sender, connection) = http1::handshake(stream).await.context(GONE)?;
    // How it ends is seen by whoever sends and reads.
    tokio::spawn(async { drop(connection.await) });
    let sent = sender.send_request(request).await;
    sent.map_err(|error| match error.is_user() {
        true => anyhow::Error::from(error),
        false => anyhow::Error::from(error).context(GONE),
    })
}

/// The answer to a request, as it arrives.
pub struct Answer {
    head: HeaderMap,
    body: Incoming,
    /// What has arrived and is not read.
    rest: Bytes,
    /// Where the connection lives.
    runtime: Runtime,
}

impl Answer {
    fn of(response: Response<Incoming>, runtime: Runtime) -> anyhow::Result<Answer> {
        let (head, body) = response.into_parts();
        let mut answer = Answer {
            head: head.headers,
            body,
            rest: Bytes::new(),
            runtime,
        };
        if head.status.is_success() {
            return Ok(answer);
        }
        let mut text = Vec::new();
        answer
            .by_ref()
            .take(PROBLEM_BYTES_MAX)
            .read_to_end(&mut text)
            .context(GONE)?;
        let problem: ProblemDetails =
            serde_json::from_slice(&text).with_context(|| format!("the daemon answers {}", head.status))?;
        bail!(problem)
    }

    /// JSON in the answer's head. Errors: it is not there.
    pub fn in_head<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<T> {
        let value = self
            .head
            .get(name)
            .with_context(|| format!("the answer has no {name}"))?;
        Ok(serde_json::from_slice(value.as_bytes())?)
    }

    /// The next piece of the body; `None` at its end. Errors: the daemon has gone before that.
    pub fn piece(&mut self) -> anyhow::Result<Option<Bytes>> {
        self.next().context(GONE)
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let body = &mut self.body;
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        match self.runtime.block_on(frame) {
            None => Ok(None),
            // What is no data is a trailer, and says nothing.
            Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
            Some(Err(error)) => Err(io::Error::other(error)),
        }
    }
}

impl Read for Answer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.next()? {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let length = self.rest.len().min(into.len());
        let (copied, rest) = (self.rest.split_to(length), into.get_mut(..length));
        rest.into_iter().for_each(|rest| rest.copy_from_slice(&copied));
        Ok(length)
    }
}

/// A file as a body: nobody else waits on this thread, so it may be read where it is sent.
struct Upload(Option<Box<dyn Read + Send>>);

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(file) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = file.take(PIECE_BYTES as u64).read_to_end(&mut piece);
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(_) => Some(Ok(Frame::data(piece.into()))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}
