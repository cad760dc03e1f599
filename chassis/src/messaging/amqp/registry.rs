//! Everything that was declared, each thing once, to be declared again after a reconnection.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tracing::error;

use super::declare::{self, Faults};
use super::link::Link;
use crate::messaging::driver::{DeclareError, Topology};

/// The topology as far as this process declared it.
#[derive(Default)]
pub(super) struct Registry {
    known: Mutex<Topology>,
    /// When the last complete replay began. Locked for as long as one runs.
    replayed: tokio::sync::Mutex<Option<Instant>>,
}

impl Registry {
    /// Remembers what is new in `topology`.
    pub(super) fn remember(&self, topology: &Topology) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        merge(&mut known.exchanges, &topology.exchanges);
        merge(&mut known.queues, &topology.queues);
        merge(&mut known.bindings, &topology.bindings);
    }

    /// Forgets what the broker does not allow, lest every reconnection stumbles over it.
    pub(super) fn forget(&self, faults: &Faults) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.exchanges.retain(|exchange| !faults.exchanges.contains(exchange));
        known.queues.retain(|queue| !faults.queues.contains(queue));
        known.bindings.retain(|binding| !faults.bindings.contains(binding));
    }

    /// What belongs to `queue`: itself, its bindings and their exchanges.
    pub(super) fn of_queue(&self, queue: &str) -> Topology {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let bindings: Vec<_> = known.bindings.iter().filter(|binding| binding.queue == queue).cloned().collect();
        let bound = |name: &str| bindings.iter().any(|binding| binding.exchange == name);
        Topology {
            exchanges: known.exchanges.iter().filter(|exchange| bound(&exchange.name)).cloned().collect(),
            queues: known.queues.iter().filter(|known| known.name == queue).cloned().collect(),
            bindings,
        }
    }

    /// Declares everything over `link`, unless that was done since `link` was opened: both connections go down with the
    /// broker, and one replay serves the two.
    pub(super) async fn replay(&self, link: &Link) -> Result<(), String> {
        let mut replayed = self.replayed.lock().await;
        if replayed.is_some_and(|began| began >= link.opened()) {
            return Ok(());
        }
        let began = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let faults = declare::all(link, &known).await?;
        for fault in &faults.errors {
            // No reason to stay away: the rest of the topology is there, and who consumes the queue in question learns it.
            error!(%fault, "a part of the topology could not be declared again");
        }
        *replayed = Some(began);
        Ok(())
    }

    /// Declares `topology` over `link` and remembers what the broker accepts.
    pub(super) async fn declare(&self, link: &Link, topology: &Topology) -> Result<(), DeclareError> {
        let faults = declare::all(link, topology).await.map_err(DeclareError::NotConnected)?;
        self.forget(&faults);
        match faults.errors.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}

fn merge<T: Clone + PartialEq>(known: &mut Vec<T>, new: &[T]) {
    for item in new {
        if !known.contains(item) {
            known.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::driver::{Binding, Exchange, ExchangeKind, Queue, QueueRole};

    fn topology(queue: &str) -> Topology {
        let exchange = "orders.events".to_owned();
        Topology {
            exchanges: vec![Exchange { name: exchange.clone(), kind: ExchangeKind::Topic }],
            queues: vec![Queue { name: queue.to_owned(), role: QueueRole::Work }],
            bindings: vec![Binding { queue: queue.to_owned(), exchange, routing_key: "order.placed.v1".to_owned() }],
        }
    }

    #[test]
    fn declaring_twice_is_remembered_once() {
        let registry = Registry::default();
        for _ in 0..3 {
            registry.remember(&topology("a"));
            registry.remember(&topology("b"));
        }
        let known = registry.known.lock().unwrap().clone();
        assert_eq!((known.exchanges.len(), known.queues.len(), known.bindings.len()), (1, 2, 2));
    }

    #[test]
    fn what_belongs_to_a_queue_leaves_out_its_neighbours() {
        let registry = Registry::default();
        registry.remember(&topology("a"));
        registry.remember(&topology("b"));
        assert_eq!(registry.of_queue("a"), topology("a"));
    }

    #[test]
    fn what_is_not_allowed_is_forgotten() {
        let registry = Registry::default();
        registry.remember(&topology("a"));
        let Topology { queues, bindings, .. } = topology("a");
        registry.forget(&Faults { queues, bindings, ..Faults::default() });
        let known = registry.known.lock().unwrap().clone();
        assert_eq!((known.exchanges.len(), known.queues.len(), known.bindings.len()), (1, 0, 0));
    }
}
