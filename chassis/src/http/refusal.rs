//! Requests that are answered before their handler is asked.

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::time::Duration;

use super::problem::Problem;
use crate::config::size;
use crate::resilience::adaptive::LimitReached;
use crate::resilience::rate_limit::RateLimited;
use crate::telemetry::metrics::{self, Counter};

/// Why a request is not handled.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Its time was over when it came, or was before it was answered.
    Late,
    /// Too many came in too short a time.
    Rate(RateLimited),
    /// Too many are being handled.
    Limit(LimitReached),
    /// Its body is over so many bytes.
    TooLarge(usize),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Late => {
                let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded");
                problem.detail("The time for this request is over.").into_response()
            }
            Self::Rate(RateLimited { retry_after }) => {
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
                again(problem.detail("Too many requests came in too short a time; try again later."), retry_after)
            }
            Self::Limit(LimitReached { retry_after }) => {
                let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded");
                again(problem.detail("There is too much to do; try again later."), retry_after)
            }
            Self::TooLarge(limit) => {
                let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
                problem.detail(format!("The body may have at most {}.", size::show(limit))).into_response()
            }
        }
    }
}

/// The problem with the time after which to come again, in whole seconds as RFC 9110 has it.
fn again(problem: Problem, after: Duration) -> Response {
    let mut response = problem.into_response();
    let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// How many requests of one route were refused, by what refused them; of what the route does not have nothing is counted.
pub(super) struct Refused {
    rate: Option<Counter>,
    limit: Option<Counter>,
}

impl Refused {
    pub(super) fn new(service: &str, route: &str, rate: bool, limit: bool) -> Self {
        let help = "Requests that were refused as there was too much to do.";
        let counter = |policy| {
            let labels = [("service", service), ("http.route", route), ("policy", policy)];
            metrics::counter("http.server.refused_requests", help, &labels)
        };
        Self { rate: rate.then(|| counter("rate")), limit: limit.then(|| counter("limit")) }
    }

    pub(super) fn count(&self, refusal: &Refusal) {
        let counter = match refusal {
            Refusal::Rate(_) => &self.rate,
            Refusal::Limit(_) => &self.limit,
            Refusal::Late | Refusal::TooLarge(_) => return,
        };
        counter.iter().for_each(Counter::inc);
    }
}
