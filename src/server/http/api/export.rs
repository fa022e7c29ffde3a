//! `GET /api/v1/export`: everything, as LDIF or CSV. An answer that ends early is not ended: the client knows that it
//! is not whole.

use std::io::BufWriter;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::domain::audit::{AuditEvent, Hashes, Subject};
use crate::exchange::entries::Entries;
use crate::exchange::export::{self, ExportError, Form, Secrets};
use crate::server::http::api::sending::{self, Sending};
use crate::server::http::api::{Api, Caller, EXPORT, ProblemDetails, Reason, SILENCE, query};
use crate::server::index::quarantined::SetAside;

/// The header that says how many entries there are.
pub const ENTRIES: &str = "beadle-entries";

/// The header that says which records are left out, as JSON.
pub const SET_ASIDE: &str = "beadle-set-aside";

/// What is asked of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// The columns of CSV, separated by commas; without any it is LDIF.
    #[serde(default)]
    columns: String,
    /// Whether hashes are exported.
    secrets: Secrets,
}

impl ExportQuery {
    /// Asks for everything in this form.
    pub fn new(form: &Form, secrets: Secrets) -> ExportQuery {
        let columns = match form {
            Form::Ldif => String::new(),
            Form::Csv(columns) => columns.join(","),
        };
        ExportQuery { columns, secrets }
    }

    /// Where it is asked. Errors: it cannot be spelt.
    pub fn uri(&self) -> Result<String, serde_urlencoded::ser::Error> {
        Ok(format!("{EXPORT}?{}", serde_urlencoded::to_string(self)?))
    }

    fn form(&self) -> Form {
        match self.columns.as_str() {
            "" => Form::Ldif,
            columns => Form::Csv(columns.split(',').map(Into::into).collect()),
        }
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

pub(super) async fn export(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, ProblemDetails> {
    let asked: ExportQuery = query(&uri)?;
    let (form, secrets) = (asked.form(), asked.secrets);
    export::check(&api.administration.place.schema, &form, secrets)?;
    let turn = api.turn().await?;
    let subject = caller.begins("export");
    let reading = api.clone();
    let entries = api.run(move || reading.begin_export(subject, secrets)).await?;
    let set_aside = header(&SetAside::of(entries.snapshot.quarantine()))?;
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type(&form))),
        (HeaderName::from_static(ENTRIES), entries.snapshot.len().into()),
        (HeaderName::from_static(SET_ASIDE), set_aside),
    ];
    let (sending, sent) = sending::body(SILENCE, caller.hang_up);
    api.work.spawn_blocking(move || {
        if let Err(error) = send(&entries, &form, secrets, sending) {
            tracing::info!(target: "beadle", %error, "administration: an export has ended early");
        }
        drop(turn);
    });
    Ok((head, Body::new(sent)).into_response())
}

/// As JSON. Its sentences are of plain letters.
fn header(set_aside: &SetAside) -> Result<HeaderValue, ProblemDetails> {
    let text =
        serde_json::to_string(set_aside).map_err(|error| ProblemDetails::new(Reason::Internal, error))?;
    HeaderValue::try_from(text).map_err(|error| ProblemDetails::new(Reason::Internal, error))
}

fn media_type(form: &Form) -> &'static str {
    match form {
        Form::Ldif => "text/ldif",
        Form::Csv(_) => "text/csv; charset=utf-8",
    }
}

impl Api {
    fn begin_export(&self, subject: Subject, secrets: Secrets) -> Entries {
        let entries = self.administration.place.entries();
        self.tell_audit(export_begins(subject, &entries, secrets));
        entries
    }
}

fn send(
    entries: &Entries,
    form: &Form,
    secrets: Secrets,
    mut out: BufWriter<Sending>,
) -> Result<(), ExportError> {
    export::export(&entries.schema, entries, form, secrets, &mut out, &mut |_, _| {})?;
    Ok(sending::finish(out)?)
}
