//! What is measured of connections, topology and publishing.

use std::sync::Arc;

use crate::messaging::driver::ConnectionState;
use crate::messaging::measures;
use crate::telemetry::metrics::{self, Counter, Gauge};

/// The states of a connection as labels have them, in the order of [`index`].
const STATES: [&str; 5] = ["connecting", "connected", "blocked", "reconnecting", "closed"];

/// What belongs to no single connection.
#[derive(Clone, Default)]
pub(super) struct Instruments {
    service: Arc<str>,
    pub(super) replays: Counter,
    pub(super) redeclared: Counter,
    pub(super) unroutable: Counter,
}

/// What is measured of one of the two connections.
pub(super) struct ConnectionInstruments {
    states: [Gauge; STATES.len()],
    pub(super) failures: Counter,
    pub(super) opened: Counter,
    pub(super) lost: Counter,
}

impl Instruments {
    pub(super) fn new(service: &str) -> Self {
        let counter = |name, help| metrics::counter(name, help, &[("service", service)]);
        Self {
            service: service.into(),
            replays: counter("chassis.messaging.topology.replays", "How often the whole topology was declared again."),
            redeclared: counter(
                "chassis.messaging.queues.redeclared",
                "Queues that were found missing and made again.",
            ),
            unroutable: measures::unroutable(service),
        }
    }

    pub(super) fn connection(&self, purpose: &str) -> ConnectionInstruments {
        let labels = [("service", &*self.service), ("connection", purpose)];
        let counter = |name, help| metrics::counter(name, help, &labels);
        ConnectionInstruments {
            states: STATES.map(|state| {
                let labels = [labels[0], labels[1], ("state", state)];
                metrics::gauge(
                    "chassis.messaging.connection.state",
                    "1 for the state that a connection is in.",
                    &labels,
                )
            }),
            failures: counter("chassis.messaging.connection.failures", "Attempts to connect that failed."),
            opened: counter("chassis.messaging.connection.opened", "Connections that were made."),
            lost: counter("chassis.messaging.connection.lost", "Connections that were lost."),
        }
    }

    /// Whether a queue exists with other arguments than it is declared with.
    pub(super) fn differs(&self, queue: &str) -> Gauge {
        let labels = [("service", &*self.service), ("messaging.destination.name", queue)];
        let help =
            "1 for a queue that exists with other arguments than it is declared with, though with none that matter.";
        metrics::gauge("chassis.messaging.queue.differs", help, &labels)
    }

    /// How many messages wait in a queue that this process reads.
    pub(super) fn ready(&self, queue: &str) -> Gauge {
        measures::ready(&self.service, queue)
    }
}

impl ConnectionInstruments {
    pub(super) fn show(&self, state: &ConnectionState) {
        let now = index(state);
        for (index, gauge) in self.states.iter().enumerate() {
            gauge.set(index == now);
        }
    }
}

fn index(state: &ConnectionState) -> usize {
    match state {
        ConnectionState::Connecting => 0,
        ConnectionState::Connected => 1,
        ConnectionState::Blocked(_) => 2,
        ConnectionState::Reconnecting { .. } => 3,
        ConnectionState::Closed => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_in_one_state_at_a_time() {
        let connection = Instruments::new("instruments-test").connection("publisher");
        let shown = || connection.states.each_ref().map(Gauge::get);
        connection.show(&ConnectionState::Blocked("low on memory".into()));
        assert_eq!(shown(), [0.0, 0.0, 1.0, 0.0, 0.0]);
        connection.show(&ConnectionState::Connected);
        assert_eq!(shown(), [0.0, 1.0, 0.0, 0.0, 0.0]);
    }
}
