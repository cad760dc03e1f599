//! The first connection: what ends a process at once, and what is waited for.

use std::sync::Arc;
use std::time::Duration;

use chassis::messaging::Publisher;
use chassis::messaging::amqp::{self, AmqpSettings, ConnectError};
use chassis::messaging::consumer::{ConsumerHealth, Mode, SubscriptionSpec};
use chassis::messaging::driver::{ConnectionState, Driver, PublishError};
use harness::rabbitmq::{Broker, virtual_host};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::kit::{connect, descriptors, lapin_threads, outgoing, reaches, send, settings, within, work_queue};
use crate::orders::{Placed, noting, placed, publish, start, subscription};

#[tokio::test]
async fn wrong_credentials_are_told_at_once_without_repeating_them() {
    let host = virtual_host("credentials").await;
    let uri = format!("amqp://somebody:hunter2@127.0.0.1:{}/{}", host.port(), host.name());
    let error = within("an answer", amqp::connect(&settings(&uri))).await.err().unwrap();
    assert!(matches!(error, ConnectError::Credentials { .. }), "{error}");
    let shown = format!("{error} {error:?} {:?}", settings(&uri));
    assert!(!shown.contains("hunter2") && !shown.contains("somebody"), "{shown}");
}

#[tokio::test]
async fn a_missing_virtual_host_is_told_at_once() {
    let host = virtual_host("vhost").await;
    let uri = host.uri().replace(host.name(), "nowhere");
    let error = within("an answer", amqp::connect(&settings(&uri))).await.err().unwrap();
    let ConnectError::VirtualHost { vhost, detail, .. } = &error else { panic!("{error}") };
    assert_eq!((vhost.as_str(), *detail), ("nowhere", "it does not exist"));
}

#[tokio::test]
async fn a_wrong_uri_is_told_by_its_position() {
    let settings = AmqpSettings {
        uris: vec!["amqp://127.0.0.1".into(), "amqp//user:hunter2@host".into()],
        ..AmqpSettings::default()
    };
    let error = amqp::connect(&settings).await.err().unwrap().to_string();
    assert!(error.contains("number 2") && !error.contains("hunter2"), "{error}");
    let error = amqp::connect(&AmqpSettings::default()).await.err().unwrap();
    assert_eq!(error, ConnectError::NoUri);
}

#[tokio::test]
async fn a_second_uri_stands_in_for_the_first() {
    let host = virtual_host("second").await;
    let mut settings = settings("amqp://127.0.0.1:1");
    settings.uris.push(host.uri());
    let driver = within("a connection", amqp::connect(&settings)).await.unwrap();
    assert_eq!(*driver.state().borrow(), ConnectionState::Connected);
}

#[tokio::test]
async fn a_broker_that_is_not_there_yet_is_waited_for() {
    let broker = Broker::start().await;
    broker.stop().await;
    let driver = connect(&broker.uri()).await;
    reaches(&driver, "an attempt", |state| matches!(state, ConnectionState::Reconnecting { .. })).await;

    let mut early = outgoing("", "q", "early");
    early.deadline = Instant::now() + Duration::from_millis(300);
    let error = driver.publish(early).await.unwrap_err();
    assert!(matches!(error, PublishError::NotConnected(_)), "{error:?}");

    broker.restart().await;
    reaches(&driver, "the connection", |state| *state == ConnectionState::Connected).await;
    driver.declare(work_queue("q")).await.unwrap();
    send(&driver, "q", "now").await.unwrap();
}

/// It needs its exchange first, and waits for both as long as it may.
#[tokio::test]
async fn the_first_event_outwaits_a_broker_that_is_not_there_yet() {
    let broker = Broker::start().await;
    broker.stop().await;
    let settings = AmqpSettings { connect_timeout: Duration::from_millis(500), ..settings(&broker.uri()) };
    let driver = Arc::new(within("a start without a broker", amqp::connect(&settings)).await.unwrap());
    let publisher = Publisher::new(driver.clone(), "orders");
    let waiting = tokio::spawn(async move { publisher.publish_now(Placed { order: 1 }).await });
    reaches(&driver, "several attempts", |state| matches!(state, ConnectionState::Reconnecting { attempt: 4.., .. }))
        .await;
    assert!(!waiting.is_finished());
    broker.restart().await;
    within("the confirmation", waiting).await.unwrap().unwrap();
}

/// Each side goes by its own connection: where the broker has room for one only, consumers go on and say so.
#[tokio::test]
async fn consumers_go_on_while_publishers_cannot_connect() {
    let host = virtual_host("one").await;
    let driver = Arc::new(connect(&host.uri()).await);
    reaches(&driver, "both connections", |state| *state == ConnectionState::Connected).await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let spec = SubscriptionSpec { mode: Mode::AtLeastOnce, ..subscription("order_placed") };
    let handle = start(&driver, spec, None, noting(calls)).await;
    host.ctl("set_vhost_limits", &["{\"max-connections\": 1}"]).await;
    host.close_connections_that_say(" publisher", "for a test").await;
    let refused = |state: &ConnectionState| matches!(state, ConnectionState::Reconnecting { attempt: 2.., .. });
    within("a refusal", driver.publishing().wait_for(refused)).await.unwrap();
    assert!(matches!(*driver.state().borrow(), ConnectionState::Reconnecting { .. }), "the whole is ill");
    assert_eq!(*driver.consuming().borrow(), ConnectionState::Connected);
    assert_eq!(*handle.health().borrow(), ConsumerHealth::Consuming);

    host.ctl("clear_vhost_limits", &[]).await;
    publish(&driver, placed(1)).await;
    assert_eq!(within("a call", called.recv()).await, Some(1));
    handle.drain(Duration::from_secs(20)).await;
}

/// lapin leaves a thread and a socket behind for each attempt that is given up.
#[tokio::test]
async fn a_silent_peer_costs_neither_threads_nor_sockets() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let uri = format!("amqp://127.0.0.1:{port}");
    let settings = AmqpSettings { connect_timeout: Duration::from_millis(200), ..settings(&uri) };
    // The first attempt starts, once for the process, a thread that lapin keeps.
    drop(within("giving up", amqp::connect(&settings)).await.unwrap());
    harness::eventually("the thread to be gone", async || (lapin_threads() == 0).then_some(())).await;
    let sockets = descriptors();
    for _ in 0..5 {
        drop(within("giving up", amqp::connect(&settings)).await.unwrap());
    }
    harness::eventually("all threads and sockets to be gone", async || {
        (lapin_threads() == 0 && descriptors() <= sockets).then_some(())
    })
    .await;
}
