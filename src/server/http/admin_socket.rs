//! The administration socket: the API for its owner, on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::http::api::{Administration, Api, Caller};
use crate::server::local::administrators::Administrators;
use crate::server::local::socket::{LocalSocket, LocalSocketError};

/// Its owner's only.
const MODE: u32 = 0o600;
/// The most connections at a time; one more waits in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take; a connection that has not said what it wants by then ends.
const HEAD: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes; a longer one is refused.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a client could not be accepted, most often because files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket; removed when it is no longer served.
pub struct AdminSocket {
    socket: LocalSocket,
    /// Who is listened to.
    administrators: Administrators,
}

impl AdminSocket {
    /// Binds `path`, in the place of a socket nobody answers at. Errors: [`LocalSocketError`].
    pub fn bind(path: &Path) -> Result<AdminSocket, LocalSocketError> {
        Ok(AdminSocket {
            socket: LocalSocket::bind("administration", path, MODE)?,
            administrators: Administrators::with_group(None),
        })
    }

    /// Serves requests until `stop`. What is under way is cut off then: of an import what was committed stays.
    pub async fn serve(self, administration: Administration, stop: CancellationToken) {
        let api = Api::new(administration);
        let (router, connections) = (api.router(), TaskTracker::new());
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (stream, user, place) = tokio::select! {
                () = stop.cancelled() => break,
                next = self.next(&places) => next,
            };
            let caller = Caller {
                user,
                hang_up: stop.child_token(),
            };
            let router = router.clone();
            connections.spawn(async move {
                attend(stream, router, caller, HEAD).await;
                drop(place);
            });
        }
        drop(self.socket);
        for tasks in [&connections, &api.work] {
            tasks.close();
            tasks.wait().await;
        }
    }

    /// The next client who may command, which user that is, and its place.
    async fn next(&self, places: &Arc<Semaphore>) -> (UnixStream, u32, OwnedSemaphorePermit) {
        loop {
            // The semaphore is never closed; if it were, everybody would wait.
            let place = places.clone().acquire_owned().await;
            match (self.socket.accept().await, place) {
                (Ok((stream, user)), Ok(place)) if self.administrators.include(user) => {
                    return (stream, user.user, place);
                }
                (Ok(_), Ok(_)) => {
                    tracing::warn!(target: "beadle", "administration: a stranger was turned away");
                }
                (accepted, _) => {
                    let error = accepted.err();
                    tracing::error!(target: "beadle", ?error, "administration: cannot accept a client");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves one request, or hangs up.
async fn attend(stream: UnixStream, router: Router, caller: Caller, head: Duration) {
    let hang_up = caller.hang_up.clone();
    let service = TowerToHyperService::new(router.layer(Extension(caller)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = hang_up.cancelled() => {}
        served = connection => if let Err(error) = served {
            tracing::debug!(target: "beadle", %error, "administration: the client has gone");
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_client_that_does_not_say_what_it_wants_is_hung_up_on() {
        let (mut silent, stream) = UnixStream::pair().unwrap();
        silent.write_all(b"POST /api/v1/rel").await.unwrap();
        let caller = Caller {
            user: 0,
            hang_up: CancellationToken::new(),
        };
        attend(stream, Router::new(), caller, Duration::ZERO).await;
        // It ends, or is told why.
        let mut said = Vec::new();
        let _ = silent.read_to_end(&mut said).await;
        assert!(!said.starts_with(b"HTTP/1.1 200"));
    }
}
