use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::consumer::{Orphan, Orphans};
use chassis::messaging::driver::{Driver, Queue, QueueRole, Topology};
use chassis::messaging::memory;

use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    a_queue_that_nobody_reads_any_more_is_an_orphan,
    what_another_version_still_reads_is_none,
}

async fn with_queues(names: &[&str]) -> (memory::Broker, Arc<dyn Driver>) {
    let broker = memory::Broker::new();
    let queues = names.iter().map(|name| Queue { name: (*name).into(), role: QueueRole::Work }).collect();
    let driver = broker.driver();
    driver.declare(Topology { queues, ..Topology::default() }).await.unwrap();
    (broker, driver)
}

async fn a_queue_that_nobody_reads_any_more_is_an_orphan(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver) = with_queues(&["test.old", "test.kept"]).await;
    let before = Orphans::new(db.clone(), driver.clone(), vec!["test.old".into(), "test.kept".into()]);
    assert_eq!(before.look().await.unwrap(), []);

    let after = Orphans::new(db.clone(), driver.clone(), vec!["test.kept".into(), "test.new".into()]);
    let after = after.unread_for(Duration::ZERO);
    let found = after.look().await.unwrap();
    assert!(matches!(&found[..], [Orphan { queue, waiting: 0, .. }] if queue == "test.old"), "{found:?}");
    assert_eq!(after.found(), found);

    broker.faults().disconnect();
    assert!(after.look().await.is_err(), "the broker cannot be asked");
    assert_eq!(after.found().len(), 1);
    broker.faults().reconnect();

    broker.faults().delete_queue("test.old");
    assert_eq!(after.look().await.unwrap(), []);
    assert_eq!(count(&db, "chassis_queue").await, 2, "what is gone is forgotten");
}

async fn what_another_version_still_reads_is_none(scratch: Scratch) {
    let db = scratch.database().await;
    let (_broker, driver) = with_queues(&["test.old"]).await;
    let older = Orphans::new(db.clone(), driver.clone(), vec!["test.old".into()]);
    older.look().await.unwrap();
    let newer = Orphans::new(db, driver, vec!["test.new".into()]);
    assert_eq!(newer.look().await.unwrap(), [], "it was read within the hour");
}
