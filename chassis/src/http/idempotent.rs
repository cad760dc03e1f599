//! Routes whose answers are kept: a request with a key that was seen before is answered as it was then.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::time::Duration;
use uuid::Uuid;

use super::problem::Problem;
use super::route::Endpoint;
use crate::data::Database;
use crate::data::idempotency::{Answer, Claim, Request as Keyed, Seen};
use crate::{BoxFuture, Context, Result};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a kept one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Wraps the handler of `operation`; a request without a key goes by. `lease` is how long a request may take.
pub(crate) fn keeping(
    database: Database,
    operation: String,
    lease: Duration,
    body_limit: usize,
    endpoint: Endpoint,
) -> Endpoint {
    std::sync::Arc::new(move |request: Request| -> BoxFuture<'static, Response> {
        let Some(key) = request.headers().get(KEY).cloned() else { return endpoint(request) };
        let (database, operation, endpoint) = (database.clone(), operation.clone(), endpoint.clone());
        Box::pin(async move {
            let Some(key) = key.to_str().ok().filter(|key| (1..=255).contains(&key.len())) else {
                let detail = "The header `idempotency-key` takes 1 to 255 visible ASCII characters.";
                return Problem::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key").detail(detail).into_response();
            };
            let (parts, body) = request.into_parts();
            let Ok(body) = to_bytes(body, body_limit).await else {
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").into_response();
            };
            let subject = Context::current().identity.as_ref().map_or_else(String::new, |who| who.subject.clone());
            // A path's parameters belong to what is asked for as much as the body.
            let digest = Uuid::new_v5(&Uuid::new_v5(&Uuid::NAMESPACE_URL, parts.uri.to_string().as_bytes()), &body);
            let keyed = Keyed { operation, subject, key: key.to_owned(), body: digest.into_bytes().to_vec() };
            let seen = Claim::take(&database, keyed, lease).await;
            let request = Request::from_parts(parts, Body::from(body));
            match seen {
                Ok(seen) => answer(seen, request, endpoint).await,
                Err(error) => failed(&error),
            }
        })
    })
}

async fn answer(seen: Seen, request: Request, endpoint: Endpoint) -> Response {
    match seen {
        Seen::Claimed(claim) => {
            let response = endpoint(request).await;
            keep(claim, response).await.unwrap_or_else(|error| failed(&error))
        }
        Seen::Done(answer) => replay(answer),
        Seen::InFlight => {
            let detail = "The first request with this key is still being worked on.";
            Problem::new(StatusCode::CONFLICT, "request_in_flight").detail(detail).into_response()
        }
        Seen::OtherBody => {
            let detail = "This idempotency key was used for another request.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused").detail(detail).into_response()
        }
    }
}

/// Keeps what can be kept. A server's fault is not: the client is meant to try again.
async fn keep(claim: Claim, response: Response) -> Result<Response> {
    if response.status().is_server_error() {
        claim.release().await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let answer = Answer { status: parts.status.as_u16(), content_type, body: body.to_vec() };
    if !claim.done(&answer).await? {
        tracing::warn!("an idempotent request took longer than its lease; its answer is not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::try_from(kind).ok()) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn failed(error: &crate::Error) -> Response {
    tracing::error!("an idempotency key cannot be used: {error:#}");
    Problem::from_status(StatusCode::SERVICE_UNAVAILABLE).into_response()
}
