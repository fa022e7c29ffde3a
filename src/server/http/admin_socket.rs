//! The administration socket: import, export and reload while the daemon runs. Only its owner may connect.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::Shutdown as Direction;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::audit::{AuditEvent, Hashes, Subject};
use crate::exchange::entries::Entries;
use crate::exchange::export::{self, Form, Secrets};
use crate::exchange::import::{
    Applied, Effect, Event, Format, ImportError, KeepGoing, Mode, Outcome, Refused,
};
use crate::server::clock::Clock;
use crate::server::http::admin_protocol::{BodyError, Command, PIECE_BYTES, Part, read_body};
use crate::server::http::tls::Tls;
use crate::server::observe::audit_log::AuditLog;
use crate::server::work::spool::Spooled;
use crate::server::work::transfer::{Site, Wanted};

/// The most commands at a time; one more waits.
pub const COMMANDS_MAX: usize = 4;
/// How long a client may be silent in the middle of a command, in seconds.
const SILENCE_S_MAX: u64 = 60;
/// Rows between two words about an import's progress.
const ROWS_PER_WORD: u64 = 1_000;
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

/// What the commands act on.
pub struct Administration {
    /// The directory.
    pub place: Site,
    /// The certificate.
    pub tls: Arc<Tls>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where changes are told.
    pub audit: Arc<AuditLog>,
    /// Where a file that is being imported is kept meanwhile.
    pub spool: PathBuf,
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

    /// Serves commands until `stop`. A command under way is cut off then: of an import what was committed stays.
    pub async fn serve(self, administration: Administration, stop: CancellationToken) {
        let administration = Arc::new(administration);
        let (free, commands) = (Arc::new(Semaphore::new(COMMANDS_MAX)), TaskTracker::new());
        loop {
            let (stream, user, place) = tokio::select! {
                () = stop.cancelled() => break,
                next = self.next(&free) => next,
            };
            let (administration, stop) = (administration.clone(), stop.clone());
            commands.spawn(async move {
                if let Err(error) = attend(administration, stream, user, stop).await {
                    tracing::debug!(target: "beadle", %error, "administration: the client has gone");
                }
                drop(place);
            });
        }
        let _ = std::fs::remove_file(&self.path);
        commands.close();
        commands.wait().await;
    }

    /// The next client who may command, which user that is, and a place for the command.
    async fn next(&self, free: &Arc<Semaphore>) -> (UnixStream, u32, OwnedSemaphorePermit) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match self.obeyed(&stream) {
                    Some(user) => {
                        if let Ok(place) = free.clone().acquire_owned().await {
                            return (stream, user, place);
                        }
                    }
                    None => tracing::warn!(target: "beadle", "administration: a stranger was turned away"),
                },
                Err(error) => {
                    tracing::error!(target: "beadle", %error, "administration: cannot accept a client");
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

/// Serves one command on a thread that may block; at `stop` the client is hung up on, which ends it.
async fn attend(
    administration: Arc<Administration>,
    stream: UnixStream,
    user: u32,
    stop: CancellationToken,
) -> io::Result<()> {
    let stream = blocking(stream)?;
    let line = stream.try_clone()?;
    let mut serving = tokio::task::spawn_blocking(move || administration.serve(&stream, user));
    tokio::select! {
        served = &mut serving => return served?,
        () = stop.cancelled() => {}
    }
    let _ = line.shutdown(Direction::Both);
    serving.await?
}

fn blocking(stream: UnixStream) -> io::Result<StdUnixStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(SILENCE_S_MAX)))?;
    stream.set_write_timeout(Some(Duration::from_secs(SILENCE_S_MAX)))?;
    Ok(stream)
}

