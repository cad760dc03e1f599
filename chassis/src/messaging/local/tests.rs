use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Broker, Options};
use crate::BoxFuture;
use crate::messaging::conformance::Fixture;
use crate::messaging::driver::{
    Binding, Consume, Driver, Exchange, ExchangeKind, Incoming, Outcome, Outgoing, PublishError, Queue, QueueRole,
    Topology,
};
use crate::messaging::{Message, names};

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("broker.sqlite")
}

/// Losing power is not among the tests, so nothing need wait for the disk.
const QUICK: Options = Options { power_loss: false };

struct Local {
    broker: Broker,
    _folder: TempDir,
}

impl Fixture for Local {
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async { self.broker.driver() })
    }

    fn cut(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.broker.faults().cut() })
    }

    fn limit_length<'a>(&'a self, queue: &'a str, max: u32) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.broker.faults().limit_length(queue, max as usize) })
    }
}

async fn local() -> Local {
    let folder = tempfile::tempdir().expect("a folder");
    Local { broker: Broker::open(file(&folder), QUICK).await.expect("opens"), _folder: folder }
}

mod conformance {
    // Not with a paused clock: it would run ahead while SQLite's thread works.
    crate::conformance_suite!(super::local);
}

const DELAY: Duration = Duration::from_millis(100);

fn topology() -> Topology {
    let queue = |name: &str, role| Queue { name: name.into(), role };
    let delay = names::delay(DELAY);
    Topology {
        exchanges: vec![
            Exchange { name: "shop.events".into(), kind: ExchangeKind::Topic },
            Exchange { name: delay.clone(), kind: ExchangeKind::Topic },
        ],
        queues: vec![
            queue("a", QueueRole::Work),
            queue("a.dlq", QueueRole::Parking),
            queue(&delay, QueueRole::Delay(DELAY)),
        ],
        bindings: vec![
            Binding { queue: "a".into(), exchange: "shop.events".into(), routing_key: "#".into() },
            Binding { queue: delay.clone(), exchange: delay, routing_key: "#".into() },
        ],
    }
}

async fn publish(driver: &Arc<dyn Driver>, exchange: &str, key: &str, body: &str) {
    let message = Message { id: body.into(), body: body.to_owned().into(), ..Message::default() };
    let deadline = Instant::now() + Duration::from_secs(30);
    let (exchange, routing_key) = (exchange.to_owned().into(), key.to_owned().into());
    driver.publish(Outgoing { exchange, routing_key, mandatory: true, message, deadline }).await.expect("published");
}

async fn read(driver: &Arc<dyn Driver>, queue: &str, count: usize) -> Vec<Incoming> {
    let spec = Consume { queue: queue.into(), prefetch: 100, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = driver.consume(spec).await.expect("consumes");
    let mut got = Vec::new();
    while got.len() < count {
        got.push(consumer.next().await.expect("a delivery"));
    }
    got
}

fn ids(got: &[Incoming]) -> Vec<&str> {
    got.iter().map(|incoming| incoming.message.id.as_str()).collect()
}

#[tokio::test]
async fn what_was_there_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let driver = Broker::open(file(&folder), QUICK).await.expect("opens").driver();
        driver.declare(topology()).await.expect("declared");
        for id in ["1", "2", "3", "4", "5"] {
            publish(&driver, "shop.events", "any", id).await;
        }
        publish(&driver, &names::delay(DELAY), "a", "delayed").await;
        let mut got = read(&driver, "a", 5).await.into_iter();
        let mut settle = async |outcome| got.next().expect("one more").settle.settle(outcome).await.expect("settled");
        settle(Outcome::Ack).await;
        settle(Outcome::Requeue).await;
        settle(Outcome::Reject).await;
        driver.close(Duration::from_secs(5)).await;
    }
    let driver = Broker::open(file(&folder), QUICK).await.expect("opens again").driver();
    // Bindings are there without being declared again.
    publish(&driver, "shop.events", "any", "6").await;
    let got = read(&driver, "a", 5).await;
    assert_eq!(ids(&got), ["2", "4", "5", "6", "delayed"]);
    let flags: Vec<bool> = got.iter().map(|incoming| incoming.redelivered).collect();
    assert_eq!(flags, [true, true, true, false, false]);
    let failed = |incoming: &Incoming| incoming.message.headers.get(names::headers::DELIVERY_COUNT).map(str::to_owned);
    // One was requeued, the others were out when their connection was closed; and each may be what ended that process.
    assert_eq!(
        got.iter().map(failed).collect::<Vec<_>>(),
        [Some("2"), Some("2"), Some("2"), None, None].map(|text| text.map(str::to_owned))
    );
    assert_eq!(ids(&read(&driver, "a.dlq", 1).await), ["3"]);
}

