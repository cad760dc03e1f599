//! The server's side of a call: a request becomes arguments, what the method returns a response.

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::answer::{Answer, ContractOutput};
use super::operation::Operation;
use super::table::{Form, Output, Plain, Whole};
use super::{error, outcome};
use crate::http::json::{BodyFault, read_body};
use crate::http::stream::{Cut, Payload};
use crate::http::{ByteStream, FieldFault, Problem, fault};

/// A request to one operation, whose arguments are taken one after the other; the first fault of each is remembered, so
/// that the answer names all of them.
pub struct Incoming {
    operation: &'static Operation,
    parts: Parts,
    body: Option<Body>,
    path: Vec<(Box<str>, Box<str>)>,
    faults: Vec<FieldFault>,
    /// Whether one of the faults is in the request's head.
    head: bool,
    problem: Option<Problem>,
}

impl Incoming {
    /// Takes a request apart.
    pub async fn new(operation: &'static Operation, request: Request) -> Self {
        let (mut parts, body) = request.into_parts();
        let mut problem = None;
        let path = if operation.path.contains('{') {
            match RawPathParams::from_request_parts(&mut parts, &()).await {
                Ok(path) => path.iter().map(|(name, value)| (name.into(), value.into())).collect(),
                Err(_) => {
                    let detail = "The path is not percent-encoded UTF-8.";
                    problem = Some(Problem::new(StatusCode::BAD_REQUEST, "invalid_path").detail(detail));
                    Vec::new()
                }
            }
        } else {
            Vec::new()
        };
        Self { operation, parts, body: Some(body), path, faults: Vec::new(), head: false, problem }
    }

    /// Takes a path parameter.
    pub fn path<T>(&mut self, table: &Plain<T>, name: &str) -> Option<T> {
        let value = self.path.iter().find(|(known, _)| &**known == name).map(|(_, value)| &**value);
        let read = (table.read)(value);
        self.plain("path", name, read)
    }

    /// Takes a header.
    pub fn header<T>(&mut self, table: &Plain<T>, name: &str) -> Option<T> {
        let value = self.parts.headers.get(name);
        let read = match value.map(HeaderValue::to_str) {
            Some(Err(_)) => Err(serde::de::Error::custom("is not text")),
            Some(Ok(value)) => (table.read)(Some(value)),
            None => (table.read)(None),
        };
        self.plain("header", name, read)
    }

    fn plain<T>(&mut self, place: &str, name: &str, read: Result<T, serde::de::value::Error>) -> Option<T> {
        read.map_err(|error| {
            let mut base = format!("/{place}");
            fault::push(&mut base, name);
            let path = serde_path_to_error::Track::new().path();
            self.head = true;
            self.faults.push(fault::of(&base, &path, &error.to_string()));
        })
        .ok()
    }

    /// Takes the query.
    pub fn query<T>(&mut self, table: &Form<T>) -> Option<T> {
        let read = (table.read)(self.parts.uri.query().unwrap_or_default());
        read.map_err(|fault| {
            self.head = true;
            self.faults.push(fault);
        })
        .ok()
    }

    /// Takes the body.
    pub async fn body<T>(&mut self, table: &Whole<T>) -> Option<T> {
        let bytes = match read_body(self.body.take(), &self.parts.headers).await {
            Ok(bytes) => bytes,
            Err(problem) => {
                self.problem.get_or_insert(problem);
                return None;
            }
        };
        match (table.read)(&bytes) {
            Ok(value) => Some(value),
            Err(BodyFault::Malformed(problem)) => {
                self.problem.get_or_insert(problem);
                None
            }
            Err(BodyFault::Wrong(fault)) => {
                self.faults.push(fault);
                None
            }
        }
    }

    /// Takes the body as a stream.
    pub fn stream(&mut self) -> Option<ByteStream> {
        let headers = &self.parts.headers;
        if !self.operation.streams_as(headers.get(CONTENT_TYPE)) {
            let detail = format!("The body must be sent with `content-type: {}`.", self.operation.media_type());
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").detail(detail);
            self.problem.get_or_insert(problem);
            return None;
        }
        Some(ByteStream::received(self.body.take().unwrap_or_default()))
    }

    /// The response to a request whose arguments could not be taken.
    pub fn refuse(self) -> Response {
        let path = self.parts.uri.path();
        let problem = self.problem.unwrap_or_else(|| {
            // A body that can be read but not be understood is 422; what stands in the head is 400.
            let status = if self.head { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
            let mut problem =
                Problem::new(status, "invalid_request").detail("The request is not what the contract says.");
            problem.errors = self.faults;
            problem
        });
        // The path has the rejected value in it, if it is one of the path's.
        if self.head { problem.into_response() } else { problem.instance(path).into_response() }
    }

    /// The response to a request that the method has answered.
    pub fn answer<O>(self, table: &Output<O>, output: O) -> Response {
        (table.answer)(self, output)
    }

    fn respond<O: ContractOutput>(self, output: O) -> Response {
        let encoded = match output.into_result() {
            Ok(answer) => answer.encode(),
            Err(failed) => match error::encode(self.operation.contract, failed) {
                Ok(problem) => return problem.instance(self.parts.uri.path()).into_response(),
                Err(unexpected) => Err(unexpected),
            },
        };
        match encoded {
            Ok(answer) => {
                let declared = self.operation.status.and_then(|status| StatusCode::from_u16(status).ok());
                let (status, kind, body) = match answer.body {
                    Payload::Whole(body) if body.is_empty() => (StatusCode::NO_CONTENT, None, Body::empty()),
                    Payload::Whole(body) => (StatusCode::OK, Some("application/json"), Body::from(body)),
                    Payload::Stream(stream) => {
                        let stream = stream.told(outcome::the_answer(self.operation));
                        (StatusCode::OK, Some(self.operation.media_type()), Body::new(stream))
                    }
                };
                let mut response = Response::new(body);
                *response.status_mut() = answer.status.or(declared).unwrap_or(status);
                if let Some(kind) = kind {
                    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                }
                response.headers_mut().extend(answer.headers);
                response
            }
            Err(error) => {
                // What the method could not do as its stream was cut says less than why it was.
                let cut = error.downcast_ref::<Cut>().map(|Cut(problem)| problem.clone());
                let problem = cut.unwrap_or_else(|| outcome::hide(self.operation, &error));
                problem.instance(self.parts.uri.path()).into_response()
            }
        }
    }
}

/// Answers with what a method returned.
pub(super) fn answer<O: ContractOutput>(incoming: Incoming, output: O) -> Response {
    incoming.respond(output)
}

/// Reads a query.
pub(super) fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, FieldFault> {
    serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(query.as_bytes()))
        .map_err(|error| fault::of("/query", error.path(), &error.inner().to_string()))
}
