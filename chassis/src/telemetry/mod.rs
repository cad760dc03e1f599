//! Logs, traces and metrics, under OpenTelemetry's names, and W3C propagation.
//!
//! [`init`] sets the process up from its [`TelemetrySettings`]. Logs are written with the `tracing` macros; [`span::Span`]
//! describes one request, call, publish or delivery; [`metrics`] hands out instruments that cost an atomic operation each.
//! All of them may be used before [`init`], or without it: then nothing is exported, and metrics can still be rendered.
//!
//! Every log line inside a [`Context`](crate::Context) carries its service, trace id, span id and request id.

mod log;
pub mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
pub mod propagation;
pub mod sampling;
mod settings;
mod setup;
pub mod span;

/// Sampling ratio and span queue belong to the process: tests that change them take turns.
#[cfg(test)]
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub use settings::{LogFormat, OtlpSettings, TelemetrySettings};
pub use setup::{Control, ServiceInfo, Telemetry, init};
