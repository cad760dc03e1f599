//! Connections that are lost, by every cause.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::amqp::{self, AmqpSettings};
use chassis::messaging::driver::{ConnectionState, Driver, Outcome, Outgoing, PublishError, SettleError};
use harness::proxy::Proxy;
use harness::rabbitmq::{Broker, virtual_host};
use tokio::time::Instant;

use crate::kit::{
    PATIENCE, body, bound_queue, connect, consume, descriptors, lapin_threads, metric, next, outgoing, reaches, send,
    settings, settled, take, within, work_queue,
};

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

/// A network that swallows everything: only missing heartbeats tell. Nothing is left behind each time.
#[tokio::test]
async fn a_black_hole_is_noticed_and_left_again() {
    const HEARTBEAT: Duration = Duration::from_secs(2);
    let host = virtual_host("hole").await;
    let proxy = Proxy::start(host.port()).await;
    let uri = host.uri().replace(&format!(":{}/", host.port()), &format!(":{}/", proxy.port()));
    let settings = AmqpSettings { heartbeat: HEARTBEAT, connect_timeout: Duration::from_secs(2), ..settings(&uri) };
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    driver.declare(work_queue("q")).await.unwrap();
    let mut consumer = consume(&driver, "q", 5).await;
    send(&driver, "q", "before").await.unwrap();
    assert_eq!(take(&mut consumer, 1).await, ["before"]);
    // The first loss starts, once for the process, a thread that lapin keeps, with descriptors of its own.
    let mut before = None;
    for round in 0..3 {
        proxy.swallow();
        let began = Instant::now();
        let doomed = Outgoing { deadline: began + 3 * HEARTBEAT, ..outgoing("", "q", "doomed") };
        let mut state = driver.state();
        let (lost, noticed) = tokio::join!(driver.publish(doomed), async {
            let lost = |state: &ConnectionState| matches!(state, ConnectionState::Reconnecting { .. });
            within("the loss", state.wait_for(lost)).await.unwrap();
            began.elapsed()
        });
        // The clock that is asked here is not the one that the heartbeats go by.
        assert!(noticed <= 2 * HEARTBEAT + Duration::from_millis(300), "noticed after {noticed:?}");
        assert_eq!(lost, Err(PublishError::ConnectionLost { maybe_stored: true }));
        proxy.heal().await;
        reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
        let body = format!("after {round}");
        send(&driver, "q", body.clone()).await.unwrap();
        // What was lost on the way out may have arrived after all.
        while take(&mut consumer, 1).await != [body.clone()] {}
        let now = || (lapin_threads(), descriptors());
        let Some(before) = before else {
            before = Some(settled().await);
            continue;
        };
        harness::eventually("as many threads and descriptors as before", async || (now() <= before).then_some(()))
            .await;
    }
}

/// Nobody reads while its handlers are busy; the queue comes back all the same, and nothing published meanwhile is lost.
#[tokio::test]
async fn a_queue_that_nobody_reads_just_now_is_declared_again() {
    let host = virtual_host("unread").await;
    let settings = AmqpSettings { name: "unread".into(), ..settings(&host.uri()) };
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    driver.declare(bound_queue("gone", "#")).await.unwrap();
    let mut busy = consume(&driver, "gone", 5).await;
    host.delete_queue("gone").await;
    harness::eventually("the queue to be back", async || host.messages("gone").await.map(drop)).await;
    harness::eventually("the binding", async || {
        driver.publish(outgoing("shop.events", "order.placed.v1", "kept")).await.ok()
    })
    .await;
    assert_eq!(metric("chassis_messaging_queues_redeclared_total", "unread", ""), 1.0);
    assert_eq!(take(&mut busy, 1).await, ["kept"]);
}

/// After a stretch in which connecting itself was impossible.
#[tokio::test]
async fn credentials_that_are_rejected_later_are_tried_again() {
    let broker = Broker::start().await;
    broker.ctl(&["add_user", "service", "first"]).await;
    broker.ctl(&["set_permissions", "service", ".*", ".*", ".*"]).await;
    let uri = format!("amqp://service:first@127.0.0.1:{}", broker.port());
    let driver = within("a connection", amqp::connect(&settings(&uri))).await.unwrap();
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

/// A virtual host that is deleted and made again under the service.
#[tokio::test]
async fn a_virtual_host_that_vanishes_is_tried_again() {
    let broker = Broker::start().await;
    let driver = connect(&broker.add_virtual_host("shop").await).await;
    driver.declare(bound_queue("q", "#")).await.unwrap();
    broker.ctl(&["delete_vhost", "shop"]).await;
    let missing = |state: &ConnectionState| match state {
        ConnectionState::Reconnecting { cause, .. } => cause.contains("no virtual host `shop`"),
        _ => false,
    };
    reaches(&driver, "the refusal", missing).await;
    broker.add_virtual_host("shop").await;
    driver.publish(outgoing("shop.events", "order.placed.v1", "back")).await.unwrap();
    assert_eq!(take(&mut consume(&driver, "q", 1).await, 1).await, ["back"]);
}
