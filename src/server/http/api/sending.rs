//! The body of an answer that a thread writes while it is sent.

use std::io::{self, BufWriter, IntoInnerError, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

/// Bytes sent at once, unless whoever writes flushes before.
const PIECE_BYTES: usize = 64 * 1024;
/// The most pieces that are written and not sent; whoever writes one more waits for the client to read.
const PIECES_MAX: usize = 4;

/// A piece of the body; `None` is its end, without which it was cut off.
type Piece = Option<Bytes>;

/// Where the thread writes. Dropped before it is told to [`finish`] it cuts the answer off.
pub(super) struct Sending {
    pieces: Sender<Piece>,
    runtime: Handle,
    silence: Duration,
    hang_up: CancellationToken,
}

/// What is sent.
pub(super) struct Sent(Receiver<Piece>);

/// A body of an answer. `hang_up` is cancelled when its client reads nothing for as long as `silence`. Must be called
/// inside a tokio runtime.
pub(super) fn body(silence: Duration, hang_up: CancellationToken) -> (BufWriter<Sending>, Sent) {
    let (pieces, sent) = channel(PIECES_MAX);
    let sending = Sending {
        pieces,
        runtime: Handle::current(),
        silence,
        hang_up,
    };
    (BufWriter::with_capacity(PIECE_BYTES, sending), Sent(sent))
}

/// That was all. Errors: the client has gone, or does not read.
pub(super) fn finish(out: BufWriter<Sending>) -> io::Result<()> {
    let sending = out.into_inner().map_err(IntoInnerError::into_error)?;
    sending.send(None)
}

impl Sending {
    fn send(&self, piece: Piece) -> io::Result<()> {
        let sending = async { tokio::time::timeout(self.silence, self.pieces.send(piece)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => {
                self.hang_up.cancel();
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Some(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match ready!(self.0.poll_recv(cx)) {
            Some(Some(piece)) => Some(Ok(Frame::data(piece))),
            Some(None) => None,
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn next(sent: &mut Sent) -> Option<io::Result<Bytes>> {
        let frame = poll_fn(|cx| Pin::new(&mut *sent).poll_frame(cx)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    /// What arrives of what `write` writes, and whether the client was hung up on.
    fn sent(silence: Duration, write: fn(BufWriter<Sending>)) -> (Vec<io::Result<Bytes>>, bool) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_time()
            .worker_threads(1)
            .build()
            .unwrap();
        let hang_up = CancellationToken::new();
        let guard = runtime.enter();
        let (sending, mut sent) = body(silence, hang_up.clone());
        drop(guard);
        write(sending);
        let mut arrived = Vec::new();
        while let Some(piece) = runtime.block_on(next(&mut sent)) {
            let ends = piece.is_err();
            arrived.push(piece);
            if ends {
                break;
            }
        }
        (arrived, hang_up.is_cancelled())
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_finished_ends_and_what_is_not_is_cut_off() {
        let (whole, _) = sent(MINUTE, |mut sending| {
            sending.write_all(b"a").unwrap();
            finish(sending).unwrap();
        });
        assert!(matches!(&whole[..], [Ok(piece)] if *piece == "a"));
        let (cut, _) = sent(MINUTE, |mut sending| sending.write_all(b"a").unwrap());
        assert!(matches!(&cut[..], [Ok(_), Err(_)]));
    }

    #[test]
    fn a_client_that_does_not_read_is_hung_up_on_at_the_end_of_patience() {
        let (arrived, hung_up) = sent(Duration::ZERO, |mut sending| {
            let piece = [b'a'; PIECE_BYTES];
            let written = (0..=PIECES_MAX)
                .map(|_| sending.write_all(&piece))
                .last()
                .unwrap();
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
        assert_eq!((arrived.len(), hung_up), (PIECES_MAX + 1, true));
    }

    #[test]
    fn a_client_that_has_gone_is_noticed() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let guard = runtime.enter();
        let (mut sending, sent) = body(MINUTE, CancellationToken::new());
        drop((guard, sent));
        sending.write_all(b"a").unwrap();
        assert_eq!(sending.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
