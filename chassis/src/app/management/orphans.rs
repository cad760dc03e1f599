//! What operators see of queues that nobody reads any more, and how they retire one.

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::audit::{Caller, Deed};
use super::dead_letters::to_its_end;
use super::order::Order;
use super::{Management, Shown, not_found};
use crate::http::Problem;
use crate::messaging::consumer::{Orphans, Rest, RetireError};
use crate::messaging::driver::BrowseError;
use crate::{ErrorKind, Result};

pub(super) fn routes() -> Router<Management> {
    Router::new().route("/consumers/{queue}/retire", post(retire))
}

/// What is to become of the messages that wait in the queue; nothing need be said where there are none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retire {
    messages: Option<Rest>,
}

/// The queues of a service that nobody reads any more.
pub(super) fn of(service: &str, shown: &Shown) -> Vec<Value> {
    let found = shown.orphans.as_ref().map(Orphans::found).unwrap_or_default();
    let orphans = found.into_iter().map(|orphan| {
        json!({
            "service": service,
            "queue": orphan.queue,
            "waiting": orphan.waiting,
            "unread_seconds": orphan.unread_for.as_secs(),
        })
    });
    orphans.collect()
}

impl Management {
    /// The orphans of the service whose name the queue's begins with.
    fn orphans(&self, queue: &str) -> Result<(&'static str, Orphans), Problem> {
        let services = self.services();
        let mut all = services.iter().filter_map(|(name, shown)| Some((*name, shown.orphans.clone()?)));
        let owns = |name: &str| queue.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let missing = || not_found("No service of this process, that has a database, has such a queue.");
        all.find(|(name, _)| owns(name)).ok_or_else(missing)
    }
}

async fn retire(
    State(management): State<Management>,
    Path(queue): Path<String>,
    caller: Caller,
    Order(Retire { messages }): Order<Retire>,
) -> Result<Json<Value>, Problem> {
    let (service, orphans) = management.orphans(&queue)?;
    to_its_end(async move {
        let done = orphans.retire(&queue, messages).await;
        let outcome = done.as_ref().map(|done| done.parked + done.discarded).map_err(ToString::to_string);
        let selection = messages.map(|rest| format!("messages={}", json!(rest).as_str().unwrap_or_default()));
        let selection = selection.unwrap_or_default();
        caller.did(Deed { action: "consumer.retire", service, target: &queue, selection, outcome });
        let mut value = json!(done.map_err(problem)?);
        value["service"] = service.into();
        value["queue"] = queue.into();
        Ok(Json(value))
    })
    .await
}

fn problem(error: RetireError) -> Problem {
    let (status, code) = match &error {
        RetireError::Unknown { .. } => (StatusCode::NOT_FOUND, "not_found"),
        RetireError::NotEmpty { .. } => (StatusCode::CONFLICT, "queue_not_empty"),
        RetireError::HasHandler(_) | RetireError::ReadLately { .. } | RetireError::InUse { .. } => {
            (StatusCode::CONFLICT, "queue_in_use")
        }
        RetireError::Broker(BrowseError::NotConnected(_)) | RetireError::Publish(_) | RetireError::Declare(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        RetireError::Database(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Overloaded) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        RetireError::Database(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error"),
        _ => (StatusCode::BAD_GATEWAY, "refused"),
    };
    let problem = Problem::new(status, code);
    match error {
        RetireError::Database(error) => problem.detail("The database can't be reached now.").caused_by(error),
        error => problem.detail(format!("{error}.")),
    }
}
