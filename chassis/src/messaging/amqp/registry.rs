//! Everything that was declared, each thing once, to be declared again after a reconnection.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;
use tracing::error;

use super::declare::{self, Faults};
use super::link::Link;
use crate::messaging::driver::{DeclareError, QueueRole, Topology};
use crate::telemetry::metrics::Counter;

/// The topology as far as this process declared it.
#[derive(Default)]
pub(super) struct Registry {
    known: Mutex<Topology>,
    /// The last complete replay. Locked for as long as one runs.
    last: tokio::sync::Mutex<Replay>,
    /// Counts complete replays.
    replays: Counter,
}

/// When a replay began, and over which connection it went.
#[derive(Default)]
struct Replay {
    began: Option<Instant>,
    link: Weak<Link>,
}

impl Replay {
    /// Whether it made what `link` needs, whose predecessor was lost at `lost`.
    ///
    /// Both connections go down with the broker and come back one after the other. What was declared over the other one
    /// since holds, as long as that one leads to the same broker and has not been lost again.
    fn serves(&self, link: &Link, lost: Option<Instant>) -> bool {
        let since = lost.unwrap_or_else(|| link.opened());
        let other = self.link.upgrade().filter(|other| other.broker() == link.broker() && other.is_open());
        self.began.is_some_and(|began| began >= since) && other.is_some()
    }
}

impl Registry {
    /// An empty one that counts in `replays`.
    pub(super) fn new(replays: Counter) -> Self {
        Self { replays, ..Self::default() }
    }

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

    /// The queues that handlers read.
    pub(super) fn work_queues(&self) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_work = |role| matches!(role, QueueRole::Work | QueueRole::WorkSingleActive);
        known.queues.iter().filter(|queue| is_work(queue.role)).map(|queue| queue.name.clone()).collect()
    }

    /// Declares everything over `link`, whose predecessor was `lost` at that time, unless the other connection has done it
    /// since: one replay serves the two.
    pub(super) async fn replay(&self, link: &Arc<Link>, lost: Option<Instant>) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if last.serves(link, lost) {
            return Ok(());
        }
        let began = Instant::now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known == Topology::default() {
            return Ok(());
        }
        let faults = declare::all(link, &known).await?;
        for fault in &faults.errors {
            // No reason to stay away: the rest of the topology is there, and who consumes the queue in question learns it.
            error!(%fault, "a part of the topology could not be declared again");
        }
        self.replays.inc();
        *last = Replay { began: Some(began), link: Arc::downgrade(link) };
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
