//! What the broker holds, and every decision about it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use super::queue::{DELIVERY_LIMIT, Entry, QueueState, Settled, Subscriber};
use super::store::{Change, Letter};
use super::{codec, topic};
use crate::messaging::driver::{
    Binding, DeclareError, DeleteError, Exchange, ExchangeKind, Outcome, Outgoing, PublishError, Queue, QueueRole,
    SettleError, Topology,
};
use crate::messaging::names::{self, headers};

#[derive(Default)]
pub(in crate::messaging) struct State {
    exchanges: HashMap<String, Routes>,
    pub(super) queues: HashMap<Arc<str>, QueueState>,
    /// Nothing is handed out while connections are down.
    pub(super) offline: bool,
    next_position: u64,
    next_consumer: u64,
    /// What happened since the last [`finish`](Self::finish).
    changes: Vec<Change>,
    touched: BTreeSet<Arc<str>>,
    /// What a test wants to know.
    #[cfg(any(test, feature = "testing"))]
    pub(super) tracker: Option<super::tracker::Tracker>,
    /// Whose luck decides about order and duplicates, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub(super) chaos: Option<fastrand::Rng>,
    /// Whose next acknowledgement does not come, since its reader crashes before it.
    #[cfg(any(test, feature = "testing"))]
    pub(super) crashes: HashMap<String, usize>,
}

struct Routes {
    kind: ExchangeKind,
    bindings: Vec<(String, Arc<str>)>,
}

/// A queue that holds messages back and is not watched yet.
pub(super) struct Timer {
    pub(super) queue: Arc<str>,
}

impl State {
    /// Hands on what became deliverable; gives what must be recorded and watched.
    pub(super) fn finish(&mut self) -> (Vec<Change>, Vec<Timer>) {
        let mut timers = Vec::new();
        #[allow(unused_mut, reason = "only tests shuffle")]
        let mut touched: Vec<_> = std::mem::take(&mut self.touched).into_iter().collect();
        #[cfg(any(test, feature = "testing"))]
        if let Some(chaos) = &mut self.chaos {
            chaos.shuffle(&mut touched);
        }
        for name in touched {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if !self.offline {
                queue.dispatch();
            }
            queue.show();
            if matches!(queue.role, QueueRole::Delay(_)) && !queue.timed && queue.next_due().is_some() {
                queue.timed = true;
                timers.push(Timer { queue: name });
            }
        }
        (std::mem::take(&mut self.changes), timers)
    }

    #[cfg(any(test, feature = "testing", feature = "sqlite"))]
    /// Looks at every queue again, as after a reconnection.
    pub(super) fn touch_all(&mut self) {
        self.touched.extend(self.queues.keys().cloned());
    }

    pub(in crate::messaging) fn declare(&mut self, topology: &Topology) -> Result<(), DeclareError> {
        for exchange in &topology.exchanges {
            self.declare_exchange(exchange)?;
        }
        for queue in &topology.queues {
            self.declare_queue(queue)?;
        }
        topology.bindings.iter().try_for_each(|binding| self.bind(binding))
    }

    fn declare_exchange(&mut self, exchange: &Exchange) -> Result<(), DeclareError> {
        match self.exchanges.get(&exchange.name) {
            Some(routes) if routes.kind == exchange.kind => Ok(()),
            Some(routes) => Err(DeclareError::Mismatch {
                what: format!("exchange `{}`", exchange.name),
                field: "type".to_owned(),
                detail: format!("it is {:?}, not {:?}", routes.kind, exchange.kind),
            }),
            None => {
                self.exchanges.insert(exchange.name.clone(), Routes { kind: exchange.kind, bindings: Vec::new() });
                self.changes.push(Change::Exchange(exchange.clone()));
                Ok(())
            }
        }
    }

    fn declare_queue(&mut self, queue: &Queue) -> Result<(), DeclareError> {
        match self.queues.get(queue.name.as_str()) {
            Some(found) if found.role == queue.role => Ok(()),
            Some(found) => Err(DeclareError::Mismatch {
                what: format!("queue `{}`", queue.name),
                field: "role".to_owned(),
                detail: format!("it is {:?}, not {:?}", found.role, queue.role),
            }),
            None => {
                self.queues.insert(queue.name.as_str().into(), QueueState::new(queue.role));
                self.changes.push(Change::Queue(queue.clone()));
                Ok(())
            }
        }
    }

