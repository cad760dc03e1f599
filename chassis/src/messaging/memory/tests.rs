use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Broker, PublishFault};
use crate::BoxFuture;
use crate::messaging::conformance::Fixture;
use crate::messaging::driver::{
    Consume, Driver, Outcome, Outgoing, PublishError, Queue, QueueRole, SettleError, Topology,
};
use crate::messaging::{Message, QueueDepth, measures};

struct Memory(Broker);

impl Fixture for Memory {
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async { self.0.driver() })
    }

    fn cut(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.0.faults().cut() })
    }

    fn limit_length<'a>(&'a self, queue: &'a str, max: u32) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.0.faults().limit_length(queue, max as usize) })
    }
}

async fn memory() -> Memory {
    Memory(Broker::new())
}

mod conformance {
    crate::conformance_suite!(super::memory, start_paused = true);
}

/// A broker with a queue `a`, and a publisher to it with a minute's patience.
async fn with_queue() -> (Broker, Arc<dyn Driver>) {
    let broker = Broker::new();
    let driver = broker.driver();
    let queues = vec![Queue { name: "a".into(), role: QueueRole::Work }];
    driver.declare(Topology { queues, ..Topology::default() }).await.expect("declared");
    (broker, driver)
}

fn to_a() -> Outgoing {
    Outgoing {
        exchange: "".into(),
        routing_key: "a".into(),
        mandatory: true,
        message: Message::default(),
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

#[tokio::test(start_paused = true)]
async fn each_publish_fault_is_told_apart() {
    let (broker, driver) = with_queue().await;
    let timeout = Err(PublishError::Timeout { maybe_stored: true });
    for (fault, expected, stored) in [
        (PublishFault::Nack, Err(PublishError::Nacked), 0),
        (PublishFault::LoseMessage, timeout.clone(), 0),
        (PublishFault::LoseConfirm, timeout, 1),
    ] {
        broker.faults().next_publish(fault);
        assert_eq!(driver.publish(to_a()).await, expected, "{fault:?}");
        assert_eq!(broker.depth("a").map(|depth| depth.ready), Some(stored), "{fault:?}");
    }
    assert_eq!(driver.publish(to_a()).await, Ok(()));
}

#[tokio::test]
async fn what_waits_and_what_nobody_takes_is_measured() {
    let (broker, _) = with_queue().await;
    let driver = broker.driver_of("measured");
    let waiting = || measures::ready("measured", "a").get();
    let spec = Consume { queue: "a".into(), prefetch: 2, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.expect("there is a queue");
    for _ in 0..5 {
        driver.publish(to_a()).await.expect("stored");
    }
    assert_eq!(waiting(), 3.0, "two are with the reader");
    let first = consumer.next().await.expect("a message");
    first.settle.settle(Outcome::Ack).await.expect("settled");
    assert_eq!(waiting(), 2.0);
    drop(consumer);
    assert_eq!(waiting(), 4.0, "what it had is back, and known though nobody reads");

    let unheard = Outgoing { routing_key: "nobody".into(), mandatory: false, ..to_a() };
    driver.publish(unheard).await.expect("an event need not be heard");
    assert_eq!(measures::unroutable("measured").get(), 1);
    broker.faults().delete_queue("a");
    assert_eq!(waiting(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_crashes_before_its_acknowledgement_gets_it_again() {
    let (broker, driver) = with_queue().await;
    let spec = Consume { queue: "a".into(), prefetch: 2, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.expect("there is a queue");
    driver.publish(to_a()).await.expect("stored");
    broker.faults().crash_before_ack("a");
    let first = consumer.next().await.expect("a message");
    assert_eq!(first.settle.settle(Outcome::Ack).await, Err(SettleError));
    let again = consumer.next().await.expect("the same");
    assert!(again.redelivered);
    assert_eq!(again.settle.settle(Outcome::Ack).await, Ok(()));
    assert_eq!(broker.depth("a").map(|depth| depth.ready + depth.unacked), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_blocked_publisher_waits_until_its_deadline() {
    let (broker, driver) = with_queue().await;
    broker.faults().block("no memory");
    let begun = Instant::now();
    assert_eq!(driver.publish(to_a()).await, Err(PublishError::Blocked("no memory".into())));
    assert_eq!(begun.elapsed(), Duration::from_secs(60));

    let waiting = tokio::spawn(async move { driver.publish(to_a()).await });
    tokio::task::yield_now().await;
    broker.faults().unblock();
    assert_eq!(waiting.await.expect("no panic"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_is_sent() {
    let (broker, driver) = with_queue().await;
    broker.faults().disconnect();
    assert_eq!(driver.publish(to_a()).await, Err(PublishError::NotConnected("cut by a test".into())));
    broker.faults().reconnect();
    assert_eq!(broker.depth("a"), Some(QueueDepth::default()));
}

#[tokio::test]
async fn brokers_of_one_name_are_one_while_somebody_has_it() {
    let broker = Broker::named("one-name");
    let driver = Broker::named("one-name").driver();
    let queues = vec![Queue { name: "a".into(), role: QueueRole::Work }];
    driver.declare(Topology { queues, ..Topology::default() }).await.expect("declared");
    assert!(broker.depth("a").is_some());
    drop((broker, driver));
    assert!(Broker::named("one-name").depth("a").is_none());
}
