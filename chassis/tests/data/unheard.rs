//! Events that nobody hears: kept for a while, then dropped, and never in the way of others.

use std::sync::Arc;
use std::time::Duration;

use chassis::data::Database;
use chassis::messaging::driver::*;
use chassis::messaging::memory;
use chassis::messaging::outbox::{OutboxSettings, Relay, RelayState};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_nobody_hears_yet_waits_for_its_consumer,
    what_nobody_hears_holds_up_nothing_else,
    what_nobody_has_heard_for_long_is_dropped,
    without_patience_it_is_dropped_at_once,
    what_waits_to_be_heard_does_not_degrade,
    nobody_misses_what_all_must_hear,
    who_is_waited_for_is_named,
}

fn exchange() -> Exchange {
    Exchange { name: "orders.events".into(), kind: ExchangeKind::Topic }
}

/// A queue that hears of a kind of event.
fn hearer(queue: &str, kind: &str) -> Topology {
    Topology {
        exchanges: vec![exchange()],
        queues: vec![Queue { name: queue.into(), role: QueueRole::Work }],
        bindings: vec![Binding { queue: queue.into(), exchange: "orders.events".into(), routing_key: kind.into() }],
    }
}

/// The bodies (ids, here) of what a queue gets, in its order.
pub(crate) async fn heard(driver: &Arc<dyn Driver>, queue: &str, count: usize) -> Vec<String> {
    let spec = Consume { queue: queue.into(), prefetch: 100, spare: 0, ordered: false, tag: "hearer".into() };
    let mut consumer = driver.consume(spec).await.unwrap();
    let mut ids = Vec::new();
    while ids.len() < count {
        let incoming = timeout(GRACE * 2, consumer.next()).await.expect("it is heard").unwrap();
        ids.push(incoming.message.id.clone());
        incoming.settle.settle(Outcome::Ack).await.unwrap();
    }
    ids
}

async fn until_empty(db: &Database) {
    let empty = async {
        while count(db, "chassis_outbox").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, empty).await.expect("the outbox runs empty");
}

async fn what_nobody_hears_yet_waits_for_its_consumer(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = memory::Broker::new();
    let driver = broker.driver();
    driver.declare(Topology { exchanges: vec![exchange()], ..Topology::default() }).await.unwrap();
    let rows: Vec<_> = (0..300).map(|n| pending("order.placed.v1", Some(&format!("key-{}", n % 7)))).collect();
    store(&db, &rows).await;
    let relay = Relay::start(db.clone(), driver.clone(), quick());
    // Another one shows that the first have been looked at.
    driver.declare(hearer("billing.order-paid", "order.paid.v1")).await.unwrap();
    store(&db, &[pending("order.paid.v1", None)]).await;
    heard(&driver, "billing.order-paid", 1).await;
    assert_eq!(broker.depth("stock.order-placed"), None);

    driver.declare(hearer("stock.order-placed", "order.placed.v1")).await.unwrap();
    let ids = heard(&driver, "stock.order-placed", rows.len()).await;
    until_empty(&db).await;
    for key in 0..7 {
        let of_key: Vec<_> = rows.iter().skip(key).step_by(7).map(|row| row.message.id.clone()).collect();
        let in_order: Vec<_> = ids.iter().filter(|id| of_key.contains(id)).cloned().collect();
        assert_eq!(in_order, of_key, "each once, and in the order of its key");
    }
    relay.stop(GRACE).await;
}

async fn what_nobody_hears_holds_up_nothing_else(scratch: Scratch) {
    let db = scratch.database().await;
    let driver = memory::Broker::new().driver();
    driver.declare(hearer("billing.order-paid", "order.paid.v1")).await.unwrap();
    let settings = OutboxSettings { batch: 4, ..quick() };
    let relay = Relay::start(db.clone(), driver.clone(), settings);
    // All of one key, of which every other kind is unheard, and many more of these than are read at a time.
    let kinds = ["order.placed.v1", "order.paid.v1", "order.packed.v1"];
    let rows: Vec<_> = (0..90).map(|n| pending(kinds[n % 3], Some("order-7"))).collect();
    store(&db, &rows).await;
    let paid: Vec<_> = rows.iter().skip(1).step_by(3).map(|row| row.message.id.clone()).collect();
    assert_eq!(heard(&driver, "billing.order-paid", paid.len()).await, paid);
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 60);
}

