//! What is measured of every broker, whatever the transport.

use crate::telemetry::metrics::{self, Counter, Gauge};

/// Events of a service that no queue took.
pub(super) fn unroutable(service: &str) -> Counter {
    let help = "Events that no queue took; nobody listens to them.";
    metrics::counter("chassis.messaging.unroutable", help, &[("service", service)])
}

/// How many messages wait in a queue that a service reads.
pub(super) fn ready(service: &str, queue: &str) -> Gauge {
    let labels = [("service", service), ("messaging.destination.name", queue)];
    let name = ("chassis.messaging.queue.ready", "{message}");
    metrics::gauge(name, "Messages that wait in a queue for a consumer to take them.", &labels)
}