impl Administration {
    /// Serves one command of `user` to its end. Errors: the stream's.
    fn serve(&self, stream: &StdUnixStream, user: u32) -> io::Result<()> {
        let mut input = BufReader::new(stream);
        let mut out = BufWriter::new(stream);
        let command = Command::read(&mut input)?;
        let subject = Subject::Operator(user);
        tracing::info!(target: "beadle", command = command.name, user, "administration");
        let last = match command.name.as_str() {
            "reload" => self.reload(),
            "import" => self.import(&command, subject, &mut input, &mut out)?,
            "export" => self.export(&command, subject, &mut out)?,
            _ => Part::Failed("no such command: this daemon knows reload, import and export".into()),
        };
        last.write(&mut out)?;
        out.flush()
    }

    fn reload(&self) -> Part {
        match self.tls.reload() {
            Ok(()) => Part::Done("certificate=reloaded".into()),
            Err(error) => Part::Failed(format!("{error}; the old certificate stays")),
        }
    }

    fn import(
        &self,
        command: &Command,
        subject: Subject,
        input: &mut impl BufRead,
        out: &mut impl Write,
    ) -> io::Result<Part> {
        let wanted = wanted(command);
        let mut file = match Spooled::create(&self.spool) {
            Ok(file) => file,
            Err(error) => return Ok(self.cannot_write(&error)),
        };
        match read_body(input, &mut file.file) {
            Ok(()) => {}
            Err(BodyError::Sender(error)) => return Err(error),
            Err(BodyError::Keeper(error)) => return Ok(self.cannot_write(&error)),
        }
        let mut teller = Teller {
            out,
            rows: 0,
            mode: wanted.mode,
            broken: None,
            written: 0,
        };
        let outcome = self
            .place
            .import(&file.path, &wanted, self.clock.now(), &mut |event| {
                teller.tell(&event)
            });
        let entries = match &outcome {
            Ok(outcome) => outcome.written(),
            Err(_) => teller.written,
        };
        // Also of an import that ended early.
        if entries > 0 {
            let file = command.option("file").into();
            self.tell_audit(AuditEvent::EntriesImported {
                subject,
                file,
                entries,
            });
        }
        let written = teller.written;
        if let Some(broken) = teller.broken {
            return Err(broken);
        }
        Ok(match outcome {
            Ok(outcome) => {
                self.place.catch_up();
                Part::Done(figures(&outcome))
            }
            Err(ImportError::Store(error)) => Part::Failed(format!(
                "cannot write in {}: {error}; {written} entries were written, and the same file again does the rest",
                self.spool.display()
            )),
            Err(error) => Part::Failed(error.to_string()),
        })
    }

    fn tell_audit(&self, event: AuditEvent) {
        self.audit.write_blocking(event, self.clock.now());
    }

    fn cannot_write(&self, error: &dyn std::error::Error) -> Part {
        Part::Failed(format!("cannot write in {}: {error}", self.spool.display()))
    }

    fn export(&self, command: &Command, subject: Subject, out: &mut impl Write) -> io::Result<Part> {
        let entries = self.place.entries();
        let form = match command.option("columns") {
            "" => Form::Ldif,
            columns => Form::Csv(columns.split(',').map(Into::into).collect()),
        };
        let secrets = match command.option("with-secrets") {
            "yes" => Secrets::Included,
            _ => Secrets::LeftOut,
        };
        if let Err(error) = export::check(&self.place.schema, &form, secrets) {
            return Ok(Part::Failed(error.to_string()));
        }
        self.tell_audit(export_begins(subject, &entries, secrets));
        let mut data = BufWriter::with_capacity(PIECE_BYTES, DataParts(out));
        let exported = export::export(
            &self.place.schema,
            &entries,
            &form,
            secrets,
            &mut data,
            &mut |_, _| {},
        );
        Ok(match exported {
            Ok(entries) => {
                data.flush()?;
                Part::Done(format!("entries={entries}"))
            }
            Err(export::ExportError::Io(error)) => return Err(error),
            Err(error) => Part::Failed(error.to_string()),
        })
    }
}

