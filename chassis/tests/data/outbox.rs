use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::data::Database;
use chassis::messaging::Message;
use chassis::messaging::driver::{ConnectionState, PublishError};
use chassis::messaging::outbox::{
    OutboxSettings, Pending, Relay, RelayHandle, RelayState, Timing, enqueue, enqueue_with,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::broker::Broker;
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_is_committed_is_sent_as_it_was,
    what_is_rolled_back_is_not,
    the_order_of_a_key_holds_among_many,
    a_failed_key_blocks_only_itself,
    a_failure_for_good_is_parked_after_some_tries,
    what_no_broker_takes_is_parked_at_once,
    a_transport_failure_is_not_the_rows_fault,
    nothing_is_sent_without_a_connection_and_health_tells,
    messages_wait_for_their_time_and_are_dropped_after_it,
    a_stop_sends_what_is_there,
    a_stop_ends_in_time_when_the_broker_does_not_answer,
    ids_and_headers_that_cannot_be_stored_are_refused,
    a_backlog_is_sent_whole,
}

pub(crate) fn quick() -> OutboxSettings {
    OutboxSettings {
        poll: Duration::from_millis(20),
        retry_min: Duration::from_millis(5),
        retry_max: Duration::from_millis(20),
        lease: Duration::from_secs(2),
        park_after: 3,
        ..OutboxSettings::default()
    }
}

/// A message whose routing key tells it apart.
pub(crate) fn pending(routing_key: impl Into<String>, ordering_key: Option<&str>) -> Pending {
    Pending {
        exchange: "orders.events".into(),
        routing_key: routing_key.into(),
        ordering_key: ordering_key.map(Into::into),
        message: Message { id: Uuid::now_v7().to_string(), kind: "order.placed.v1".into(), ..Message::default() },
        mandatory: false,
    }
}

