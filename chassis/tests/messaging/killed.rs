//! Processes that are killed, with their queues in a local broker's file.
//!
//! The process is this test program, started again for the one test `the_process`, which does nothing by itself.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chassis::messaging::driver::{Consume, Driver};
use chassis::messaging::local::{Broker, Options};
use chassis::messaging::{Publisher, local};
use tokio::task::JoinSet;

use crate::stock::{Placed, QUEUE, consume, database, reserved};

const ORDERS: u32 = 10;
const GRACE: Duration = Duration::from_secs(20);

async fn broker(folder: &Path) -> local::Broker {
    Broker::open(folder.join("broker.sqlite"), Options { power_loss: false }).await.unwrap()
}

fn process(folder: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::the_process", "--nocapture"]);
    command.env("KILLED_FOLDER", folder).env("KILLED_TASK", task);
    command
}

async fn run(mut command: Command) -> ExitStatus {
    tokio::task::spawn_blocking(move || command.output().unwrap().status).await.unwrap()
}

#[tokio::test]
async fn the_process() {
    let (Ok(folder), Ok(task)) = (std::env::var("KILLED_FOLDER"), std::env::var("KILLED_TASK")) else { return };
    let folder = Path::new(&folder);
    let broker = broker(folder).await;
    let driver = broker.driver();
    match task.as_str() {
        "publish and consume" => {
            let db = database(folder).await;
            // Bound first, or what is published went nowhere.
            consume(&driver, &db).await.drain(GRACE).await;
            for order in 0..ORDERS {
                Publisher::new(driver.clone(), "orders").publish_now(Placed { order }).await.unwrap();
            }
            work_off(&broker, &driver, folder).await;
        }
        "consume" => work_off(&broker, &driver, folder).await,
        "publish" => publish_for_ever(&broker).await,
        other => panic!("no such task: {other}"),
    }
}

async fn work_off(broker: &Broker, driver: &Arc<dyn Driver>, folder: &Path) {
    let db = database(folder).await;
    let consumer = consume(driver, &db).await;
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;
    consumer.drain(GRACE).await;
    driver.close(GRACE).await;
}

/// Publishes from eight tasks and says what was confirmed.
async fn publish_for_ever(broker: &Broker) {
    let driver = broker.driver();
    let folder = tempfile::tempdir().unwrap();
    consume(&driver, &database(folder.path()).await).await.drain(GRACE).await;
    let next = Arc::new(AtomicU32::new(0));
    let mut publishers = JoinSet::new();
    for _ in 0..8 {
        let (publisher, next) = (Publisher::new(driver.clone(), "orders"), next.clone());
        publishers.spawn(async move {
            loop {
                let order = next.fetch_add(1, Ordering::Relaxed);
                publisher.publish_now(Placed { order }).await.unwrap();
                // In one piece, so that what the kill cuts off is no line.
                std::io::stdout().write_all(format!("confirmed {order}\n").as_bytes()).unwrap();
            }
        });
    }
    panic!("a publisher has ended: {:?}", publishers.join_next().await);
}

/// A process that dies at `failpoint`, and one that follows it: every order has one effect.
async fn one_effect_after(failpoint: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut first = process(folder.path(), "publish and consume");
    first.env("CHASSIS_FAILPOINT", failpoint);
    let killed = run(first).await;
    assert_eq!(killed.signal(), Some(9), "{killed}");
    assert!(run(process(folder.path(), "consume")).await.success());
    let expected: Vec<i64> = (0..i64::from(ORDERS)).collect();
    assert_eq!(reserved(&database(folder.path()).await).await, expected);
}

#[tokio::test]
async fn before_the_handlers_commit() {
    one_effect_after("consumer.before-commit=3").await;
}

#[tokio::test]
async fn between_commit_and_ack() {
    one_effect_after("consumer.after-commit-before-ack=3").await;
}

#[tokio::test]
async fn after_the_ack() {
    one_effect_after("consumer.after-ack=3").await;
}

#[tokio::test]
async fn a_killed_publisher_loses_nothing_that_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = process(folder.path(), "publish");
    let confirmed = tokio::task::spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut confirmed = BTreeSet::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What was confirmed until the process is really gone counts too.
        while let Some(Ok(line)) = lines.next() {
            if let Some(order) = line.strip_prefix("confirmed ") {
                confirmed.insert(order.parse::<u32>().unwrap());
            }
            if confirmed.len() == 500 {
                child.kill().unwrap();
            }
        }
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        confirmed
    });
    let confirmed = confirmed.await.unwrap();
    assert!(confirmed.len() >= 500);

    let broker = broker(folder.path()).await;
    let stored = broker.depth(QUEUE).unwrap().ready;
    assert!(stored >= confirmed.len());
    let spec = Consume { queue: QUEUE.into(), prefetch: u16::MAX, spare: 0, ordered: false, tag: "reader".into() };
    let mut consumer = broker.driver().consume(spec).await.unwrap();
    let mut found = BTreeSet::new();
    for _ in 0..stored {
        let incoming = consumer.next().await.unwrap();
        found.insert(serde_json::from_slice::<Placed>(&incoming.message.body).unwrap().order);
    }
    assert!(found.is_superset(&confirmed), "lost: {:?}", confirmed.difference(&found).collect::<Vec<_>>());
}