fn wanted(command: &Command) -> Wanted {
    Wanted {
        format: if command.option("format") == "csv" {
            Format::Csv
        } else {
            Format::Ldif
        },
        keep_going: if command.option("keep-going") == "yes" {
            KeepGoing::Yes
        } else {
            KeepGoing::No
        },
        mode: if command.option("dry-run") == "yes" {
            Mode::DryRun
        } else {
            Mode::Apply
        },
        ignored: command
            .option("ignore")
            .split(',')
            .filter(|name| !name.is_empty())
            .map(Into::into)
            .collect(),
    }
}

/// That `subject` exports `entries`.
pub fn export_begins(subject: Subject, entries: &Entries, secrets: Secrets) -> AuditEvent {
    AuditEvent::EntriesExported {
        subject,
        entries: entries.snapshot.len() as u64,
        hashes: match secrets {
            Secrets::Included => Hashes::Included,
            Secrets::LeftOut => Hashes::LeftOut,
        },
    }
}

/// The figures of an import as `key=value` words.
pub fn figures(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let applied = match outcome.applied {
        Applied::Yes => "true",
        Applied::Partly => "partly",
        Applied::No => "false",
    };
    format!(
        "rows={} new={} changed={} unchanged={} refused={} applied={applied}",
        counts.rows, counts.new, counts.changed, counts.unchanged, counts.refused
    )
}

/// Tells a client of an import's events.
struct Teller<'a, W> {
    out: &'a mut W,
    rows: u64,
    mode: Mode,
    broken: Option<io::Error>,
    /// Entries written so far.
    written: u64,
}

impl<W: Write> Teller<'_, W> {
    fn tell(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let Some(part) = self.part(event) else {
            return ControlFlow::Continue(());
        };
        match part.write(self.out).and_then(|()| self.out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.broken = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Every row of a dry run that would change something, and a word now and then.
    fn part(&mut self, event: &Event<'_>) -> Option<Part> {
        match event {
            Event::Row { dn, effect, bytes } => {
                self.rows += 1;
                let shown = self.mode == Mode::DryRun && **effect != Effect::Unchanged;
                let text = if shown {
                    shown_row(dn, effect)
                } else {
                    self.rows.to_string()
                };
                let due = shown || self.rows.is_multiple_of(ROWS_PER_WORD);
                due.then_some(Part::Row(*bytes, text))
            }
            Event::Refused(refused) => Some(refused_part(refused)),
            Event::Written(done, all) => {
                self.written = *done;
                Some(Part::Written(*done, *all))
            }
        }
    }
}

fn refused_part(refused: &Refused) -> Part {
    let why = refused.problem.to_string();
    match &refused.place {
        Some(place) => Part::RefusedAt(why, place.clone()),
        None => Part::Refused(why, refused.text.clone()),
    }
}

/// What a row does and whose it is, tab between: `new`, `unchanged`, or `changed a,b removed c`, either of which may be
/// missing; `changed` alone if only the name is spelt otherwise. The name is as the file has it.
pub fn shown_row(dn: &[u8], effect: &Effect) -> String {
    let dn = String::from_utf8_lossy(dn);
    match effect {
        Effect::New => format!("new\t{dn}"),
        Effect::Changed { set, removed } if set.is_empty() && removed.is_empty() => format!("changed\t{dn}"),
        Effect::Changed { set, removed } => {
            let parts = [("changed", set), ("removed", removed)];
            let parts = parts.iter().filter(|(_, names)| !names.is_empty());
            let words: Vec<String> = parts
                .map(|(word, names)| format!("{word} {}", names.join(",")))
                .collect();
            format!("{}\t{dn}", words.join(" "))
        }
        Effect::Unchanged => format!("unchanged\t{dn}"),
    }
}

/// Writes what it is given as [`Part::Data`].
struct DataParts<'a, W>(&'a mut W);

impl<W: Write> Write for DataParts<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Part::Data(bytes.to_vec()).write(self.0)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
