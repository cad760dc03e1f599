//! JSON bodies, there and back.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::fault;
use super::problem::{FieldFault, Problem};

/// A JSON body: as a handler's last argument, or as what it returns.
///
/// What is wrong with a request's body is answered as problem+json that names the field and what it should be, and never
/// repeats what it was: 400 for what is no JSON, 422 for JSON that is something else, 415 for another content type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(Some(body), &parts.headers).await?;
        match from_json(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(BodyFault::Malformed(problem)) => Err(problem),
            Err(BodyFault::Wrong(FieldFault { pointer, message })) => {
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request");
                Err(problem.detail("The body is not what this address takes.").field(pointer, message))
            }
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::from_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        }
    }
}

/// Reads a body that must be JSON.
pub(crate) async fn read_body(body: Option<Body>, headers: &HeaderMap) -> Result<bytes::Bytes, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if let Some(kind) = kind
        && !is_json(kind)
    {
        let detail = "The body must be JSON: send `content-type: application/json`.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").detail(detail));
    }
    let Some(body) = body else { return Ok(bytes::Bytes::new()) };
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(cut_short(&error)),
    }
}

/// What the sender of a body is told that could not be read to its end.
pub(super) fn cut_short(error: &axum::Error) -> Problem {
    if is_limit(error) {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").detail("The body is too large.")
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "incomplete_body").detail("The body broke off.")
    }
}

/// Whether a media type is one of JSON.
pub(crate) fn is_json(kind: &str) -> bool {
    if kind == "application/json" {
        return true;
    }
    let essence = essence(kind);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A media type without its parameters.
pub(crate) fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a body was cut at its limit.
pub(super) fn is_limit(error: &axum::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What can be wrong with a body.
pub(crate) enum BodyFault {
    Malformed(Problem),
    Wrong(FieldFault),
}

/// Decodes a body.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyFault> {
    // No body at all is what an optional one may be.
    let bytes = if bytes.is_empty() { b"null".as_slice() } else { bytes };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut deserializer);
    let malformed = |error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not well-formed JSON at line {line}, column {column}.");
        BodyFault::Malformed(Problem::new(StatusCode::BAD_REQUEST, "malformed_body").detail(detail))
    };
    let value = read.map_err(|error| match error.inner().classify() {
        Category::Data => BodyFault::Wrong(fault::of("", error.path(), &error.inner().to_string())),
        Category::Syntax | Category::Eof | Category::Io => malformed(error.inner()),
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}