    fn bind(&mut self, binding: &Binding) -> Result<(), DeclareError> {
        let Some((queue, _)) = self.queues.get_key_value(binding.queue.as_str()) else {
            return Err(DeclareError::Refused(format!("there is no queue `{}` to bind", binding.queue)));
        };
        let Some(routes) = self.exchanges.get_mut(&binding.exchange) else {
            return Err(DeclareError::Refused(format!("there is no exchange `{}` to bind to", binding.exchange)));
        };
        let new = (binding.routing_key.clone(), queue.clone());
        if !routes.bindings.contains(&new) {
            routes.bindings.push(new);
            self.changes.push(Change::Binding(binding.clone()));
        }
        Ok(())
    }

    /// Puts a copy of the message into every queue that takes it; says whether any does.
    pub(super) fn publish(&mut self, outgoing: &Outgoing, now: Instant) -> Result<bool, PublishError> {
        let queues = self.route(&outgoing.exchange, &outgoing.routing_key)?;
        if queues.is_empty() && outgoing.mandatory {
            let (exchange, routing_key) = (outgoing.exchange.to_string(), outgoing.routing_key.to_string());
            return Err(PublishError::Unroutable { exchange, routing_key });
        }
        if queues.iter().any(|name| self.queues.get(name).is_some_and(QueueState::is_full)) {
            return Err(PublishError::Nacked);
        }
        let letter = Arc::new(Letter {
            exchange: outgoing.exchange.to_string(),
            routing_key: outgoing.routing_key.to_string(),
            head: codec::encode(&outgoing.message),
            body: outgoing.message.body.clone(),
        });
        #[cfg(any(test, feature = "testing"))]
        self.publishing(outgoing, &queues, &letter, now);
        let routed = !queues.is_empty();
        for queue in queues {
            self.insert(queue, letter.clone(), now);
        }
        Ok(routed)
    }

    /// Notes what is published, and puts some of it into its queues twice, as a broker may after a lost confirm.
    #[cfg(any(test, feature = "testing"))]
    fn publishing(&mut self, outgoing: &Outgoing, queues: &BTreeSet<Arc<str>>, letter: &Arc<Letter>, now: Instant) {
        let role = |name: &Arc<str>| Some((name.clone(), self.queues.get(name)?.role));
        let queues: Vec<(Arc<str>, QueueRole)> = queues.iter().filter_map(role).collect();
        if let Some(tracker) = &mut self.tracker {
            tracker.published(outgoing, &queues);
        }
        for (queue, role) in queues {
            let twice = self.chaos.as_mut().is_some_and(|chaos| chaos.u8(..4) == 0);
            if twice && matches!(role, QueueRole::Work | QueueRole::WorkSingleActive) {
                self.insert(queue, letter.clone(), now);
            }
        }
    }

    fn route(&self, exchange: &str, key: &str) -> Result<BTreeSet<Arc<str>>, PublishError> {
        if exchange.is_empty() {
            return Ok(self.queues.get_key_value(key).map(|(name, _)| name.clone()).into_iter().collect());
        }
        let Some(routes) = self.exchanges.get(exchange) else {
            return Err(PublishError::Refused(format!("there is no exchange `{exchange}`")));
        };
        let takes = |pattern: &str| match routes.kind {
            ExchangeKind::Direct => pattern == key,
            ExchangeKind::Topic => topic::matches(pattern, key),
        };
        // A queue that is bound twice still gets one copy.
        Ok(routes.bindings.iter().filter(|(pattern, _)| takes(pattern)).map(|(_, queue)| queue.clone()).collect())
    }

    fn insert(&mut self, name: Arc<str>, letter: Arc<Letter>, now: Instant) {
        let Some(queue) = self.queues.get_mut(&name) else { return };
        self.next_position += 1;
        let position = self.next_position;
        let due = match queue.role {
            QueueRole::Delay(delay) => Some(now + delay),
            _ => None,
        };
        self.changes.push(Change::Insert { position, queue: name.clone(), letter: letter.clone(), deliveries: 0, due });
        queue.push(position, Entry { letter, deliveries: 0, redelivered: false, restored: false, due });
        self.touched.insert(name);
    }

    pub(super) fn subscribe(
        &mut self,
        name: &str,
        subscriber: impl FnOnce(u64) -> Subscriber,
    ) -> Result<u64, DeclareError> {
        let Some((name, _)) = self.queues.get_key_value(name) else {
            return Err(DeclareError::Refused(format!("there is no queue `{name}` to consume")));
        };
        let name = name.clone();
        self.next_consumer += 1;
        let consumer = self.next_consumer;
        if let Some(queue) = self.queues.get_mut(&name) {
            queue.subscribe(subscriber(consumer));
        }
        self.touched.insert(name);
        Ok(consumer)
    }

