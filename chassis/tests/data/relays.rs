//! Several relays on one database, as several instances of a service have them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::data::Database;
use chassis::messaging::outbox::{OutboxSettings, Relay};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::outbox::{GRACE, pending, quick, store};
use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    the_order_holds_with_several_relays_that_come_and_go,
    the_leases_of_one_that_died_are_taken_over,
    rows_of_other_processes_are_found,
}

#[cfg(feature = "postgres")]
mod shared {
    use chassis::data::DatabaseSettings;
    use chassis::messaging::outbox::enqueue;

    use super::*;
    use crate::support::server;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn partitions_have_one_owner_each_and_the_epoch_grows() {
        let scratch = Scratch::postgres().await;
        let (one, two) = (scratch.database().await, scratch.connect().await);
        let broker = Arc::new(Broker::new());
        let first = Relay::start(one.clone(), broker.clone(), quick());
        until_owned(&one, 8).await;
        let second = Relay::start(two.clone(), broker.clone(), quick());
        first.stop(GRACE).await;
        until_owned(&two, 8).await;
        let epochs: Vec<i64> =
            sqlx::query_scalar("SELECT epoch FROM chassis_outbox_lease").fetch_all(two.pool()).await.unwrap();
        // More where it changed hands again, as on a machine so slow that a lease ran out.
        assert!(epochs.len() == 8 && epochs.iter().all(|epoch| *epoch >= 2), "{epochs:?}");
        second.stop(GRACE).await;
        until_owned(&two, 0).await;
    }

    /// The partitions that each owner has, fewest first.
    async fn shares(db: &Database) -> Vec<i64> {
        let sql = "SELECT count(*) FROM chassis_outbox_lease WHERE owner IS NOT NULL GROUP BY owner ORDER BY 1";
        sqlx::query_scalar(sql).fetch_all(db.pool()).await.unwrap()
    }

