//! What operators see of jobs, and how they run one.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Management, not_found};
use crate::http::Problem;

pub(super) async fn list(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    let jobs = services.iter().flat_map(|(service, shown)| {
        shown
            .jobs
            .iter()
            .map(move |(name, schedule, _)| json!({ "service": service, "name": name, "schedule": schedule }))
    });
    Json(jobs.collect())
}

pub(super) async fn run(
    State(management): State<Management>,
    Path((service, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let services = management.services();
    let job = services
        .get(service.as_str())
        .and_then(|shown| shown.jobs.iter().find(|(job, _, _)| *job == name))
        .ok_or_else(|| not_found("There is no such job."))?;
    tracing::info!(service, job = name, "an operator asked for a run");
    job.2.run_now();
    Ok(StatusCode::ACCEPTED)
}