pub(crate) async fn store(db: &Database, pending: &[Pending]) {
    let mut tx = db.begin().await.unwrap();
    for pending in pending {
        enqueue(&mut tx, pending).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn start(db: &Database, broker: &Arc<Broker>) -> RelayHandle {
    Relay::start(db.clone(), broker.clone(), quick())
}

pub(crate) const GRACE: Duration = Duration::from_secs(10);

async fn what_is_committed_is_sent_as_it_was(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let relay = start(&db, &broker);
    let mut pending = pending("order.placed.v1", Some("order-1"));
    pending.mandatory = true;
    pending.message = Message {
        id: pending.message.id,
        kind: "order.placed.v1".into(),
        app_id: Some("orders".into()),
        content_type: Some("application/json".into()),
        correlation_id: Some("é".into()),
        reply_to: Some("orders.replies".into()),
        timestamp: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)),
        headers: [("traceparent", "00-a-b-01"), ("\"quoted\"", "line\nline")].into(),
        body: vec![0, 255, b'{'].into(),
    };
    store(&db, std::slice::from_ref(&pending)).await;
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    let sent = broker.confirmed().pop().unwrap();
    assert_eq!(sent.message, pending.message);
    assert_eq!(
        (sent.exchange, sent.routing_key, sent.mandatory),
        (pending.exchange.into(), pending.routing_key.into(), true)
    );
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn what_is_rolled_back_is_not(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let mut tx = db.begin().await.unwrap();
    enqueue(&mut tx, &pending("rolled-back", None)).await.unwrap();
    drop(tx);
    store(&db, &[pending("kept", None)]).await;
    start(&db, &broker).stop(GRACE).await;
    assert_eq!(broker.keys(), ["kept"]);
}

async fn the_order_of_a_key_holds_among_many(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let relay = start(&db, &broker);
    for batch in 0..10 {
        let rows: Vec<_> =
            (0..50).map(|n| pending(format!("{}", batch * 50 + n), Some(&format!("key-{}", n % 7)))).collect();
        store(&db, &rows).await;
    }
    broker.until_confirmed(|confirmed| confirmed.len() == 500).await;
    let mut last = HashMap::new();
    for number in broker.keys() {
        let number: i32 = number.parse().unwrap();
        let key = number % 50 % 7;
        assert!(last.insert(key, number).is_none_or(|last| last < number), "{number} came after {last:?}");
    }
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn a_failed_key_blocks_only_itself(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    broker.fail("a1", std::iter::repeat_n(PublishError::Nacked, 10_000));
    // One partition or not: `b` may be anywhere.
    let rows = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("b2", "b")];
    store(&db, &rows.map(|(row, key)| pending(row, Some(key)))).await;
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
    broker.heal("a1");
    broker.until_confirmed(|confirmed| confirmed.len() == 5).await;
    let of = |key: char| broker.keys().into_iter().filter(|row| row.starts_with(key)).collect::<Vec<_>>();
    assert_eq!(of('a'), ["a1", "a2", "a3"]);
    assert_eq!(of('b'), ["b1", "b2"]);
    assert_eq!(broker.keys().last().unwrap(), "a3");
    relay.stop(GRACE).await;
}

async fn a_failure_for_good_is_parked_after_some_tries(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    broker.fail("a1", std::iter::repeat_n(PublishError::Refused("no exchange `orders.events`".into()), 3));
    store(&db, &[pending("a1", Some("a")), pending("a2", Some("a"))]).await;
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    assert_eq!(broker.keys(), ["a2"]);
    relay.stop(GRACE).await;
    let (row, error, attempts): (String, String, i64) =
        sqlx::query_as("SELECT routing_key, last_error, CAST(attempts AS BIGINT) FROM chassis_outbox_parked")
            .fetch_one(db.pool())
            .await
            .unwrap();
    assert_eq!((row.as_str(), attempts), ("a1", 3));
    assert_eq!(error, "the broker does not allow it: no exchange `orders.events`");
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn what_no_broker_takes_is_parked_at_once(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    broker.fail("huge", [PublishError::TooLarge { what: "body", size: 2, limit: 1 }]);
    store(&db, &[pending("huge", None), pending("small", None)]).await;
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    relay.stop(GRACE).await;
    assert_eq!((broker.keys(), count(&db, "chassis_outbox_parked").await), (vec!["small".to_owned()], 1));
}

async fn a_transport_failure_is_not_the_rows_fault(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    broker.fail("a1", std::iter::repeat_n(PublishError::Timeout { maybe_stored: true }, 4));
    store(&db, &[pending("a1", Some("a")), pending("a2", Some("a"))]).await;
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
    assert_eq!(broker.keys(), ["a1", "a2"]);
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox_parked").await, 0);
}

async fn nothing_is_sent_without_a_connection_and_health_tells(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    broker.set(ConnectionState::Reconnecting { attempt: 1, cause: "refused".into() });
    let settings =
        OutboxSettings { degraded_after: Duration::from_nanos(1), lease: Duration::from_millis(300), ..quick() };
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    store(&db, &[pending("a", None)]).await;
    let mut state = relay.state();
    let degraded = |state: &RelayState| matches!(state, RelayState::Degraded { .. });
    timeout(GRACE, state.wait_for(degraded)).await.unwrap().unwrap();
    assert!(broker.keys().is_empty());
    broker.set(ConnectionState::Connected);
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    timeout(GRACE, state.wait_for(|state| *state == RelayState::Ok)).await.unwrap().unwrap();
    relay.stop(GRACE).await;
    assert_eq!(*state.borrow(), RelayState::Stopped);
}

async fn messages_wait_for_their_time_and_are_dropped_after_it(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let now = SystemTime::now();
    let late = Timing { not_before: Some(now + Duration::from_secs(1)), expires: None };
    let never = Timing { not_before: Some(now + Duration::from_secs(3600)), expires: None };
    let over = Timing { not_before: None, expires: Some(now - Duration::from_secs(1)) };
    let mut tx = db.begin().await.unwrap();
    enqueue_with(&mut tx, &pending("late", Some("a")), late).await.unwrap();
    enqueue_with(&mut tx, &pending("never", Some("a")), never).await.unwrap();
    enqueue_with(&mut tx, &pending("over", Some("a")), over).await.unwrap();
    enqueue(&mut tx, &pending("now", Some("a"))).await.unwrap();
    tx.commit().await.unwrap();
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
    let mut keys = broker.keys();
    keys.sort();
    assert_eq!(keys, ["late", "now"]);
    assert!(now.elapsed().unwrap() >= Duration::from_secs(1));
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 1);
}

async fn a_stop_sends_what_is_there(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    // A long lease, lest a slow machine takes its end for the reason to stop.
    let settings = OutboxSettings { batch: 10, lease: Duration::from_secs(30), ..quick() };
    let rows: Vec<_> = (0..300).map(|n| pending(format!("{n}"), None)).collect();
    store(&db, &rows).await;
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    broker.until_tried(1).await;
    relay.stop(GRACE).await;
    assert_eq!((broker.keys().len(), count(&db, "chassis_outbox").await), (300, 0));
}

async fn a_stop_ends_in_time_when_the_broker_does_not_answer(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::closed());
    store(&db, &[pending("a", None)]).await;
    let relay = start(&db, &broker);
    broker.until_tried(1).await;
    timeout(GRACE, relay.stop(Duration::from_millis(100))).await.unwrap();
    // Nothing is lost, and the next one needn't wait for the lease.
    broker.open();
    start(&db, &broker).stop(GRACE).await;
    assert_eq!((broker.keys(), count(&db, "chassis_outbox").await), (vec!["a".to_owned()], 0));
}

async fn ids_and_headers_that_cannot_be_stored_are_refused(scratch: Scratch) {
    let db = scratch.database().await;
    let mut tx = db.begin().await.unwrap();
    let mut wrong = pending("a", None);
    wrong.message.id = "42".into();
    let error = enqueue(&mut tx, &wrong).await.unwrap_err();
    assert_eq!(error.to_string(), "the id of a message must be a UUID, not `42`");
    let mut wrong = pending("a", None);
    wrong.message.headers.insert("note", "\0");
    let error = enqueue(&mut tx, &wrong).await.unwrap_err();
    assert_eq!(error.to_string(), "the header `note` holds a zero character, which can't be stored");
    // Neither has harmed the transaction.
    enqueue(&mut tx, &pending("a", None)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db, "chassis_outbox").await, 1);
}

async fn a_backlog_is_sent_whole(scratch: Scratch) {
    let db = scratch.database().await;
    let rows: Vec<_> = (0..3000).map(|n| pending(format!("{n}"), Some(&format!("key-{}", n % 100)))).collect();
    store(&db, &rows).await;
    let broker = Arc::new(Broker::new());
    let relay = start(&db, &broker);
    broker.until_confirmed(|confirmed| confirmed.len() == 3000).await;
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}
