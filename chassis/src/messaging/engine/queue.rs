//! One queue: what waits in it, what is out for delivery, and who reads it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::store::Letter;
use crate::messaging::driver::{Outcome, QueueRole};
use crate::telemetry::metrics::Gauge;

/// How often a delivery may fail before the broker gives up on it; far beyond any retry policy.
pub(super) const DELIVERY_LIMIT: u32 = 1000;

/// What stands in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Waiting to be delivered.
    pub ready: usize,
    /// Delivered and not settled yet.
    pub unacked: usize,
    /// Reading it.
    pub consumers: usize,
}

pub(super) struct QueueState {
    pub(super) role: QueueRole,
    /// How many may wait, as an operator's policy.
    pub(super) max_length: Option<usize>,
    /// Whether somebody watches over what is held back.
    pub(super) timed: bool,
    /// By position, so that what goes back stands where it stood.
    ready: BTreeMap<u64, Entry>,
    unacked: HashMap<u64, Unacked>,
    subscribers: Vec<Subscriber>,
    /// Whose turn it is.
    turn: usize,
    next_tag: u64,
    /// Shows how many wait, to the service that read it last, be it at this moment or not.
    waiting: Option<Gauge>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) letter: Arc<Letter>,
    /// How many deliveries have failed.
    pub(super) deliveries: u32,
    pub(super) redelivered: bool,
    /// It was in the store when the process began, and nobody of this process has had it.
    pub(super) restored: bool,
    /// When a queue that holds messages back lets it go.
    pub(super) due: Option<Instant>,
}

struct Unacked {
    entry: Entry,
    consumer: u64,
    /// Kept here too, since a consumer that was cancelled may still have deliveries.
    session: u64,
    tag: u64,
}

pub(super) struct Subscriber {
    pub(super) consumer: u64,
    pub(super) session: u64,
    pub(super) prefetch: usize,
    pub(super) outstanding: usize,
    /// `None` once it takes no more, and only has to settle what it has.
    pub(super) sender: Option<UnboundedSender<Handed>>,
}

impl Subscriber {
    fn has_room(&self) -> bool {
        self.sender.is_some() && self.outstanding < self.prefetch
    }

    /// Whether it takes no more and has nothing left.
    fn is_through(&self) -> bool {
        self.sender.is_none() && self.outstanding == 0
    }
}

/// A message on its way to a consumer. The tag tells one delivery of it from the next.
pub(super) struct Handed {
    pub(super) position: u64,
    pub(super) tag: u64,
    pub(super) entry: Entry,
}

/// What settling a delivery did.
pub(super) enum Settled {
    /// The message is gone.
    Removed,
    /// It stands in the queue again, with as many failed deliveries.
    Returned { deliveries: u32 },
    /// It left the queue and must be dead-lettered for the reason.
    Dead { entry: Entry, reason: &'static str },
}

impl QueueState {
    pub(super) fn new(role: QueueRole) -> Self {
        Self {
            role,
            max_length: None,
            timed: false,
            ready: BTreeMap::new(),
            unacked: HashMap::new(),
            subscribers: Vec::new(),
            turn: 0,
            next_tag: 0,
            waiting: None,
        }
    }

    /// Whether it is there for a handler.
    pub(super) fn is_handled(&self) -> bool {
        matches!(self.role, QueueRole::Work | QueueRole::WorkSingleActive)
    }

