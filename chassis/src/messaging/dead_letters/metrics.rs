use super::desk::Pile;
use crate::telemetry::metrics::{self, Gauge};

/// The instruments of one service's dead letters.
pub(super) struct Metrics {
    service: &'static str,
}

impl Metrics {
    pub(super) fn new(service: &'static str) -> Self {
        Self { service }
    }

    /// How many are parked, and for how long the first has been.
    pub(super) fn gauges(&self, queue: &str) -> (Gauge, Gauge) {
        let pile = Pile::named(queue).name();
        let labels = [("service", self.service), ("queue", &*pile)];
        let depth = ("chassis.dead_letters.depth", "{message}");
        let oldest = ("chassis.dead_letters.oldest_age", "s");
        (
            metrics::gauge(depth, "Messages that are parked.", &labels),
            metrics::gauge(oldest, "For how long the first of them has been parked.", &labels),
        )
    }

    pub(super) fn replayed(&self, queue: &str, count: u64) {
        self.count("chassis.dead_letters.replayed", "Dead letters that were sent back to their queue.", queue, count);
    }

    pub(super) fn discarded(&self, queue: &str, count: u64) {
        self.count("chassis.dead_letters.discarded", "Dead letters that were removed for good.", queue, count);
    }

    fn count(&self, name: &'static str, help: &'static str, queue: &str, count: u64) {
        if count > 0 {
            let pile = Pile::named(queue).name();
            metrics::counter(name, help, &[("service", self.service), ("queue", &pile)]).add(count);
        }
    }
}
