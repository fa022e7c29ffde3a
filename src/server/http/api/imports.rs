//! `POST /api/v1/imports`: the body is the file, the answer lines of JSON ([`ImportLine`]) while it is imported.

use std::future::poll_fn;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use crate::domain::audit::{AuditEvent, Subject};
use crate::exchange::import::{Event, Format, ImportError, KeepGoing, Mode, Outcome};
use crate::server::http::api::sending::{self, Sending};
use crate::server::http::api::{Api, Caller, IMPORTS, ProblemDetails, Reason, SILENCE, query};
use crate::server::work::spool::Spooled;
use crate::server::work::telling::{Teller, Told};
use crate::server::work::transfer::Wanted;
use crate::store::CommitError;

/// What is asked of an import.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    format: Format,
    mode: Mode,
    keep_going: KeepGoing,
    /// Attributes that are skipped, separated by commas.
    #[serde(default)]
    ignore: String,
    /// What the audit log calls the file.
    #[serde(default)]
    file: String,
}

impl ImportQuery {
    /// Asks for `wanted` of a file that the audit log calls `file`.
    pub fn new(wanted: &Wanted, file: String) -> ImportQuery {
        ImportQuery {
            format: wanted.format,
            mode: wanted.mode,
            keep_going: wanted.keep_going,
            ignore: wanted.ignored.join(","),
            file,
        }
    }

    /// Where it is asked. Errors: it cannot be spelt.
    pub fn uri(&self) -> Result<String, serde_urlencoded::ser::Error> {
        Ok(format!("{IMPORTS}?{}", serde_urlencoded::to_string(self)?))
    }

    fn wanted(&self) -> Wanted {
        let names = self.ignore.split(',').filter(|name| !name.is_empty());
        Wanted {
            format: self.format,
            keep_going: self.keep_going,
            mode: self.mode,
            ignored: names.map(Into::into).collect(),
        }
    }
}

/// One line of the answer. One without a last [`ImportLine::Done`] or [`ImportLine::Failed`] was cut off.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportLine {
    /// What happens.
    Told(Told),
    /// It has succeeded; refused rows are no failure.
    Done(Outcome),
    /// It has failed.
    Failed(ProblemDetails),
}

/// Answers once the file is here: nothing is imported of one that does not arrive whole.
pub(super) async fn import(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    body: Body,
) -> Result<Response, ProblemDetails> {
    let asked: ImportQuery = query(&uri)?;
    let turn = api.turn().await?;
    let subject = caller.begins("import");
    let (folder, runtime) = (api.administration.spool.clone(), Handle::current());
    let spooled = api.run(move || receive(&folder, body, &runtime)).await??;
    let (sending, sent) = sending::body(SILENCE, caller.hang_up);
    let importing = api.clone();
    api.work.spawn_blocking(move || {
        if let Err(error) = importing.import(&asked, subject, &spooled, sending) {
            tracing::debug!(target: "beadle", %error, "administration: the client has gone");
        }
        drop(turn);
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::new(sent)).into_response())
}

/// Keeps the whole file in `folder`. Errors: it did not arrive, or cannot be kept.
fn receive(folder: &Path, mut body: Body, runtime: &Handle) -> Result<Spooled, ProblemDetails> {
    let mut kept = Spooled::create(folder);
    while let Some(piece) = runtime.block_on(next(&mut body))? {
        // What cannot be kept is read all the same: a client hears why only when it has sent everything.
        kept = kept.and_then(|mut spooled| spooled.file.write_all(&piece).map(|()| spooled));
    }
    kept.map_err(|error| cannot_write(folder, error))
}

/// The next piece of a body, or `None` at its end. Errors: it is cut off, or the client is silent.
async fn next(body: &mut Body) -> Result<Option<Bytes>, ProblemDetails> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
    let cut_off = |why: &dyn std::fmt::Display| {
        ProblemDetails::new(
            Reason::Incomplete,
            format!("the file did not arrive whole: {why}"),
        )
    };
    match tokio::time::timeout(SILENCE, frame).await {
        Ok(None) => Ok(None),
        // What is no data is a trailer, and says nothing.
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(error))) => Err(cut_off(&error)),
        Err(elapsed) => Err(cut_off(&elapsed)),
    }
}

