//! A Unix socket that is listened on.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};

use crate::types::LocalUser;

/// Why a socket is not listened on.
#[derive(Debug, Error)]
pub enum LocalSocketError {
    /// Another daemon answers there.
    #[error("the {name} socket {} is in use by another daemon", path.display())]
    InUse {
        /// What it is for.
        name: &'static str,
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is there; it is left alone.
    #[error("{} is there and is no socket: name another path for the {name} socket", path.display())]
    NoSocket {
        /// What it is for.
        name: &'static str,
        /// What is there.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot make the {name} socket {}: {source}", path.display())]
    Bind {
        /// What it is for.
        name: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A bound socket; its file is removed when it is dropped.
#[derive(Debug)]
pub struct LocalSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl LocalSocket {
    /// Binds `path`, in the place of a socket nobody answers at, with the permissions `mode` (chmod(2)). `name` says in
    /// errors what the socket is for. Must be called inside a tokio runtime. Errors: [`LocalSocketError`].
    pub fn bind(name: &'static str, path: &Path, mode: u32) -> Result<LocalSocket, LocalSocketError> {
        let path = path.to_owned();
        if StdUnixStream::connect(&path).is_ok() {
            return Err(LocalSocketError::InUse { name, path });
        }
        match bind_unused(&path, mode) {
            Ok(Some(listener)) => Ok(LocalSocket { path, listener }),
            Ok(None) => Err(LocalSocketError::NoSocket { name, path }),
            Err(source) => Err(LocalSocketError::Bind { name, path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection, and who is at its other end. Errors: the system's.
    pub async fn accept(&self) -> io::Result<(UnixStream, LocalUser)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let user = LocalUser {
            user: peer.uid(),
            group: peer.gid(),
        };
        Ok((stream, user))
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        // While it is listened on nobody else puts a socket there, so it is this one.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `None`: something is there that is no socket.
fn bind_unused(path: &Path, mode: u32) -> io::Result<Option<UnixListener>> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    // Whoever connects before this is asked who it is all the same.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(Some(listener))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(path: &Path) -> Result<LocalSocket, LocalSocketError> {
        LocalSocket::bind("test", path, 0o640)
    }

    #[tokio::test]
    async fn a_file_where_the_socket_should_be_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path), Err(LocalSocketError::NoSocket { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        let absent = folder.path().join("absent/socket");
        assert!(matches!(bind(&absent), Err(LocalSocketError::Bind { .. })));
    }

    #[tokio::test]
    async fn a_socket_nobody_answers_at_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "as after a kill");
        let bound = bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(matches!(bind(&path), Err(LocalSocketError::InUse { .. })));
        drop(bound);
        assert!(!path.exists());
    }
}
