//! The incoming path as one service per route: what a request meets before and after its handler.
//!
//! Trace and metrics, panic guard, deadline, rate limit, concurrency limits, body limit, idempotency, handler: in this order, and
//! in one future, since each further service between listener and handler costs a request more than what is done here.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use http_body_util::Limited;
use tokio::time::{Duration, Instant};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::instruments::Instruments;
use super::limit::{self, Entered, RouteLimit};
use super::policies::{ClientGone, Policies};
use super::problem::Problem;
use super::refusal::{Refusal, Refused};
use super::route::Endpoint;
use crate::context::is_request_id;
use crate::error::panic_text;
use crate::resilience::InvalidPolicy;
use crate::resilience::adaptive::{AdaptiveLimit, AdaptiveLimitPolicy};
use crate::resilience::rate_limit::RateLimit;
use crate::telemetry::propagation;
use crate::telemetry::span::{Span, SpanKind};
use crate::{BoxFuture, Context};

/// Remaining time in milliseconds, as docs/wire.md has it.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("chassis-deadline");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes of one listener share.
pub(crate) struct Shared {
    pub(crate) service: &'static str,
    /// The policy of routes whose limit follows how long their requests take.
    pub(crate) adaptive: AdaptiveLimitPolicy,
    /// The limit of all routes together.
    pub(crate) limit: Option<AdaptiveLimit>,
    /// Work that goes on though its client has gone.
    pub(crate) detached: TaskTracker,
}

/// One route, resolved at start.
pub(crate) struct Route {
    shared: Arc<Shared>,
    /// `None` for requests that no route matches.
    pattern: Option<&'static str>,
    span_name: &'static str,
    deadline: Duration,
    instruments: Instruments,
    refused: Refused,
    rate: Option<RateLimit>,
    /// `None` where every request is let in.
    limit: Option<RouteLimit>,
    body_limit: usize,
    /// Whether the handler is cancelled with its client though it may change something.
    cancellable: bool,
}

/// A handler with all that surrounds it.
#[derive(Clone)]
pub(crate) struct Fused {
    pub(crate) route: Arc<Route>,
    pub(crate) endpoint: Endpoint,
}

impl Service<Request> for Fused {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self { route, endpoint } = self.clone();
        Box::pin(async move { Ok(route.handle(endpoint, request).await) })
    }
}

