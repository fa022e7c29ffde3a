//! The administration socket: the API for its owner, on this machine.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::http::api::{Administration, Api, Caller};

/// The most connections at a time; one more waits in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take; a connection that has not said what it wants by then ends.
const HEAD: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes; a longer one is refused.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a client could not be accepted, most often because files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no administration socket.
#[derive(Debug, Error)]
pub enum AdminSocketError {
    /// Another daemon answers there.
    #[error("the administration socket {} is in use by another daemon", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is there; it is left alone.
    #[error("{} is there and is no socket: name another path for the administration socket", path.display())]
    NoSocket {
        /// What is there.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot make the administration socket {}: {source}", path.display())]
    Bind {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A bound socket; removed when it is no longer served.
pub struct AdminSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Whose socket it is. Whoever is neither that user nor root is not listened to.
    owner: u32,
}

impl AdminSocket {
    /// Binds `path`, in the place of a socket nobody answers at. Errors: [`AdminSocketError`].
    pub fn bind(path: &Path) -> Result<AdminSocket, AdminSocketError> {
        if StdUnixStream::connect(path).is_ok() {
            return Err(AdminSocketError::InUse { path: path.into() });
        }
        let failed = |source| AdminSocketError::Bind {
            path: path.into(),
            source,
        };
        remove_abandoned(path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        // Whoever connects before this is asked who he is all the same.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let owner = std::fs::symlink_metadata(path).map_err(failed)?.uid();
        Ok(AdminSocket {
            path: path.into(),
            listener,
            owner,
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
        let _ = std::fs::remove_file(&self.path);
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
            match (self.listener.accept().await, place) {
                (Ok((stream, _)), Ok(place)) => match self.obeyed(&stream) {
                    Some(user) => return (stream, user, place),
                    None => tracing::warn!(target: "beadle", "administration: a stranger was turned away"),
                },
                (accepted, _) => {
                    let error = accepted.err();
                    tracing::error!(target: "beadle", ?error, "administration: cannot accept a client");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// The user at the other end, if it is one who may command.
    fn obeyed(&self, stream: &UnixStream) -> Option<u32> {
        let peer = stream.peer_cred().map(|peer| peer.uid()).ok();
        peer.filter(|uid| *uid == self.owner || *uid == ROOT)
    }
}

const ROOT: u32 = 0;

/// Removes a socket whose daemon was killed. Errors: what is there is no socket, or cannot be removed.
fn remove_abandoned(path: &Path) -> Result<(), AdminSocketError> {
    let failed = |source| AdminSocketError::Bind {
        path: path.into(),
        source,
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path).map_err(failed),
        Ok(_) => Err(AdminSocketError::NoSocket { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
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
    async fn a_file_where_the_socket_should_be_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(
            AdminSocket::bind(&path),
            Err(AdminSocketError::NoSocket { .. })
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_socket_nobody_answers_at_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        drop(AdminSocket::bind(&path).unwrap());
        assert!(path.exists(), "as after a kill");
        let bound = AdminSocket::bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(
            AdminSocket::bind(&path),
            Err(AdminSocketError::InUse { .. })
        ));
        drop(bound);
    }

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
