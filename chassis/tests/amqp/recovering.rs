//! Connections that are lost, by every cause.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::driver::{ConnectionState, Driver, Outcome, Outgoing, PublishError, SettleError};
use harness::proxy::Proxy;
use harness::rabbitmq::{Broker, virtual_host};
use tokio::time::Instant;

use crate::kit::{
    PATIENCE, body, bound_queue, connect, consume, next, outgoing, reaches, send, settings, take, within, work_queue,
};

const RESTARTS: usize = 3;

/// Killed while publishing: what was confirmed is there, the topology too and once, and no publish went out before it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_that_was_confirmed() {
    let broker = Broker::start().await;
    let driver = Arc::new(connect(&broker.uri()).await);
    for _ in 0..3 {
        driver.declare(bound_queue("q", "#")).await.unwrap();
    }
    let bindings = bindings(&broker).await;
    let publishing = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move {
            let mut confirmed = Vec::new();
            for number in 0.. {
                let message = outgoing("shop.events", "order.placed.v1", number.to_string());
                match driver.publish(message).await {
                    Ok(()) => confirmed.push(number.to_string()),
                    Err(PublishError::NotConnected(_)) => return confirmed,
                    Err(error) => panic!("{number}: {error}"),
                }
            }
            confirmed
        }
    });
    for _ in 0..RESTARTS {
        broker.kill().await;
        reaches(&driver, "the loss", |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
        broker.restart().await;
        reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
        send(&driver, "q", "mark").await.unwrap();
        assert_eq!(self::bindings(&broker).await, bindings);
    }
    driver.close(Duration::from_secs(5)).await;
    let confirmed = within("the publisher", publishing).await.unwrap();
    assert!(confirmed.len() > RESTARTS, "{} were confirmed", confirmed.len());

    let reader = connect(&broker.uri()).await;
    send(&reader, "q", "end").await.unwrap();
    let mut consumer = consume(&reader, "q", 200).await;
    let mut stored = std::collections::HashSet::new();
    while stored.insert(take(&mut consumer, 1).await.remove(0)) && !stored.contains("end") || !stored.contains("end") {}
    let lost: Vec<_> = confirmed.iter().filter(|number| !stored.contains(*number)).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
}

async fn bindings(broker: &Broker) -> String {
    broker.ctl(&["list_bindings", "--no-table-headers"]).await
}

#[tokio::test]
async fn what_the_restarted_broker_lost_is_declared_again_before_anything_is_sent() {
    let broker = Broker::start().await;
    let driver = connect(&broker.uri()).await;
    driver.declare(bound_queue("q", "#")).await.unwrap();
    for _ in 0..2 {
        // A broker that comes back with nothing at all.
        broker.kill().await;
        std::fs::remove_dir_all(broker.folder().join("mnesia")).ok();
        broker.restart().await;
        driver.publish(outgoing("shop.events", "order.placed.v1", "at once")).await.unwrap();
    }
}

#[tokio::test]
async fn connections_that_the_operator_closes_come_back() {
    let host = virtual_host("operator").await;
    let driver = connect(&host.uri()).await;
    driver.declare(work_queue("q")).await.unwrap();
    let mut consumer = consume(&driver, "q", 5).await;
    send(&driver, "q", "held").await.unwrap();
    let held = next(&mut consumer).await;
    host.close_all_connections("for a test").await;

    let again = next(&mut consumer).await;
    assert_eq!((body(&again).as_str(), again.redelivered), ("held", true));
    assert!(!held.settle.is_live() && again.settle.is_live());
    assert_eq!(held.settle.settle(Outcome::Ack).await, Err(SettleError));
    again.settle.settle(Outcome::Ack).await.unwrap();
    send(&driver, "q", "after").await.unwrap();
    assert_eq!(take(&mut consumer, 1).await, ["after"]);
}

