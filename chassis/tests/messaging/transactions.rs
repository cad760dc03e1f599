//! What a handler does in its transaction happens once, with what it publishes.

use std::sync::Arc;
use std::time::Duration;

use chassis::Context;
use chassis::messaging::consumer::{self, RetryPolicy, Subscription};
use chassis::messaging::driver::{
    Binding, Consume, Driver, Exchange, ExchangeKind, Outcome, Outgoing, Queue, QueueRole, Topology,
};
use chassis::messaging::outbox::{OutboxSettings, Relay};
use chassis::messaging::{Event, Message, Publisher, envelope, memory};
use tokio::time::Instant;

use crate::stock::{Placed, QUEUE, SPEC, consume, database, reserve, reserved};

pub(crate) const GRACE: Duration = Duration::from_secs(20);

pub(crate) async fn send(driver: &Arc<dyn Driver>, message: Message) {
    let (exchange, routing_key) = ("orders.events".into(), Placed::KIND.into());
    let deadline = Instant::now() + GRACE;
    driver.publish(Outgoing { exchange, routing_key, mandatory: true, message, deadline }).await.unwrap();
}

pub(crate) fn placed(order: u32) -> Message {
    envelope::encode(&Placed { order }, "orders", &Context::default()).unwrap()
}

/// Binds a queue to what the service publishes.
async fn audit(driver: &Arc<dyn Driver>) {
    let topology = Topology {
        exchanges: vec![Exchange { name: "stock.events".into(), kind: ExchangeKind::Topic }],
        queues: vec![Queue { name: "audit".into(), role: QueueRole::Work }],
        bindings: vec![Binding { queue: "audit".into(), exchange: "stock.events".into(), routing_key: "#".into() }],
    };
    driver.declare(topology).await.unwrap();
}

async fn audited(driver: &Arc<dyn Driver>, count: usize) -> Vec<Message> {
    let spec = Consume { queue: "audit".into(), prefetch: 10, spare: 0, ordered: false, tag: "audit".into() };
    let mut consumer = driver.consume(spec).await.unwrap();
    let mut messages = Vec::new();
    while messages.len() < count {
        let incoming = tokio::time::timeout(GRACE, consumer.next()).await.unwrap().unwrap();
        messages.push(incoming.message);
        incoming.settle.settle(Outcome::Ack).await.unwrap();
    }
    messages
}

#[tokio::test]
async fn duplicates_and_failures_have_one_effect_and_publish_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    let broker = memory::Broker::new();
    let driver = broker.driver();
    audit(&driver).await;
    let relay = Relay::start(db.clone(), driver.clone(), OutboxSettings::default());
    let consumer = consume(&driver, &db).await;

    // One comes twice, one fails at first.
    let twice = placed(1);
    for message in [twice.clone(), twice.clone(), placed(13)] {
        send(&driver, message).await;
    }
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;
    assert_eq!(consumer.drain(GRACE).await.abandoned, 0);
    assert_eq!(reserved(&db).await, [1, 13]);
    relay.stop(GRACE).await;
    let mut bodies: Vec<String> =
        audited(&driver, 2).await.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    bodies.sort();
    assert_eq!(bodies, [r#"{"order":13}"#, r#"{"order":1}"#]);
    assert_eq!(broker.depth("audit").unwrap().ready, 0, "each was published once");
}

#[tokio::test]
async fn the_trace_goes_on_through_outbox_and_broker() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    let driver = memory::Broker::new().driver();
    audit(&driver).await;
    let relay = Relay::start(db.clone(), driver.clone(), OutboxSettings::default());
    let consumer = consume(&driver, &db).await;
    let mut cause = placed(1);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    cause.headers.insert("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    send(&driver, cause.clone()).await;
    let effect = audited(&driver, 1).await.remove(0);
    assert_eq!(&effect.headers["traceparent"][3..35], trace);
    assert_ne!(effect.headers["traceparent"], cause.headers["traceparent"]);
    assert_eq!(effect.headers["causation-id"], cause.id);
    assert_eq!(effect.correlation_id, cause.correlation_id);
    consumer.drain(GRACE).await;
    relay.stop(GRACE).await;
}

#[tokio::test]
async fn a_subscription_in_transactions_needs_a_database() {
    let driver = memory::Broker::new().driver();
    let handler = reserve(Publisher::new(driver.clone(), "stock"));
    let subscription = Subscription { service: "stock", spec: SPEC, handler, database: None };
    let Err(error) = consumer::start(driver, subscription, RetryPolicy::standard()) else { panic!("it has none") };
    let expected = "`stock.order-placed` handles its messages in transactions, but `stock` has no database";
    assert_eq!(error.to_string(), expected);
}
