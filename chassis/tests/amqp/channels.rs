//! Faults that concern one channel or one declaration, and leave everybody else alone.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::Received;
use chassis::messaging::amqp::{self, AmqpSettings};
use chassis::messaging::consumer::{ConsumerHealth, Handler, Shape, SubscriptionSpec};
use chassis::messaging::driver::{
    DeclareError, Driver, Exchange, ExchangeKind, Outcome, Queue, QueueRole, SettleError, Topology,
};
use harness::rabbitmq::{Broker, virtual_host};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use crate::kit::{body, bound_queue, connect, consume, metric, next, send, settings, take, within, work_queue};
use crate::orders::{Placed, placed, publish, start, subscription, until_consuming};

/// The broker closes a channel (406) whose delivery is not settled in time. That channel is made again, and no other.
#[tokio::test]
async fn a_channel_that_the_broker_closes_is_made_again_alone() {
    let broker = Broker::options().config("consumer_timeout = 3000").start().await;
    // How often a channel looks for what is overdue; it can only be set before the channel is opened.
    broker.eval("application:set_env(rabbit, channel_tick_interval, 500).").await;
    let name = "closed-channel";
    let settings = AmqpSettings { name: name.into(), ..settings(&broker.uri()) };
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    for queue in ["slow", "brisk"] {
        driver.declare(work_queue(queue)).await.unwrap();
    }
    let mut slow = consume(&driver, "slow", 1).await;
    let mut brisk = consume(&driver, "brisk", 1).await;
    send(&driver, "slow", "held").await.unwrap();
    let held = next(&mut slow).await;
    let mut count = 0_u32;
    while held.settle.is_live() {
        count += 1;
        send(&driver, "brisk", count.to_string()).await.unwrap();
        let incoming = next(&mut brisk).await;
        assert_eq!((body(&incoming), incoming.redelivered), (count.to_string(), false));
        incoming.settle.settle(Outcome::Ack).await.unwrap();
    }
    assert_eq!(held.settle.settle(Outcome::Ack).await, Err(SettleError));
    let again = next(&mut slow).await;
    assert_eq!((body(&again).as_str(), again.redelivered), ("held", true));
    again.settle.settle(Outcome::Ack).await.unwrap();
    assert_eq!(metric("chassis_messaging_connection_lost_total", name, "consumer"), 0.0);
    let reason = async || broker.log().contains("timed out").then_some(());
    harness::eventually("the broker says that it closed the channel for that reason", reason).await;
}

/// The channel of a consumer dies while all its handlers are busy, so that nobody asks it for a delivery. That is seen at once all
/// the same, and mended as soon as the broker allows it.
#[tokio::test]
async fn a_channel_that_dies_while_all_handlers_are_busy_is_noticed() {
    const OVERDUE: Duration = Duration::from_secs(3);
    let broker = Broker::options().config("consumer_timeout = 3000").start().await;
    broker.eval("application:set_env(rabbit, channel_tick_interval, 500).").await;
    for shape in [Shape::Each, Shape::Ordered, Shape::Batch { size: 1, within: Duration::from_millis(1) }] {
        let driver = Arc::new(connect(&broker.uri()).await);
        let (calls, mut called) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let work = {
            let gate = gate.clone();
            move |orders: Vec<u32>| {
                let (calls, gate) = (calls.clone(), gate.clone());
                async move {
                    let _ = calls.send(orders);
                    drop(gate.acquire().await);
                    Ok(())
                }
            }
        };
        let decode = |received: &Received| received.decode::<Placed>().map(|placed| placed.order);
        let handler = match shape {
            Shape::Batch { .. } => Handler::batch(move |batch, _| {
                let orders: Result<Vec<u32>, _> = batch.iter().map(decode).collect();
                let work = work.clone();
                Box::pin(async move { work(orders?).await })
            }),
            _ => Handler::one(move |received, _| {
                let (order, work) = (decode(received), work.clone());
                Box::pin(async move { work(vec![order?]).await })
            }),
        };
        // As many places as messages, and no more are held.
        let spec = SubscriptionSpec { prefetch: Some(1), shape, ..subscription("slow") };
        let handle = start(&driver, spec, None, handler).await;
        let mut health = handle.health();
        publish(&driver, placed(1)).await;
        assert_eq!(within("a call", called.recv()).await, Some(vec![1]));
        let begun = Instant::now();

        // So that it cannot be mended before the test has seen it.
        broker.ctl(&["set_permissions", "-p", "/", "guest", ".*", ".*", "^$"]).await;
        let restarting = |health: &ConsumerHealth| matches!(health, ConsumerHealth::Restarting { attempt: 2.., .. });
        let seen = within("an interruption", health.wait_for(restarting)).await.unwrap().clone();
        let took = begun.elapsed().saturating_sub(OVERDUE);
        assert!(took < Duration::from_secs(5), "{shape:?}: {took:?}");
        assert!(seen.cause().is_some_and(|cause| cause.contains("access to")), "{seen:?}");

        broker.ctl(&["set_permissions", "-p", "/", "guest", ".*", ".*", ".*"]).await;
        until_consuming(&handle).await;
        assert!(called.try_recv().is_err(), "the handler is at it still");
        gate.add_permits(100);
        assert_eq!(
            within("the second call", called.recv()).await,
            Some(vec![1]),
            "what could not be acked comes again"
        );
        handle.drain(Duration::from_secs(10)).await;
        driver.close(Duration::from_secs(5)).await;
        broker.ctl(&["delete_queue", "stock.slow"]).await;
    }
}

/// Everything that differs from what is there is named, nothing of it is changed, and those who consume notice nothing.
#[tokio::test]
async fn what_exists_otherwise_is_named_and_nobody_is_disturbed() {
    let host = virtual_host("otherwise").await;
    let driver = connect(&host.uri()).await;
    driver.declare(bound_queue("there", "#")).await.unwrap();
    let mut consumer = consume(&driver, "there", 1).await;
    send(&driver, "there", "held").await.unwrap();
    let held = next(&mut consumer).await;

    let exchange = Exchange { name: "shop.events".into(), kind: ExchangeKind::Direct };
    let other = driver.declare(Topology { exchanges: vec![exchange], ..Topology::default() }).await;
    assert_eq!(mismatch(other), ("exchange `shop.events`".to_owned(), "type".to_owned()));
    for (role, field) in
        [(QueueRole::WorkSingleActive, "x-single-active-consumer"), (QueueRole::Parking, "x-dead-letter-exchange")]
    {
        let queue = Queue { name: "there".into(), role };
        let other = driver.declare(Topology { queues: vec![queue], ..Topology::default() }).await;
        assert_eq!(mismatch(other), ("queue `there`".to_owned(), field.to_owned()));
    }

    assert!(held.settle.is_live());
    held.settle.settle(Outcome::Ack).await.unwrap();
    send(&driver, "there", "goes on").await.unwrap();
    assert_eq!(take(&mut consumer, 1).await, ["goes on"]);
}

fn mismatch(declared: Result<(), DeclareError>) -> (String, String) {
    let Err(DeclareError::Mismatch { what, field, .. }) = declared else { panic!("{declared:?}") };
    (what, field)
}
