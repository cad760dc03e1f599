//! Everything that was declared, each thing once, to be declared again after a reconnection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;
use tracing::{error, warn};

use super::declare::{self, Faults};
use super::instruments::Instruments;
use super::link::Link;
use crate::messaging::driver::{Binding, DeclareError, Queue, QueueRole, Topology};

/// The topology as far as this process declared it.
#[derive(Default)]
pub(super) struct Registry {
    known: Mutex<Topology>,
    /// The last complete replay. Locked for as long as one runs.
    last: tokio::sync::Mutex<Replay>,
    /// What differs of queues that are used all the same, as far as it was said.
    tolerated: Mutex<HashMap<String, String>>,
    instruments: Instruments,
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
    /// An empty one that counts in `instruments`.
    pub(super) fn new(instruments: Instruments) -> Self {
        Self { instruments, ..Self::default() }
    }

    /// Remembers what is new in `topology`.
    pub(super) fn remember(&self, topology: &Topology) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        merge(&mut known.exchanges, &topology.exchanges);
        merge(&mut known.queues, &topology.queues);
        merge(&mut known.bindings, &topology.bindings);
    }

    /// Forgets what the broker does not allow, lest every reconnection stumbles over it.
    fn forget(&self, faults: &Faults) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.exchanges.retain(|exchange| !faults.exchanges.contains(exchange));
        known.queues.retain(|queue| !faults.queues.contains(queue));
        known.bindings.retain(|binding| !faults.bindings.contains(binding));
    }

    /// Forgets bindings.
    pub(super) fn forget_bindings(&self, bindings: &[Binding]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.bindings.retain(|binding| !bindings.contains(binding));
    }

    /// Forgets a queue with its bindings.
    pub(super) fn forget_queue(&self, queue: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.queues.retain(|known| known.name != queue);
        known.bindings.retain(|known| known.queue != queue);
    }

    /// What belongs to `queue`: itself, its bindings and their exchanges.
    fn of_queue(&self, queue: &str) -> Topology {
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
        self.tell(&known, &faults);
        for fault in &faults.errors {
            // No reason to stay away: the rest of the topology is there, and who consumes the queue in question learns it.
            error!(%fault, "a part of the topology could not be declared again");
        }
        self.instruments.replays.inc();
        *last = Replay { began: Some(began), link: Arc::downgrade(link) };
        Ok(())
    }

    /// Declares `topology`, which was remembered, over `link`; what the broker does not allow is forgotten again.
    pub(super) async fn declare_new(&self, link: &Link, topology: &Topology) -> Result<(), DeclareError> {
        let faults = declare::all(link, topology).await.map_err(DeclareError::NotConnected)?;
        self.forget(&faults);
        self.told(topology, faults)
    }

    /// Declares again what belongs to `queue`. What the broker does not allow now, though it did, is tried again another time.
    pub(super) async fn declare_again(&self, link: &Link, queue: &str) -> Result<(), DeclareError> {
        let topology = self.of_queue(queue);
        let faults = declare::all(link, &topology).await.map_err(DeclareError::NotConnected)?;
        self.told(&topology, faults)
    }

    fn told(&self, topology: &Topology, faults: Faults) -> Result<(), DeclareError> {
        self.tell(topology, &faults);
        match faults.errors.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}

impl Registry {
    /// Says once what differs of a queue that is used all the same.
    fn tell(&self, declared: &Topology, faults: &Faults) {
        let mut tolerated = self.tolerated.lock().unwrap_or_else(PoisonError::into_inner);
        for Queue { name, .. } in &declared.queues {
            let now = faults.tolerated.iter().find(|(queue, _)| queue == name).map(|(_, differences)| differences);
            let before = match now {
                Some(differences) => tolerated.insert(name.clone(), differences.clone()),
                None => tolerated.remove(name),
            };
            if before.as_ref() == now {
                continue;
            }
            self.instruments.differs(name).set(now.is_some());
            if let Some(differences) = now {
                warn!(
                    queue = name,
                    differences, "a queue exists otherwise than it is declared; it is used all the same"
                );
            }
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
    use crate::messaging::driver::{Exchange, ExchangeKind};

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
    fn a_queue_that_was_deleted_does_not_come_back() {
        let registry = Registry::default();
        registry.remember(&topology("a"));
        registry.remember(&topology("b"));
        registry.forget_queue("a");
        assert_eq!(*registry.known.lock().unwrap(), topology("b"));
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