impl Route {
    /// A route with its policies. `method` is `None` where any may come; `pattern` is empty where none matched.
    ///
    /// # Errors
    /// When a policy breaks a rule, which the check of the configuration has ruled out.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        method: Option<Method>,
        pattern: &'static str,
        policies: &Policies,
    ) -> Result<Self, InvalidPolicy> {
        let shown = method.as_ref().map_or("HTTP", Method::as_str);
        let rate = policies.rate.as_ref().map(|rate| rate.value.policy()).transpose()?;
        let limit = RouteLimit::new(policies, &shared.adaptive, shared.limit.as_ref())?;
        Ok(Self {
            pattern: Some(pattern).filter(|pattern| !pattern.is_empty()),
            // Routes last as long as the process.
            span_name: format!("{shown} {pattern}").trim_end().to_owned().leak(),
            deadline: policies.timeout.value,
            instruments: Instruments::new(shared.service, method, pattern),
            refused: Refused::new(shared.service, pattern, rate.is_some(), limit.is_some()),
            rate: rate.map(RateLimit::new),
            limit,
            body_limit: policies.body_limit.value,
            cancellable: policies.client_gone.value == ClientGone::Cancels,
            shared: Arc::clone(shared),
        })
    }

    /// The same without a limit on how many are let in.
    pub(crate) fn unlimited(self) -> Self {
        Self { limit: None, ..self }
    }

    async fn handle(&self, endpoint: Endpoint, request: Request) -> Response {
        let started = Instant::now();
        let active = self.instruments.begin(request.method());
        let came = self.context_of(request.headers(), started);
        let mut span = Span::start(SpanKind::Server, self.span_name, &came);
        if span.is_recording() {
            self.describe(&mut span, &request);
        }
        let context = span.context(&came);
        let request_id = request.headers().get(REQUEST_ID).cloned();

        let mut response = match self.admit(request, &context, started) {
            Ok((request, entered)) => self.run(endpoint, request, context, entered).await,
            Err(refusal) => {
                self.refused.count(&refusal);
                context.scope(async { refusal.into_response() }).await
            }
        };

        if let Some(id) = request_id {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let status = response.status();
        if span.is_recording() {
            span.set("http.response.status_code", i64::from(status.as_u16()));
        }
        if status.is_server_error() {
            span.fail(status.canonical_reason().unwrap_or("server error"));
        }
        active.end(status, started.elapsed());
        response
    }

    fn context_of(&self, headers: &HeaderMap, started: Instant) -> Context {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (trace, baggage) = propagation::extract(text);
        let asked = text(DEADLINE.as_str()).and_then(|left| left.parse().ok()).map(Duration::from_millis);
        let within = asked.map_or(self.deadline, |asked| asked.min(self.deadline));
        let id = text(REQUEST_ID.as_str()).filter(|id| is_request_id(id));
        Context {
            trace,
            baggage,
            service: Some(self.shared.service),
            request_id: id.map(Into::into),
            deadline: Some(started + within),
            identity: None,
        }
    }

    fn describe(&self, span: &mut Span, request: &Request) {
        span.set("http.request.method", request.method().to_string());
        span.set("url.path", request.uri().path().to_owned());
        span.set("url.scheme", "http");
        if let Some(pattern) = self.pattern {
            span.set("http.route", pattern);
        }
    }

    /// Refuses what need not be started, and bounds what the handler can read.
    fn admit(
        &self,
        mut request: Request,
        context: &Context,
        started: Instant,
    ) -> Result<(Request, Option<Entered>), Refusal> {
        if context.deadline.is_some_and(|deadline| deadline <= started) {
            return Err(Refusal::Late);
        }
        if let Some(rate) = &self.rate {
            rate.try_acquire_at(started.into_std()).map_err(Refusal::Rate)?;
        }
        let entered = self.limit.as_ref().map(|limit| limit.enter(started)).transpose().map_err(Refusal::Limit)?;
        let limit = self.body_limit;
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(Refusal::TooLarge(limit));
        }
        if !request.body().is_end_stream() {
            DefaultBodyLimit::disable().apply(&mut request);
            // A chunked body says nothing of its length beforehand.
            request = request.map(|body| Body::new(Limited::new(body, limit)));
        }
        Ok((request, entered))
    }

    async fn run(&self, endpoint: Endpoint, request: Request, context: Context, entered: Option<Entered>) -> Response {
        let deadline = context.deadline.unwrap_or_else(|| Instant::now() + self.deadline);
        // What changes something runs to its end though its client has gone or its time is over: to be cut between two
        // effects is worse than to be late.
        let cancellable = self.cancellable || changes_nothing(request.method());
        // It is in as long as it works, also when nobody waits for it any more.
        let (outside, inside) = if cancellable { (entered, None) } else { (None, entered) };
        let failing = context.clone();
        let work = context.scope(async move {
            let work = AssertUnwindSafe(async { endpoint(request).await }).catch_unwind();
            let response = work.await.unwrap_or_else(|panic| panicked(&*panic));
            limit::end(inside, Some(&response));
            response
        });
        let outcome = if cancellable {
            tokio::time::timeout_at(deadline, work).await.ok()
        } else {
            let task = self.shared.detached.spawn(work);
            tokio::time::timeout_at(deadline, task).await.ok().map(|ended| ended.unwrap_or_else(|_| internal_error()))
        };
        limit::end(outside, outcome.as_ref());
        match outcome {
            Some(response) => response,
            None => failing.scope(async { Refusal::Late.into_response() }).await,
        }
    }
}

/// The methods that RFC 9110 calls safe.
pub(super) fn changes_nothing(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn internal_error() -> Response {
    Problem::from_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    tracing::error!(panic = panic_text(panic), "a handler panicked");
    internal_error()
}
