use std::time::Duration;

use chassis::data::{Database, Leases};

use crate::support::{Scratch, on_each_engine};

on_each_engine! {
    one_holder_at_a_time_and_the_epoch_grows,
    a_lease_that_ran_out_is_taken_over,
    a_job_that_ran_lately_is_not_due,
    of_many_one_gets_it,
}

const LONG: Duration = Duration::from_secs(60);

async fn one_holder_at_a_time_and_the_epoch_grows(scratch: Scratch) {
    let db = scratch.database().await;
    let first = Leases::try_acquire(&db, "tidy", "a", LONG).await.unwrap().unwrap();
    assert!(Leases::try_acquire(&db, "tidy", "b", LONG).await.unwrap().is_none());
    assert!(Leases::try_acquire(&db, "other", "b", LONG).await.unwrap().is_some());
    assert!(first.renew(LONG).await.unwrap());
    assert_eq!(first.epoch(), 1);
    assert!(first.release("ok").await.unwrap());
    let second = Leases::try_acquire(&db, "tidy", "b", LONG).await.unwrap().unwrap();
    assert_eq!(second.epoch(), 2);
    let kept: String = sqlx::query_scalar("SELECT last_result FROM chassis_job_lease WHERE job = 'tidy'")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(kept, "ok");
}

async fn a_lease_that_ran_out_is_taken_over(scratch: Scratch) {
    let db = scratch.database().await;
    let late = Leases::try_acquire(&db, "tidy", "a", Duration::ZERO).await.unwrap().unwrap();
    let next = until_acquired(&db).await;
    assert_eq!(next.epoch(), 2);
    assert!(!late.renew(LONG).await.unwrap());
    assert!(!late.release("too late").await.unwrap());
    assert!(next.renew(LONG).await.unwrap());
}

/// The lease has run out already, but the database's clock may need a moment to show it.
async fn until_acquired(db: &Database) -> chassis::data::Lease {
    loop {
        if let Some(lease) = Leases::try_acquire(db, "tidy", "b", LONG).await.unwrap() {
            return lease;
        }
    }
}

async fn a_job_that_ran_lately_is_not_due(scratch: Scratch) {
    let db = scratch.database().await;
    let run = Leases::try_acquire_due(&db, "tidy", "a", LONG, LONG).await.unwrap().unwrap();
    run.release("ok").await.unwrap();
    assert!(Leases::try_acquire_due(&db, "tidy", "b", LONG, LONG).await.unwrap().is_none());
    assert!(Leases::try_acquire(&db, "tidy", "b", LONG).await.unwrap().is_some());
}

async fn of_many_one_gets_it(scratch: Scratch) {
    let db = scratch.database().await;
    let tasks: Vec<_> = (0..16)
        .map(|index| {
            let db = db.clone();
            tokio::spawn(async move { Leases::try_acquire(&db, "tidy", &format!("owner-{index}"), LONG).await })
        })
        .collect();
    let mut held = 0;
    for task in tasks {
        held += usize::from(task.await.unwrap().unwrap().is_some());
    }
    assert_eq!(held, 1);
}
