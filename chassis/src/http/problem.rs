//! Errors as problem+json: RFC 9457, <https://www.rfc-editor.org/rfc/rfc9457>.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cause::Cause;
use crate::{Context, Error};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong with a request, in a form that people and programs can read.
///
/// It says nothing that the client does not know or may not know: never a rejected value, never an internal error's text.
///
/// It dereferences to its [members](Members).
///
/// A handler may return it as its error, or [`chassis::Result`](crate::Result), which takes a problem by `?` as it takes any
/// other error: the problem is then what the client is told. Any other [`Error`] is told as what its kind stands for, and
/// logged with all its causes.
///
/// ```
/// use chassis::prelude::*;
///
/// fn title(books: &[&str], at: usize) -> Result<String> {
///     let missing = || Problem::new(StatusCode::NOT_FOUND, "no_such_book").detail("There is no book of that number.");
///     Ok((*books.get(at).ok_or_else(missing)?).to_owned())
/// }
///
/// assert_eq!(title(&["Dune"], 0)?, "Dune");
/// let problem = Problem::from(title(&["Dune"], 1).unwrap_err());
/// assert_eq!((problem.status, problem.code.as_str()), (404, "no_such_book"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
// Boxed, so that a `Result` with it stays small.
pub struct Problem(Box<Members>);

/// The members of a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Members {
    /// `urn:problem:{contract}:{code}`, or `about:blank` for those that no contract declares.
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// What the status means.
    #[serde(default)]
    pub title: String,
    /// The status of the response.
    #[serde(default)]
    pub status: u16,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable, for programs: lower case, words joined by `_`.
    #[serde(default)]
    pub code: String,
    /// The fields of the error's variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Under which the request is found in logs and traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Faults of single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    #[serde(skip)]
    cause: Cause,
}

/// A fault of one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// Where it stands in the body: a JSON pointer, RFC 6901.
    pub pointer: String,
    /// What it should be. Never what it was.
    pub message: String,
}

impl Deref for Problem {
    type Target = Members;

    fn deref(&self) -> &Members {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Members {
        &mut self.0
    }
}

fn blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// A problem of the chassis's own, with a stable code.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Members {
            kind: blank(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: None,
            instance: None,
            code: code.into().into_owned(),
            data: None,
            trace_id: None,
            errors: Vec::new(),
            cause: Cause::default(),
        }))
    }

    /// A problem of which nothing is known but its status; the code is the status's name.
    pub fn from_status(status: StatusCode) -> Self {
        let name = status.canonical_reason().unwrap_or("error").to_ascii_lowercase();
        Self::new(status, name.replace([' ', '-'], "_").replace('\'', ""))
    }

    /// A problem that a contract declares.
    pub fn of(contract: &str, status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(status, code);
        problem.kind = format!("urn:problem:{contract}:{}", problem.code);
        problem
    }

    /// Reads the body of an error response; `None` when it is no problem. The status line has the last word on the status.
    pub fn decode(status: StatusCode, body: &[u8]) -> Option<Self> {
        let mut problem: Self = serde_json::from_slice(body).ok()?;
        problem.status = status.as_u16();
        (!problem.code.is_empty()).then_some(problem)
    }

    /// Says what kind of problem it is, in words that do not change between occurrences.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Says which request it answers, by its path.
    #[must_use]
    pub fn instance(mut self, path: impl Into<String>) -> Self {
        self.instance = Some(path.into());
        self
    }

    /// Says in a sentence what is wrong.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the fault of a field.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldFault { pointer: pointer.into(), message: message.into() });
        self
    }

    /// Keeps what it comes from. That is logged when the problem is sent, under the request's trace id, and told to nobody.
    #[must_use]
    pub fn caused_by(mut self, error: impl Into<Error>) -> Self {
        self.cause = Cause::new(error.into());
        self
    }
}

/// The problem itself, where the error is one or comes from one; otherwise what the error's kind stands for, and the error is
/// its cause.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error.downcast_ref::<Self>() {
            Some(problem) => problem.clone(),
            None => super::unexpected::problem(error.kind()).caused_by(error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)?;
        self.detail.iter().try_for_each(|detail| write!(f, ": {detail}"))
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        if self.trace_id.is_none() {
            self.trace_id = Context::with_current(|context| context.trace.trace_id)
                .filter(|trace| !trace.is_none())
                .map(|trace| trace.to_string());
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.cause.log(status);
        match serde_json::to_vec(&self) {
            Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response(),
            Err(_) => status.into_response(),
        }
    }
}

/// What [`Problem`]'s conversion makes of it.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, ResultExt};

    #[test]
    fn an_error_is_told_by_its_kind_and_no_word_of_it() {
        for (kind, status, code) in [
            (ErrorKind::Unexpected, 500, "internal_server_error"),
            (ErrorKind::Overloaded, 503, "overloaded"),
            (ErrorKind::Unavailable, 503, "unavailable"),
            (ErrorKind::DeadlineExceeded, 504, "deadline_exceeded"),
        ] {
            let problem = Problem::from(Error::new(kind, "the password is hunter2"));
            assert_eq!((problem.status, problem.code.as_str()), (status, code));
            let told = serde_json::to_string(&problem).expect("it can be written");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_problem_comes_through_an_error_as_it_was() {
        let missing = || Problem::new(StatusCode::NOT_FOUND, "no_such_book").detail("There is none.");
        let raised: Result<(), Problem> = Err(missing());
        let error = raised.context("looking for the book").expect_err("it failed");
        assert_eq!(Problem::from(error), missing());
    }

    #[test]
    fn reads_what_it_writes() {
        let mut problem = Problem::of("inventory", StatusCode::CONFLICT, "out_of_stock")
            .detail("2 left")
            .instance("/v1/reservations")
            .field("/lines/0/sku", "is missing");
        problem.data = Some(serde_json::json!({ "available": 2 }));
        let body = serde_json::to_vec(&problem).expect("it can be written");
        assert_eq!(Problem::decode(StatusCode::CONFLICT, &body), Some(problem));
    }

    #[test]
    fn what_is_no_problem_is_none() {
        for body in ["", "oops", "{}", "[]", "{\"title\":\"x\"}"] {
            assert_eq!(Problem::decode(StatusCode::BAD_GATEWAY, body.as_bytes()), None, "{body}");
        }
    }
}
