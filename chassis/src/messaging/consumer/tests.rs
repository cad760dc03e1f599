mod ordering;
mod pausing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{ConsumerHandle, ConsumerHealth, Handler, RetryPolicy, Subscription, SubscriptionSpec, start};
use crate::Error;
use crate::messaging::driver::{Driver, Outgoing};
use crate::messaging::names::headers;
use crate::messaging::{Message, QueueDepth, memory};

const QUEUE: &str = "stock.order-placed";
const PARKING: &str = "stock.order-placed.dlq";
const GRACE: Duration = Duration::from_secs(20);

const SPEC: SubscriptionSpec = SubscriptionSpec::new("order_placed", "order.placed.v1", "orders");

/// A consumer on a broker of its own, and the ids of what it is called for. It fails on what is called `bad`.
async fn consumer() -> (memory::Broker, Arc<dyn Driver>, ConsumerHandle, mpsc::UnboundedReceiver<String>) {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (seen, calls) = mpsc::unbounded_channel();
    let handler = Handler::one(move |received, _| {
        let _ = seen.send(received.id().to_owned());
        let failed = received.id() == "bad";
        Box::pin(async move { if failed { Err(Error::msg("bad")) } else { Ok(()) } })
    });
    let handle = running(&driver, SPEC, handler, RetryPolicy::none()).await;
    (broker, driver, handle, calls)
}

/// A consumer that consumes.
async fn running(
    driver: &Arc<dyn Driver>,
    spec: SubscriptionSpec,
    handler: Handler,
    retry: RetryPolicy,
) -> ConsumerHandle {
    let subscription = Subscription { service: "stock", spec, handler, database: None };
    let handle = start(driver.clone(), subscription, retry).expect("starts");
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    handle
}

async fn until(handle: &ConsumerHandle, reached: impl FnMut(&ConsumerHealth) -> bool) {
    let mut health = handle.health();
    let reached = timeout(Duration::from_secs(300), health.wait_for(reached)).await;
    assert!(reached.is_ok_and(|health| health.is_ok()), "{:?}", handle.health().borrow());
}

async fn send(driver: &Arc<dyn Driver>, id: &str) {
    send_keyed(driver, id, id).await;
}

async fn send_keyed(driver: &Arc<dyn Driver>, id: &str, key: &str) {
    send_with(driver, id, key, &[]).await;
}

async fn send_with(driver: &Arc<dyn Driver>, id: &str, key: &str, more: &[(&str, String)]) {
    let kind = SPEC.kind;
    let headers = [("specversion", "1.0"), ("id", id), ("source", "/orders"), ("type", kind), ("subject", key)];
    let headers = headers.map(|(name, value)| (format!("cloudEvents_{name}"), value.to_owned()));
    let headers =
        headers.into_iter().chain(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))).collect();
    let outgoing = Outgoing {
        exchange: "orders.events".into(),
        routing_key: "order.placed.v1".into(),
        mandatory: false,
        message: Message { id: id.into(), headers, ..Message::default() },
        deadline: tokio::time::Instant::now() + GRACE,
    };
    driver.publish(outgoing).await.expect("published");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_the_broker_ends_is_started_again() {
    let (broker, driver, handle, mut calls) = consumer().await;
    for id in ["1", "2"] {
        broker.faults().end_consumers(QUEUE);
        until(&handle, |health| matches!(health, ConsumerHealth::Restarting { attempt: 1, .. })).await;
        until(&handle, |health| *health == ConsumerHealth::Consuming).await;
        send(&driver, id).await;
        assert_eq!(calls.recv().await.as_deref(), Some(id));
    }
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_deleted_is_declared_again() {
    let (broker, driver, handle, mut calls) = consumer().await;
    broker.faults().delete_queue(QUEUE);
    until(&handle, |health| matches!(health, ConsumerHealth::Restarting { .. })).await;
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    send(&driver, "bound again").await;
    assert_eq!(calls.recv().await.as_deref(), Some("bound again"));
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn health_shows_a_lost_connection() {
    let (broker, driver, handle, mut calls) = consumer().await;
    broker.faults().disconnect();
    until(&handle, |health| *health == ConsumerHealth::Disconnected { cause: "cut by a test".into() }).await;
    broker.faults().reconnect();
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    send(&driver, "back").await;
    assert_eq!(calls.recv().await.as_deref(), Some("back"));
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_parked_stays_in_its_queue() {
    let (broker, driver, handle, mut calls) = consumer().await;
    broker.faults().limit_length(PARKING, 0);
    send(&driver, "bad").await;
    assert_eq!(calls.recv().await.as_deref(), Some("bad"));
    // Tried again after a pause, since it went back.
    assert_eq!(calls.recv().await.as_deref(), Some("bad"));
    broker.faults().limit_length(PARKING, 10);
    broker.until(PARKING, |depth| depth.ready == 1).await;
    assert_eq!(broker.until(QUEUE, |depth| depth.unacked == 0).await.ready, 0);
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn a_drained_consumer_is_gone_from_its_queue() {
    let (broker, _, handle, _) = consumer().await;
    let health = handle.health();
    handle.drain(GRACE).await;
    assert_eq!(*health.borrow(), ConsumerHealth::Stopped);
    assert_eq!(broker.depth(QUEUE), Some(QueueDepth::default()));
}

/// What is not worth handling any more is not tried again.
#[tokio::test]
async fn what_expires_while_it_is_tried_is_dropped() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let calls = Arc::new(AtomicU32::new(0));
    let handler = {
        let calls = calls.clone();
        Handler::one(move |_, _| {
            calls.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::pending())
        })
    };
    let policy = RetryPolicy::try_new(3, vec![]).expect("valid");
    let handle = running(&driver, SPEC, handler, policy).await;
    let soon = SystemTime::now() + Duration::from_millis(300);
    let soon = soon.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis().to_string();
    send_with(&driver, "1", "1", &[(headers::EXPIRES_AT, soon)]).await;
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;
    handle.drain(GRACE).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(broker.depth(PARKING), Some(QueueDepth::default()));
}
