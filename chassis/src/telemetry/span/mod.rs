//! One step of a trace: a request, a call, a publish, a delivery, a job run.
//!
//! ```
//! use chassis::Context;
//! use chassis::telemetry::span::{Span, SpanKind};
//!
//! # async fn call() -> bool { true }
//! # async fn example() {
//! let parent = Context::current();
//! let mut span = Span::start(SpanKind::Client, "GET /stock/{sku}", &parent);
//! span.set("server.address", "inventory");
//! let ok = span.context(&parent).scope(call()).await;
//! if !ok {
//!     span.fail("it said no");
//! }
//! span.end(); // dropping it does the same
//! # }
//! ```
//!
//! Whether a span is recorded is decided before anything is built: one that is not has its ids and allocates nothing.

mod value;

#[cfg(not(feature = "otlp"))]
#[path = "recorder_off.rs"]
mod recorder;
#[cfg(feature = "otlp")]
pub(crate) mod recorder;

#[cfg(feature = "otlp")]
pub(crate) mod queue;

use std::borrow::Cow;
use std::time::{Duration, Instant};

pub use value::Value;

use recorder::Recorder;

use super::sampling;
use crate::Context;
use crate::context::{SpanId, TraceContext, TraceId};

/// The role of a span, as OpenTelemetry has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a call from elsewhere.
    Server,
    /// Calls somebody.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
    /// Stays inside the process.
    Internal,
}

/// A step of a trace that is under way. It ends when it is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    trace: TraceContext,
    kind: SpanKind,
    started: Instant,
    recorder: Recorder,
}

impl Span {
    /// Begins a step below the span of `parent`, or a new trace if it has none; for the service of `parent`.
    pub fn start(kind: SpanKind, name: impl Into<Cow<'static, str>>, parent: &Context) -> Self {
        Self::start_at(Instant::now(), kind, name.into(), parent)
    }

    /// The same at a moment that the caller knows: to look at the clock costs as much as all else of a span that is not
    /// recorded.
    pub(crate) fn start_at(started: Instant, kind: SpanKind, name: Cow<'static, str>, parent: &Context) -> Self {
        let trace = if parent.trace.is_none() {
            let trace_id = TraceId::random();
            TraceContext { trace_id, span_id: SpanId::random(), sampled: sampling::decide(trace_id), state: None }
        } else {
            TraceContext { span_id: SpanId::random(), ..parent.trace.clone() }
        };
        let recorder = Recorder::new(name, parent, trace.sampled);
        Self { trace, kind, started, recorder }
    }

    /// Where this span stands in its trace.
    pub fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Whether it will be exported. What is costly to find out needs to be found out only then.
    pub fn is_recording(&self) -> bool {
        self.recorder.is_on()
    }

    /// How long it has been under way.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The context for what happens inside: `parent` with this span as the parent of what comes next.
    pub fn context(&self, parent: &Context) -> Context {
        Context { trace: self.trace.clone(), ..parent.clone() }
    }

    /// Sets an attribute, replacing one of the same name. `value` is converted only if the span is recorded.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if self.recorder.is_on() {
            self.recorder.set(key, value.into());
        }
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.recorder.rename(name.into());
    }

    /// Marks it as failed. A [`Server`](SpanKind::Server) or [`Consumer`](SpanKind::Consumer) span that was not recorded
    /// so far is [kept](Self::keep): errors are seen at any sampling ratio.
    pub fn fail(&mut self, message: impl Into<Cow<'static, str>>) {
        if matches!(self.kind, SpanKind::Server | SpanKind::Consumer) {
            self.keep();
        }
        if self.recorder.is_on() {
            self.recorder.fail(message.into());
        }
    }

    /// Has the span exported although its trace is not, because it turned out to be worth it: an error, or a slow request.
    ///
    /// Only what is set afterwards is recorded, and nothing below it.
    pub fn keep(&mut self) {
        self.recorder.keep();
    }

    /// Ends it.
    pub fn end(self) {}
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.recorder.is_on() {
            self.recorder.finish(&self.trace, self.kind, self.started.elapsed());
        }
    }
}

#[cfg(test)]
mod tests;
