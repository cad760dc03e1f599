//! Whole applications inside a test: `chassis::testing::TestApp`.
#![cfg(all(feature = "messaging", feature = "sqlite", feature = "testing"))]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod shop;

use chassis::messaging::Event;
use chassis::sqlx;
use chassis::testing::{RunningApp, TestApp};
use shop::{Inventory, OrderPlaced, OrdersClient, OrdersService, StockReserved, StockShort};

async fn shop() -> RunningApp {
    TestApp::new().service(OrdersService::new).service(Inventory::new).start().await.unwrap()
}

async fn reserved(app: &RunningApp) -> Vec<(String, i64)> {
    let rows = sqlx::query_as("SELECT order_id, units FROM reserved ORDER BY order_id");
    rows.fetch_all(app.database("inventory").pool()).await.unwrap()
}

#[tokio::test]
async fn an_order_goes_through_both_services() {
    let app = shop().await;
    let orders: OrdersClient = app.client().await.unwrap();
    orders.place("a".into(), 2).await.unwrap();

    let activity = app.run_until_idle().await;
    assert_eq!(activity.events::<OrderPlaced>(), [OrderPlaced { order_id: "a".into(), units: 2 }]);
    assert_eq!(activity.events::<StockReserved>(), [StockReserved { order_id: "a".into() }]);
    assert_eq!(activity.handled_from("inventory.order-placed"), 1);
    assert_eq!(activity.handled_from("orders.stock-reserved"), 1);
    activity.assert_nothing_parked();
    assert_eq!(reserved(&app).await, [("a".to_owned(), 2)]);

    let activity = app.run_until_idle().await;
    assert!(activity.sent.is_empty() && activity.handled.is_empty(), "it tells of each thing once: {activity:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_handler_is_tried_without_the_service_that_it_listens_to() {
    let app = TestApp::new().service(Inventory::new).start().await.unwrap();
    app.publish(OrderPlaced { order_id: "b".into(), units: 3 }).await.unwrap();
    let activity = app.run_until_idle().await;
    assert_eq!(activity.events::<StockReserved>().len(), 1);
    assert!(activity.sent.iter().any(|sent| sent.message.kind == StockReserved::KIND && sent.queues.is_empty()));
}

#[tokio::test]
async fn what_fails_is_put_off_and_then_parked() {
    let settings = "[messaging.retry.standard]\nimmediate = 2\ndelays = ['1h', '1d']";
    let app = TestApp::new().service(Inventory::new).settings(settings).start().await.unwrap();
    app.publish(OrderPlaced { order_id: "broken".into(), units: 1 }).await.unwrap();

    let first = app.run_until_idle().await;
    assert_eq!(first.scheduled.iter().map(|put_off| put_off.delay.as_secs()).collect::<Vec<_>>(), [3600]);
    assert_eq!((first.handled.len(), first.parked.len()), (0, 0));
    assert_eq!(app.run_delayed().await.scheduled[0].delay.as_secs(), 24 * 3600);

    let last = app.run_delayed().await;
    let [parked] = &last.parked[..] else { panic!("one message is parked: {last:?}") };
    assert_eq!((&*parked.queue, &*parked.reason), ("inventory.order-placed", "failed"));
    assert!(parked.error.contains("it is broken"), "{}", parked.error);
    assert!(last.handled.is_empty());
    assert_eq!(reserved(&app).await, []);
}

#[tokio::test]
async fn every_luck_ends_the_same() {
    for seed in 0..10 {
        let app = TestApp::new().service(OrdersService::new).service(Inventory::new).seed(seed).start().await.unwrap();
        let orders: OrdersClient = app.client().await.unwrap();
        for order in 0..8 {
            orders.place(format!("order {order}"), 2).await.unwrap();
        }
        let activity = app.run_until_idle().await;
        activity.assert_nothing_parked();
        assert_eq!(activity.events::<StockReserved>().len(), 5, "seed {seed}: there are ten units");
        assert_eq!(activity.events::<StockShort>().len(), 3, "seed {seed}");
        assert_eq!(reserved(&app).await.len(), 5, "seed {seed}");
        assert!(activity.handled_from("inventory.order-placed") >= 8, "seed {seed}");
    }
}

#[tokio::test]
async fn chance_doubles_some_messages_and_the_same_ones_for_the_same_seed() {
    async fn handled(seed: u64) -> usize {
        let app = TestApp::new().service(Inventory::new).seed(seed).start().await.unwrap();
        for order in 0..8 {
            app.publish(OrderPlaced { order_id: order.to_string(), units: 1 }).await.unwrap();
        }
        let activity = app.run_until_idle().await;
        assert_eq!(activity.events::<StockReserved>().len(), 8, "a copy has no effect");
        activity.handled_from("inventory.order-placed")
    }
    let first = [handled(1).await, handled(2).await, handled(3).await];
    assert!(first.iter().any(|handled| *handled > 8), "{first:?}");
    assert_eq!([handled(1).await, handled(2).await, handled(3).await], first);
}

#[tokio::test]
async fn a_broker_is_broken_on_purpose() {
    let app = shop().await;
    let orders: OrdersClient = app.client().await.unwrap();
    app.broker().faults().disconnect();
    orders.place("c".into(), 1).await.unwrap();
    assert_eq!(reserved(&app).await, []);
    app.broker().faults().reconnect();
    app.run_until_idle().await.assert_nothing_parked();
    assert_eq!(reserved(&app).await, [("c".to_owned(), 1)]);
}

#[tokio::test]
async fn a_crash_between_commit_and_acknowledgement_has_no_effect() {
    let app = TestApp::new().service(Inventory::new).start().await.unwrap();
    for _ in 0..2 {
        app.broker().faults().crash_before_ack("inventory.order-placed");
    }
    for order in ["a", "b", "c"] {
        app.publish(OrderPlaced { order_id: order.into(), units: 1 }).await.unwrap();
    }
    let activity = app.run_until_idle().await;
    activity.assert_nothing_parked();
    assert_eq!(activity.events::<StockReserved>().len(), 3, "what was delivered again had its effect before");
    assert_eq!(activity.handled_from("inventory.order-placed"), 3, "each was acknowledged in the end");
    assert_eq!(reserved(&app).await, ["a", "b", "c"].map(|order| (order.to_owned(), 1)));
    app.stop().await;
}

#[tokio::test]
async fn a_wrong_setting_is_an_error_of_the_start() {
    let wrong = TestApp::new().service(Inventory::new).settings("[inventory]\nunitz = 3").start().await;
    let error = wrong.err().expect("there is no such key").to_string();
    assert!(error.contains("inventory.unitz") && error.contains("inventory.units"), "{error}");
}

#[tokio::test]
async fn more_handlers_at_once_than_connections_are_refused_at_start() {
    let start = async |connections: u32| {
        let settings = format!("[database]\nmax_connections = {connections}");
        TestApp::new().service(shop::Greedy::new).settings(&settings).start().await
    };
    let error = start(3).await.err().expect("a handler would wait for another").to_string();
    let expected = "subscription `order_placed` handles 4 deliveries at once, but `database.max_connections` is 3: raise the latter or \
                    lower `concurrency`";
    assert!(error.contains(expected), "{error}");
    start(4).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_retry_policy_that_is_not_there_is_found_before_the_start() {
    let wrong = TestApp::new().service(shop::Hasty).start().await;
    let error = wrong.err().expect("nobody has set it").to_string();
    assert!(error.contains("messaging.retry.quick: is missing: the handler `order_placed` of `hasty`"), "{error}");
    let set = "[messaging.retry.quick]\nimmediate = 1";
    TestApp::new().service(shop::Hasty).settings(set).start().await.unwrap().stop().await;
}
