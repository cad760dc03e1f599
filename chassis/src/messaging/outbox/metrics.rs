use std::time::Duration;

use crate::telemetry::metrics::{self, Counter, Gauge, Histogram};

/// The instruments of one service's relay, resolved once.
#[derive(Clone)]
pub(super) struct Metrics {
    service: &'static str,
    depth: Gauge,
    oldest: Gauge,
    parked: Gauge,
    duration: Histogram,
    published: Counter,
    expired: Counter,
    acquired: Counter,
    lost: Counter,
    yielded: Counter,
    unheard: Gauge,
    stalled: Gauge,
    forgotten: Counter,
}

impl Metrics {
    pub(super) fn of(service: &'static str) -> Self {
        let labels = [("service", service)];
        let gauge = |name, unit, help| metrics::gauge((name, unit), help, &labels);
        let counter = |name, help| metrics::counter(name, help, &labels);
        let lease = |change| {
            let labels = [("service", service), ("change", change)];
            metrics::counter("chassis.outbox.lease_changes", "Partitions of the outbox that changed hands.", &labels)
        };
        Self {
            service,
            depth: gauge("chassis.outbox.depth", "{message}", "Messages waiting in the outbox, counted up to 100,000."),
            oldest: gauge("chassis.outbox.oldest_age", "s", "For how long the oldest message has been waiting."),
            parked: gauge("chassis.outbox.parked", "{message}", "Messages parked after failing for good."),
            duration: metrics::histogram(
                ("chassis.outbox.publish.duration", "s"),
                "Time from sending a message to its confirmation.",
                &labels,
                metrics::SECONDS,
            ),
            published: counter("chassis.outbox.published", "Messages confirmed by the broker."),
            expired: counter("chassis.outbox.expired", "Messages dropped since their time was over."),
            acquired: lease("acquired"),
            lost: lease("lost"),
            yielded: lease("yielded"),
            unheard: gauge("chassis.outbox.unheard", "{message}", "Messages kept since nobody hears their kind yet."),
            stalled: gauge("chassis.outbox.stalled", "{route}", "Routes for which the broker confirms nothing."),
            forgotten: counter("chassis.outbox.parked_forgotten", "Parked messages deleted since they were too old."),
        }
    }

    pub(super) fn surveyed(&self, depth: i64, oldest: Duration, parked: i64) {
        self.depth.set(depth);
        self.oldest.set(oldest.as_secs_f64());
        self.parked.set(parked);
    }

    pub(super) fn published(&self, took: Duration) {
        self.published.inc();
        self.duration.observe(took.as_secs_f64());
    }

    pub(super) fn failed(&self, error: &'static str) {
        let labels = [("service", self.service), ("error", error)];
        metrics::counter("chassis.outbox.failures", "Messages that could not be sent.", &labels).inc();
    }

    pub(super) fn expired(&self) {
        self.expired.inc();
    }

    pub(super) fn acquired(&self) {
        self.acquired.inc();
    }

    pub(super) fn lost(&self) {
        self.lost.inc();
    }

    pub(super) fn yielded(&self) {
        self.yielded.inc();
    }

    pub(super) fn unheard(&self, kept: i64) {
        self.unheard.set(kept);
    }

    pub(super) fn stalled(&self, routes: usize) {
        self.stalled.set(routes as f64);
    }

    pub(super) fn unheard_dropped(&self, kind: &str) {
        let labels = [("service", self.service), ("type", kind)];
        let help = "Messages dropped since nobody hears their kind.";
        metrics::counter("chassis.outbox.unheard_dropped", help, &labels).inc();
    }

    pub(super) fn forgotten(&self, count: u64) {
        self.forgotten.add(count);
    }
}
