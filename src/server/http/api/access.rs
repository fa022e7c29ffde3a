//! `GET /api/v1/access`: what somebody may do with an entry, and why, in lines of text.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};

use crate::directory::ask::explain::{Explain, ExplainError};
use crate::server::http::api::{ACCESS, Api, Caller, ProblemDetails, Reason, query};

/// What is to be explained, as [`Explain`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessQuery {
    /// Who asks.
    pub who: String,
    /// The entry.
    pub entry: String,
    /// One attribute, or all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
}

impl AccessQuery {
    /// Where it is asked. Errors: it cannot be spelt.
    pub fn uri(&self) -> Result<String, serde_urlencoded::ser::Error> {
        Ok(format!("{ACCESS}?{}", serde_urlencoded::to_string(self)?))
    }

    /// The question.
    pub fn question(&self) -> Explain<'_> {
        Explain {
            who: &self.who,
            entry: &self.entry,
            attribute: self.attribute.as_deref(),
        }
    }
}

impl From<ExplainError> for ProblemDetails {
    fn from(error: ExplainError) -> ProblemDetails {
        ProblemDetails::new(Reason::BadRequest, error)
    }
}

pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<String, ProblemDetails> {
    let asked: AccessQuery = query(&uri)?;
    caller.begins("access explain");
    let explaining = api.clone();
    let explained = api.run(move || {
        let administration = &explaining.administration;
        let snapshot = administration.place.entries().snapshot;
        administration.directory.explain(&snapshot, &asked.question())
    });
    Ok(explained.await??)
}
