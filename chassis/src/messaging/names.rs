//! What exchanges, queues and headers are called: all of it here, as docs/wire.md has it.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// The topic exchange of the events that `service` publishes: `orders.events`.
pub fn events_exchange(service: &str) -> String {
    format!("{service}.events")
}

/// The same for an owner of events, of whom a program has a few, by name: made once and kept, as each publish needs it.
pub(in crate::messaging) fn exchange_of(owner: &'static str) -> &'static str {
    static KNOWN: Interned = Interned::new();
    KNOWN.get(owner, events_exchange)
}

/// Whom CloudEvents name as the source of what `service` publishes: `/orders`. Made once and kept, like exchanges.
pub(in crate::messaging) fn source_of(service: &'static str) -> &'static str {
    static KNOWN: Interned = Interned::new();
    KNOWN.get(service, |service| format!("/{service}"))
}

/// Texts that follow from others of which a program has a few.
struct Interned(RwLock<Vec<(&'static str, &'static str)>>);

impl Interned {
    const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    fn get(&self, of: &'static str, make: impl FnOnce(&str) -> String) -> &'static str {
        let find =
            |known: &[(&'static str, &'static str)]| known.iter().find(|known| known.0 == of).map(|known| known.1);
        if let Some(text) = find(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return text;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        find(&known).unwrap_or_else(|| {
            let text = make(of).leak();
            known.push((of, text));
            text
        })
    }
}

/// The queue of one handler: `inventory.order-cancelled` for the function `order_cancelled` of `inventory`.
pub fn queue(service: &str, handler: &str) -> String {
    format!("{service}.{}", handler.replace('_', "-"))
}

/// Where messages of `queue` are parked: `inventory.order-cancelled.dlq`.
pub fn parking_queue(queue: &str) -> String {
    format!("{queue}.dlq")
}

/// Where messages of `queue` go that are of another type than its handler takes: `inventory.order-cancelled.unmatched`.
pub fn unmatched_queue(queue: &str) -> String {
    format!("{queue}.unmatched")
}

/// The exchange, and the queue of the same name, that hold messages back for `delay`: `chassis.retry.10000`.
///
/// A message enters with the queue that it shall come back to as its routing key.
pub fn delay(delay: Duration) -> String {
    format!("chassis.retry.{}", delay.as_millis())
}

/// Whether a header is the broker's and goes to no copy: it notes there what it did with a message; or, by `CC` and `BCC`, sends it to further
/// queues, and takes neither as a text.
pub(in crate::messaging) fn is_brokers(header: &str) -> bool {
    ["x-death", headers::DELIVERY_COUNT, "x-acquired-count", "CC", "BCC"].contains(&header)
        || ["x-first-death-", "x-last-death-"].iter().any(|prefix| header.starts_with(prefix))
}

/// Headers that the library adds to those of CloudEvents and W3C.
pub mod headers {
    pub(in crate::messaging) const CE_SPEC_VERSION: &str = "cloudEvents_specversion";
    pub(in crate::messaging) const CE_ID: &str = "cloudEvents_id";
    pub(in crate::messaging) const CE_SOURCE: &str = "cloudEvents_source";
    pub(in crate::messaging) const CE_TYPE: &str = "cloudEvents_type";
    pub(in crate::messaging) const CE_TIME: &str = "cloudEvents_time";
    pub(in crate::messaging) const CE_SUBJECT: &str = "cloudEvents_subject";

    /// Those that nearly every event has.
    #[cfg(feature = "amqp")]
    const USUAL: [&str; 7] =
        [CE_ID, CE_SOURCE, CE_SPEC_VERSION, CE_SUBJECT, CE_TIME, CE_TYPE, crate::telemetry::propagation::TRACEPARENT];

    /// The name as a constant, where it is of those that nearly every event has.
    #[cfg(feature = "amqp")]
    pub(in crate::messaging) fn usual(name: &str) -> Option<&'static str> {
        USUAL.into_iter().find(|usual| *usual == name)
    }

    /// The id of the message that this one came of.
    pub const CAUSATION_ID: &str = "causation-id";
    /// The id under which the outermost request is known in logs.
    pub const REQUEST_ID: &str = "x-request-id";
    /// When the message is no longer worth handling, in milliseconds since 1970.
    pub const EXPIRES_AT: &str = "chassis-expires-at";
    /// How often handlers have tried the message so far.
    pub const ATTEMPT: &str = "x-chassis-attempt";
    /// The exchange that the message was first published to, on a message that was retried or parked.
    pub const EXCHANGE: &str = "x-chassis-exchange";
    /// The key that the message was first published with, on a message that was retried or parked.
    pub const ROUTING_KEY: &str = "x-chassis-routing-key";
    /// How often an instance that does not take its version has left the message to others.
    pub const LEFT_TO_OTHERS: &str = "x-chassis-left-to-others";
    /// The queue that a parked message came from.
    pub const QUEUE: &str = "x-chassis-queue";
    /// Why a message was parked: `failed`, `malformed`, `undecodable`, `unmatched` or `retired`.
    pub const REASON: &str = "x-chassis-reason";
    /// The error that the last attempt ended with, with its causes.
    pub const ERROR: &str = "x-chassis-error";
    /// When a message was parked, in RFC 3339.
    pub const PARKED_AT: &str = "x-chassis-parked-at";
    /// When handling failed for the first time, in RFC 3339, on a message that was retried or parked.
    pub const FIRST_FAILED_AT: &str = "x-chassis-first-failed-at";
    /// When a parked message was last sent back to its queue by an operator, in RFC 3339.
    pub const REPLAYED_AT: &str = "x-chassis-replayed-at";
    /// How often a message was sent back to its queue by an operator.
    pub const REPLAYS: &str = "x-chassis-replays";
    /// How often the broker has delivered the message before, where it counts.
    pub const DELIVERY_COUNT: &str = "x-delivery-count";
    /// The queue that the broker itself first dead-lettered the message from.
    pub const FIRST_DEATH_QUEUE: &str = "x-first-death-queue";
    /// Why the broker itself first dead-lettered the message: `rejected`, `expired` or `delivery_limit`.
    pub const FIRST_DEATH_REASON: &str = "x-first-death-reason";
    /// The queue that the broker itself last dead-lettered the message from; RabbitMQ notes it from 3.13 on.
    pub const LAST_DEATH_QUEUE: &str = "x-last-death-queue";
    /// Why it last did, which is another reason than the first where the message had been put off before.
    pub const LAST_DEATH_REASON: &str = "x-last-death-reason";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_after_service_and_function() {
        assert_eq!(queue("inventory", "order_cancelled"), "inventory.order-cancelled");
        assert_eq!(parking_queue("inventory.order-cancelled"), "inventory.order-cancelled.dlq");
        assert_eq!(unmatched_queue("inventory.order-cancelled"), "inventory.order-cancelled.unmatched");
        assert_eq!(delay(Duration::from_secs(10)), "chassis.retry.10000");
    }
}
