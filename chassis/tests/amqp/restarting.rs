//! Brokers that are stopped and killed, many times over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::amqp::{self, Amqp, AmqpSettings};
use chassis::messaging::driver::{ConnectionState, Consumer, Driver, Outgoing, PublishError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::rabbitmq::Broker;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::kit::{
    PATIENCE, bound_queue, connect, consume, descriptors, lapin_threads, metric, outgoing, reaches, send, settings,
    settled, take, within,
};

const KILLS: usize = 3;
const RESTARTS: usize = 20;
/// After so many restarts the broker comes back with nothing at all.
const WIPE: usize = 5;

/// Killed under a full window of messages: whatever was confirmed is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_that_was_confirmed() {
    let broker = Broker::start().await;
    let driver = Arc::new(connect(&broker.uri()).await);
    driver.declare(bound_queue("q", "#")).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let publishing = tokio::spawn(publish_until(Arc::clone(&driver), stopped));
    for _ in 0..KILLS {
        send(&driver, "q", "mark").await.unwrap();
        broker.kill().await;
        reaches(&driver, "the loss", |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
        broker.restart().await;
        reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
    }
    stop.send_replace(true);
    let confirmed = within("the publisher", publishing).await.unwrap();
    driver.close(Duration::from_secs(5)).await;
    assert!(confirmed.len() > 100, "{} were confirmed", confirmed.len());

    let reader = connect(&broker.uri()).await;
    send(&reader, "q", "end").await.unwrap();
    let mut consumer = consume(&reader, "q", 1_000).await;
    let mut stored = HashSet::new();
    while !stored.contains("end") {
        stored.insert(take(&mut consumer, 1).await.remove(0));
    }
    let lost: Vec<_> = confirmed.iter().filter(|number| !stored.contains(*number)).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
}

/// Publishes with many on their way, and gives what was confirmed. No other error than a lost connection may come.
async fn publish_until(driver: Arc<Amqp>, stopped: watch::Receiver<bool>) -> Vec<String> {
    let mut confirmed = Vec::new();
    let mut on_the_way = FuturesUnordered::new();
    let mut note = |(number, result): (String, Result<(), PublishError>)| match result {
        Ok(()) => confirmed.push(number),
        Err(PublishError::ConnectionLost { .. } | PublishError::NotConnected(_)) => {}
        Err(error) => panic!("{number}: {error}"),
    };
    for number in 0.. {
        if *stopped.borrow() {
            break;
        }
        let (driver, number) = (Arc::clone(&driver), format!("{number}"));
        on_the_way.push(async move {
            let message = outgoing("shop.events", "order.placed.v1", number.clone());
            (number, driver.publish(message).await)
        });
        if on_the_way.len() >= 200 {
            on_the_way.next().await.into_iter().for_each(&mut note);
        }
    }
    while let Some(done) = on_the_way.next().await {
        note(done);
    }
    confirmed
}

/// Twenty restarts, every second one a kill: each replays the topology once, bindings stay as they are, and nothing is
/// published before the topology is back, even where the broker has lost it all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_replay_the_topology_once_each() {
    let broker = Broker::start().await;
    let name = "restarts-replay";
    let settings = AmqpSettings { name: name.into(), ..settings(&broker.uri()) };
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    for _ in 0..3 {
        driver.declare(bound_queue("q", "#")).await.unwrap();
    }
    let mut consumer = consume(&driver, "q", 10).await;
    let before = bindings(&broker).await;
    // The first loss starts, once for the process, a thread that lapin keeps, with descriptors of its own.
    let mut resources = None;
    for restart in 1..=RESTARTS {
        if restart % 2 == 0 {
            broker.kill().await
        } else {
            broker.stop().await
        }
        if restart % WIPE == 0 {
            broker.stop().await;
            std::fs::remove_dir_all(broker.folder().join("data")).unwrap();
            std::fs::create_dir(broker.folder().join("data")).unwrap();
        }
        // Waits for the connection, and so is the first to be sent over it.
        let body = restart.to_string();
        let early = driver.publish(Outgoing {
            deadline: Instant::now() + 2 * PATIENCE,
            ..outgoing("shop.events", "order.placed.v1", body.clone())
        });
        let (published, ()) = tokio::join!(early, broker.restart());
        assert_eq!(published, Ok(()), "after {restart} restarts");
        take_until(&mut consumer, &body).await;
        if restart % WIPE == 0 {
            assert_eq!(bindings(&broker).await, before, "after {restart} restarts");
        }
        if resources.is_none() {
            resources = Some(settled().await);
        }
    }
    assert_eq!(metric("chassis_messaging_topology_replays_total", name, ""), RESTARTS as f64);
    for connection in ["publisher", "consumer"] {
        let label = format!("connection=\"{connection}\"");
        assert_eq!(metric("chassis_messaging_connection_lost_total", name, &label), RESTARTS as f64, "{connection}");
        assert_eq!(metric("chassis_messaging_connection_opened_total", name, &label), 1.0 + RESTARTS as f64);
    }
    harness::eventually("as many threads and descriptors as after the first restart", async || {
        (Some((lapin_threads(), descriptors())) <= resources).then_some(())
    })
    .await;
}

/// Takes deliveries up to the one with that body. What was acknowledged just before a broker died comes again.
async fn take_until(consumer: &mut Box<dyn Consumer>, body: &str) {
    while take(consumer, 1).await != [body] {}
}

async fn bindings(broker: &Broker) -> String {
    broker.ctl(&["list_bindings", "--no-table-headers"]).await
}

/// Of two brokers the second takes over, with the topology, and publishers are released after that.
#[tokio::test]
async fn restarts_of_one_broker_move_everything_to_the_other() {
    let (first, second) = tokio::join!(Broker::start(), Broker::start());
    let mut settings = settings(&first.uri());
    settings.uris.push(second.uri());
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    driver.declare(bound_queue("q", "#")).await.unwrap();
    let mut consumer = consume(&driver, "q", 5).await;
    let publish = async |body: &str| driver.publish(outgoing("shop.events", "order.placed.v1", body)).await;
    publish("at the first").await.unwrap();
    assert_eq!(take(&mut consumer, 1).await, ["at the first"]);

    first.kill().await;
    publish("at the second").await.unwrap();
    take_until(&mut consumer, "at the second").await;
    assert_eq!(second.ctl(&["list_queues", "--no-table-headers", "name"]).await.lines().count(), 2);

    // Whoever is there first is used when both are.
    first.restart().await;
    second.kill().await;
    publish("at the first again").await.unwrap();
    take_until(&mut consumer, "at the first again").await;
}
