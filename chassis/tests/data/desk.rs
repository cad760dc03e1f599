//! What an operator sees of an outbox, and does about rows that could not be sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::messaging::dead_letters::{Body, Filter, Selection};
use chassis::messaging::driver::{ConnectionState, PublishError};
use chassis::messaging::outbox::{Desk, OutboxSettings, Relay};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    parked_rows_are_shown_and_found,
    a_retried_row_is_sent_under_its_id_and_in_its_order,
    a_discarded_row_is_gone,
    parked_rows_are_kept_unless_the_settings_say_otherwise,
    who_sends_what_is_shown,
}

/// Parks one row of each key, each for its own error.
async fn park(scratch: &Scratch, keys: &[&str]) -> (chassis::data::Database, Vec<String>) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let mut rows = Vec::new();
    for key in keys {
        broker.fail(key, [PublishError::TooLarge { what: "body", size: rows.len() + 100, limit: 10 }]);
        let mut row = pending(*key, Some("order-7"));
        row.message.body = br#"{"order":7}"#.as_slice().into();
        row.message.headers.insert("cloudEvents_subject", "7");
        rows.push(row);
    }
    store(&db, &rows).await;
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    let parked = async {
        while count(&db, "chassis_outbox_parked").await < keys.len() as i64 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, parked).await.expect("they are parked");
    relay.stop(GRACE).await;
    (db, rows.into_iter().map(|row| row.message.id).collect())
}

async fn parked_rows_are_shown_and_found(scratch: Scratch) {
    let (db, ids) = park(&scratch, &["a", "b"]).await;
    let desk = Desk::new(db);
    let list = async |filter: Filter| {
        let rows = desk.list(&filter, 10).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Filter::default()).await, ids);
    assert_eq!(list(Filter { id: Some(ids[1].clone()), ..Filter::default() }).await, ids[1..]);
    assert_eq!(list(Filter { kind: Some("order.placed.v1".into()), ..Filter::default() }).await, ids);
    assert!(list(Filter { kind: Some("order.paid.v1".into()), ..Filter::default() }).await.is_empty());
    assert_eq!(list(Filter { error: Some("OF 101 BYTES".into()), ..Filter::default() }).await, ids[1..]);
    let (long_ago, soon) = (SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(60));
    assert_eq!(list(Filter { since: Some(long_ago), until: Some(soon), ..Filter::default() }).await, ids);
    assert!(list(Filter { since: Some(soon), ..Filter::default() }).await.is_empty());
    assert!(list(Filter { until: Some(long_ago), ..Filter::default() }).await.is_empty());

    let opened = desk.open(&ids[0]).await.unwrap().expect("there");
    assert_eq!((opened.row.kind.as_str(), opened.row.routing_key.as_str()), ("order.placed.v1", "a"));
    assert_eq!((opened.row.attempts, opened.row.size), (1, 11));
    assert_eq!(opened.headers.unwrap()["cloudEvents_subject"], "7");
    assert_eq!(opened.body, Some(Body::Json(serde_json::json!({ "order": 7 }))));
    assert!(desk.open("no such id").await.unwrap().is_none());
}

async fn a_retried_row_is_sent_under_its_id_and_in_its_order(scratch: Scratch) {
    let (db, ids) = park(&scratch, &["a", "b", "c"]).await;
    let broker = Arc::new(Broker::new());
    broker.set(ConnectionState::Blocked("a test".into()));
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    let later = pending("later", Some("order-7"));
    store(&db, std::slice::from_ref(&later)).await;
    let desk = Desk::new(db.clone());
    assert_eq!(desk.retry(&Selection::All, 2).await.unwrap(), 2);
    assert_eq!(desk.retry(&Selection::Id("no such id".into()), 9).await.unwrap(), 0);
    let error = Filter { error: Some("bytes".into()), ..Filter::default() };
    assert_eq!(desk.retry(&Selection::Matching(error), 9).await.unwrap(), 1);
    assert_eq!(count(&db, "chassis_outbox_parked").await, 0);
    broker.set(ConnectionState::Connected);
    broker.until_confirmed(|confirmed| confirmed.len() == 4).await;
    let sent: Vec<_> = broker.confirmed().into_iter().map(|sent| sent.message.id).collect();
    assert_eq!(sent, [&ids[..], &[later.message.id]].concat(), "at the places that they had");
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn a_discarded_row_is_gone(scratch: Scratch) {
    let (db, ids) = park(&scratch, &["a", "b"]).await;
    let desk = Desk::new(db.clone());
    assert_eq!(desk.discard(&Selection::Id(ids[0].clone()), 9).await.unwrap(), 1);
    assert_eq!(desk.discard(&Selection::Id(ids[0].clone()), 9).await.unwrap(), 0);
    let left = desk.list(&Filter::default(), 9).await.unwrap();
    assert_eq!(left.into_iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn parked_rows_are_kept_unless_the_settings_say_otherwise(scratch: Scratch) {
    let (db, _) = park(&scratch, &["a", "b"]).await;
    let old = match db.engine() {
        chassis::data::Engine::Sqlite => "UPDATE chassis_outbox_parked SET parked_at = 0 WHERE routing_key = 'a'",
        chassis::data::Engine::Postgres => {
            "UPDATE chassis_outbox_parked SET parked_at = now() - interval '2 days' WHERE routing_key = 'a'"
        }
    };
    sqlx::query(old).execute(db.pool()).await.unwrap();
    let broker = Arc::new(Broker::new());
    let keeps = Relay::start(db.clone(), broker.clone(), quick());
    store(&db, &[pending("sent", None)]).await;
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    keeps.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox_parked").await, 2);

    let settings = OutboxSettings { keep_parked: Some(Duration::from_secs(24 * 60 * 60)), ..quick() };
    let forgets = Relay::start(db.clone(), broker, settings);
    let one = async {
        while count(&db, "chassis_outbox_parked").await != 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, one).await.expect("the old one is deleted");
    forgets.stop(GRACE).await;
    assert_eq!(Desk::new(db).list(&Filter::default(), 9).await.unwrap()[0].routing_key, "b");
}

async fn who_sends_what_is_shown(scratch: Scratch) {
    let db = scratch.database().await;
    let desk = Desk::new(db.clone());
    let owners = async || desk.summary().await.unwrap().partitions.iter().filter(|one| one.owner.is_some()).count();
    assert_eq!(owners().await, 0);
    let broker = Arc::new(Broker::closed());
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    store(&db, &[pending("a", None), pending("b", None)]).await;
    broker.until_tried(1).await;
    let summary = desk.summary().await.unwrap();
    assert_eq!((summary.depth, summary.parked, summary.partitions.len()), (2, 0, 8));
    assert_eq!(owners().await, 8);
    broker.open();
    relay.stop(GRACE).await;
    assert_eq!(owners().await, 0);
}
