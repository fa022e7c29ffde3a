//! Serves the pages of `web/` on a socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// The most connections of one listener at a time; one more waits in the system's queue.
pub const CONNECTIONS_MAX: usize = 64;
/// How long a connection lives, in seconds; then it is broken off, whatever is on its way. Monitoring connects
/// anew, and nobody holds a place for ever.
pub const CONNECTION_S_MAX: u64 = 60;
/// How long to wait after a connection could not be accepted, most often because files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `pages` on `listener` until `stop`, then lets open requests finish.
///
/// Errors: none that end it; a connection that fails is that connection's affair.
pub async fn serve(listener: TcpListener, pages: Router, stop: CancellationToken) {
    let limited = Limited {
        listener,
        places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        life: Duration::from_secs(CONNECTION_S_MAX),
    };
    let served = axum::serve(limited, pages)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    // Invariant of axum 0.8: its accept loop retries, so `serve` ends by the signal only.
    debug_assert!(served.is_ok());
}

/// A listener whose connections are counted and mortal.
struct Limited {
    listener: TcpListener,
    places: Arc<Semaphore>,
    life: Duration,
}

impl Listener for Limited {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Mortal, SocketAddr) {
        loop {
            // The semaphore is never closed; if it were, everybody would wait.
            let place = self.places.clone().acquire_owned().await;
            match (self.listener.accept().await, place) {
                (Ok((stream, peer)), Ok(place)) => return (Mortal::new(stream, place, self.life), peer),
                _ => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when its time is over.
struct Mortal {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Mortal {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, life: Duration) -> Mortal {
        Mortal {
            stream,
            end: Box::pin(sleep(life)),
            _place: place,
        }
    }

    /// Errors: `TimedOut` once its time is over.
    fn alive(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Mortal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.alive(cx)?.poll_read(cx, into)
    }
}

impl AsyncWrite for Mortal {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.alive(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn limited(places: usize, life: Duration) -> (Limited, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Arc::new(Semaphore::new(places));
        let limited = Limited {
            listener,
            places,
            life,
        };
        (limited, address)
    }

    #[tokio::test]
    async fn a_connection_past_the_limit_waits_for_a_place() {
        let (mut limited, address) = limited(1, Duration::from_secs(60)).await;
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let held = limited.accept().await;
        assert_eq!(limited.places.available_permits(), 0);
        tokio::select! {
            biased;
            _ = limited.accept() => panic!("there is no place"),
            () = std::future::ready(()) => {}
        }
        drop(held);
        limited.accept().await;
    }

    #[tokio::test]
    async fn a_connection_whose_time_is_over_is_broken_off() {
        let (mut limited, address) = limited(1, Duration::ZERO).await;
        let _client = TcpStream::connect(address).await.unwrap();
        let (mut mortal, _) = limited.accept().await;
        let read = mortal.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(read.kind(), io::ErrorKind::TimedOut);
        assert!(mortal.write_all(b"x").await.is_err());
    }
}
