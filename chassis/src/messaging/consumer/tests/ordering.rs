use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::{GRACE, PARKING, QUEUE, SPEC, running, send, send_keyed};
use crate::Error;
use crate::messaging::consumer::{Handler, Mode, RetryPolicy, Shape, Subscription, SubscriptionSpec, start};
use crate::messaging::memory;

const ORDERED: SubscriptionSpec =
    SubscriptionSpec { shape: Shape::Ordered, concurrency: 8, prefetch: Some(64), ..SPEC };

#[tokio::test(start_paused = true)]
async fn keys_do_not_wait_for_each_other() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (others, (seen, mut calls)) = (Arc::new(Notify::new()), mpsc::unbounded_channel());
    let handler = {
        let others = others.clone();
        Handler::one(move |received, _| {
            let key = received.envelope().subject.clone().unwrap_or_default();
            let (seen, others) = (seen.clone(), others.clone());
            Box::pin(async move {
                if key == "slow" {
                    others.notified().await;
                }
                let _ = seen.send(key);
                Ok(())
            })
        })
    };
    let handle = running(&driver, ORDERED, handler, RetryPolicy::none()).await;
    send_keyed(&driver, "first", "slow").await;
    for id in 0..20 {
        send_keyed(&driver, &id.to_string(), &format!("key {id}")).await;
    }
    let other = calls.recv().await;
    assert!(other.is_some_and(|key| key != "slow"));
    others.notify_one();
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn retries_wait_in_place_and_hold_up_their_key_alone() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (seen, mut calls) = mpsc::unbounded_channel();
    let handler = Handler::one(move |received, _| {
        let _ = seen.send((received.id().to_owned(), received.attempt()));
        let failed = received.id() == "bad";
        Box::pin(async move { if failed { Err(Error::msg("bad")) } else { Ok(()) } })
    });
    let policy = RetryPolicy::try_new(1, vec![Duration::from_secs(10), Duration::from_secs(60)]).expect("valid");
    let handle = running(&driver, SubscriptionSpec { concurrency: 1, ..ORDERED }, handler, policy).await;
    let begun = Instant::now();
    send_keyed(&driver, "bad", "a").await;
    send_keyed(&driver, "good", "a").await;
    for expected in [("bad", 1), ("bad", 2), ("bad", 3), ("good", 1)] {
        let called = calls.recv().await.expect("called");
        assert_eq!((called.0.as_str(), called.1), expected);
    }
    assert_eq!(begun.elapsed().as_secs(), 70);
    broker.until(PARKING, |depth| depth.ready == 1).await;
    assert_eq!(broker.depth("chassis.retry.10000"), None, "no delay queue is declared for it");
    handle.drain(GRACE).await;
}

/// A broker takes back what is unsettled for half an hour, and with it what others do at that moment.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_others_for_long_comes_again() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (seen, mut calls) = mpsc::unbounded_channel();
    let handler = Handler::one(move |received, _| {
        let failed = received.id() == "bad";
        if !failed {
            let _ = seen.send((received.id().to_owned(), received.redelivered()));
        }
        Box::pin(async move { if failed { Err(Error::msg("bad")) } else { Ok(()) } })
    });
    let handle = running(&driver, ORDERED, handler, RetryPolicy::standard()).await;
    for id in ["bad", "first", "second"] {
        send_keyed(&driver, id, "a").await;
    }
    for id in ["first", "second"] {
        assert_eq!(calls.recv().await, Some((id.to_owned(), true)));
    }
    handle.drain(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_retries() {
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (seen, mut calls) = mpsc::unbounded_channel();
    let handler = Handler::one(move |received, _| {
        let _ = seen.send(received.id().to_owned());
        Box::pin(async { Err(Error::msg("bad")) })
    });
    let handle = running(&driver, ORDERED, handler, RetryPolicy::standard()).await;
    send(&driver, "bad").await;
    for _ in 0..3 {
        calls.recv().await;
    }
    let begun = Instant::now();
    assert_eq!(handle.drain(GRACE).await.abandoned, 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(broker.depth(QUEUE).map(|depth| depth.ready), Some(1));
}

fn refused(spec: SubscriptionSpec, handler: Handler, retry: RetryPolicy) -> String {
    let subscription = Subscription { service: "stock", spec, handler, database: None };
    match start(memory::Broker::new().driver(), subscription, retry) {
        Ok(_) => "it was not refused".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_start() {
    let one = || Handler::one(|_, _| Box::pin(async { Ok(()) }));
    let many = || Handler::batch(|_, _| Box::pin(async { Ok(()) }));
    let patient = RetryPolicy::try_new(1, vec![Duration::from_secs(3600)]).expect("valid");
    let expected = "`stock.order-placed` may try a message 2 times in place for 1m each, with 1h between them as it is ordered (retry \
                    policy `standard`), but brokers take back what is unsettled for too long: at most 20m are possible in all";
    assert_eq!(refused(ORDERED, one(), patient.clone()), expected);
    assert_eq!(refused(SPEC, one(), patient), "it was not refused");
    let batch = SubscriptionSpec { shape: Shape::Batch { size: 2, within: Duration::from_secs(1) }, ..SPEC };
    let expected = "the handler of `stock.order-placed` takes single messages, but is declared to get batches";
    assert_eq!(refused(batch, one(), RetryPolicy::none()), expected);
    let expected = "the handler of `stock.order-placed` takes batches, but is declared to get single messages";
    assert_eq!(refused(SPEC, many(), RetryPolicy::none()), expected);
    let transactional = SubscriptionSpec { mode: Mode::Transactional, ..SPEC };
    assert!(refused(transactional, one(), RetryPolicy::none()).ends_with("but `stock` has no database"));
    let slow = SubscriptionSpec { timeout: Some(Duration::from_secs(15 * 60)), ..SPEC };
    let expected = "`stock.order-placed` may try a message 3 times in place for 15m each (retry policy `standard`), but brokers take \
                    back what is unsettled for too long: at most 20m are possible in all";
    assert_eq!(refused(slow, one(), RetryPolicy::standard()), expected);
    assert_eq!(refused(slow, one(), RetryPolicy::none()), "it was not refused");
}
