//! Why a request fails: RFC 9457.

use std::borrow::Cow;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::exchange::export::ExportError;

/// The body of an answer that is an error, and the end of one that became an error on the way.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{detail}")]
pub struct ProblemDetails {
    /// What kind of problem it is.
    #[serde(rename = "type")]
    pub reason: Reason,
    /// The kind in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
}

/// What a client could do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Ask in another way.
    #[serde(rename = "/problems/bad-request")]
    BadRequest,
    /// Ask for something else.
    #[serde(rename = "/problems/not-found")]
    NotFound,
    /// Ask by another method.
    #[serde(rename = "/problems/method-not-allowed")]
    MethodNotAllowed,
    /// Send the file again, whole.
    #[serde(rename = "/problems/incomplete")]
    Incomplete,
    /// Correct the file, or the files of the configuration.
    #[serde(rename = "/problems/unusable-file")]
    UnusableFile,
    /// Try again: others were in the way.
    #[serde(rename = "/problems/busy")]
    Busy,
    /// Make room for the store.
    #[serde(rename = "/problems/cannot-write")]
    CannotWrite,
    /// Try again once the daemon has started again.
    #[serde(rename = "/problems/stopped")]
    Stopped,
    /// Report a fault of the daemon.
    #[serde(rename = "/problems/internal")]
    Internal,
}

impl Reason {
    fn status_and_title(self) -> (StatusCode, &'static str) {
        match self {
            Reason::BadRequest => (StatusCode::BAD_REQUEST, "the request cannot be understood"),
            Reason::NotFound => (StatusCode::NOT_FOUND, "there is no such resource"),
            Reason::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "the resource is not used by this method",
            ),
            Reason::Incomplete => (StatusCode::BAD_REQUEST, "the file did not arrive whole"),
            Reason::UnusableFile => (StatusCode::UNPROCESSABLE_ENTITY, "a file cannot be used"),
            Reason::Busy => (StatusCode::CONFLICT, "others were in the way"),
            Reason::CannotWrite => (StatusCode::INSUFFICIENT_STORAGE, "the store cannot be written"),
            Reason::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
            Reason::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "a fault of the daemon"),
        }
    }
}

impl ProblemDetails {
    /// A problem of this kind; `detail` is one sentence.
    pub fn new(reason: Reason, detail: impl ToString) -> ProblemDetails {
        let (status, title) = reason.status_and_title();
        ProblemDetails {
            reason,
            title: title.into(),
            status: status.as_u16(),
            detail: detail.to_string(),
        }
    }
}

impl From<ExportError> for ProblemDetails {
    fn from(error: ExportError) -> ProblemDetails {
        ProblemDetails::new(Reason::BadRequest, error)
    }
}

impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        let (status, _) = self.reason.status_and_title();
        // Words and a number have a JSON form; if they had not, the words would do.
        let body = serde_json::to_vec(&self).unwrap_or_else(|_| self.detail.into_bytes());
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
