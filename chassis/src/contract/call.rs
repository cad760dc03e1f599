//! The caller's side of a call over HTTP: arguments become a request, the response what the method returns.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{Answer, ContractOutput, Encoded};
use super::back::Core;
use super::error::{ApiError, ErrorData};
use super::operation::Operation;
use super::outcome;
use super::table::{Form, Output, Plain, Whole};
use crate::client::{Outgoing, Timeouts};
use crate::http::json::is_json;
use crate::http::stream::Payload;
use crate::http::{ByteStream, Problem};
use crate::{Error, ErrorKind, Result};

/// What stands for itself in a segment of a path: RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How much longer than its template a path is taken to become.
const LONGER: usize = 32;

/// A call on its way out.
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "nothing is sent without the feature"))]
pub struct Call {
    operation: &'static Operation,
    // In one place from here until it has been answered: it is handed on often.
    outgoing: Box<Outgoing>,
    query: String,
    fault: Option<Error>,
}

impl Call {
    /// A call without arguments.
    pub fn new(operation: &'static Operation) -> Self {
        let mut target = String::with_capacity(operation.path.len() + LONGER);
        target.push_str(operation.path);
        let outgoing = Outgoing {
            method: operation.method.clone(),
            target,
            headers: HeaderMap::new(),
            body: Payload::default(),
            streams: false,
            contract: operation.contract,
            operation: operation.name,
            template: operation.path,
            limits: Timeouts::default(),
            idempotent: operation.idempotent,
            key: None,
        };
        Self { operation, outgoing: Box::new(outgoing), query: String::new(), fault: None }
    }

    fn reject(&mut self, argument: &str, why: &str) {
        let Operation { contract, name, .. } = self.operation;
        let message = format!("`{contract}.{name}` cannot be called: the argument `{argument}`: {why}");
        self.fault.get_or_insert_with(|| Error::new(ErrorKind::Protocol, message));
    }

    /// Sets a path parameter.
    #[must_use]
    pub fn path<T>(mut self, table: &Plain<T>, name: &str, value: &T) -> Self {
        match (table.write)(value) {
            // Such a segment would be lost on the way, or taken for a step up.
            Ok(None) => self.reject(name, "it is absent"),
            Ok(Some(text)) if matches!(&*text, "" | "." | "..") => {
                self.reject(name, "a path has no place for an empty text or one of dots");
            }
            Ok(Some(text)) => {
                let path = &mut self.outgoing.target;
                // What was put in before is encoded, and has no brace.
                let mut braces = path.match_indices('{').map(|(at, _)| at);
                let is_it = |at: &usize| {
                    let rest = path[at + 1..].strip_prefix(name);
                    rest.is_some_and(|rest| rest.starts_with('}'))
                };
                if let Some(at) = braces.find(is_it) {
                    // Mostly there is nothing behind it.
                    let behind = path.split_off(at + name.len() + 2);
                    path.truncate(at);
                    path.extend(utf8_percent_encode(&text, SEGMENT));
                    path.push_str(&behind);
                }
            }
            Err(why) => self.reject(name, why),
        }
        self
    }

    /// Sets a header, unless it is absent.
    #[must_use]
    pub fn header<T>(mut self, table: &Plain<T>, name: &'static str, value: &T) -> Self {
        match (table.write)(value).map(|text| text.map(|text| HeaderValue::from_str(&text))) {
            Ok(Some(Ok(value))) => {
                self.outgoing.headers.insert(HeaderName::from_static(name), value);
            }
            Ok(Some(Err(_))) => self.reject(name, "it has characters that no header can have"),
            Ok(None) => {}
            Err(why) => self.reject(name, why),
        }
        self
    }

