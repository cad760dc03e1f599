//! What operators see of dead letters, and what they do about them.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::audit::{Caller, Deed};
use super::order::{Order, Selected, Wanted};
use super::{Management, not_found};
use crate::http::Problem;
use crate::messaging::dead_letters::{DeadLetterError, DeadLetters, Listing, Replay};
use crate::messaging::driver::BrowseError;

/// How many letters are sent back in a second unless it is said.
const PER_SECOND: u32 = 100;

pub(super) fn routes() -> Router<Management> {
    Router::new()
        .route("/dead-letters", get(summary))
        .route("/dead-letters/{queue}", get(list))
        .route("/dead-letters/{queue}/{id}", get(open))
        .route("/dead-letters/{queue}/replay", post(replay))
        .route("/dead-letters/{queue}/discard", post(discard))
}

impl Management {
    /// The dead letters of whichever service has the queue.
    fn dead_letters(&self, queue: &str) -> Result<DeadLetters, Problem> {
        let services = self.services();
        let mut letters = services.values().filter_map(|shown| shown.dead_letters.as_ref());
        let found = letters.find(|letters| letters.has(queue)).cloned();
        found.ok_or_else(|| not_found("No service of this process has such a queue."))
    }

    /// Where a trace is shown, if it is known.
    fn trace_link(&self, trace: Option<&str>) -> Option<String> {
        Some(self.0.settings.trace_url.as_ref()?.replace("{trace_id}", trace?))
    }

    /// What is shown of a letter, with the link to its trace.
    fn linked(&self, letter: &impl Serialize, trace: Option<&str>) -> Value {
        let mut value = json!(letter);
        if let (Some(members), Some(link)) = (value.as_object_mut(), self.trace_link(trace)) {
            members.insert("trace_link".to_owned(), link.into());
        }
        value
    }
}

async fn summary(State(management): State<Management>) -> Json<Value> {
    let all: Vec<DeadLetters> = management.services().values().filter_map(|shown| shown.dead_letters.clone()).collect();
    let mut queues = Vec::new();
    for letters in all {
        for summary in letters.summary().await {
            let mut value = json!(summary);
            value["service"] = letters.service().into();
            queues.push(value);
        }
    }
    Json(json!({ "queues": queues }))
}

async fn list(
    State(management): State<Management>,
    Path(queue): Path<String>,
    wanted: Wanted,
) -> Result<Json<Value>, Problem> {
    let letters = management.dead_letters(&queue)?;
    let Listing { queue, depth, seen, letters, more } =
        letters.list(&queue, &wanted.filter, wanted.limit).await.map_err(problem)?;
    let letters: Vec<_> = letters.iter().map(|letter| management.linked(letter, letter.trace_id.as_deref())).collect();
    Ok(Json(json!({ "queue": queue, "depth": depth, "seen": seen, "letters": letters, "more": more })))
}

/// Shows what users have said, so that it is audited as well.
async fn open(
    State(management): State<Management>,
    Path((queue, id)): Path<(String, String)>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let letters = management.dead_letters(&queue)?;
    let opened = letters.open(&queue, &id).await.map_err(problem)?;
    let count = u64::from(opened.is_some());
    let (service, selection) = (letters.service(), format!("id={id}"));
    caller.did(Deed { action: "dead_letters.open", service, target: &queue, selection, outcome: Ok(count) });
    let opened = opened.ok_or_else(|| not_found("There is no such letter."))?;
    Ok(Json(management.linked(&opened, opened.letter.trace_id.as_deref())))
}

async fn replay(
    State(management): State<Management>,
    Path(queue): Path<String>,
    caller: Caller,
    Order(selected): Order<Selected>,
) -> Result<Json<Value>, Problem> {
    let letters = management.dead_letters(&queue)?;
    let (selection, most) = (selected.selection(true)?, selected.most()?);
    let order = Replay { selection, most, per_second: selected.per_second()?.unwrap_or(PER_SECOND) };
    to_its_end(async move {
        let done = letters.replay(&queue, &order).await;
        let outcome = match &done {
            Ok(done) => done
                .stopped
                .clone()
                .map_or(Ok(done.replayed), |why| Err(format!("after {} letters: {why}", done.replayed))),
            Err(error) => Err(error.to_string()),
        };
        let (service, selection) = (letters.service(), order.selection.to_string());
        caller.did(Deed { action: "dead_letters.replay", service, target: &queue, selection, outcome });
        let done = done.map_err(problem)?;
        match &done.stopped {
            Some(why) if done.replayed == 0 => {
                let detail = format!("Nothing was sent back: {why}.");
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_replayed").detail(detail))
            }
            _ => Ok(Json(json!(done))),
        }
    })
    .await
}

async fn discard(
    State(management): State<Management>,
    Path(queue): Path<String>,
    caller: Caller,
    Order(selected): Order<Selected>,
) -> Result<Json<Value>, Problem> {
    let letters = management.dead_letters(&queue)?;
    let selected = selected.without_rate()?;
    // Whoever wants all gone has to say what all of it is.
    let (selection, most) = (selected.selection(false)?, selected.most()?);
    to_its_end(async move {
        let done = letters.discard(&queue, &selection, most).await;
        let outcome = done.as_ref().map(|done| done.discarded).map_err(ToString::to_string);
        let (service, selection) = (letters.service(), selection.to_string());
        caller.did(Deed { action: "dead_letters.discard", service, target: &queue, selection, outcome });
        Ok(Json(json!(done.map_err(problem)?)))
    })
    .await
}

/// What has begun ends, though nobody waits for the answer any more: broken off between its two steps, it would leave
/// messages twice.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "an operator's call broke");
            Err(Problem::from_status(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
}

fn problem(error: DeadLetterError) -> Problem {
    let (status, code) = match &error {
        DeadLetterError::UnknownQueue { .. } | DeadLetterError::NeverDeclared(_) => {
            (StatusCode::NOT_FOUND, "not_found")
        }
        DeadLetterError::Browse(BrowseError::NotConnected(_)) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        DeadLetterError::Browse(_) => (StatusCode::BAD_GATEWAY, "refused"),
    };
    Problem::new(status, code).detail(format!("{error}."))
}
