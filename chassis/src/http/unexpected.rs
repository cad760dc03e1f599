//! What a client is told of an error that nobody promised: the kind of trouble, and no word of the error.

use http::StatusCode;

use super::Problem;
use crate::ErrorKind;

/// The problem that stands for errors of `kind`.
pub(crate) fn problem(kind: ErrorKind) -> Problem {
    let (status, code, detail) = match kind {
        ErrorKind::DeadlineExceeded => {
            (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", "The time for this request is over.")
        }
        ErrorKind::Overloaded => {
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "There is too much to do; try again later.")
        }
        ErrorKind::CircuitOpen | ErrorKind::Unavailable | ErrorKind::Closed => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Something that is needed cannot be reached; try again later.",
        ),
        _ => return Problem::from_status(StatusCode::INTERNAL_SERVER_ERROR),
    };
    Problem::new(status, code).detail(detail)
}
