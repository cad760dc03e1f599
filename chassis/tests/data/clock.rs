//! A clock that is set back by an hour: what was noted before it lies in the future.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::data::idempotency::{Answer, Claim, Request, Seen};
use chassis::data::{Database, Engine, Leases};
use chassis::messaging::consumer::RetireError;
use chassis::messaging::driver::PublishError;
use chassis::messaging::inbox;
use chassis::messaging::outbox::{Relay, Timing, enqueue_with};

use crate::broker::Broker;
use crate::orphans::{orphans, with_queues};
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    what_was_stored_before_is_sent_at_once,
    what_failed_before_is_tried_again,
    what_was_leased_before_is_taken_over,
    a_relay_that_died_before_leaves_its_share,
    what_was_handled_before_is_not_handled_again,
    a_job_that_ran_before_runs_again,
    a_lease_that_was_taken_before_lasts_no_longer,
    a_request_that_was_begun_before_is_not_under_way_for_long,
    a_queue_that_was_read_before_is_an_orphan_in_its_time,
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

async fn what_failed_before_is_tried_again(scratch: Scratch) {
    let db = scratch.database().await;
    store(&db, &[pending("keyed", Some("a")), pending("unkeyed", None)]).await;
    sqlx::query("UPDATE chassis_outbox SET attempts = 1, last_error = 'refused'").execute(db.pool()).await.unwrap();
    set_back(&db, "chassis_outbox", &["created_at", "available_at"]).await;
    let broker = Arc::new(Broker::new());
    // Again, after the clock was set back.
    broker.fail("unkeyed", [PublishError::Nacked, PublishError::Nacked]);
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn a_relay_that_died_before_leaves_its_share(scratch: Scratch) {
    let db = scratch.database().await;
    if db.engine() == Engine::Postgres {
        let seen = "INSERT INTO chassis_outbox_relay VALUES ('somebody who died', now() + interval '1 hour')";
        sqlx::query(seen).execute(db.pool()).await.unwrap();
    }
    let of_all_partitions: Vec<_> = (0..100).map(|number| pending(number.to_string(), None)).collect();
    store(&db, &of_all_partitions).await;
    let broker = Arc::new(Broker::new());
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    broker.until_confirmed(|confirmed| confirmed.len() == 100).await;
    relay.stop(GRACE).await;
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

const MINUTE: Duration = Duration::from_secs(60);

async fn a_job_that_ran_before_runs_again(scratch: Scratch) {
    let db = scratch.database().await;
    let due = async || Leases::try_acquire_due(&db, "tidy", "a", MINUTE, MINUTE).await.unwrap();
    due().await.unwrap().release("done").await.unwrap();
    assert!(due().await.is_none(), "it ran within the minute");
    set_back(&db, "chassis_job_lease", &["last_run", "renewed_at"]).await;
    due().await.expect("it may run: nobody ran it within this minute").release("done").await.unwrap();
    // A clock that is set right by seconds does not make it run twice.
    let ahead = match db.engine() {
        Engine::Sqlite => "last_run + 2000",
        Engine::Postgres => "last_run + interval '2 seconds'",
    };
    let update = format!("UPDATE chassis_job_lease SET last_run = {ahead}");
    sqlx::query(sqlx::AssertSqlSafe(update)).execute(db.pool()).await.unwrap();
    assert!(due().await.is_none());
}

async fn a_lease_that_was_taken_before_lasts_no_longer(scratch: Scratch) {
    let db = scratch.database().await;
    let all = ["lease_until", "last_run", "renewed_at"];
    // Of one who lives it is not taken away.
    let held = Leases::try_acquire(&db, "held", "a", MINUTE).await.unwrap().unwrap();
    Leases::try_acquire(&db, "left", "a", Duration::ZERO).await.unwrap().unwrap();
    set_back(&db, "chassis_job_lease", &all).await;
    for _ in 0..2 {
        assert!(Leases::try_acquire(&db, "held", "b", MINUTE).await.unwrap().is_none());
    }
    assert!(held.renew(MINUTE).await.unwrap());
    // Of one who died it ends after the time that it was meant to last.
    while Leases::try_acquire(&db, "left", "b", MINUTE).await.unwrap().is_none() {}
}

async fn a_request_that_was_begun_before_is_not_under_way_for_long(scratch: Scratch) {
    let db = scratch.database().await;
    let request = |key: &str| Request {
        operation: "POST /orders".into(),
        subject: "anonymous".into(),
        key: key.into(),
        body: b"digest".to_vec(),
    };
    let take = async |key: &str, lease| Claim::take(&db, request(key), lease).await.unwrap();
    let Seen::Claimed(held) = take("held", MINUTE).await else { panic!("it is new") };
    let Seen::Claimed(_died) = take("left", Duration::ZERO).await else { panic!("it is new") };
    let Seen::Claimed(done) = take("done", MINUTE).await else { panic!("it is new") };
    let answer = Answer { status: 201, content_type: None, body: b"made".to_vec() };
    assert!(done.done(&answer).await.unwrap());
    set_back(&db, "chassis_idempotency_key", &["lease_until", "expires_at"]).await;

    for _ in 0..2 {
        assert!(matches!(take("held", MINUTE).await, Seen::InFlight));
    }
    assert!(held.done(&answer).await.unwrap(), "whoever lives ends it");
    while !matches!(take("left", MINUTE).await, Seen::Claimed(_)) {}
    for key in ["done", "held"] {
        let Seen::Done(kept) = take(key, MINUTE).await else { panic!("{key} was done") };
        assert_eq!(kept, answer);
    }
}

async fn a_queue_that_was_read_before_is_an_orphan_in_its_time(scratch: Scratch) {
    let db = scratch.database().await;
    let (_broker, driver) = with_queues(&["test.old", "test.kept"]).await;
    orphans(&db, &driver, &["test.old", "test.kept"]).look().await.unwrap();
    set_back(&db, "chassis_queue", &["read_at"]).await;
    // Of a queue that was read in what is now the future nobody knows how long ago that was, so that it was just now.
    let newer = orphans(&db, &driver, &["test.kept"]);
    let cautious = newer.clone().unread_for(MINUTE);
    let refused = cautious.retire("test.old", None).await.unwrap_err();
    assert!(matches!(refused, RetireError::ReadLately { unread_for: Duration::ZERO, .. }), "{refused}");
    assert_eq!(cautious.look().await.unwrap(), []);
    // From then on its time runs, and not only when the clock has come to where it was.
    let patience = Duration::from_millis(20);
    let soon = newer.unread_for(patience);
    let found = async {
        loop {
            if let [orphan] = &soon.look().await.unwrap()[..] {
                return orphan.clone();
            }
        }
    };
    let found = tokio::time::timeout(GRACE, found).await.expect("it is found within the hour");
    assert_eq!(found.queue, "test.old");
    assert!((patience..MINUTE).contains(&found.unread_for), "{:?}", found.unread_for);
    soon.retire("test.old", None).await.unwrap();
}
