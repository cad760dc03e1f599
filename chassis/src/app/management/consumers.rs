//! What operators see of consumers, and how they pause and resume one.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
use super::Shown;
use super::audit::{Caller, Deed};
use super::order::Order;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::orphans;
use super::{Management, not_found};
use crate::http::Problem;
use crate::messaging::consumer::{ConsumerControl, ConsumerHealth};

/// A reason is cut to this length.
const REASON_CHARS: usize = 300;

pub(super) fn routes() -> Router<Management> {
    Router::new()
        .route("/consumers", get(list))
        .route("/consumers/{queue}/pause", post(pause))
        .route("/consumers/{queue}/resume", post(resume))
}

/// Why a consumer is to pause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    reason: String,
}

/// There is nothing to say about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {}

impl Management {
    /// The consumer of the queue, and its service.
    fn consumer(&self, queue: &str) -> Result<(&'static str, ConsumerControl), Problem> {
        let services = self.services();
        let mut all =
            services.iter().flat_map(|(service, shown)| shown.consumers.iter().map(move |one| (*service, one)));
        let found = all.find(|(_, consumer)| consumer.queue() == queue);
        let (service, consumer) = found.ok_or_else(|| not_found("No service of this process reads such a queue."))?;
        Ok((service, consumer.clone()))
    }
}

async fn list(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    let all = services.iter().flat_map(|(service, shown)| {
        shown.consumers.iter().map(move |consumer| {
            let mut value = state(consumer);
            value["service"] = (*service).into();
            value
        })
    });
    let orphans: Vec<Value> = services.iter().flat_map(|(service, shown)| orphans::of(service, shown)).collect();
    Json(json!({ "consumers": all.collect::<Vec<_>>(), "orphans": orphans }))
}

/// Without a database nobody knows which queues nobody reads any more.
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
mod orphans {
    pub(super) fn of(_service: &str, _shown: &super::Shown) -> Vec<serde_json::Value> {
        Vec::new()
    }
}

async fn pause(
    State(management): State<Management>,
    Path(queue): Path<String>,
    caller: Caller,
    Order(order): Order<Pause>,
) -> Result<Json<Value>, Problem> {
    let (service, consumer) = management.consumer(&queue)?;
    let reason: String = order.reason.trim().chars().take(REASON_CHARS).collect();
    if reason.is_empty() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request");
        return Err(problem.detail("Say why it is to pause.").field("/reason", "expected a reason"));
    }
    let selection = format!("reason={reason}");
    consumer.pause(reason);
    caller.did(Deed { action: "consumer.pause", service, target: &queue, selection, outcome: Ok(1) });
    Ok(Json(state(&consumer)))
}

async fn resume(
    State(management): State<Management>,
    Path(queue): Path<String>,
    caller: Caller,
    Order(Resume {}): Order<Resume>,
) -> Result<Json<Value>, Problem> {
    let (service, consumer) = management.consumer(&queue)?;
    consumer.resume();
    caller.did(Deed { action: "consumer.resume", service, target: &queue, selection: String::new(), outcome: Ok(1) });
    Ok(Json(state(&consumer)))
}

/// What it is doing at this moment; a pause that was just ordered may show a little later.
fn state(consumer: &ConsumerControl) -> Value {
    let health = consumer.health();
    let by_operator = matches!(health, ConsumerHealth::Paused { by_operator: true, .. });
    json!({
        "queue": consumer.queue(),
        "state": health.as_str(),
        "cause": health.cause(),
        "paused_by_operator": by_operator,
    })
}