async fn what_nobody_has_heard_for_long_is_dropped(scratch: Scratch) {
    let db = scratch.database().await;
    let driver = memory::Broker::new().driver();
    driver.declare(Topology { exchanges: vec![exchange()], ..Topology::default() }).await.unwrap();
    store(&db, &(0..20).map(|_| pending("order.placed.v1", None)).collect::<Vec<_>>()).await;
    let settings = OutboxSettings { unroutable_for: Duration::from_millis(300), ..quick() };
    let relay = Relay::start(db.clone(), driver.clone(), settings);
    until_empty(&db).await;
    // From then on it is not kept at all …
    store(&db, &[pending("order.placed.v1", None)]).await;
    until_empty(&db).await;
    assert_eq!(count(&db, "chassis_outbox_parked").await, 0);
    // … but what is heard is heard.
    driver.declare(hearer("stock.order-placed", "order.placed.v1")).await.unwrap();
    let row = pending("order.placed.v1", None);
    store(&db, std::slice::from_ref(&row)).await;
    assert_eq!(heard(&driver, "stock.order-placed", 1).await, [row.message.id]);
    relay.stop(GRACE).await;
}

async fn without_patience_it_is_dropped_at_once(scratch: Scratch) {
    let db = scratch.database().await;
    let driver = memory::Broker::new().driver();
    driver.declare(Topology { exchanges: vec![exchange()], ..Topology::default() }).await.unwrap();
    let relay = Relay::start(db.clone(), driver, OutboxSettings { unroutable_for: Duration::ZERO, ..quick() });
    store(&db, &[pending("order.placed.v1", None)]).await;
    until_empty(&db).await;
    relay.stop(GRACE).await;
}

async fn what_waits_to_be_heard_does_not_degrade(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let nobody = || PublishError::Unroutable { exchange: "orders.events".into(), routing_key: "unheard".into() };
    broker.fail("unheard", std::iter::repeat_with(nobody).take(10_000));
    store(&db, &[pending("unheard", Some("a"))]).await;
    let settings = OutboxSettings { degraded_after: Duration::from_millis(1), ..quick() };
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    broker.until_tried(2).await;
    // A row that nobody may take degrades; when it is gone the unheard one alone is left, and all is well.
    broker.set(ConnectionState::Blocked("a test".into()));
    store(&db, &[pending("blocked", Some("b"))]).await;
    let mut state = relay.state();
    let degraded = state.wait_for(|state| matches!(state, RelayState::Degraded { .. }));
    timeout(GRACE, degraded).await.expect("degrades").unwrap();
    broker.set(ConnectionState::Connected);
    timeout(GRACE, state.wait_for(|state| *state == RelayState::Ok)).await.expect("recovers").unwrap();
    assert_eq!(count(&db, "chassis_outbox").await, 1);
    relay.stop(GRACE).await;
}

/// One hearer is up, which makes an event routable; the other has never run. It is sent when both are there, in its order.
async fn nobody_misses_what_all_must_hear(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = memory::Broker::new();
    let driver = broker.driver();
    for (queue, kind) in [("billing.order-placed", "order.placed.v1"), ("billing.order-paid", "order.paid.v1")] {
        driver.declare(hearer(queue, kind)).await.unwrap();
    }
    let rows: Vec<_> = (0..50).map(|_| pending("order.placed.v1", Some("order-7"))).collect();
    store(&db, &rows).await;
    let both = vec!["billing.order-placed".to_owned(), "stock.order-placed".to_owned()];
    let settings = OutboxSettings { hearers: [("order.placed.v1".to_owned(), both)].into(), ..quick() };
    let relay = Relay::start(db.clone(), driver.clone(), settings);
    let billing = {
        let driver = driver.clone();
        tokio::spawn(async move { heard(&driver, "billing.order-placed", 50).await })
    };
    // When another event has come through, the first were tried, and kept.
    store(&db, &[pending("order.paid.v1", Some("order-7"))]).await;
    heard(&driver, "billing.order-paid", 1).await;
    let kept = async {
        while count(&db, "chassis_outbox").await != 50 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, kept).await.expect("all of it is kept");
    assert!(!billing.is_finished() && broker.depth("billing.order-placed").unwrap().unacked == 0);

    // A queue that is there and not read may not be bound yet.
    driver.declare(hearer("stock.order-placed", "order.placed.v1")).await.unwrap();
    let expected: Vec<_> = rows.into_iter().map(|row| row.message.id).collect();
    assert_eq!(heard(&driver, "stock.order-placed", 50).await, expected);
    assert_eq!(billing.await.unwrap(), expected);
    until_empty(&db).await;
    // Once there, nobody is waited for again.
    store(&db, &[pending("order.placed.v1", Some("order-7"))]).await;
    until_empty(&db).await;
    assert_eq!(broker.depth("stock.order-placed").unwrap().ready, 1);
    relay.stop(GRACE).await;
}

