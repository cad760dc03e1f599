use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{GRACE, PARKING, QUEUE, SPEC, running, send, send_keyed, send_with, until};
use crate::messaging::consumer::{
    ConsumerHealth, FailureAction, Handler, PauseSettings, RetryPolicy, Shape, SubscriptionSpec,
};
use crate::messaging::memory;
use crate::telemetry::metrics;
use crate::{Error, ErrorKind};

fn pausing_after(failures: u32) -> crate::messaging::consumer::PausePolicy {
    PauseSettings::default().policy(Some(failures)).expect("valid")
}

/// Fails for as long as `broken` is set, and tells which messages it handled in which attempt.
fn depends_on(broken: &Arc<AtomicBool>) -> (Handler, mpsc::UnboundedReceiver<(String, u32)>) {
    let (broken, (seen, calls)) = (broken.clone(), mpsc::unbounded_channel());
    let handler = Handler::one(move |received, _| {
        let result = if broken.load(Ordering::Relaxed) {
            Err(Error::new(ErrorKind::Unavailable, "no database"))
        } else {
            let _ = seen.send((received.id().to_owned(), received.attempt()));
            Ok(())
        };
        Box::pin(std::future::ready(result))
    });
    (handler, calls)
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_night_parks_nothing() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let broken = Arc::new(AtomicBool::new(true));
    let (handler, mut calls) = depends_on(&broken);
    let spec = SubscriptionSpec { concurrency: 4, ..SPEC };
    let handle = running(&driver, spec, handler, RetryPolicy::standard().with_pause(pausing_after(10))).await;
    for id in 0..50 {
        send(&driver, &id.to_string()).await;
    }
    tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
    assert_eq!(broker.depth(PARKING).map(|depth| depth.ready), Some(0));
    broken.store(false, Ordering::Relaxed);
    let healed = Instant::now();
    let mut attempts = Vec::new();
    for _ in 0..50 {
        attempts.push(calls.recv().await.expect("handled").1);
    }
    assert!(healed.elapsed() <= Duration::from_secs(300), "no pause is longer: {:?}", healed.elapsed());
    assert!(attempts.iter().all(|attempt| *attempt <= 5), "{attempts:?}");
    assert_eq!(*handle.health().borrow(), ConsumerHealth::Consuming);
    handle.drain(GRACE).await;
    assert_eq!(broker.depth(PARKING).map(|depth| depth.ready), Some(0));
}

#[tokio::test(start_paused = true)]
async fn bad_messages_at_the_head_do_not_keep_a_listener_ill() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (seen, mut calls) = mpsc::unbounded_channel();
    let handler = Handler::one(move |received, _| {
        let bad = received.id().starts_with("bad");
        if !bad {
            let _ = seen.send(received.id().to_owned());
        }
        Box::pin(async move { if bad { Err(Error::msg("bad")) } else { Ok(()) } })
    });
    let handle = running(&driver, SPEC, handler, RetryPolicy::none().with_pause(pausing_after(2))).await;
    for id in ["bad 1", "bad 2", "bad 3", "bad 4"] {
        send(&driver, id).await;
    }
    until(&handle, |health| matches!(health, ConsumerHealth::Paused { .. })).await;
    until(&handle, |health| matches!(health, ConsumerHealth::HalfOpen { .. })).await;
    until(&handle, |health| matches!(health, ConsumerHealth::Paused { .. })).await;
    send(&driver, "good").await;
    assert_eq!(calls.recv().await.as_deref(), Some("good"));
    // Now that it is known to work, it is the messages that are bad.
    broker.until(PARKING, |depth| depth.ready == 4).await;
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn another_version_does_not_keep_an_ordered_listener_ill() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let broken = Arc::new(AtomicBool::new(true));
    let (handler, mut calls) = depends_on(&broken);
    let spec = SubscriptionSpec { shape: Shape::Ordered, concurrency: 16, ..SPEC };
    let policy = RetryPolicy::try_new(1, vec![Duration::from_secs(60)]).expect("valid");
    let handle = running(&driver, spec, handler, policy.with_pause(pausing_after(2))).await;
    send_with(&driver, "newer", "newer", &[("cloudEvents_type", "order.placed.v2".to_owned())]).await;
    for id in ["a", "b", "c"] {
        send(&driver, id).await;
    }
    // Now the first that it tries is of the other version.
    until(&handle, |health| matches!(health, ConsumerHealth::HalfOpen { .. })).await;
    broken.store(false, Ordering::Relaxed);
    let mut handled = Vec::new();
    for _ in 0..3 {
        handled.push(calls.recv().await.expect("handled").0);
    }
    handled.sort();
    assert_eq!(handled, ["a", "b", "c"]);
    broker.until("stock.order-placed.unmatched", |depth| depth.ready == 1).await;
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    handle.drain(GRACE).await;
}

