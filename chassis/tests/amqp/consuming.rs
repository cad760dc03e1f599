//! Settling, and topologies that don't fit.

use std::time::Duration;

use chassis::messaging::driver::{
    Binding, DeclareError, Driver, Exchange, ExchangeKind, Outcome, Queue, QueueRole, Topology,
};
use chassis::messaging::names;
use harness::rabbitmq::{Broker, virtual_host};

use crate::kit::{body, connect, consume, next, outgoing, send, take, within, work_queue};

/// Acknowledged in any order and together, every message is settled, and the one that is worked on is not.
#[tokio::test]
async fn acks_travel_together_without_taking_unfinished_work_along() {
    let host = virtual_host("acks").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    for number in 0..100 {
        send(&driver, "q", number.to_string()).await.unwrap();
    }
    let mut consumer = consume(&driver, "q", 100).await;
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(next(&mut consumer).await);
    }
    let unfinished = deliveries.remove(40);
    fastrand::shuffle(&mut deliveries);
    let settles = deliveries.into_iter().map(|delivery| delivery.settle.settle(Outcome::Ack));
    let settled = within("the acks", futures_util::future::join_all(settles)).await;
    assert!(settled.iter().all(Result::is_ok));
    harness::eventually("one message to be left", async || (host.messages("q").await == Some(1)).then_some(())).await;

    assert_eq!(body(&unfinished), "40");
    unfinished.settle.settle(Outcome::Return).await.unwrap();
    assert_eq!(take(&mut consumer, 1).await, ["40"]);
    harness::eventually("no message to be left", async || (host.messages("q").await == Some(0)).then_some(())).await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_a_mismatch_that_names_the_field() {
    let host = virtual_host("mismatch").await;
    let driver = connect(&host.uri()).await;
    let single = |role| Topology {
        queues: vec![Queue { name: "q".into(), role }, Queue { name: "neighbour".into(), role: QueueRole::Parking }],
        ..Topology::default()
    };
    driver.declare(work_queue("q")).await.unwrap();
    let error = driver.declare(single(QueueRole::WorkSingleActive)).await.unwrap_err();
    let DeclareError::Mismatch { what, field, .. } = &error else { panic!("{error}") };
    assert_eq!((what.as_str(), field.as_str()), ("queue `q`", "x-single-active-consumer"));
    send(&driver, "neighbour", "declared all the same").await.unwrap();
    send(&driver, "q", "untouched").await.unwrap();

    // What did not fit is not tried again at each reconnection.
    let mut consumer = consume(&driver, "q", 1).await;
    host.close_all_connections("for a test").await;
    assert_eq!(take(&mut consumer, 1).await, ["untouched"]);
}

/// What is put off for a queue that is gone waits for it, and holds up nobody else.
#[tokio::test]
async fn what_is_held_back_for_a_queue_that_is_gone_waits_for_it() {
    let broker = Broker::start().await;
    // How often RabbitMQ tries such a message; three minutes unless it is told otherwise.
    broker.eval("application:set_env(rabbit, dead_letter_worker_publisher_confirm_timeout, 1000).").await;
    let driver = connect(&broker.uri()).await;
    let delay = names::delay(Duration::from_millis(200));
    let delays = Topology {
        exchanges: vec![Exchange { name: delay.clone(), kind: ExchangeKind::Topic }],
        queues: vec![Queue { name: delay.clone(), role: QueueRole::Delay(Duration::from_millis(200)) }],
        bindings: vec![Binding { queue: delay.clone(), exchange: delay.clone(), routing_key: "#".into() }],
    };
    driver.declare(delays).await.unwrap();
    driver.declare(work_queue("other")).await.unwrap();
    for queue in ["gone", "other"] {
        driver.publish(outgoing(&delay, queue, queue)).await.unwrap();
    }
    let mut other = consume(&driver, "other", 1).await;
    assert_eq!(take(&mut other, 1).await, ["other"], "put off later");
    driver.declare(work_queue("gone")).await.unwrap();
    let mut back = consume(&driver, "gone", 1).await;
    assert_eq!(take(&mut back, 1).await, ["gone"]);
}
