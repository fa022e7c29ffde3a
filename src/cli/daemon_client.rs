//! The running daemon's administration socket, from the other end.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, bail};

use crate::server::http::admin_protocol::{Command, Part, write_body};

/// A connection to a running daemon.
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

    /// Sends `command` with `body` behind it, hands every part of the answer but the last to `hear`, and
    /// returns what the last one says. Errors: the daemon's reason, or that it has gone.
    pub fn ask(
        self,
        command: &Command,
        body: &mut dyn Read,
        hear: &mut dyn FnMut(Part) -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        const GONE: &str = "the daemon has ended the conversation";
        let mut out = BufWriter::new(&self.0);
        command.write(&mut out).context(GONE)?;
        // A daemon that refuses at once does not read the body; its answer tells why.
        let sent = write_body(body, &mut out).and_then(|()| out.flush());
        drop(out);
        let mut input = BufReader::new(&self.0);
        loop {
            match Part::read(&mut input) {
                Ok(Part::Done(figures)) => return Ok(figures),
                Ok(Part::Failed(reason)) => bail!("{reason}"),
                Ok(part) => hear(part)?,
                Err(error) => {
                    sent.context(GONE)?;
                    return Err(error).context(GONE);
                }
            }
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}