const METERED: &str = "stock.metered";

/// What is measured of the queue `stock.metered`: whether it is paused, how often it was, and its deliveries of each outcome.
fn measured(outcomes: [&'static str; 2]) -> (f64, u64, [u64; 2]) {
    let labels = [("service", "stock"), ("messaging.system", "memory"), ("messaging.destination.name", METERED)];
    let deliveries = |outcome| {
        let labels = [&labels[..], &[("outcome", outcome)]].concat();
        metrics::counter("chassis.consumer.deliveries", "", &labels).get()
    };
    let paused = metrics::gauge("chassis.consumer.paused", "", &labels).get();
    (paused, metrics::counter("chassis.consumer.pauses", "", &labels).get(), outcomes.map(deliveries))
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_pauses_at_once_and_costs_no_attempt() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let calls = Arc::new(AtomicU32::new(0));
    let (seen, mut attempts) = mpsc::unbounded_channel();
    let handler = {
        let calls = calls.clone();
        Handler::one(move |received, _| {
            let _ = seen.send(received.attempt());
            let refused = calls.fetch_add(1, Ordering::Relaxed) < 3;
            let error = Error::new(ErrorKind::CircuitOpen, "the circuit is open").context("paying");
            Box::pin(async move { if refused { Err(error) } else { Ok(()) } })
        })
    };
    let spec = SubscriptionSpec { queue: Some("metered"), ..SPEC };
    let handle = running(&driver, spec, handler, RetryPolicy::none()).await;
    let begun = Instant::now();
    send(&driver, "1").await;
    let cause = "paying: the circuit is open";
    until(&handle, |health| *health == ConsumerHealth::Paused { cause: cause.into(), by_operator: false }).await;
    assert_eq!(measured(["handled", "returned"]), (1.0, 1, [0, 1]));
    for _ in 0..4 {
        assert_eq!(attempts.recv().await, Some(1));
    }
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    let waited = begun.elapsed();
    // One, two and four seconds, each shortened by chance to no less than half, and a second's look at each suspect.
    assert_eq!(measured(["handled", "returned"]), (0.0, 3, [1, 3]));
    assert!(waited >= Duration::from_millis(3500) && waited <= Duration::from_secs(10), "{waited:?}");
    for queue in [METERED.to_owned(), format!("{METERED}.dlq")] {
        assert_eq!(broker.depth(&queue).map(|depth| depth.ready), Some(0), "{queue}");
    }
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_ends_a_pause_before_its_time() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let broken = Arc::new(AtomicBool::new(true));
    let (handler, mut calls) = depends_on(&broken);
    let handle = running(&driver, SPEC, handler, RetryPolicy::none().with_pause(pausing_after(1))).await;
    for id in ["parked", "returned"] {
        send(&driver, id).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    until(&handle, |health| matches!(health, ConsumerHealth::Paused { .. })).await;
    broken.store(false, Ordering::Relaxed);
    let resumed = Instant::now();
    handle.control().resume();
    assert_eq!(calls.recv().await, Some(("returned".to_owned(), 1)));
    assert!(resumed.elapsed() <= Duration::from_secs(1), "{:?}", resumed.elapsed());
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_listener_can_be_drained() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (handler, _calls) = depends_on(&Arc::new(AtomicBool::new(false)));
    let handle = running(&driver, SPEC, handler, RetryPolicy::none()).await;
    handle.control().pause("maintenance");
    until(&handle, |health| matches!(health, ConsumerHealth::Paused { by_operator: true, .. })).await;
    send(&driver, "1").await;
    let begun = Instant::now();
    assert_eq!(handle.drain(GRACE).await.abandoned, 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(broker.depth(QUEUE).map(|depth| depth.ready), Some(1));
}

/// One that shares its key with a message that failed waits for that, also while it is found out whether it works again.
#[tokio::test(start_paused = true)]
async fn a_probe_keeps_the_order_of_a_key() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let broken = Arc::new(AtomicBool::new(true));
    let (handler, mut calls) = depends_on(&broken);
    let spec = SubscriptionSpec { shape: Shape::Ordered, concurrency: 4, prefetch: Some(64), ..SPEC };
    let policy = RetryPolicy::none().on(ErrorKind::Unavailable, FailureAction::Pause);
    let handle = running(&driver, spec, handler, policy).await;
    for id in ["1", "2", "3"] {
        send_keyed(&driver, id, "key").await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    broken.store(false, Ordering::Relaxed);
    for id in ["1", "2", "3"] {
        assert_eq!(calls.recv().await, Some((id.to_owned(), 1)));
    }
    handle.drain(GRACE).await;
}
