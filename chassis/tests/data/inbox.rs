use std::collections::HashSet;
use std::time::Duration;

use chassis::messaging::inbox::{InboxSettings, Retention, claim, claim_all, forget_older_than};

use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    a_message_is_new_once_per_consumer,
    of_many_those_that_are_new_are_told,
    a_rolled_back_claim_leaves_no_trace,
    of_two_at_once_one_finds_it_new,
    what_is_old_is_forgotten,
}

async fn a_message_is_new_once_per_consumer(scratch: Scratch) {
    let db = scratch.database().await;
    let mut tx = db.begin().await.unwrap();
    assert!(claim(&mut tx, "stock.order-placed", "m1").await.unwrap());
    assert!(!claim(&mut tx, "stock.order-placed", "m1").await.unwrap());
    assert!(claim(&mut tx, "stock.order-placed", "m2").await.unwrap());
    assert!(claim(&mut tx, "stock.order-cancelled", "m1").await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    assert!(!claim(&mut tx, "stock.order-placed", "m1").await.unwrap());
}

async fn of_many_those_that_are_new_are_told(scratch: Scratch) {
    let db = scratch.database().await;
    let mut tx = db.begin().await.unwrap();
    assert!(claim(&mut tx, "c", "7").await.unwrap());
    // More than one statement takes, one of them twice.
    let ids: Vec<String> = (0..1200).chain([3]).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let new = claim_all(&mut tx, "c", &ids).await.unwrap();
    assert_eq!(new.len(), 1199);
    assert!(!new.contains("7"));
    assert_eq!(claim_all(&mut tx, "c", &["7", "1200"]).await.unwrap(), HashSet::from(["1200".to_owned()]));
    assert!(claim_all(&mut tx, "other", &["7"]).await.unwrap().contains("7"));
    assert!(claim_all(&mut tx, "other", &[]).await.unwrap().is_empty());
    tx.commit().await.unwrap();
}

async fn a_rolled_back_claim_leaves_no_trace(scratch: Scratch) {
    let db = scratch.database().await;
    for _ in 0..2 {
        let mut tx = db.begin().await.unwrap();
        assert!(claim(&mut tx, "c", "m").await.unwrap());
        drop(tx);
    }
}

async fn of_two_at_once_one_finds_it_new(scratch: Scratch) {
    let db = scratch.database().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.begin().await.unwrap();
                let new = claim(&mut tx, "c", "m").await.unwrap();
                tx.commit().await.unwrap();
                new
            })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += u32::from(task.await.unwrap());
    }
    assert_eq!(new, 1);
}

async fn what_is_old_is_forgotten(scratch: Scratch) {
    let db = scratch.database().await;
    let mut tx = db.begin().await.unwrap();
    for n in 0..1500 {
        claim(&mut tx, "c", &n.to_string()).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(forget_older_than(&db, Duration::from_secs(60)).await.unwrap(), 0);
    let settings = InboxSettings { keep: Duration::ZERO, sweep: Duration::from_millis(5) };
    let _retention = Retention::start(db.clone(), settings);
    let gone = async {
        while count(&db, "chassis_inbox").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}
