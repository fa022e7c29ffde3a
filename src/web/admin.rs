//! The admin port: `/healthz` and `/metrics`, for monitoring on the same machine or network.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the daemon says of itself when it is asked whether it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Answers requests and takes writes.
    Well,
    /// As well, but some records cannot be read and are set aside.
    Incomplete,
    /// Answers from memory, but the store refuses writes.
    ReadOnly,
    /// Not loaded yet.
    NotReady,
}

/// Where the pages get what they show; `server/` implements it.
pub trait Vitals: Send + Sync + 'static {
    /// The state of the daemon now.
    fn health(&self) -> Health;
    /// All metrics in the OpenMetrics text format.
    fn metrics(&self) -> String;
}

/// The pages of the admin port.
pub fn router(vitals: Arc<dyn Vitals>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .with_state(vitals)
}

/// 200 `ok` (and what is not quite), or 503 with the reason in a word, so that a load balancer needs to read the status only.
async fn healthz(State(vitals): State<Arc<dyn Vitals>>) -> (StatusCode, &'static str) {
    match vitals.health() {
        Health::Well => (StatusCode::OK, "ok\n"),
        Health::Incomplete => (StatusCode::OK, "ok, but records are set aside: see the log\n"),
        Health::ReadOnly => (
            StatusCode::SERVICE_UNAVAILABLE,
            "read-only: the store refuses writes\n",
        ),
        Health::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

async fn metrics(State(vitals): State<Arc<dyn Vitals>>) -> Response {
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], vitals.metrics()).into_response()
}
