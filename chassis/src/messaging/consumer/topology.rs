//! What must exist before a subscription can be consumed.

use crate::messaging::driver::{Binding, Exchange, ExchangeKind, Queue, QueueRole, Topology};
use crate::messaging::names;

use super::{RetryPolicy, Shape, SubscriptionSpec};

/// The work queue bound to its publishers' exchanges, where its messages are set aside, and a delay per pause of the policy.
///
/// An exchange is declared here as well as by its owner, so that it does not matter who starts first.
pub(super) fn topology(queue: &str, spec: &SubscriptionSpec, retry: &RetryPolicy) -> Topology {
    let role = if spec.is_single_active() { QueueRole::WorkSingleActive } else { QueueRole::Work };
    let mut topology = Topology {
        exchanges: Vec::new(),
        queues: vec![
            Queue { name: queue.to_owned(), role },
            Queue { name: names::parking_queue(queue), role: QueueRole::Parking },
            Queue { name: names::unmatched_queue(queue), role: QueueRole::Parking },
        ],
        bindings: spec.bindings(queue),
    };
    for binding in &topology.bindings {
        let events = Exchange { name: binding.exchange.clone(), kind: ExchangeKind::Topic };
        if !topology.exchanges.contains(&events) {
            topology.exchanges.push(events);
        }
    }
    if spec.shape == Shape::Ordered {
        return topology;
    }
    for delay in retry.delays() {
        // The routing key must stay the name of the queue to come back to, so the way into a delay is an exchange that takes all.
        let name = names::delay(*delay);
        topology.exchanges.push(Exchange { name: name.clone(), kind: ExchangeKind::Topic });
        topology.queues.push(Queue { name: name.clone(), role: QueueRole::Delay(*delay) });
        topology.bindings.push(Binding { queue: name.clone(), exchange: name, routing_key: "#".to_owned() });
    }
    topology
}
