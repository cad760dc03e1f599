//! Errors that were not promised: what the server says of them, and what the caller makes of that.
//!
//! A caller learns nothing but the kind, and where to look. The two directions are one table, so that a call inside the
//! process fails as one over the network does.

use http::StatusCode;

use super::Operation;
use crate::context::TraceContext;
use crate::http::Problem;
use crate::{Context, Error, ErrorKind};

/// What the world is told of an unexpected error; the log is told all of it.
pub(super) fn hide(operation: &Operation, error: &Error) -> Problem {
    tracing::error!(
        operation = format_args!("{}.{}", operation.contract, operation.name),
        kind = error.kind().as_str(),
        error = format_args!("{error:#}"),
        "a call failed unexpectedly"
    );
    crate::http::unexpected::problem(error.kind())
}

/// What a caller makes of an answer that is no success and no promised error.
pub(super) fn unexpected(operation: &Operation, status: StatusCode, problem: Option<&Problem>) -> Error {
    // Whatever the other side sends ends up in logs: what is no code and no trace is not repeated.
    let code = problem.map_or("no problem details", |problem| match problem.code.as_str() {
        code if code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_graphic()) => code,
        _ => "with a code that is none",
    });
    let kind = match status {
        StatusCode::GATEWAY_TIMEOUT => ErrorKind::DeadlineExceeded,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Overloaded,
        StatusCode::SERVICE_UNAVAILABLE if code == "overloaded" => ErrorKind::Overloaded,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => ErrorKind::Unavailable,
        status if status.is_server_error() => ErrorKind::Unexpected,
        _ => ErrorKind::Protocol,
    };
    let Operation { contract, name, .. } = operation;
    let trace = problem.and_then(|problem| problem.trace_id.as_deref());
    let trace = trace.filter(|trace| trace.len() <= 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let trace = trace.map(|trace| format!(", trace {trace}")).unwrap_or_default();
    Error::new(kind, format!("`{contract}.{name}` answered {} ({code}{trace})", status.as_u16()))
}

/// What a caller makes of JSON that is not what was promised. The cause is cut, since it may repeat what was sent.
pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> Error {
    const LONGEST: usize = 200;
    let mut cause = error.to_string();
    if let Some((at, _)) = cause.char_indices().nth(LONGEST) {
        cause.truncate(at);
        cause.push('…');
    }
    Error::new(ErrorKind::Protocol, format!("{what}: {cause}"))
}

/// What a caller in the same process is left with of an unexpected error.
pub(super) fn redact(operation: &Operation, error: &Error, trace: &TraceContext) -> Error {
    let mut problem = hide(operation, error);
    if !trace.is_none() {
        problem.trace_id = Some(trace.trace_id.to_string());
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    unexpected(operation, status, Some(&problem))
}

/// What the streamed answer of an operation is called.
pub(super) fn the_answer(operation: &Operation) -> String {
    format!("the answer of `{}.{}`", operation.contract, operation.name)
}

/// The error of a call whose time is over.
pub(super) fn too_late(operation: &Operation) -> Error {
    let Operation { contract, name, .. } = operation;
    Error::new(ErrorKind::DeadlineExceeded, format!("`{contract}.{name}` did not answer in time"))
}

/// Whether there is any time left.
pub(super) fn check_time(operation: &Operation, context: &Context) -> Result<(), Error> {
    if context.remaining().is_some_and(|left| left.is_zero()) { Err(too_late(operation)) } else { Ok(()) }
}
