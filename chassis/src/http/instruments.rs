//! The metrics of one route, resolved before the first request.

use std::sync::OnceLock;

use http::{Method, StatusCode};
use tokio::time::Duration;

use crate::telemetry::metrics::{self, Gauge, Histogram};

/// The statuses that get a handle of their own; any other is looked up when it happens.
const COMMON: [u16; 16] = [200, 201, 202, 204, 206, 302, 303, 304, 400, 401, 403, 404, 409, 422, 500, 503];

/// `http.server.request.duration` and `http.server.active_requests` of one route.
pub(crate) struct Instruments {
    service: &'static str,
    method: Option<Method>,
    route: &'static str,
    active: Gauge,
    durations: [OnceLock<Histogram>; COMMON.len()],
}

impl Instruments {
    /// `method` is `None` where any may come; `route` is empty where none matched.
    pub(crate) fn new(service: &'static str, method: Option<Method>, route: &'static str) -> Self {
        let active = metrics::gauge(
            "http.server.active_requests",
            "Requests that are being handled.",
            &[("service", service), ("http.route", route)],
        );
        Self { service, method, route, active, durations: [const { OnceLock::new() }; COMMON.len()] }
    }

    pub(crate) fn begin(&self, method: &Method) -> Active<'_> {
        self.active.inc();
        Active { instruments: self, method: self.method.is_none().then(|| known(method)) }
    }

    fn duration(&self, method: &str, status: StatusCode) -> Histogram {
        metrics::histogram(
            ("http.server.request.duration", "s"),
            "Duration of HTTP server requests.",
            &[
                ("service", self.service),
                ("http.request.method", method),
                ("http.route", self.route),
                ("http.response.status_code", status.as_str()),
            ],
            metrics::SECONDS,
        )
    }
}

/// A request that is counted as active until this is dropped.
pub(crate) struct Active<'a> {
    instruments: &'a Instruments,
    method: Option<&'static str>,
}

impl Active<'_> {
    pub(crate) fn end(self, status: StatusCode, took: Duration) {
        let instruments = self.instruments;
        let took = took.as_secs_f64();
        let method = self.method.or_else(|| instruments.method.as_ref().map(known)).unwrap_or("_OTHER");
        match COMMON.iter().position(|code| *code == status.as_u16()) {
            Some(slot) if self.method.is_none() => {
                instruments.durations[slot].get_or_init(|| instruments.duration(method, status)).observe(took);
            }
            _ => instruments.duration(method, status).observe(took),
        }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.instruments.active.dec();
    }
}

/// Clients can invent methods; a label must not take them.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "_OTHER",
    }
}
