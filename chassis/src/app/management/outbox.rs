//! What operators see of outboxes, and what they do about messages that could not be sent.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::audit::{Caller, Deed};
use super::dead_letters::to_its_end;
use super::order::{Order, Selected, Wanted};
use super::{Management, not_found};
use crate::http::Problem;
use crate::messaging::dead_letters::{Filter, Selection};
use crate::messaging::outbox::Desk;
use crate::{Error, ErrorKind};

pub(super) fn routes() -> Router<Management> {
    Router::new()
        .route("/outbox", get(summary))
        .route("/outbox/{service}/parked", get(list))
        .route("/outbox/{service}/parked/{id}", get(open))
        .route("/outbox/{service}/parked/retry", post(retry))
        .route("/outbox/{service}/parked/discard", post(discard))
}

impl Management {
    fn outbox(&self, service: &str) -> Result<(&'static str, Desk), Problem> {
        let services = self.services();
        let found = services.get_key_value(service).and_then(|(name, shown)| Some((*name, shown.outbox.clone()?)));
        found.ok_or_else(|| not_found("There is no such service, or it has no outbox."))
    }
}

async fn summary(State(management): State<Management>) -> Json<Value> {
    let all: Vec<_> = management.services().iter().map(|(name, shown)| (*name, shown.outbox.clone())).collect();
    let mut outboxes = Vec::new();
    for (service, desk) in all {
        let Some(desk) = desk else { continue };
        let mut value = match desk.summary().await {
            Ok(summary) => json!(summary),
            Err(error) => json!({ "fault": fault(&error) }),
        };
        value["service"] = service.into();
        outboxes.push(value);
    }
    Json(json!({ "outboxes": outboxes }))
}

async fn list(
    State(management): State<Management>,
    Path(service): Path<String>,
    wanted: Wanted,
) -> Result<Json<Value>, Problem> {
    let (_, desk) = management.outbox(&service)?;
    let rows = desk.list(&without_reason(wanted.filter)?, wanted.limit).await.map_err(|error| problem(&error))?;
    let more = rows.len() == wanted.limit;
    Ok(Json(json!({ "service": service, "messages": rows, "more": more })))
}

async fn open(
    State(management): State<Management>,
    Path((service, id)): Path<(String, String)>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let (service, desk) = management.outbox(&service)?;
    let opened = desk.open(&id).await.map_err(|error| problem(&error))?;
    let (selection, outcome) = (format!("id={id}"), Ok(u64::from(opened.is_some())));
    caller.did(Deed { action: "outbox.open", service, target: "outbox", selection, outcome });
    Ok(Json(json!(opened.ok_or_else(|| not_found("There is no such message."))?)))
}

async fn retry(
    management: State<Management>,
    service: Path<String>,
    caller: Caller,
    order: Order<Selected>,
) -> Result<Json<Value>, Problem> {
    take(management, service, caller, order, true).await
}

async fn discard(
    management: State<Management>,
    service: Path<String>,
    caller: Caller,
    order: Order<Selected>,
) -> Result<Json<Value>, Problem> {
    take(management, service, caller, order, false).await
}

async fn take(
    State(management): State<Management>,
    Path(service): Path<String>,
    caller: Caller,
    Order(selected): Order<Selected>,
    retry: bool,
) -> Result<Json<Value>, Problem> {
    let (service, desk) = management.outbox(&service)?;
    let selected = selected.without_rate()?;
    let (selection, most) = (selected.selection(retry)?, selected.most()?);
    if let Selection::Matching(filter) = &selection {
        without_reason(filter.clone())?;
    }
    to_its_end(async move {
        let (action, name) = if retry { ("outbox.retry", "retried") } else { ("outbox.discard", "discarded") };
        let done = if retry { desk.retry(&selection, most).await } else { desk.discard(&selection, most).await };
        let outcome = done.as_ref().map(|count| *count).map_err(fault);
        let selection = selection.to_string();
        caller.did(Deed { action, service, target: "outbox", selection, outcome });
        let done = done.map_err(|error| problem(&error))?;
        Ok(Json(json!({ name: done })))
    })
    .await
}

fn without_reason(filter: Filter) -> Result<Filter, Problem> {
    if filter.reason.is_some() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request");
        let problem = problem.detail("Messages that could not be sent have no reason but their error.");
        return Err(problem.field("/filter/reason", "is for dead letters only; ask for `error`"));
    }
    Ok(filter)
}

fn fault(error: &Error) -> String {
    format!("{error:#}")
}

fn problem(error: &Error) -> Problem {
    tracing::warn!(error = fault(error), "an operator's call could not reach the outbox");
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Overloaded => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable").detail("The database can't be reached now.")
        }
        _ => Problem::from_status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