    pub(super) fn depth(&self) -> QueueDepth {
        let QueueState { ready, unacked, subscribers, .. } = self;
        QueueDepth { ready: ready.len(), unacked: unacked.len(), consumers: subscribers.len() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.max_length.is_some_and(|max| self.ready.len() >= max)
    }

    /// How many messages it gives back to the queue `origin` once their time has come.
    pub(super) fn held_back_for(&self, origin: &str) -> usize {
        match self.role {
            QueueRole::Delay(_) => self.ready.values().filter(|entry| entry.letter.routing_key == origin).count(),
            _ => 0,
        }
    }

    pub(super) fn push(&mut self, position: u64, entry: Entry) {
        self.ready.insert(position, entry);
    }

    /// Shows from now on how many wait.
    pub(super) fn measure(&mut self, waiting: Gauge) {
        self.waiting = Some(waiting);
    }

    /// Shows how many wait now.
    pub(super) fn show(&self) {
        if let Some(waiting) = &self.waiting {
            waiting.set(self.ready.len());
        }
    }

    pub(super) fn subscribe(&mut self, subscriber: Subscriber) {
        self.subscribers.push(subscriber);
    }

    /// Counts a delivery of what was restored, as far as a consumer that comes now is handed it at once: a process that it kills cannot
    /// say so. Gives how often each was delivered by now.
    pub(super) fn count_restored(&mut self, prefetch: usize) -> Vec<(u64, u32)> {
        let first = self.ready.iter_mut().take(prefetch).filter(|(_, entry)| entry.restored);
        let counted = first.map(|(position, entry)| {
            entry.restored = false;
            entry.deliveries += 1;
            (*position, entry.deliveries)
        });
        counted.collect()
    }

    /// Hands nothing more to the consumer; what it has stays with it. Where one alone is active, no other is before it has settled
    /// that: the order counts there, and what comes back goes before what comes after it.
    pub(super) fn unsubscribe(&mut self, consumer: u64) {
        let single_active = self.role == QueueRole::WorkSingleActive;
        self.subscribers.retain_mut(|subscriber| {
            if subscriber.consumer == consumer {
                subscriber.sender = None;
            }
            subscriber.sender.is_some() || (single_active && subscriber.outstanding > 0)
        });
    }

    /// Ends the consumers of a connection.
    pub(super) fn unsubscribe_session(&mut self, session: u64) {
        self.subscribers.retain(|subscriber| subscriber.session != session);
    }

    /// Ends every consumer, as when the queue is deleted.
    pub(super) fn unsubscribe_all(&mut self) {
        self.subscribers.clear();
    }

    /// Ends all that has to do with it. Gives the positions of what is in it.
    pub(super) fn delete(mut self) -> Vec<u64> {
        self.unsubscribe_all();
        if let Some(waiting) = &self.waiting {
            waiting.set(0);
        }
        self.ready.into_keys().chain(self.unacked.into_keys()).collect()
    }

    /// Hands out what can be: to each consumer in turn, or to the first alone, never more than its prefetch.
    pub(super) fn dispatch(&mut self) {
        while !self.ready.is_empty() {
            let Some(index) = self.next_subscriber() else { return };
            let Some((position, entry)) = self.ready.pop_first() else { return };
            self.next_tag += 1;
            let (tag, subscriber) = (self.next_tag, &mut self.subscribers[index]);
            let handed = Handed { position, tag, entry: entry.clone() };
            if subscriber.sender.as_ref().is_none_or(|sender| sender.send(handed).is_err()) {
                // Its end was dropped without a word.
                self.subscribers.remove(index);
                self.ready.insert(position, entry);
                continue;
            }
            subscriber.outstanding += 1;
            let Subscriber { consumer, session, .. } = *subscriber;
            self.unacked.insert(position, Unacked { entry, consumer, session, tag });
        }
    }

    fn next_subscriber(&mut self) -> Option<usize> {
        let count = self.subscribers.len();
        let candidates = if self.role == QueueRole::WorkSingleActive { count.min(1) } else { count };
        let found = (0..candidates)
            .map(|step| (self.turn + step) % candidates)
            .find(|index| self.subscribers[*index].has_room())?;
        self.turn = found + 1;
        Some(found)
    }

    /// Whether a delivery can still be settled.
    pub(super) fn holds(&self, position: u64, tag: u64) -> bool {
        self.unacked.get(&position).is_some_and(|unacked| unacked.tag == tag)
    }

    /// What a delivery that can still be settled carries.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn held(&self, position: u64, tag: u64) -> Option<&Letter> {
        let unacked = self.unacked.get(&position).filter(|unacked| unacked.tag == tag)?;
        Some(&unacked.entry.letter)
    }

    /// The connection that has a delivery which can still be settled.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn holder(&self, position: u64, tag: u64) -> Option<u64> {
        self.unacked.get(&position).filter(|unacked| unacked.tag == tag).map(|unacked| unacked.session)
    }

    /// Settles a delivery; `None` when it is stale.
    pub(super) fn settle(&mut self, position: u64, tag: u64, outcome: Outcome) -> Option<Settled> {
        if !self.holds(position, tag) {
            return None;
        }
        let Unacked { entry, consumer, .. } = self.unacked.remove(&position)?;
        if let Some(index) = self.subscribers.iter().position(|subscriber| subscriber.consumer == consumer) {
            self.subscribers[index].outstanding -= 1;
            if self.subscribers[index].is_through() {
                self.subscribers.remove(index);
            }
        }
        Some(match outcome {
            Outcome::Ack => Settled::Removed,
            Outcome::Reject => Settled::Dead { entry, reason: "rejected" },
            Outcome::Return => self.put_back(position, entry, 0),
            Outcome::Requeue if entry.deliveries >= DELIVERY_LIMIT => Settled::Dead { entry, reason: "delivery_limit" },
            Outcome::Requeue => self.put_back(position, entry, 1),
        })
    }

    fn put_back(&mut self, position: u64, mut entry: Entry, failed: u32) -> Settled {
        entry.redelivered = true;
        entry.deliveries += failed;
        let deliveries = entry.deliveries;
        self.ready.insert(position, entry);
        Settled::Returned { deliveries }
    }

    /// Takes back whatever is with consumers of `session`, because its connection was lost: each is a failed delivery.
    /// The consumers stay, and are handed it again.
    pub(super) fn take_back(&mut self, session: u64) -> Vec<(u64, u32)> {
        let lost: Vec<u64> =
            self.unacked.iter().filter(|(_, out)| out.session == session).map(|(position, _)| *position).collect();
        for subscriber in self.subscribers.iter_mut().filter(|one| one.session == session) {
            subscriber.outstanding = 0;
        }
        self.subscribers.retain(|subscriber| !subscriber.is_through());
        let back = lost.into_iter().filter_map(|position| {
            let entry = self.unacked.remove(&position)?.entry;
            match self.put_back(position, entry, 1) {
                Settled::Returned { deliveries } => Some((position, deliveries)),
                Settled::Removed | Settled::Dead { .. } => None,
            }
        });
        back.collect()
    }

    /// The first that waits behind `after`, and the letter there.
    pub(super) fn behind(&self, after: u64) -> Option<(u64, Arc<Letter>)> {
        let (position, entry) = self.ready.range(after.saturating_add(1)..).next()?;
        Some((*position, entry.letter.clone()))
    }

    /// Takes out what waits at `position`, if it still does.
    pub(super) fn remove(&mut self, position: u64) -> Option<Entry> {
        self.ready.remove(&position)
    }

    /// Takes out what is due, in order.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(u64, Entry)> {
        // All are held equally long, so the first in is the first out, unless the clock of a former process differs.
        let first = self.ready.first_entry()?;
        first.get().due.is_none_or(|due| due <= now).then(|| first.remove_entry())
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.ready.first_key_value()?.1.due
    }
}
