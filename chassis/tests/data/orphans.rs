use std::sync::Arc;
use std::time::Duration;

use chassis::data::Database;
use chassis::messaging::consumer::{Orphan, Orphans, ReadQueue, Rest, RetireError, Retired};
use chassis::messaging::dead_letters::{DeadLetters, Filter};
use chassis::messaging::driver::{
    Binding, Consume, Driver, Exchange, ExchangeKind, Outgoing, PublishError, Queue, QueueRole, Topology,
};
use chassis::messaging::{Message, memory, names};
use tokio::time::Instant;

use crate::support::{Scratch, count, on_each_engine};

on_each_engine! {
    a_queue_that_nobody_reads_any_more_is_an_orphan,
    what_another_version_still_reads_is_none,
    a_retired_queue_leaves_its_messages_with_the_dead_letters,
    what_is_not_needed_is_removed_with_its_queue,
    what_is_read_is_not_retired,
    a_message_that_waits_for_its_next_attempt_keeps_its_queue,
}

const EXCHANGE: &str = "shop.events";
const KEY: &str = "order.placed.v1";
const DELAY: Duration = Duration::from_secs(3600);

fn read(queue: &str) -> ReadQueue {
    let binding = Binding { queue: queue.into(), exchange: EXCHANGE.into(), routing_key: KEY.into() };
    ReadQueue { queue: queue.into(), bindings: vec![binding] }
}

pub(crate) async fn with_queues(queues: &[&str]) -> (memory::Broker, Arc<dyn Driver>) {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let delay = names::delay(DELAY);
    let exchange = |name: &str| Exchange { name: name.into(), kind: ExchangeKind::Topic };
    let mut topology = Topology {
        exchanges: vec![exchange(EXCHANGE), exchange(&delay)],
        queues: vec![Queue { name: delay.clone(), role: QueueRole::Delay(DELAY) }],
        bindings: vec![Binding { queue: delay.clone(), exchange: delay, routing_key: "#".into() }],
    };
    for queue in queues {
        topology.queues.push(Queue { name: (*queue).into(), role: QueueRole::Work });
        for pile in [names::parking_queue(queue), names::unmatched_queue(queue)] {
            topology.queues.push(Queue { name: pile, role: QueueRole::Parking });
        }
        topology.bindings.extend(read(queue).bindings);
    }
    driver.declare(topology).await.unwrap();
    (broker, driver)
}

pub(crate) fn orphans(db: &Database, driver: &Arc<dyn Driver>, queues: &[&str]) -> Orphans {
    let names = queues.iter().map(|queue| (*queue).to_owned());
    let letters = DeadLetters::new(driver.clone(), "test", names);
    let read = queues.iter().map(|queue| read(queue)).collect();
    Orphans::new(db.clone(), driver.clone(), read, letters).unread_for(Duration::ZERO)
}

async fn publish(driver: &Arc<dyn Driver>, exchange: &str, key: &str, id: &str) -> Result<(), PublishError> {
    let message = Message { id: id.into(), kind: KEY.into(), body: id.to_owned().into(), ..Message::default() };
    let (exchange, routing_key) = (exchange.to_owned().into(), key.to_owned().into());
    let deadline = Instant::now() + Duration::from_secs(10);
    driver.publish(Outgoing { exchange, routing_key, mandatory: true, message, deadline }).await
}

/// An orphan `test.old` beside `test.new`, which the service reads.
async fn one_orphan(db: &Database) -> (memory::Broker, Arc<dyn Driver>, Orphans) {
    let (broker, driver) = with_queues(&["test.old", "test.new"]).await;
    orphans(db, &driver, &["test.old"]).look().await.unwrap();
    let now = orphans(db, &driver, &["test.new"]);
    assert_eq!(now.look().await.unwrap().len(), 1);
    (broker, driver, now)
}

async fn a_queue_that_nobody_reads_any_more_is_an_orphan(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver) = with_queues(&["test.old", "test.kept"]).await;
    let before = orphans(&db, &driver, &["test.old", "test.kept"]);
    assert_eq!(before.look().await.unwrap(), []);

    let after = orphans(&db, &driver, &["test.kept", "test.new"]);
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
    assert_eq!(count(&db, "chassis_queue_binding").await, 2);
}

async fn what_another_version_still_reads_is_none(scratch: Scratch) {
    let db = scratch.database().await;
    let (_broker, driver) = with_queues(&["test.old"]).await;
    orphans(&db, &driver, &["test.old"]).look().await.unwrap();
    let newer = orphans(&db, &driver, &["test.new"]).unread_for(Duration::from_secs(3600));
    assert_eq!(newer.look().await.unwrap(), [], "it was read within the hour");
    let refused = newer.retire("test.old", None).await.unwrap_err();
    assert!(matches!(&refused, RetireError::ReadLately { .. }), "{refused}");
    assert!(refused.to_string().ends_with("retire it once nobody has read it for 1h"), "{refused}");
}