/// A queue that is misspelt keeps its events for ever, which somebody must learn of, and what was meant.
async fn who_is_waited_for_is_named(scratch: Scratch) {
    let db = scratch.database().await;
    let driver = memory::Broker::new().driver();
    driver.declare(hearer("stock.order-placed", "order.placed.v1")).await.unwrap();
    let hearers = [("order.placed.v1".to_owned(), vec!["stok.order-placed".to_owned()])].into();
    let settings = OutboxSettings { hearers, degraded_after: Duration::from_millis(1), ..quick() };
    let relay = Relay::start(db.clone(), driver.clone(), settings);
    let mut state = relay.state();
    store(&db, &[pending("order.placed.v1", None)]).await;
    let mut said = async |end: &str| {
        let said = state.wait_for(|state| matches!(state, RelayState::Awaiting(_)) && state.to_string().ends_with(end));
        timeout(GRACE, said).await.unwrap_or_else(|_| panic!("nothing said of `{end}`")).unwrap().to_string()
    };
    let kept = "events `order.placed.v1` are kept until `stok.order-placed` is read, as `outbox.hearers` wants it, and";
    let misspelt = said("is `stock.order-placed` meant?").await;
    assert_eq!(misspelt, format!("{kept} there is no such queue yet: is `stock.order-placed` meant?"));
    driver.declare(hearer("stok.order-placed", "order.placed.v1")).await.unwrap();
    assert_eq!(said("nobody has read it yet").await, format!("{kept} nobody has read it yet"));
    assert_eq!(heard(&driver, "stok.order-placed", 1).await.len(), 1);
    timeout(GRACE, state.wait_for(|state| *state == RelayState::Ok)).await.expect("all is well").unwrap();
    relay.stop(GRACE).await;
}

/// A broker that is new: the publisher commits its events before the consumer has ever run.
#[cfg(all(feature = "amqp", feature = "sqlite"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_starts_late_on_a_new_rabbitmq_gets_everything() {
    let host = harness::rabbitmq::virtual_host("unheard").await;
    let settings = chassis::messaging::amqp::AmqpSettings::new(host.uri());
    let driver: Arc<dyn Driver> = Arc::new(chassis::messaging::amqp::connect(&settings).await.unwrap());
    let db = Scratch::sqlite().await;
    let db = db.database().await;
    driver.declare(Topology { exchanges: vec![exchange()], ..Topology::default() }).await.unwrap();
    let rows: Vec<_> = (0..50).map(|_| pending("order.placed.v1", Some("order-7"))).collect();
    store(&db, &rows).await;
    let relay = Relay::start(db.clone(), driver.clone(), quick());
    // When another event has come through, the first were tried and nobody heard them.
    driver.declare(hearer("billing.order-paid", "order.paid.v1")).await.unwrap();
    store(&db, &[pending("order.paid.v1", Some("order-7"))]).await;
    heard(&driver, "billing.order-paid", 1).await;
    let kept = async {
        while count(&db, "chassis_outbox").await != 50 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, kept).await.expect("all of it is kept");

    let late = chassis::messaging::amqp::connect(&settings).await.unwrap();
    let late: Arc<dyn Driver> = Arc::new(late);
    late.declare(hearer("stock.order-placed", "order.placed.v1")).await.unwrap();
    let expected: Vec<_> = rows.into_iter().map(|row| row.message.id).collect();
    assert_eq!(heard(&late, "stock.order-placed", 50).await, expected);
    until_empty(&db).await;
    relay.stop(GRACE).await;
    driver.close(GRACE).await;
    late.close(GRACE).await;
}