    async fn until_shared(db: &Database, expected: &[i64]) {
        let shared = async {
            while shares(db).await != expected {
                tokio::task::yield_now().await;
            }
        };
        if timeout(GRACE, shared).await.is_err() {
            panic!("shared as {:?}, not as {expected:?}", shares(db).await);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn relays_that_come_later_get_their_share_and_the_order_holds() {
        let scratch = Scratch::postgres().await;
        let db = scratch.database().await;
        let broker = Arc::new(Broker::new());
        let first = Relay::start(db.clone(), broker.clone(), quick());
        until_shared(&db, &[8]).await;
        let key = |n: usize| format!("key-{}", n % 20);
        let rows: Vec<_> = (0..3_000).map(|n| pending(format!("{} {n}", key(n)), Some(&key(n)))).collect();
        store(&db, &rows).await;
        let (two, three) = (scratch.connect().await, scratch.connect().await);
        let second = Relay::start(two, broker.clone(), quick());
        let third = Relay::start(three, broker.clone(), quick());
        until_shared(&db, &[2, 3, 3]).await;
        // One that is killed says no goodbye: the others share what it had when its leases are over.
        drop(first);
        until_shared(&db, &[4, 4]).await;
        second.stop(GRACE).await;
        until_shared(&db, &[8]).await;
        broker.until_confirmed(|confirmed| confirmed.len() >= rows.len()).await;
        third.stop(GRACE).await;
        let mut sent: HashMap<String, Vec<usize>> = HashMap::new();
        for row in broker.keys() {
            let (key, number) = row.split_once(' ').unwrap();
            let numbers = sent.entry(key.to_owned()).or_default();
            let number = number.parse().unwrap();
            // What was killed between confirmation and deletion comes twice, and then from there on.
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        assert_eq!(sent.values().map(Vec::len).sum::<usize>(), rows.len());
        assert!(sent.values().all(|numbers| numbers.is_sorted()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_database_that_drops_all_connections_is_outlived() {
        let scratch = Scratch::postgres().await;
        let db = scratch.database().await;
        let rows: Vec<_> = (0..600).map(|n| pending(format!("{n}"), Some(&format!("key-{}", n % 20)))).collect();
        store(&db, &rows).await;
        let broker = Arc::new(Broker::new());
        let relay = Relay::start(db.clone(), broker.clone(), OutboxSettings { batch: 8, ..quick() });
        let admin = Database::connect(&DatabaseSettings::at(server()), "admin").await.unwrap();
        for enough in [50, 150, 300] {
            broker.until_confirmed(|confirmed| confirmed.len() >= enough).await;
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
            let name = scratch.settings.url.as_deref().unwrap().rsplit('/').next().unwrap();
            sqlx::query(sql).bind(name.to_owned()).fetch_one(admin.pool()).await.unwrap();
        }
        broker.until_confirmed(|confirmed| numbers(confirmed).len() == 600).await;
        relay.stop(GRACE).await;
        assert_eq!(count(&db, "chassis_outbox").await, 0);
    }

    /// A row with a smaller number that becomes visible after one with a larger number was sent.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_late_commit_is_not_skipped() {
        let scratch = Scratch::postgres().await;
        let db = scratch.database().await;
        let broker = Arc::new(Broker::new());
        let relay = Relay::start(db.clone(), broker.clone(), quick());
        let mut slow = db.begin().await.unwrap();
        enqueue(&mut slow, &pending("first", Some("a"))).await.unwrap();
        store(&db, &[pending("second", Some("a"))]).await;
        broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
        slow.commit().await.unwrap();
        broker.until_confirmed(|confirmed| confirmed.len() == 2).await;
        assert_eq!(broker.keys(), ["second", "first"]);
        relay.stop(GRACE).await;
    }
}

/// Waits until so many partitions are leased.
async fn until_owned(db: &Database, partitions: i64) {
    let owned = async {
        let sql = "SELECT count(*) FROM chassis_outbox_lease WHERE owner IS NOT NULL";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(db.pool()).await.unwrap() != partitions {
            tokio::task::yield_now().await;
        }
    };
    timeout(GRACE, owned).await.unwrap();
}

async fn the_order_holds_with_several_relays_that_come_and_go(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let settings = || OutboxSettings { batch: 16, ..quick() };
    let mut relays = Vec::new();
    for batch in 0..12_i32 {
        let rows: Vec<_> =
            (0..40_i32).map(|n| pending(format!("{}", batch * 40 + n), Some(&format!("key-{}", n % 8)))).collect();
        store(&db, &rows).await;
        // Another instance starts while the others run, and now and then the oldest is stopped.
        if batch % 2 == 0 {
            relays.push(Relay::start(scratch.connect().await, broker.clone(), settings()));
        }
        if batch % 4 == 3 {
            relays.remove(0).stop(GRACE).await;
        }
    }
    let all = |sent: &Vec<_>| sent.len() >= 480 && numbers(sent).len() == 480;
    broker.until_confirmed(all).await;
    let mut seen = HashMap::<i32, Vec<i32>>::new();
    for number in broker.keys() {
        let number: i32 = number.parse().unwrap();
        let of_key = seen.entry(number % 40 % 8).or_default();
        // Sent twice it may be, by two instances; what counts is when it came first.
        if !of_key.contains(&number) {
            of_key.push(number);
        }
    }
    assert!(seen.values().all(|numbers| numbers.is_sorted()), "{seen:?}");
    for relay in relays {
        relay.stop(GRACE).await;
    }
}

fn numbers(sent: &[chassis::messaging::driver::Outgoing]) -> std::collections::HashSet<&str> {
    sent.iter().map(|outgoing| &*outgoing.routing_key).collect()
}

async fn the_leases_of_one_that_died_are_taken_over(scratch: Scratch) {
    let db = scratch.database().await;
    let silent = Arc::new(Broker::closed());
    let settings = OutboxSettings { lease: Duration::from_millis(500), ..quick() };
    let dead = Relay::start(scratch.connect().await, silent.clone(), settings.clone());
    store(&db, &[pending("a", None)]).await;
    silent.until_tried(1).await;
    drop(dead);
    let broker = Arc::new(Broker::new());
    let relay = Relay::start(db.clone(), broker.clone(), settings);
    broker.until_confirmed(|confirmed| confirmed.len() == 1).await;
    relay.stop(GRACE).await;
    assert_eq!(count(&db, "chassis_outbox").await, 0);
}

async fn rows_of_other_processes_are_found(scratch: Scratch) {
    let db = scratch.database().await;
    let broker = Arc::new(Broker::new());
    let relay = Relay::start(db.clone(), broker.clone(), quick());
    let other = scratch.connect().await;
    for n in 1..=3 {
        store(&other, &[pending(format!("{n}"), None)]).await;
        broker.until_confirmed(|confirmed| confirmed.len() == n).await;
    }
    relay.stop(GRACE).await;
}