    /// Counts what a consumer of this prefetch is about to be handed of what a process that is gone may have had. What was handed out too
    /// often goes to the dead letters, since it may be what ends these processes. Says whether there was any.
    pub(super) fn count_restored(&mut self, name: &str, prefetch: usize, now: Instant) -> bool {
        let Some((name, queue)) = self.queues.get_key_value(name) else { return false };
        if !queue.is_handled() {
            return false;
        }
        let name = name.clone();
        let counted = self.queues.get_mut(&name).map(|queue| queue.count_restored(prefetch)).unwrap_or_default();
        let any = !counted.is_empty();
        for (position, deliveries) in counted {
            if deliveries <= DELIVERY_LIMIT {
                self.changes.push(Change::Count { position, deliveries });
            } else if let Some(entry) = self.queues.get_mut(&name).and_then(|queue| queue.remove(position)) {
                self.dead_letter(&name, position, &entry.letter, "delivery_limit", now);
            }
        }
        any
    }

    pub(super) fn unsubscribe(&mut self, name: &Arc<str>, consumer: u64) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.unsubscribe(consumer);
            // With a single active consumer the next one's turn has come.
            self.touched.insert(name.clone());
        }
    }

    pub(super) fn settle(
        &mut self,
        name: &Arc<str>,
        position: u64,
        tag: u64,
        outcome: Outcome,
        now: Instant,
    ) -> Result<(), SettleError> {
        #[cfg(any(test, feature = "testing"))]
        if outcome == Outcome::Ack && self.crashes(name, position, tag) {
            return Err(SettleError);
        }
        let queue = self.queues.get_mut(name).ok_or(SettleError)?;
        #[cfg(any(test, feature = "testing"))]
        if let (Some(tracker), Outcome::Ack, Some(letter)) = (&mut self.tracker, outcome, queue.held(position, tag)) {
            tracker.acked(name, codec::decode(&letter.head, letter.body.clone()));
        }
        let settled = queue.settle(position, tag, outcome).ok_or(SettleError)?;
        self.touched.insert(name.clone());
        match settled {
            Settled::Removed => self.changes.push(Change::Remove { position }),
            Settled::Returned { deliveries } if outcome == Outcome::Requeue => {
                self.changes.push(Change::Count { position, deliveries });
            }
            Settled::Returned { .. } => {}
            Settled::Dead { entry, reason } => self.dead_letter(name, position, &entry.letter, reason, now),
        }
        Ok(())
    }

    /// Whether a delivery's reader is to crash now, which takes back all that its connection holds.
    #[cfg(any(test, feature = "testing"))]
    fn crashes(&mut self, name: &Arc<str>, position: u64, tag: u64) -> bool {
        let Some(left) = self.crashes.get_mut(&**name).filter(|left| **left > 0) else { return false };
        let Some(session) = self.queues.get(name).and_then(|queue| queue.holder(position, tag)) else { return false };
        *left -= 1;
        self.take_back(session);
        true
    }

    /// Removes what waits at `position` of a queue, if it still does.
    pub(super) fn remove(&mut self, name: &str, position: u64) {
        let Some((name, _)) = self.queues.get_key_value(name) else { return };
        let name = name.clone();
        if self.queues.get_mut(&name).is_some_and(|queue| queue.remove(position).is_some()) {
            self.changes.push(Change::Remove { position });
            self.touched.insert(name);
        }
    }

    /// Takes back whatever the consumers of `session` hold.
    pub(super) fn take_back(&mut self, session: u64) {
        for (name, queue) in &mut self.queues {
            for (position, deliveries) in queue.take_back(session) {
                self.changes.push(Change::Count { position, deliveries });
            }
            self.touched.insert(name.clone());
        }
    }

    /// Ends the consumers of `session` for good.
    pub(super) fn forget_session(&mut self, session: u64) {
        self.take_back(session);
        self.queues.values_mut().for_each(|queue| queue.unsubscribe_session(session));
    }

    pub(super) fn unbind(&mut self, binding: &Binding) {
        let Some(routes) = self.exchanges.get_mut(&binding.exchange) else { return };
        let before = routes.bindings.len();
        routes.bindings.retain(|(key, queue)| (key, &**queue) != (&binding.routing_key, &binding.queue));
        if routes.bindings.len() < before {
            self.changes.push(Change::Unbind(binding.clone()));
        }
    }

    /// Deletes a queue, if nothing is in it or on its way back to it, and nobody reads it.
    pub(super) fn delete_if_unused(&mut self, name: &str) -> Result<(), DeleteError> {
        let Some(queue) = self.queues.get(name) else { return Ok(()) };
        let depth = queue.depth();
        if depth.consumers > 0 {
            return Err(DeleteError::InUse { consumers: depth.consumers as u64 });
        }
        let held_back: usize = self.queues.values().map(|queue| queue.held_back_for(name)).sum();
        match depth.ready + depth.unacked + held_back {
            0 => {
                self.delete_queue(name);
                Ok(())
            }
            messages => Err(DeleteError::NotEmpty { messages: messages as u64 }),
        }
    }

    pub(super) fn delete_queue(&mut self, name: &str) {
        let Some((name, queue)) = self.queues.remove_entry(name) else { return };
        self.exchanges.values_mut().for_each(|routes| routes.bindings.retain(|(_, bound)| *bound != name));
        self.changes.extend(queue.delete().into_iter().map(|position| Change::Remove { position }));
        self.changes.push(Change::DeleteQueue(name));
    }

    /// Moves on what `name` has held back long enough; says when the next is due, `None` when nobody need watch any more.
    pub(super) fn release(&mut self, name: &str, now: Instant) -> Option<Instant> {
        let (name, _) = self.queues.get_key_value(name)?;
        let name = name.clone();
        while let Some((position, entry)) = self.queues.get_mut(&name).and_then(|queue| queue.pop_due(now)) {
            self.dead_letter(&name, position, &entry.letter, "expired", now);
        }
        let queue = self.queues.get_mut(&name)?;
        let next = queue.next_due();
        queue.timed = next.is_some();
        next
    }

    /// Puts a message that left its queue where that queue's dead letters go; parked messages have nowhere to go.
    fn dead_letter(&mut self, from: &Arc<str>, position: u64, letter: &Letter, reason: &str, now: Instant) {
        self.changes.push(Change::Remove { position });
        let to = match self.queues.get(from).map(|queue| queue.role) {
            Some(QueueRole::Work | QueueRole::WorkSingleActive) => names::parking_queue(from),
            Some(QueueRole::Delay(_)) => letter.routing_key.clone(),
            Some(QueueRole::Parking) | None => return,
        };
        let Some((to, _)) = self.queues.get_key_value(to.as_str()) else {
            tracing::error!(queue = %from, target = %to, reason, "a dead letter has no queue to go to and is lost");
            return;
        };
        let mut message = codec::decode(&letter.head, letter.body.clone());
        let died_before = message.headers.contains_key(headers::FIRST_DEATH_QUEUE);
        let mut note = |name: &'static str, value: &str| message.headers.insert(name, value.to_owned());
        if !died_before {
            note(headers::FIRST_DEATH_QUEUE, from);
            note(headers::FIRST_DEATH_REASON, reason);
        }
        note(headers::LAST_DEATH_QUEUE, from);
        note(headers::LAST_DEATH_REASON, reason);
        #[cfg(any(test, feature = "testing"))]
        if let (Some(tracker), Some(QueueRole::Parking)) = (&mut self.tracker, self.queues.get(to).map(|to| to.role)) {
            tracker.dead_lettered(from, &message);
        }
        let letter = Letter {
            exchange: String::new(),
            routing_key: to.to_string(),
            head: codec::encode(&message),
            body: letter.body.clone(),
        };
        self.insert(to.clone(), Arc::new(letter), now);
    }

    /// Puts back what a store had; may have been delivered before, by a process that is gone. Nothing is held back for longer than
    /// its queue does, though the clock was set back.
    #[cfg(feature = "sqlite")]
    pub(in crate::messaging) fn restore(
        &mut self,
        position: u64,
        queue: &str,
        letter: Letter,
        deliveries: u32,
        due: Option<Instant>,
    ) {
        self.next_position = self.next_position.max(position);
        if let Some(queue) = self.queues.get_mut(queue) {
            let due = match queue.role {
                QueueRole::Delay(delay) => due.map(|due| due.min(Instant::now() + delay)),
                _ => due,
            };
            let letter = Arc::new(letter);
            queue.push(position, Entry { letter, deliveries, redelivered: true, restored: true, due });
        }
    }

    /// Forgets what is only known because it was in the store already.
    #[cfg(feature = "sqlite")]
    pub(in crate::messaging) fn restored(&mut self) {
        self.changes.clear();
    }
}
