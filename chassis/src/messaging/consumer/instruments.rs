//! What a consumer measures and how a delivery shows in its trace.

use std::time::Duration;

use crate::context::Context;
use crate::messaging::Received;
use crate::telemetry::metrics::{self, Counter, Gauge, Histogram};
use crate::telemetry::span::{Span, SpanKind};

use super::Done;

/// Resolved once per consumer.
pub(super) struct Instruments {
    span: String,
    system: &'static str,
    queue: String,
    /// The time of attempts that succeeded, and of those that failed.
    succeeded: Histogram,
    failed: Histogram,
    pub(super) running: Gauge,
    /// 1 while it takes nothing.
    pub(super) paused: Gauge,
    pub(super) pauses: Counter,
    handled: Counter,
    duplicate: Counter,
    pub(super) put_off: Counter,
    pub(super) parked: Counter,
    pub(super) unmatched: Counter,
    pub(super) discarded: Counter,
    pub(super) expired: Counter,
    pub(super) returned: Counter,
}

impl Instruments {
    pub(super) fn new(service: &'static str, system: &'static str, queue: &str) -> Self {
        let labels = [("service", service), ("messaging.system", system), ("messaging.destination.name", queue)];
        let attempts = |more: &[(&'static str, &str)]| {
            let name = ("messaging.process.duration", "s");
            metrics::histogram(
                name,
                "Time of one attempt to handle a message.",
                &[&labels[..], more].concat(),
                metrics::SECONDS,
            )
        };
        let deliveries = |outcome| {
            let labels = [&labels[..], &[("outcome", outcome)]].concat();
            metrics::counter("chassis.consumer.deliveries", "Deliveries by what became of them.", &labels)
        };
        Self {
            span: format!("process {queue}"),
            system,
            queue: queue.to_owned(),
            succeeded: attempts(&[]),
            failed: attempts(&[("error.type", "_OTHER")]),
            running: metrics::gauge("chassis.consumer.running", "Messages that are being handled.", &labels),
            paused: metrics::gauge("chassis.consumer.paused", "1 while the consumer takes no messages.", &labels),
            pauses: metrics::counter("chassis.consumer.pauses", "Pauses of the consumer.", &labels),
            handled: deliveries("handled"),
            duplicate: deliveries("duplicate"),
            put_off: deliveries("put_off"),
            parked: deliveries("parked"),
            unmatched: deliveries("unmatched"),
            discarded: deliveries("discarded"),
            expired: deliveries("expired"),
            returned: deliveries("returned"),
        }
    }

    /// Begins the span of one attempt, below that of the message's sender; of a batch, below that of the first.
    pub(super) fn start(&self, batch: &[Received], context: &Context) -> Span {
        let mut span = Span::start(SpanKind::Consumer, "process", context);
        if span.is_recording() {
            span.rename(self.span.clone());
            span.set("messaging.system", self.system);
            span.set("messaging.operation.name", "process");
            span.set("messaging.operation.type", "process");
            span.set("messaging.destination.name", self.queue.clone());
            if let [received] = batch {
                span.set("messaging.message.id", received.id().to_owned());
                let correlation_id = received.message().correlation_id.clone();
                span.set("messaging.message.conversation_id", correlation_id.unwrap_or_default());
                span.set("chassis.attempt", u64::from(received.attempt()));
            } else {
                span.set("messaging.batch.message_count", batch.len() as u64);
            }
        }
        span
    }

    pub(super) fn observe(&self, took: Duration, succeeded: bool) {
        let histogram = if succeeded { &self.succeeded } else { &self.failed };
        histogram.observe(took.as_secs_f64());
    }

    /// Counts deliveries that are done with.
    pub(super) fn done(&self, Done { handled, duplicates }: Done) {
        self.handled.add(handled);
        if duplicates > 0 {
            self.duplicate.add(duplicates);
        }
    }
}
