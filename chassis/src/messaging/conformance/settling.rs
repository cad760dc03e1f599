//! Cases of what becomes of a delivery, dead letters and delays.

use std::time::Duration;

use tokio::time::Instant;

use super::Fixture;
use super::kit::{Kit, binding, body, exchange, message, work_queue};
use crate::messaging::dead_letters::Letter;
use crate::messaging::driver::{ExchangeKind, Outcome, Queue, QueueRole};
use crate::messaging::names::{self, headers};

/// What was acked is not delivered again, to nobody.
pub async fn what_is_acked_is_gone(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "done").await;
    let mut reader = kit.consume("a", 1).await;
    assert_eq!(reader.take(1).await, ["done"]);
    reader.cancel().await;
    kit.send("a", "mark").await;
    let next = kit.consume("a", 1).await.next().await;
    assert_eq!((body(&next).as_str(), next.redelivered), ("mark", false));
}

/// What is returned comes next again, marked as redelivered.
pub async fn what_is_returned_comes_back_in_place(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    for number in ["1", "2", "3"] {
        kit.send("a", number).await;
    }
    let mut reader = kit.consume("a", 1).await;
    reader.next().await.settle.settle(Outcome::Return).await.expect("returned");
    let again = reader.next().await;
    assert_eq!((body(&again).as_str(), again.redelivered), ("1", true));
    again.settle.settle(Outcome::Ack).await.expect("acked");
    assert_eq!(reader.take(2).await, ["2", "3"]);
}

/// A failed delivery comes next again, marked as redelivered and counted.
pub async fn what_failed_comes_back_counted(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "hard").await;
    let mut reader = kit.consume("a", 1).await;
    for failed in 0..3 {
        let incoming = reader.next().await;
        let count = incoming.message.headers.get(headers::DELIVERY_COUNT).unwrap_or("0");
        assert_eq!((count, incoming.redelivered), (failed.to_string().as_str(), failed > 0));
        incoming.settle.settle(Outcome::Requeue).await.expect("requeued");
    }
}

/// A delivery that is dropped unsettled goes back.
pub async fn what_is_dropped_is_returned(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "dropped").await;
    let mut reader = kit.consume("a", 1).await;
    drop(reader.next().await);
    let again = reader.next().await;
    assert_eq!((body(&again).as_str(), again.redelivered), ("dropped", true));
}

/// What is rejected goes to the queue's dead letters, which remember where it came from.
pub async fn what_is_rejected_is_dead_lettered(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "bad").await;
    kit.send("a", "good").await;
    let mut reader = kit.consume("a", 1).await;
    reader.next().await.settle.settle(Outcome::Reject).await.expect("rejected");
    assert_eq!(reader.take(1).await, ["good"]);
    let dead = kit.consume("a.dlq", 1).await.next().await;
    assert_eq!(body(&dead), "bad");
    assert_eq!(dead.message.headers.get(headers::FIRST_DEATH_QUEUE), Some("a"));
    assert_eq!(dead.message.headers.get(headers::FIRST_DEATH_REASON), Some("rejected"));
}

/// A message that fails without end is dead-lettered by the broker itself, after a thousand deliveries.
pub async fn the_delivery_limit_dead_letters(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "poison").await;
    let mut reader = kit.consume("a", 1).await;
    for _ in 0..=1000 {
        reader.next().await.settle.settle(Outcome::Requeue).await.expect("requeued");
    }
    let dead = kit.consume("a.dlq", 1).await.next().await;
    assert_eq!(body(&dead), "poison");
    assert_eq!(dead.message.headers.get(headers::FIRST_DEATH_REASON), Some("delivery_limit"));
}

/// Leaving a delay is a death too, and the first; what matters in the dead letters is the last.
pub async fn what_was_put_off_before_is_dead_lettered_for_its_last_reason(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let delay = Duration::from_millis(50);
    kit.queue("a").await;
    declare_delay(&kit, delay).await;
    kit.publish(&names::delay(delay), "a", true, message("bad")).await.expect("published");
    kit.consume("a", 1).await.next().await.settle.settle(Outcome::Reject).await.expect("rejected");
    let dead = kit.consume("a.dlq", 1).await.next().await;
    assert_eq!(Letter::of(&dead.message).reason, "rejected");
}

/// A message that enters a delay comes back to the queue that its key names, not before its time.
pub async fn a_delay_brings_the_message_back_to_its_queue(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let delay = Duration::from_millis(150);
    kit.queue("a").await;
    declare_delay(&kit, delay).await;
    let sent = Instant::now();
    kit.publish(&names::delay(delay), "a", true, message("later")).await.expect("published");
    let mut reader = kit.consume("a", 1).await;
    let incoming = reader.next().await;
    assert_eq!(body(&incoming), "later");
    // RabbitMQ counts from its own clock's milliseconds.
    assert!(sent.elapsed() + Duration::from_millis(2) >= delay, "after {:?}", sent.elapsed());
}

/// Each delay is a queue of its own, so that none waits behind a longer one.
pub async fn a_short_delay_does_not_wait_for_a_long_one(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (short, long) = (Duration::from_millis(50), Duration::from_millis(1500));
    kit.queue("a").await;
    declare_delay(&kit, short).await;
    declare_delay(&kit, long).await;
    kit.publish(&names::delay(long), "a", true, message("long")).await.expect("published");
    kit.publish(&names::delay(short), "a", true, message("short")).await.expect("published");
    assert_eq!(kit.consume("a", 1).await.take(2).await, ["short", "long"]);
}

async fn declare_delay(kit: &Kit, delay: Duration) {
    let name = names::delay(delay);
    let mut topology = work_queue("a");
    topology.exchanges.push(exchange(&name, ExchangeKind::Topic));
    topology.queues.push(Queue { name: name.clone(), role: QueueRole::Delay(delay) });
    topology.bindings.push(binding(&name, &name, "#"));
    kit.declare(topology).await;
}