impl Api {
    /// Imports the file and tells of it. Errors: the client has gone, and what was under way is written.
    fn import(
        &self,
        asked: &ImportQuery,
        subject: Subject,
        spooled: &Spooled,
        mut out: BufWriter<Sending>,
    ) -> io::Result<()> {
        let (place, wanted) = (&self.administration.place, asked.wanted());
        let mut teller = Teller::new(wanted.mode);
        let mut told = Ok(());
        let mut hear = |event: Event<'_>| {
            if let Some(line) = teller.told(&event) {
                told = tell(&mut out, &ImportLine::Told(line));
            }
            match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        let now = self.administration.clock.now();
        let outcome = place.import(&spooled.path, &wanted, now, &mut hear);
        // Whoever is told of it, and of one that ended early, finds what was written.
        place.catch_up();
        let (written, _) = teller.written;
        let entries = outcome.as_ref().map_or(written, Outcome::written);
        // Also of an import that ended early.
        if entries > 0 {
            let file = asked.file.as_str().into();
            self.tell_audit(AuditEvent::EntriesImported {
                subject,
                file,
                entries,
            });
        }
        told?;
        let last = match outcome {
            Ok(outcome) => ImportLine::Done(outcome),
            Err(error) => ImportLine::Failed(failed(&self.administration.spool, error, written)),
        };
        tell(&mut out, &last)?;
        sending::finish(out)
    }
}

/// Writes one line. The rows of a dry run, of which there may be many, wait until there is a piece of them.
fn tell(out: &mut BufWriter<Sending>, line: &ImportLine) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    match line {
        ImportLine::Told(Told::Row { .. }) => Ok(()),
        _ => out.flush(),
    }
}

fn failed(folder: &Path, error: ImportError<CommitError>, written: u64) -> ProblemDetails {
    let reason = match &error {
        ImportError::Io(_) | ImportError::Hopeless(_) => Reason::UnusableFile,
        ImportError::Unready(_) | ImportError::Lost(_) => Reason::Internal,
        ImportError::Busy => Reason::Busy,
        ImportError::Stopped => Reason::Stopped,
        ImportError::Store(error) => {
            let done = format!("{written} entries were written, and the same file again does the rest");
            return cannot_write(folder, format!("{error}; {done}"));
        }
    };
    ProblemDetails::new(reason, error)
}

fn cannot_write(folder: &Path, why: impl std::fmt::Display) -> ProblemDetails {
    let detail = format!("cannot write in {}: {why}", folder.display());
    ProblemDetails::new(Reason::CannotWrite, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// What becomes of a file that arrives in these pieces and is kept in `folder`.
    fn received(folder: &Path, pieces: &[Option<&[u8]>]) -> Result<Vec<u8>, Reason> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let guard = runtime.enter();
        let (mut sending, sent) = sending::body(Duration::from_secs(60), Default::default());
        drop(guard);
        let body = Body::new(sent);
        std::thread::scope(|scope| {
            let kept = scope.spawn(|| receive(folder, body, runtime.handle()));
            for piece in pieces.iter().copied().flatten() {
                sending.write_all(piece).unwrap();
                sending.flush().unwrap();
            }
            match pieces.contains(&None) {
                true => drop(sending),
                false => sending::finish(sending).unwrap(),
            }
            let kept = kept.join().unwrap();
            kept.map(|spooled| std::fs::read(&spooled.path).unwrap())
                .map_err(|problem| problem.reason)
        })
    }

    #[test]
    fn a_file_is_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let whole = received(folder.path(), &[Some(b"dn: "), Some(b"dc=x\n")]);
        assert_eq!(whole, Ok(b"dn: dc=x\n".to_vec()));
        let cut = received(folder.path(), &[Some(b"dn: "), None]);
        assert_eq!(cut, Err(Reason::Incomplete));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_kept_is_heard_to_its_end() {
        let pieces = [Some(&b"dn: dc=x\n"[..]); 100];
        let refused = received(Path::new("/nowhere"), &pieces);
        assert_eq!(refused, Err(Reason::CannotWrite));
    }
}
