//! What machines ask: probes and metrics.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Management;
use crate::health::{Health, Phase};
use crate::telemetry::metrics;

/// The process answers, and that is all that liveness means.
pub(super) async fn livez() -> &'static str {
    "up\n"
}

pub(super) async fn readyz(State(management): State<Management>) -> Response {
    word(&management.0.health.readiness())
}

pub(super) async fn startupz(State(management): State<Management>) -> Response {
    match management.0.health.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
        Phase::Ready | Phase::Draining | Phase::Stopped => "up\n".into_response(),
    }
}

/// One status word: details are for operators only.
fn word(health: &Health) -> Response {
    let status = if matches!(health, Health::Down(_)) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, format!("{}\n", health.as_str())).into_response()
}

pub(super) async fn render() -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}
