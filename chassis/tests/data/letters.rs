//! A process that is killed while it sends a dead letter back: the letter may be there twice, and has one effect.
//!
//! The process is this test program, started again for the one test `the_process`, which does nothing by itself.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chassis::data::Database;
use chassis::messaging::Message;
use chassis::messaging::consumer::{self, ConsumerHealth, Handler, Mode, RetryPolicy, Subscription, SubscriptionSpec};
use chassis::messaging::dead_letters::{DeadLetters, Replay, Selection};
use chassis::messaging::driver::*;
use chassis::messaging::local::{Broker, Options};
use chassis::messaging::names::headers;
use tokio::time::{Instant, timeout};

use crate::support::{Scratch, count};

const QUEUE: &str = "stock.order-placed";
const PARKING: &str = "stock.order-placed.dlq";
const LETTERS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(40);

const SPEC: SubscriptionSpec = SubscriptionSpec {
    retry: "none",
    concurrency: 4,
    mode: Mode::Transactional,
    ..SubscriptionSpec::new("order_placed", "order.placed.v1", "orders")
};

async fn driver(broker: &str) -> Arc<dyn Driver> {
    match broker.strip_prefix("file:") {
        Some(path) => Broker::open(path, Options { power_loss: false }).await.unwrap().driver(),
        #[cfg(feature = "amqp")]
        None => {
            let settings = chassis::messaging::amqp::AmqpSettings::new(broker);
            Arc::new(chassis::messaging::amqp::connect(&settings).await.unwrap())
        }
        #[cfg(not(feature = "amqp"))]
        None => panic!("no such broker: {broker}"),
    }
}

async fn park(driver: &Arc<dyn Driver>) {
    let queues = [(QUEUE, QueueRole::Work), (PARKING, QueueRole::Parking)];
    let queues = queues.map(|(name, role)| Queue { name: name.into(), role }).to_vec();
    driver.declare(Topology { queues, ..Topology::default() }).await.unwrap();
    for number in 0..LETTERS {
        let id = number.to_string();
        let said = [
            ("cloudEvents_specversion", "1.0"),
            ("cloudEvents_id", &*id),
            ("cloudEvents_source", "/orders"),
            ("cloudEvents_type", "order.placed.v1"),
            (headers::REASON, "failed"),
        ];
        let headers = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let message = Message { id: id.clone(), kind: "order.placed.v1".into(), headers, ..Message::default() };
        let (exchange, routing_key) = ("".into(), PARKING.into());
        let deadline = Instant::now() + PATIENCE;
        driver.publish(Outgoing { exchange, routing_key, mandatory: true, message, deadline }).await.unwrap();
    }
}

fn all() -> Replay {
    Replay { selection: Selection::All, most: u64::MAX, per_second: 1_000 }
}

fn letters(driver: &Arc<dyn Driver>) -> DeadLetters {
    DeadLetters::new(driver.clone(), "stock", [QUEUE.to_owned()])
}

/// Handles what is in the queue, until there is an effect of each letter and nothing left.
async fn handle(driver: &Arc<dyn Driver>, db: &Database) {
    sqlx::query("CREATE TABLE handled (id TEXT)").execute(db.pool()).await.unwrap();
    let handler: Handler = Handler::one(|received, tx| {
        Box::pin(async move {
            let tx = tx.expect("it is transactional");
            assert_eq!(received.attempt(), 1, "a replayed letter begins anew");
            sqlx::query("INSERT INTO handled VALUES ($1)").bind(received.id().to_owned()).execute(&mut *tx).await?;
            Ok(())
        })
    });
    let subscription = Subscription { service: "stock", spec: SPEC, handler, database: Some(db.clone()) };
    let consumer = consumer::start(driver.clone(), subscription, RetryPolicy::none()).unwrap();
    let mut health = consumer.health();
    timeout(PATIENCE, health.wait_for(|health| *health == ConsumerHealth::Consuming)).await.unwrap().unwrap();
    let done = async {
        while count(db, "handled").await < LETTERS as i64 || driver.depth(QUEUE).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, done).await.expect("each is handled");
    assert_eq!(consumer.drain(PATIENCE).await.abandoned, 0);
}

async fn killed_between_republish_and_ack(broker: String) {
    let first = driver(&broker).await;
    park(&first).await;
    first.close(PATIENCE).await;
    drop(first);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "letters::the_process", "--nocapture"]).env("LETTERS_BROKER", &broker);
    command.env("CHASSIS_FAILPOINT", "dead_letters.after-republish-before-ack=4");
    let killed = tokio::task::spawn_blocking(move || command.output().unwrap().status).await.unwrap();
    assert_eq!(killed.signal(), Some(9), "{killed}");

    let driver = driver(&broker).await;
    let back = async {
        // The broker may take a moment to notice that the process is gone.
        while driver.depth(PARKING).await.unwrap() < (LETTERS - 3) as u64 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, back).await.expect("what was not removed is there");
    assert_eq!(driver.depth(QUEUE).await.unwrap(), 4, "the fourth is in both places");
    let done = letters(&driver).replay(QUEUE, &all()).await.unwrap();
    assert_eq!((done.replayed, done.stopped), ((LETTERS - 3) as u64, None));
    assert_eq!(driver.depth(PARKING).await.unwrap(), 0);
    assert_eq!(driver.depth(QUEUE).await.unwrap(), LETTERS as u64 + 1);

    let scratch = Scratch::sqlite().await;
    let db = scratch.database().await;
    handle(&driver, &db).await;
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM handled ORDER BY CAST(id AS INTEGER)").fetch_all(db.pool()).await.unwrap();
    assert_eq!(ids, (0..LETTERS).map(|number| number.to_string()).collect::<Vec<_>>(), "one effect each");
    assert_eq!(driver.depth(PARKING).await.unwrap(), 0);
    driver.close(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_broker_keeps_what_was_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    killed_between_republish_and_ack(format!("file:{}", folder.path().join("broker.sqlite").display())).await;
}

#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_keeps_what_was_not_removed() {
    let host = harness::rabbitmq::virtual_host("letters").await;
    killed_between_republish_and_ack(host.uri()).await;
}

/// Looks, replays and discards at the same time, from two connections that know nothing of each other.
#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_look_and_replay_at_once_lose_nothing() {
    let host = harness::rabbitmq::virtual_host("letters").await;
    let (one, two) = (driver(&host.uri()).await, driver(&host.uri()).await);
    park(&one).await;
    let (looks, replays) = (letters(&one), letters(&two));
    let looking = async {
        for _ in 0..20 {
            looks.list(QUEUE, &Default::default(), 100).await.unwrap();
        }
    };
    let replaying = async {
        let mut replayed = 0;
        // A letter that the other looks at now is not found, so one run need not be enough.
        while replayed < LETTERS as u64 {
            let order = Replay { most: 3, ..all() };
            replayed += replays.replay(QUEUE, &order).await.unwrap().replayed;
        }
        replayed
    };
    let ((), replayed) = timeout(PATIENCE, async { tokio::join!(looking, replaying) }).await.expect("both end");
    assert_eq!(replayed, LETTERS as u64);
    assert_eq!((one.depth(PARKING).await.unwrap(), one.depth(QUEUE).await.unwrap()), (0, LETTERS as u64));
    one.close(PATIENCE).await;
    two.close(PATIENCE).await;
}

#[tokio::test]
async fn the_process() {
    let Ok(broker) = std::env::var("LETTERS_BROKER") else { return };
    let driver = driver(&broker).await;
    letters(&driver).replay(QUEUE, &all()).await.unwrap();
    panic!("it was to be killed");
}