    /// Sets the query.
    #[must_use]
    pub fn query<T>(mut self, table: &Form<T>, value: &T) -> Self {
        match (table.write)(value) {
            Ok(query) => self.query = query,
            Err(_) => self.reject("query", "a query is a struct of plain values and lists of them"),
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body<T>(mut self, table: &Whole<T>, value: &T) -> Self {
        match (table.write)(value) {
            Ok(body) => {
                self.outgoing.body = Payload::Whole(body.into());
                self.outgoing.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Err(_) => self.reject("body", "it cannot be written as JSON"),
        }
        self
    }

    /// Sets the body that is not in memory all at once.
    #[must_use]
    pub fn stream(mut self, stream: ByteStream) -> Self {
        // An argument may have said what it is.
        let kind = self.outgoing.headers.entry(CONTENT_TYPE);
        kind.or_insert(HeaderValue::from_static(self.operation.media_type()));
        self.outgoing.body = Payload::Stream(stream);
        self
    }

    /// Makes the call.
    pub async fn send<O, D: ?Sized>(mut self, table: &'static Output<O>, core: &Core<D>) -> O {
        let operation = self.operation;
        if table.streams {
            self.outgoing.streams = true;
            let kind = HeaderValue::from_static(operation.media_type());
            self.outgoing.headers.entry(ACCEPT).or_insert(kind);
        }
        (table.receive)(operation, self.exchange(core).await)
    }

    async fn exchange<D: ?Sized>(self, core: &Core<D>) -> Result<http::Response<Payload>> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        #[cfg(feature = "client")]
        if let super::back::Back::Remote(remote) = &core.back {
            return remote.call(self.into_outgoing(core)).await;
        }
        let _ = core;
        Err(Error::new(ErrorKind::Protocol, "the client does not call another process"))
    }

    #[cfg(feature = "client")]
    fn into_outgoing<D: ?Sized>(self, core: &Core<D>) -> Box<Outgoing> {
        let Self { operation, mut outgoing, query, .. } = self;
        if !query.is_empty() {
            outgoing.target.push('?');
            outgoing.target.push_str(&query);
        }
        outgoing.limits = core.limits(operation, outgoing.moves());
        outgoing.key = operation.is_keyed().then(|| core.options.idempotency_key.clone());
        outgoing
    }
}

/// What the method returns for a response, or for none.
pub(super) fn receive<O: ContractOutput>(operation: &Operation, result: Result<http::Response<Payload>>) -> O {
    let result = result.map_err(<O::Err as ApiError>::unexpected).and_then(|response| {
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            return Err(fail(operation, parts.status, whole(&body)));
        }
        let checked = if <O::Ok as Answer>::STREAMS {
            check_stream(operation, &parts.headers)
        } else {
            check_kind(operation, &parts.headers, whole(&body))
        };
        checked.map_err(<O::Err as ApiError>::unexpected)?;
        let answer = Encoded { status: Some(parts.status), headers: parts.headers, body };
        <O::Ok as Answer>::decode(answer).map_err(<O::Err as ApiError>::unexpected)
    });
    O::from_result(result)
}

/// What of a body is there already: all, unless it is a stream.
fn whole(body: &Payload) -> &[u8] {
    match body {
        Payload::Whole(body) => body,
        Payload::Stream(_) => &[],
    }
}

/// A stream must be what was declared, where anything was.
fn check_stream(operation: &Operation, headers: &HeaderMap) -> Result<()> {
    let kind = headers.get(CONTENT_TYPE);
    if operation.streams_as(kind) {
        return Ok(());
    }
    let Operation { contract, name, .. } = operation;
    let (kind, declared) = (shown(kind), operation.media_type());
    Err(Error::new(ErrorKind::Protocol, format!("`{contract}.{name}` answered `{kind}` and not `{declared}`")))
}

/// A content type as it may stand in an error.
fn shown(kind: Option<&HeaderValue>) -> &str {
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.filter(|kind| kind.len() <= 64).unwrap_or("something else")
}

/// An answer that says what it is must be JSON: a page of some proxy is told apart from a service that has changed.
fn check_kind(operation: &Operation, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let kind = headers.get(CONTENT_TYPE);
    let told = kind.map(HeaderValue::to_str);
    if told.is_none_or(|kind| kind.is_ok_and(|kind| body.is_empty() || is_json(kind))) {
        return Ok(());
    }
    let kind = shown(kind);
    let Operation { contract, name, .. } = operation;
    Err(Error::new(ErrorKind::Protocol, format!("`{contract}.{name}` answered `{kind}` and not JSON")))
}

fn fail<E: ApiError>(operation: &Operation, status: StatusCode, body: &[u8]) -> E {
    let problem = Problem::decode(status, body);
    if let Some(problem) = &problem
        && problem.kind == format!("urn:problem:{}:{}", operation.contract, problem.code)
    {
        match E::decode(&problem.code, ErrorData(problem.data.clone())) {
            Ok(Some(promised)) => return promised,
            Ok(None) => {}
            Err(error) => return E::unexpected(error),
        }
    }
    E::unexpected(outcome::unexpected(operation, status, problem.as_ref()))
}
