//! How many requests of one route are let in at the same time.

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::problem::Problem;
use crate::resilience::Outcome;
use crate::resilience::adaptive::{AdaptiveLimit, AdaptiveLimitPolicy, Entry, LimitReached, Priority};
use crate::telemetry::metrics::{self, Counter};

/// The limit of one route: what hangs in one does not keep the others from being answered.
pub(crate) struct RouteLimit {
    limit: AdaptiveLimit,
    refused: Counter,
}

impl RouteLimit {
    pub(crate) fn new(policy: &AdaptiveLimitPolicy, service: &str, route: &str) -> Self {
        let help = "Requests that were refused as there was too much to do.";
        let labels = [("service", service), ("http.route", route)];
        let refused = metrics::counter("http.server.refused_requests", help, &labels);
        Self { limit: AdaptiveLimit::new(policy.clone()), refused }
    }

    /// Lets a request in, if there is room.
    pub(crate) fn enter(&self, at: Instant) -> Result<Entry, LimitReached> {
        // Requests of one route matter alike: all of the room is open to them.
        self.limit.try_enter_at(Priority::Critical, at.into_std()).inspect_err(|_| self.refused.inc())
    }
}

/// Says what became of a request that was let in; `None` when its time was over.
pub(crate) fn end(entry: Option<Entry>, response: Option<&Response>) {
    let Some(entry) = entry else { return };
    entry.record(match response {
        // To fail fast is not to be without load.
        Some(response) if response.status().is_server_error() => Outcome::Ignored,
        Some(_) => Outcome::Success,
        None => Outcome::Failure,
    });
}

/// The answer to a request for which there is no room.
pub(crate) fn overloaded(reached: LimitReached) -> Response {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded");
    let mut response = problem.detail("There is too much to do; try again later.").into_response();
    let seconds = reached.retry_after.as_secs_f64().ceil().max(1.0) as u64;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
