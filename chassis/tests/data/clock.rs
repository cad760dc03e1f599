//! A clock that is set back by an hour: what was noted before it lies in the future.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::data::{Database, Engine};
use chassis::messaging::inbox;
use chassis::messaging::outbox::{Relay, Timing, enqueue_with};

use crate::broker::Broker;
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_was_stored_before_is_sent_at_once,
    what_was_leased_before_is_taken_over,
    what_was_handled_before_is_not_handled_again,
}

/// Moves the times in these columns an hour ahead, which is where they are after the clock was set back.
async fn set_back(db: &Database, table: &str, columns: &[&str]) {
    for column in columns {
        let ahead = match db.engine() {
            Engine::Sqlite => format!("{column} + 3600000"),
            Engine::Postgres => format!("{column} + interval '1 hour'"),
        };
        let update = sqlx::AssertSqlSafe(format!("UPDATE {table} SET {column} = {ahead}"));
        sqlx::query(update).execute(db.pool()).await.unwrap();
    }
}

async fn what_was_stored_before_is_sent_at_once(scratch: Scratch) {
    let db = scratch.database().await;
    store(&db, &[pending("keyed", Some("a")), pending("unkeyed", None)]).await;
    let mut tx = db.begin().await.unwrap();
    let tomorrow = Timing { not_before: Some(SystemTime::now() + Duration::from_secs(86_400)), expires: None };
    enqueue_with(&mut tx, &pending("tomorrow", None), tomorrow).await.unwrap();
    tx.commit().await.unwrap();
    set_back(&db, "chassis_outbox", &["created_at", "available_at"]).await;
    store(&db, &[pending("after", Some("a"))]).await;

    let broker = Arc::new(Broker::new());
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    broker.until_confirmed(|confirmed| confirmed.len() == 3).await;
    relay.stop(GRACE).await;
    let keyed: Vec<String> = broker.keys().into_iter().filter(|key| key != "unkeyed").collect();
    assert_eq!(keyed, ["keyed", "after"], "in their order, and what is for tomorrow is not among them");
    assert_eq!(count(&db, "chassis_outbox").await, 1);
}

async fn what_was_leased_before_is_taken_over(scratch: Scratch) {
    let db = scratch.database().await;
    let now = match db.engine() {
        Engine::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        Engine::Postgres => "now()",
    };
    let leased = format!("UPDATE chassis_outbox_lease SET owner = 'somebody who died', epoch = 7, expires_at = {now}");
    sqlx::query(sqlx::AssertSqlSafe(leased)).execute(db.pool()).await.unwrap();
    set_back(&db, "chassis_outbox_lease", &["expires_at"]).await;
    store(&db, &[pending("a", None)]).await;
    let broker = Arc::new(Broker::new());
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    relay.stop(GRACE).await;
}

async fn what_was_handled_before_is_not_handled_again(scratch: Scratch) {
    let db = scratch.database().await;
    let claim = async |id: &str| {
        let mut tx = db.begin().await.unwrap();
        let new = inbox::claim(&mut tx, "c", id).await.unwrap();
        tx.commit().await.unwrap();
        new
    };
    assert!(claim("m").await);
    set_back(&db, "chassis_inbox", &["received_at"]).await;
    assert!(!claim("m").await);
    assert_eq!(inbox::forget_older_than(&db, Duration::ZERO).await.unwrap(), 0, "kept for longer, never for less");
    assert!(claim("n").await);
}
