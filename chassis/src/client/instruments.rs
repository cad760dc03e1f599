//! What is counted of one client.

use std::sync::{Arc, OnceLock};

use http::{Response, StatusCode};
use tokio::time::Duration;

use super::answered::Answered;
use crate::resilience::circuit_breaker::{CircuitBreaker, Status, Transition};
use crate::resilience::retry::GivenUp;
use crate::telemetry::metrics::{self, Counter, Gauge, Histogram, SECONDS};
use crate::telemetry::span::Span;
use crate::{ErrorKind, Result};

/// The instruments of one client, resolved once.
#[derive(Clone)]
pub(super) struct Instruments(Arc<Resolved>);

struct Resolved {
    service: String,
    client: String,
    retries: Counter,
    given_up: [(GivenUp, Counter); 4],
    refused: Counter,
    trips: Counter,
    crowded: Counter,
    states: [(Status, Gauge); 5],
    durations: Durations,
}

/// How long calls took, by operation and how they ended. A list that only grows, at its end, so that it is read without a
/// lock: there are as many as operations and outcomes, which is few.
#[derive(Default)]
struct Durations(OnceLock<Box<Taken>>);

struct Taken {
    contract: &'static str,
    operation: &'static str,
    ended: Ended,
    histogram: Histogram,
    next: Durations,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ended {
    Answered(StatusCode),
    Failed(ErrorKind),
}

impl Ended {
    pub(super) fn of(result: &Result<Response<Answered>>) -> Self {
        match result {
            Ok(response) => Self::Answered(response.status()),
            Err(error) => Self::Failed(error.kind()),
        }
    }

    /// Marks the span of what ended so, unless it was a success.
    pub(super) fn tell(self, span: &mut Span) {
        if span.is_recording() && !matches!(self, Self::Answered(status) if status.is_success()) {
            span.set("error.type", self.as_str().to_owned());
            span.fail(self.as_str().to_owned());
        }
    }

    /// The value of its label.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Answered(status) => status.as_str(),
            Self::Failed(kind) => kind.as_str(),
        }
    }
}

impl Taken {
    fn new(contract: &'static str, operation: &'static str, ended: Ended) -> Self {
        let histogram = metrics::histogram(
            ("http.client.request.duration", "s"),
            "How long calls to other services took.",
            &[("chassis_contract", contract), ("chassis_operation", operation), ("outcome", ended.as_str())],
            SECONDS,
        );
        Self { contract, operation, ended, histogram, next: Durations::default() }
    }
}

/// What a balancer counts.
pub(super) struct Balancing {
    pub(super) endpoints: Gauge,
    pub(super) ejections: Counter,
}

impl Instruments {
    pub(super) fn new(service: &str, client: &str) -> Self {
        let labels = [("service", service), ("chassis_client", client)];
        let with = |key: &'static str, value: &'static str| [labels[0], labels[1], (key, value)];
        let given_up = [GivenUp::Attempts, GivenUp::Deadline, GivenUp::RetryAfter, GivenUp::Budget].map(|why| {
            let help = "Calls that failed and were not tried again, by why not.";
            (why, metrics::counter("chassis.client.retries.given_up", help, &with("reason", why.as_str())))
        });
        let states = Status::ALL.map(|status| {
            let help = "1 for the state that the circuit breaker is in.";
            (status, metrics::gauge("chassis.client.breaker.state", help, &with("state", status.as_str())))
        });
        Self(Arc::new(Resolved {
            service: service.to_owned(),
            client: client.to_owned(),
            retries: metrics::counter("chassis.client.retries", "Attempts after the first.", &labels),
            given_up,
            refused: metrics::counter(
                "chassis.client.breaker.refused",
                "Calls that an open circuit breaker refused.",
                &labels,
            ),
            crowded: metrics::counter(
                "chassis.client.bulkhead.refused",
                "Calls that were refused as too many were under way.",
                &labels,
            ),
            trips: metrics::counter("chassis.client.breaker.opened", "How often the circuit breaker opened.", &labels),
            states,
            durations: Durations::default(),
        }))
    }

    /// What the balancer counts.
    pub(super) fn balancing(&self) -> Balancing {
        let labels = [("service", &*self.0.service), ("chassis_client", &*self.0.client)];
        Balancing {
            endpoints: metrics::gauge("chassis.client.endpoints", "Instances that are known.", &labels),
            ejections: metrics::counter(
                "chassis.client.ejections",
                "How often an instance was left out because it kept failing.",
                &labels,
            ),
        }
    }

    /// Shows the breaker's state from now on.
    pub(super) fn follow(&self, breaker: &CircuitBreaker) {
        self.show(breaker.status());
        let instruments = self.clone();
        breaker.observe(move |change| instruments.changed(change));
    }

    fn changed(&self, change: Transition) {
        let Resolved { service, client, trips, .. } = &*self.0;
        if change.to == Status::Open {
            trips.inc();
        }
        self.show(change.to);
        let Transition { from, to, cause } = change;
        match to {
            Status::Closed | Status::HalfOpen => tracing::info!(service, client, %from, %to, %cause, "circuit breaker"),
            _ => tracing::warn!(service, client, %from, %to, %cause, "circuit breaker"),
        }
    }

    fn show(&self, status: Status) {
        for (other, gauge) in &self.0.states {
            gauge.set(*other == status);
        }
    }

    /// Counts a call that has ended.
    pub(super) fn took(&self, contract: &'static str, operation: &'static str, ended: Ended, time: Duration) {
        // Names are the program's own, so that mostly a look at where they lie is enough.
        let same = |a: &str, b: &str| std::ptr::eq(a, b) || a == b;
        let mut durations = &self.0.durations;
        loop {
            // Whoever comes second to an end makes none, and goes on from what the first has made.
            let taken = durations.0.get_or_init(|| Box::new(Taken::new(contract, operation, ended)));
            if taken.ended == ended && same(taken.operation, operation) && same(taken.contract, contract) {
                return taken.histogram.observe(time.as_secs_f64());
            }
            durations = &taken.next;
        }
    }

    pub(super) fn refused(&self) {
        self.0.refused.inc();
    }

    pub(super) fn crowded(&self) {
        self.0.crowded.inc();
    }

    pub(super) fn retrying(&self) {
        self.0.retries.inc();
    }

    pub(super) fn given_up(&self, why: GivenUp) {
        if let Some((_, counter)) = self.0.given_up.iter().find(|(other, _)| *other == why) {
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_count_into_the_same_durations() {
        let instruments = Instruments::new("durations", "durations");
        let operations = ["one", "two", "three"];
        let ends = [Ended::Answered(StatusCode::OK), Ended::Failed(ErrorKind::Unavailable)];
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (instruments, operations) = (instruments.clone(), &operations);
                scope.spawn(move || {
                    for n in 0..600 {
                        let (operation, ended) = (operations[(n + thread) % 3], ends[n % 2]);
                        instruments.took("durations", operation, ended, Duration::from_millis(1));
                    }
                });
            }
        });
        for operation in operations {
            for ended in ends {
                let made = Taken::new("durations", operation, ended);
                assert_eq!(made.histogram.counts().iter().sum::<u64>(), 400, "{operation} {ended:?}");
            }
        }
    }
}
