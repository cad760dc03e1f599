//! Routes for which no confirmation comes: kept, and never in the way of others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::driver::PublishError;
use chassis::messaging::outbox::{OutboxSettings, Relay, RelayState};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_is_never_confirmed_holds_up_only_its_route,
    the_order_of_a_key_holds_across_a_route_that_is_stalled,
    health_names_the_route,
}

fn never(broker: &Broker, routing_key: &str) {
    broker.fail(routing_key, std::iter::repeat_n(PublishError::Timeout { maybe_stored: true }, 1_000_000));
}

async fn what_is_never_confirmed_holds_up_only_its_route(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    never(&broker, "stuck");
    // Several times as many as are read at once, with keys and without.
    let keys = [Some("a"), Some("b"), None, Some("c"), None];
    let stuck: Vec<_> = (0..100).map(|n| pending("stuck", keys[n % 5])).collect();
    store(&db, &stuck).await;
    let settings = OutboxSettings { batch: 4, ..quick() };
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    broker.until_tried(10).await;
    let others: Vec<_> = (0..100).map(|n| pending(format!("other-{n}"), None)).collect();
    store(&db, &others).await;
    broker.until_confirmed(|confirmed| confirmed.len() == 100).await;
    assert!(!broker.keys().contains(&"stuck".to_owned()));

    broker.heal("stuck");
    broker.until_confirmed(|confirmed| confirmed.len() == 200).await;
    let mut place = HashMap::new();
    for (index, outgoing) in broker.confirmed().into_iter().enumerate() {
        assert!(place.insert(outgoing.message.id.clone(), index).is_none(), "{} came twice", outgoing.message.id);
    }
    for key in ["a", "b", "c"] {
        let of_key = stuck.iter().filter(|row| row.ordering_key.as_deref() == Some(key));
        assert!(of_key.map(|row| place[&row.message.id]).is_sorted(), "the order of {key}");
    }
    relay.stop(GRACE).await;
    assert_eq!((count(&db, "chassis_outbox").await, count(&db, "chassis_outbox_parked").await), (0, 0));
}

async fn the_order_of_a_key_holds_across_a_route_that_is_stalled(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    never(&broker, "stuck");
    let rows = |rows: &[(&str, &str)]| rows.iter().map(|(row, key)| pending(*row, Some(key))).collect::<Vec<_>>();
    let first = rows(&[("a0", "a"), ("stuck", "a"), ("a1", "a"), ("a2", "a"), ("b0", "b")]);
    store(&db, &first).await;
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
    broker.until_tried(5).await;
    // Read while the route is known to be stalled.
    let then = rows(&[("a3", "a"), ("b1", "b"), ("stuck", "b"), ("b2", "b"), ("c0", "c")]);
    store(&db, &then).await;
    broker.until_confirmed(|confirmed| confirmed.len() == 4).await;
    let mut sent = broker.keys();
    sent.sort();
    assert_eq!(sent, ["a0", "b0", "b1", "c0"]);

    broker.heal("stuck");
    broker.until_confirmed(|confirmed| confirmed.len() == 10).await;
    let came: Vec<_> = broker.confirmed().into_iter().map(|outgoing| outgoing.message.id).collect();
    for key in ["a", "b"] {
        let of_key = first.iter().chain(&then).filter(|row| row.ordering_key.as_deref() == Some(key));
        let places = of_key.map(|row| came.iter().position(|id| *id == row.message.id));
        assert!(places.is_sorted(), "{key}: {:?}", broker.keys());
    }
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn health_names_the_route(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    never(&broker, "stuck");
    store(&db, &[pending("stuck", None)]).await;
    let settings =
        OutboxSettings { degraded_after: Duration::from_millis(1), lease: Duration::from_millis(300), ..quick() };
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    let mut state = relay.state();
    let named = |state: &RelayState| state.to_string().contains("nothing of `orders.events stuck`");
    timeout(GRACE, state.wait_for(named)).await.expect("the route is named").unwrap();
    broker.heal("stuck");
    timeout(GRACE, state.wait_for(|state| *state == RelayState::Ok)).await.expect("all is well").unwrap();
    relay.stop(GRACE).await;
}

/// Waits until a queue has delivered so many different messages.
#[cfg(all(feature = "amqp", feature = "sqlite"))]
async fn all(driver: &Arc<dyn chassis::messaging::driver::Driver>, queue: &str, count: usize) {
    use chassis::messaging::driver::{Consume, Outcome};

    let spec = Consume { queue: queue.into(), prefetch: 100, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.unwrap();
    let mut ids = HashSet::new();
    while ids.len() < count {
        let incoming = consumer.next().await.unwrap();
        ids.insert(incoming.message.id.clone());
        incoming.settle.settle(Outcome::Ack).await.unwrap();
    }
}

/// A quorum queue without a leader, as after the loss of most of a cluster: RabbitMQ takes what is sent to it, and stops to
/// read the connection once it has taken some.
#[cfg(all(feature = "amqp", feature = "sqlite"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_rabbitmq_without_a_leader_holds_up_only_its_own() {
    use chassis::messaging::amqp::{self, AmqpSettings};
    use chassis::messaging::driver::*;

    let host = harness::rabbitmq::virtual_host("stalled").await;
    let settings = AmqpSettings { confirm_timeout: Duration::from_secs(1), ..AmqpSettings::new(host.uri()) };
    let driver: Arc<dyn Driver> = Arc::new(amqp::connect(&settings).await.unwrap());
    let queue = |name: &str| Queue { name: name.into(), role: QueueRole::Work };
    let binding =
        |queue: &str| Binding { queue: queue.into(), exchange: "orders.events".into(), routing_key: queue.into() };
    let topology = Topology {
        exchanges: vec![Exchange { name: "orders.events".into(), kind: ExchangeKind::Topic }],
        queues: vec![queue("stuck"), queue("other")],
        bindings: vec![binding("stuck"), binding("other")],
    };
    driver.declare(topology).await.unwrap();
    let db = Scratch::sqlite().await;
    let db = db.database().await;
    host.suspend_queue("stuck").await;
    store(&db, &(0..500).map(|_| pending("stuck", None)).collect::<Vec<_>>()).await;
    let settings = OutboxSettings { publish_timeout: Duration::from_secs(3), batch: 50, ..quick() };
    let relay = Relay::start(db.clone(), driver.clone(), settings);
    store(&db, &(0..500).map(|_| pending("other", None)).collect::<Vec<_>>()).await;
    let others = timeout(Duration::from_secs(60), all(&driver, "other", 500)).await;
    host.resume_queue("stuck").await;
    others.expect("what goes elsewhere is sent");
    let stuck = timeout(Duration::from_secs(60), all(&driver, "stuck", 500)).await;
    stuck.expect("what was kept is sent once the queue is there again");
    relay.stop(GRACE).await;
    driver.close(GRACE).await;
}