async fn a_retired_queue_leaves_its_messages_with_the_dead_letters(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver, orphans) = one_orphan(&db).await;
    for id in ["a", "b"] {
        publish(&driver, EXCHANGE, KEY, id).await.unwrap();
    }
    let refused = orphans.retire("test.old", None).await.unwrap_err();
    assert!(matches!(refused, RetireError::NotEmpty { messages: 2, .. }), "{refused}");
    publish(&driver, EXCHANGE, KEY, "c").await.unwrap();
    assert_eq!(broker.depth("test.old").unwrap().ready, 3, "a refusal changes nothing");

    let done = orphans.retire("test.old", Some(Rest::Park)).await.unwrap();
    assert_eq!(done, Retired { parked: 3, discarded: 0, letters: 3 });
    assert_eq!((broker.depth("test.old"), broker.depth("test.old.unmatched")), (None, None));
    assert_eq!(orphans.found(), []);
    publish(&driver, EXCHANGE, KEY, "d").await.unwrap();
    assert_eq!(broker.depth("test.new").unwrap().ready, 4, "its neighbour is bound as before");

    // Where nobody reads, they are shown all the same, as long as there are any.
    let letters = DeadLetters::new(driver.clone(), "test", ["test.new".to_owned()]);
    let next = Orphans::new(db.clone(), driver.clone(), vec![read("test.new")], letters.clone());
    assert_eq!(next.unread_for(Duration::ZERO).look().await.unwrap(), []);
    let summary = letters.summary().await;
    let shown = summary.iter().find(|pile| pile.queue == "test.old").unwrap();
    assert_eq!((shown.letters, shown.fault.as_deref()), (3, None));
    let listed = letters.list("test.old", &Filter::default(), 10).await.unwrap().letters;
    let listed: Vec<_> = listed.iter().map(|letter| (letter.id.as_str(), letter.reason.as_str())).collect();
    assert_eq!(listed, [("a", "retired"), ("b", "retired"), ("c", "retired")]);
    assert_eq!(count(&db, "chassis_queue").await, 2);

    for id in ["a", "b", "c"] {
        letters.discard("test.old", &chassis::messaging::dead_letters::Selection::Id(id.into()), 1).await.unwrap();
    }
    assert_eq!(orphans.retire("test.old", None).await.unwrap(), Retired::default());
    assert_eq!(broker.depth("test.old.dlq"), None);
    let gone = orphans.retire("test.old", None).await.unwrap_err();
    assert_eq!(gone.to_string(), "`test` has never read a queue `test.old`");
}

async fn what_is_not_needed_is_removed_with_its_queue(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver, orphans) = one_orphan(&db).await;
    publish(&driver, EXCHANGE, KEY, "a").await.unwrap();
    publish(&driver, "", "test.old.dlq", "parked before").await.unwrap();
    let done = orphans.retire("test.old", Some(Rest::Discard)).await.unwrap();
    assert_eq!(done, Retired { parked: 0, discarded: 1, letters: 1 });
    assert_eq!(broker.depth("test.old"), None);
    assert_eq!(broker.depth("test.old.dlq").unwrap().ready, 1, "only what waited was not needed");
}

async fn what_is_read_is_not_retired(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver, orphans) = one_orphan(&db).await;
    let refused = orphans.retire("test.new", Some(Rest::Discard)).await.unwrap_err();
    assert!(matches!(refused, RetireError::HasHandler(_)), "{refused}");
    let consume = Consume { queue: "test.old".into(), prefetch: 1, spare: 0, ordered: false, tag: "somebody".into() };
    let consumer = driver.consume(consume).await.unwrap();
    publish(&driver, EXCHANGE, KEY, "a").await.unwrap();
    let refused = orphans.retire("test.old", Some(Rest::Discard)).await.unwrap_err();
    assert!(matches!(refused, RetireError::InUse { consumers: 1, .. }), "{refused}");
    drop(consumer);
    assert_eq!(broker.depth("test.old").unwrap().ready, 1);
}

async fn a_message_that_waits_for_its_next_attempt_keeps_its_queue(scratch: Scratch) {
    let db = scratch.database().await;
    let (broker, driver, orphans) = one_orphan(&db).await;
    publish(&driver, &names::delay(DELAY), "test.old", "held back").await.unwrap();
    let refused = orphans.retire("test.old", Some(Rest::Park)).await.unwrap_err();
    assert!(matches!(refused, RetireError::NotEmpty { messages: 1, .. }), "{refused}");
    assert_eq!(broker.depth("test.old").unwrap().ready, 0);
}
