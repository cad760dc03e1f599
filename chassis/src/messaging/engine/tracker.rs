//! What has passed through a broker, for tests.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::messaging::driver::{Outgoing, QueueRole};
use crate::messaging::names::headers;
use crate::messaging::{Event, Message};

/// What has passed through a broker: everything that was sent, handled, put off and parked, each in its order.
///
/// A message that is tried again in place shows once, when it is done with.
#[derive(Debug, Clone, Default)]
pub struct Activity {
    /// What was published, whether anybody heard it or not.
    pub sent: Vec<Sent>,
    /// What handlers are done with: handled, known already, or not worth handling any more.
    pub handled: Vec<Handled>,
    /// What is to be handled later, after a failure.
    pub scheduled: Vec<Scheduled>,
    /// What handlers have given up.
    pub parked: Vec<Parked>,
}

/// A message that was published.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where it was published to.
    pub exchange: String,
    /// What the exchange matched.
    pub routing_key: String,
    /// The queues that took it; empty when nobody has bound one.
    pub queues: Vec<String>,
    /// The message itself.
    pub message: Message,
}

/// A message that a handler is done with.
#[derive(Debug, Clone)]
pub struct Handled {
    /// The handler's queue.
    pub queue: String,
    /// The message itself.
    pub message: Message,
}

/// A message that is to be handled later.
#[derive(Debug, Clone)]
pub struct Scheduled {
    /// The handler's queue.
    pub queue: String,
    /// For how long it is held back.
    pub delay: Duration,
    /// The message itself.
    pub message: Message,
}

/// A message that a handler has given up.
#[derive(Debug, Clone)]
pub struct Parked {
    /// The handler's queue.
    pub queue: String,
    /// Why: `failed`, `malformed`, `undecodable`, or the broker's own reason.
    pub reason: String,
    /// The error that the last attempt ended with, with its causes.
    pub error: String,
    /// The message itself.
    pub message: Message,
}

impl Activity {
    /// The events of one type that were published.
    ///
    /// # Panics
    /// When one of them is not what its type promises.
    pub fn events<T: Event>(&self) -> Vec<T> {
        let of_this_type = self.sent.iter().filter(|sent| sent.message.kind == T::KIND);
        let decoded = of_this_type.map(|sent| {
            let decoded = serde_json::from_slice(&sent.message.body);
            decoded.unwrap_or_else(|error| panic!("what was published as `{}` is none: {error}", T::KIND))
        });
        decoded.collect()
    }

    /// How many messages the handler of `queue` is done with.
    pub fn handled_from(&self, queue: &str) -> usize {
        self.handled.iter().filter(|handled| handled.queue == queue).count()
    }

    /// Panics, and says which, if anything was parked.
    ///
    /// # Panics
    /// See above.
    #[track_caller]
    pub fn assert_nothing_parked(&self) {
        let parked: Vec<String> = self
            .parked
            .iter()
            .map(|parked| format!("{} in {}: {}", parked.message.kind, parked.queue, parked.error))
            .collect();
        assert!(parked.is_empty(), "messages were parked:\n{}", parked.join("\n"));
    }
}

/// Notes what happens in the engine.
#[derive(Default)]
pub(super) struct Tracker {
    activity: Activity,
    /// By queue and id: what has been put off or parked and will be acked for that reason.
    moved: HashSet<(String, String)>,
}

impl Tracker {
    pub(super) fn take(&mut self) -> Activity {
        std::mem::take(&mut self.activity)
    }

    pub(super) fn published(&mut self, outgoing: &Outgoing, queues: &[(Arc<str>, QueueRole)]) {
        let Outgoing { exchange, routing_key, message, .. } = outgoing;
        let from = message.headers.get(headers::QUEUE).map(str::to_owned);
        match queues {
            [(_, QueueRole::Delay(delay))] => {
                let scheduled = Scheduled { queue: routing_key.to_string(), delay: *delay, message: message.clone() };
                self.moved.insert((routing_key.to_string(), message.id.clone()));
                self.activity.scheduled.push(scheduled);
            }
            [(to, QueueRole::Parking)] => {
                let queue = from.unwrap_or_else(|| to.to_string());
                self.moved.insert((queue.clone(), message.id.clone()));
                self.parked(queue, headers::REASON, message);
            }
            _ => self.activity.sent.push(Sent {
                exchange: exchange.to_string(),
                routing_key: routing_key.to_string(),
                queues: queues.iter().map(|(name, _)| name.to_string()).collect(),
                message: message.clone(),
            }),
        }
    }

    pub(super) fn acked(&mut self, queue: &str, message: Message) {
        if !self.moved.remove(&(queue.to_owned(), message.id.clone())) {
            self.activity.handled.push(Handled { queue: queue.to_owned(), message });
        }
    }

    /// The broker itself has parked a message.
    pub(super) fn dead_lettered(&mut self, queue: &str, message: &Message) {
        self.parked(queue.to_owned(), headers::LAST_DEATH_REASON, message);
    }

    fn parked(&mut self, queue: String, reason: &str, message: &Message) {
        let header = |name: &str| message.headers.get(name).unwrap_or_default().to_owned();
        let (reason, error) = (header(reason), header(headers::ERROR));
        self.activity.parked.push(Parked { queue, reason, error, message: message.clone() });
    }
}
