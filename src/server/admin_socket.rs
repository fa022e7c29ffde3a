//! The administration socket: import, export and reload while the daemon runs. Only its owner may connect.

use std::io::{self, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::directory::export::{self, Form, Secrets};
use crate::directory::import::{Effect, Event, Format, ImportError, KeepGoing, Mode, Outcome};
use crate::server::admin_protocol::{Command, Part};
use crate::server::clock::Clock;
use crate::server::tls::Tls;
use crate::server::transfer::{Place, Wanted};

/// The most commands at a time; one more waits.
const COMMANDS_MAX: usize = 4;
/// How long a client may be silent in the middle of a command, in seconds.
const SILENCE_S_MAX: u64 = 60;
/// Rows between two words about an import's progress.
const ROWS_PER_WORD: u64 = 1_000;
/// Bytes of an export sent, or of an import received, at once.
const DATA_BYTES: usize = 64 * 1024;
/// The numbers in the names of files that are being imported: one more than there are commands at a time, twice.
const NUMBERS: std::ops::RangeInclusive<usize> = 0..=COMMANDS_MAX * 2;

/// Why there is no administration socket.
#[derive(Debug, Error)]
pub enum AdminSocketError {
    /// Another daemon answers there.
    #[error("the administration socket {} is in use by another daemon", path.display())]
    InUse {
        /// The socket.
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
    pub place: Place,
    /// The certificate.
    pub tls: Arc<Tls>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where a file that is being imported is kept meanwhile.
    pub spool: PathBuf,
}

/// A bound socket; removed when it is no longer served.
pub struct AdminSocket {
    path: PathBuf,
    listener: UnixListener,
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
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(AdminSocket {
            path: path.into(),
            listener,
        })
    }

    /// Serves commands until `stop`. A command under way is not waited for.
    pub async fn serve(self, administration: Administration, stop: CancellationToken) {
        Spooled::sweep(&administration.spool);
        let administration = Arc::new(administration);
        let free = Arc::new(Semaphore::new(COMMANDS_MAX));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let (Ok((stream, _)), Ok(place)) = (accepted, free.clone().acquire_owned().await) else {
                continue;
            };
            let administration = administration.clone();
            tokio::task::spawn_blocking(move || {
                if let Err(error) = blocking(stream).and_then(|stream| administration.serve(&stream)) {
                    tracing::debug!(target: "beadle", %error, "administration: the client has gone");
                }
                drop(place);
            });
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn blocking(stream: UnixStream) -> io::Result<StdUnixStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(SILENCE_S_MAX)))?;
    stream.set_write_timeout(Some(Duration::from_secs(SILENCE_S_MAX)))?;
    Ok(stream)
}

impl Administration {
    /// Serves one command to its end. Errors: the stream's.
    fn serve(&self, stream: &StdUnixStream) -> io::Result<()> {
        let mut input = BufReader::new(stream);
        let mut out = BufWriter::new(stream);
        let command = Command::read(&mut input)?;
        tracing::info!(target: "beadle", command = command.name, "administration");
        let last = match command.name.as_str() {
            "reload" => self.reload(),
            "import" => self.import(&command, &mut input, &mut out)?,
            "export" => self.export(&command, &mut out)?,
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

    fn import(&self, command: &Command, input: &mut impl io::Read, out: &mut impl Write) -> io::Result<Part> {
        let wanted = wanted(command);
        let file = match Spooled::filled(&self.spool, input)? {
            Ok(file) => file,
            Err(error) => return Ok(self.cannot_write(&error)),
        };
        let mut teller = Teller {
            out,
            rows: 0,
            mode: wanted.mode,
            broken: None,
        };
        let outcome = self
            .place
            .import(&file.path, &wanted, self.clock.now(), &mut |event| {
                teller.tell(&event)
            });
        if let Some(broken) = teller.broken {
            return Err(broken);
        }
        Ok(match outcome {
            Ok(outcome) => {
                self.place.catch_up();
                Part::Done(figures(&outcome))
            }
            Err(ImportError::Store(error)) => self.cannot_write(&error),
            Err(error) => Part::Failed(error.to_string()),
        })
    }

    fn cannot_write(&self, error: &dyn std::error::Error) -> Part {
        Part::Failed(format!("cannot write in {}: {error}", self.spool.display()))
    }

    fn export(&self, command: &Command, out: &mut impl Write) -> io::Result<Part> {
        let entries = self.place.entries();
        let form = match command.option("columns") {
            "" => Form::Ldif,
            columns => Form::Csv(columns.split(',').map(Into::into).collect()),
        };
        let secrets = match command.option("with-secrets") {
            "yes" => Secrets::Included,
            _ => Secrets::LeftOut,
        };
        let mut data = BufWriter::with_capacity(DATA_BYTES, DataParts(out));
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

/// The figures of an import as `key=value` words.
pub fn figures(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let applied = matches!(outcome.applied, crate::directory::import::Applied::Yes);
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
            Event::Refused(refused) => Some(Part::Refused(refused.problem.to_string(), refused.text.clone())),
            Event::Written(done, all) => Some(Part::Written(*done, *all)),
        }
    }
}

/// What a row does and whose it is, tab between.
pub fn shown_row(dn: &[u8], effect: &Effect) -> String {
    let dn = String::from_utf8_lossy(dn);
    match effect {
        Effect::New => format!("new\t{dn}"),
        Effect::Changed(attributes) => format!("changed {}\t{dn}", attributes.join(",")),
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

/// A file that is gone when dropped, readable by its owner only.
struct Spooled {
    path: PathBuf,
    file: std::fs::File,
}

impl Spooled {
    /// A file in `folder` with all that `input` has. Errors: the input's; within, the file's.
    fn filled(folder: &Path, input: &mut impl io::Read) -> io::Result<io::Result<Spooled>> {
        let mut spooled = match Spooled::create(folder) {
            Ok(spooled) => spooled,
            Err(error) => return Ok(Err(error)),
        };
        let mut bytes = vec![0; DATA_BYTES];
        loop {
            let length = input.read(&mut bytes)?;
            let Some(bytes) = bytes.get(..length).filter(|bytes| !bytes.is_empty()) else {
                return Ok(Ok(spooled));
            };
            if let Err(error) = spooled.file.write_all(bytes) {
                return Ok(Err(error));
            }
        }
    }

    /// Removes what a daemon that was killed has left in `folder`: hashes may be in it.
    fn sweep(folder: &Path) {
        for number in NUMBERS {
            let _ = std::fs::remove_file(Spooled::path(folder, number));
        }
    }

    fn path(folder: &Path, number: usize) -> PathBuf {
        folder.join(format!("import-{number}.spool"))
    }

    fn create(folder: &Path) -> io::Result<Spooled> {
        use std::os::unix::fs::OpenOptionsExt;
        for number in NUMBERS {
            let path = Spooled::path(folder, number);
            let made = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Ok(file) => return Ok(Spooled { path, file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many files import-*.spool: remove them"))
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