#[tokio::test]
async fn a_path_is_one_broker_within_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = Broker::open(file(&folder), QUICK).await.expect("opens");
    one.driver().declare(topology()).await.expect("declared");
    let roundabout = folder.path().join("../").join(folder.path().file_name().expect("a name")).join("broker.sqlite");
    let other = Broker::open(roundabout, QUICK).await.expect("the same");
    assert!(other.depth("a").is_some());
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = async |path: PathBuf| match Broker::open(path, QUICK).await {
        Ok(_) => panic!("it cannot be opened"),
        Err(error) => format!("{error:#}"),
    };
    std::fs::write(
        folder.path().join("text"),
        "no database, but a text that is long enough to be read as one".repeat(20),
    )
    .expect("written");
    let error = refused(folder.path().join("text")).await;
    assert!(error.contains("text` cannot be opened") && error.contains("not a database"), "{error}");
    let error = refused(folder.path().join("nowhere/broker.sqlite")).await;
    assert!(error.contains("its folder") && error.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn what_was_unbound_and_deleted_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::open(file(&folder), QUICK).await.expect("opens");
    let driver = broker.driver();
    driver.declare(topology()).await.expect("declared");
    driver.unbind(topology().bindings).await.expect("unbound");
    driver.delete("a.dlq", &mut Vec::new()).await.expect("deleted");
    driver.close(Duration::from_secs(5)).await;
    drop((driver, broker));

    let broker = Broker::open(file(&folder), QUICK).await.expect("opens");
    assert_eq!(broker.depth("a.dlq"), None);
    assert!(broker.depth("a").is_some());
    let unheard = Outgoing {
        exchange: "shop.events".into(),
        routing_key: "order.placed".into(),
        mandatory: true,
        message: Message::default(),
        deadline: Instant::now() + Duration::from_secs(30),
    };
    let unheard = broker.driver().publish(unheard).await;
    assert!(matches!(unheard, Err(PublishError::Unroutable { .. })), "{unheard:?}");
}

/// A handler may end its process, by a stack overflow for one. That must come to an end too.
#[tokio::test]
async fn what_was_handed_to_a_thousand_processes_is_dead_lettered() {
    let (folder, killed) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    {
        let driver = Broker::open(file(&folder), QUICK).await.expect("opens").driver();
        driver.declare(topology()).await.expect("declared");
        publish(&driver, "shop.events", "any", "deadly").await;
        publish(&driver, "shop.events", "any", "harmless").await;
        driver.close(Duration::from_secs(5)).await;
    }
    let mut connection = SqliteConnectOptions::new().filename(file(&folder)).connect().await.expect("connects");
    let handed_out = "UPDATE message SET deliveries = 999 WHERE position = (SELECT min(position) FROM message)";
    sqlx::query(handed_out).execute(&mut connection).await.expect("counted");
    connection.close().await.expect("closed");
    {
        let driver = Broker::open(file(&folder), QUICK).await.expect("opens").driver();
        assert_eq!(ids(&read(&driver, "a", 2).await), ["deadly", "harmless"], "a last time");
        // What the next process finds when this one is killed here.
        for file in std::fs::read_dir(folder.path()).expect("files").map(|file| file.expect("a file").path()) {
            std::fs::copy(&file, killed.path().join(file.file_name().expect("a name"))).expect("copied");
        }
    }
    let driver = Broker::open(file(&killed), QUICK).await.expect("opens").driver();
    assert_eq!(ids(&read(&driver, "a", 1).await), ["harmless"]);
    assert_eq!(ids(&read(&driver, "a.dlq", 1).await), ["deadly"]);
}

/// The file has moments of the calendar, which may lie an hour further ahead after the clock was set back.
#[tokio::test]
async fn a_clock_that_is_set_back_holds_nothing_back_for_longer() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let broker = Broker::open(file(&folder), QUICK).await.expect("opens");
        let driver = broker.driver();
        let mut topology = topology();
        // As good as for ever.
        let long = Duration::from_secs(3600);
        let delay = names::delay(long);
        topology.exchanges.push(Exchange { name: delay.clone(), kind: ExchangeKind::Topic });
        topology.queues.push(Queue { name: delay.clone(), role: QueueRole::Delay(long) });
        topology.bindings.push(Binding { queue: delay.clone(), exchange: delay.clone(), routing_key: "#".into() });
        driver.declare(topology).await.expect("declared");
        publish(&driver, &delay, "a", "held back").await;
        driver.close(Duration::from_secs(5)).await;
    }
    let mut connection = SqliteConnectOptions::new().filename(file(&folder)).connect().await.expect("connects");
    let moved = format!("UPDATE message SET queue = '{}'", names::delay(DELAY));
    sqlx::query(sqlx::AssertSqlSafe(moved)).execute(&mut connection).await.expect("moved to the short delay");
    connection.close().await.expect("closed");
    let broker = Broker::open(file(&folder), QUICK).await.expect("opens");
    assert_eq!(ids(&read(&broker.driver(), "a", 1).await), ["held back"]);
}