#[tokio::test]
async fn a_queue_that_is_deleted_under_its_consumer_is_declared_and_consumed_again() {
    let host = virtual_host("deleted").await;
    let driver = connect(&host.uri()).await;
    driver.declare(bound_queue("gone", "#")).await.unwrap();
    driver.declare(work_queue("other")).await.unwrap();
    let mut consumer = consume(&driver, "gone", 5).await;
    let mut other = consume(&driver, "other", 5).await;
    let consuming = tokio::spawn(async move { take(&mut consumer, 1).await });
    host.delete_queue("gone").await;
    harness::eventually("the queue to be back", async || host.messages("gone").await.map(drop)).await;
    // Bound again, too.
    harness::eventually("the binding", async || {
        driver.publish(outgoing("shop.events", "order.placed.v1", "again")).await.ok()
    })
    .await;
    assert_eq!(within("a delivery", consuming).await.unwrap(), ["again"]);
    send(&driver, "other", "untouched").await.unwrap();
    assert_eq!(take(&mut other, 1).await, ["untouched"]);
}

/// A network that swallows everything: only missing heartbeats tell.
#[tokio::test]
async fn a_black_hole_is_noticed_and_left_again() {
    let host = virtual_host("hole").await;
    let proxy = Proxy::start(host.port()).await;
    let uri = host.uri().replace(&format!(":{}/", host.port()), &format!(":{}/", proxy.port()));
    let driver = connect(&uri).await;
    driver.declare(work_queue("q")).await.unwrap();
    send(&driver, "q", "1").await.unwrap();
    proxy.swallow();
    let began = Instant::now();
    let doomed = Outgoing { deadline: began + Duration::from_secs(9), ..outgoing("", "q", "2") };
    let (lost, ()) = tokio::join!(driver.publish(doomed), async {
        reaches(&driver, "the loss", |state| matches!(state, ConnectionState::Reconnecting { .. })).await;
        // Heartbeats of 2 s in these tests: two of them, and time to look.
        assert!(began.elapsed() < Duration::from_secs(7), "noticed after {:?}", began.elapsed());
    });
    assert_eq!(lost, Err(PublishError::ConnectionLost { maybe_stored: true }));
    proxy.heal().await;
    reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
    send(&driver, "q", "3").await.unwrap();
}

/// After a stretch in which connecting itself was impossible.
#[tokio::test]
async fn credentials_that_are_rejected_later_are_tried_again() {
    let broker = Broker::start().await;
    broker.ctl(&["add_user", "service", "first"]).await;
    broker.ctl(&["set_permissions", "service", ".*", ".*", ".*"]).await;
    let uri = format!("amqp://service:first@127.0.0.1:{}", broker.port());
    let driver = within("a connection", chassis::messaging::amqp::connect(&settings(&uri))).await.unwrap();
    driver.declare(work_queue("q")).await.unwrap();
    broker.ctl(&["change_password", "service", "second"]).await;
    broker.close_all_connections("new password").await;
    let rejected = |state: &ConnectionState| match state {
        ConnectionState::Reconnecting { cause, .. } => cause.contains("rejects"),
        _ => false,
    };
    reaches(&driver, "the rejection", rejected).await;
    broker.ctl(&["change_password", "service", "first"]).await;
    reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
    send(&driver, "q", "back").await.unwrap();
}

#[tokio::test]
async fn closing_sends_what_is_on_its_way_and_takes_no_more() {
    let host = virtual_host("closing").await;
    let driver = Arc::new(connect(&host.uri()).await);
    driver.declare(work_queue("q")).await.unwrap();
    let sends: Vec<_> = (0..300)
        .map(|number| {
            let driver = Arc::clone(&driver);
            tokio::spawn(async move { send(&driver, "q", number.to_string()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    driver.close(PATIENCE).await;
    let results = futures_util::future::join_all(sends).await;
    let sent = results.iter().filter(|result| matches!(result, Ok(Ok(())))).count() as u64;
    assert!(
        results.iter().all(|result| matches!(result, Ok(Ok(()) | Err(PublishError::NotConnected(_))))),
        "{results:?}"
    );
    assert_eq!(*driver.state().borrow(), ConnectionState::Closed);
    let reader = connect(&host.uri()).await;
    let mut consumer = consume(&reader, "q", 50).await;
    assert_eq!(take(&mut consumer, sent as usize).await.len() as u64, sent);
}
