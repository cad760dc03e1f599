//! Queues that exist with other arguments than a handler declares.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::amqp::{self, AmqpSettings};
use chassis::messaging::consumer::{ConsumerHandle, ConsumerHealth};
use chassis::messaging::driver::{DeclareError, Driver};
use harness::rabbitmq::{VirtualHost, virtual_host};
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use tokio::sync::mpsc;

use crate::kit::{bound_queue, connect, metric, settings, within, work_queue};
use crate::orders::{begin, noting, placed, publish, subscription, until_consuming};

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// What docs/wire.md says of the queue of a handler.
fn as_declared(queue: &str) -> Vec<(&'static str, AMQPValue)> {
    vec![
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongInt(1000)),
        ("x-overflow", text("reject-publish")),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(&format!("{queue}.dlq"))),
        ("x-dead-letter-strategy", text("at-least-once")),
    ]
}

/// Makes a queue, as somebody else may.
async fn make(host: &VirtualHost, queue: &str, arguments: &[(&str, AMQPValue)]) {
    let connection = Connection::connect(&host.uri(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.into(), options, table).await.unwrap();
    connection.close(200, "made".into()).await.unwrap();
}

/// A handler that notes its calls.
fn noted(driver: &Arc<amqp::Amqp>, function: &'static str) -> (ConsumerHandle, mpsc::UnboundedReceiver<u32>) {
    let (calls, called) = mpsc::unbounded_channel();
    (begin(driver, subscription(function), None, noting(calls)), called)
}

/// All that differs is named with what it is and what it should be; its neighbour consumes, and once the operator has deleted the
/// queue, its handler does by itself.
#[tokio::test]
async fn a_handler_whose_queue_is_another_waits_for_it_alone() {
    let host = virtual_host("otherwise").await;
    make(&host, "stock.crooked", &[("x-max-length", AMQPValue::LongInt(7))]).await;
    let driver = Arc::new(connect(&host.uri()).await);
    let (crooked, mut crooked_calls) = noted(&driver, "crooked");
    let (straight, mut straight_calls) = noted(&driver, "straight");
    until_consuming(&straight).await;

    let mut health = crooked.health();
    let restarting = |health: &ConsumerHealth| matches!(health, ConsumerHealth::Restarting { attempt: 2.., .. });
    let cause = within("a second attempt", health.wait_for(restarting)).await.unwrap().cause().unwrap().to_owned();
    for part in [
        "queue `stock.crooked` exists already with another `x-",
        "`x-queue-type` is not set where `quorum` is declared",
        "`x-overflow` is not set where `reject-publish` is declared",
        "`x-dead-letter-routing-key` is not set where `stock.crooked.dlq` is declared",
        "`x-max-length` is `7` where not set is declared",
        "delete it once it is empty",
    ] {
        assert!(cause.contains(part), "{part}: {cause}");
    }
    assert!(cause.find("another `x-max-length`").is_none(), "what matters comes first: {cause}");
    publish(&driver, placed(1)).await;
    assert_eq!(within("a call", straight_calls.recv()).await, Some(1));
    assert_eq!(host.messages("stock.crooked").await, Some(1), "it is bound all the same");

    host.delete_queue("stock.crooked").await;
    until_consuming(&crooked).await;
    publish(&driver, placed(2)).await;
    assert_eq!(within("a call", crooked_calls.recv()).await, Some(2));
    assert_eq!(within("a call", straight_calls.recv()).await, Some(2));
    for handle in [crooked, straight] {
        handle.drain(Duration::from_secs(5)).await;
    }
}

/// A limit that an operator has set himself does not keep a handler from its work, and is said.
#[tokio::test]
async fn what_makes_no_difference_is_said_and_borne() {
    let host = virtual_host("borne").await;
    let mut arguments = as_declared("q");
    arguments[1].1 = AMQPValue::LongInt(20);
    arguments.push(("x-max-length", AMQPValue::LongInt(1000)));
    make(&host, "q", &arguments).await;
    let name = "borne";
    let settings = AmqpSettings { name: name.into(), ..settings(&host.uri()) };
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    driver.declare(bound_queue("q", "#")).await.unwrap();
    assert_eq!(metric("chassis_messaging_queue_differs", name, "\"q\""), 1.0);
    driver.declare(work_queue("straight")).await.unwrap();
    assert_eq!(metric("chassis_messaging_queue_differs", name, "\"straight\""), 0.0);

    // It is declared again after a reconnection, whatever became of it.
    host.delete_queue("q").await;
    host.close_all_connections("for a test").await;
    harness::eventually("the queue is as it should be", async || {
        (metric("chassis_messaging_queue_differs", name, "\"q\"") == 0.0).then_some(())
    })
    .await;

    // Of what is parked, each look would count.
    let parked = [("x-queue-type", text("quorum")), ("x-overflow", text("reject-publish"))];
    make(&host, "p.dlq", &parked).await;
    let refused = driver.declare(work_queue("p")).await;
    let Err(DeclareError::Mismatch { what, field, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!((what.as_str(), field.as_str()), ("queue `p.dlq`", "x-delivery-limit"));
}
