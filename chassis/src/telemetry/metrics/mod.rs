//! Counters, gauges and histograms: resolved once, then an atomic operation per use, without a lock.
//!
//! Names are OpenTelemetry's, with the unit beside them. [`render`] gives them as Prometheus text under the names that
//! OpenTelemetry's mapping prescribes; the same instruments are pushed over OTLP under their own names. A label `service`
//! becomes the `service.name` of the pushed resource.
//!
//! ```
//! use chassis::telemetry::metrics;
//!
//! let bounds = metrics::SECONDS;
//! let labels = [("http.request.method", "GET"), ("http.route", "/stock/{sku}")];
//! let duration = metrics::histogram(("http.server.request.duration", "s"), "Time to answer.", &labels, bounds);
//! duration.observe(0.004);
//!
//! let text = metrics::render();
//! assert!(text.contains("http_server_request_duration_seconds_count{http_request_method=\"GET\","));
//! ```

mod instrument;
mod name;
mod registry;
mod text;

pub use instrument::{Counter, Gauge, Histogram, Number, Tracked};
pub use name::Name;
#[cfg(feature = "otlp")]
pub(crate) use registry::visit;
#[cfg(feature = "otlp")]
pub(crate) use registry::{Family, Instrument};

/// Bounds in seconds for the duration of calls, as OpenTelemetry's semantic conventions advise.
pub const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The counter of that name and those labels: made at the first call, the same at every later one.
pub fn counter(name: impl Into<Name>, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
    registry::counter(name.into(), help, labels)
}

/// The gauge of that name and those labels: made at the first call, the same at every later one.
pub fn gauge(name: impl Into<Name>, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
    registry::gauge(name.into(), help, labels)
}

/// The histogram of that name and those labels: made at the first call, the same at every later one.
///
/// `bounds` are the upper bounds of its buckets, ascending and without infinity.
pub fn histogram(
    name: impl Into<Name>,
    help: &'static str,
    labels: &[(&'static str, &str)],
    bounds: &'static [f64],
) -> Histogram {
    registry::histogram(name.into(), help, labels, bounds)
}

/// All instruments as Prometheus text, version 0.0.4.
pub fn render() -> String {
    text::render()
}
