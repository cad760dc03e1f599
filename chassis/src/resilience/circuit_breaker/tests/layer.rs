//! Through the layer, with a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::advance;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::resilience::circuit_breaker::{
    Cause, CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPolicy, CircuitOpen, Status, Transition,
};
use crate::resilience::{GuardError, Outcome};

type Answer = Result<u32, GuardError<CircuitOpen, &'static str>>;

fn breaker(probes: u32) -> CircuitBreaker {
    let policy = CircuitBreakerPolicy::builder().min_calls(2).open_for(Duration::from_secs(5)).probes(probes);
    CircuitBreaker::new(policy.build().expect("a policy"))
}

fn by_value(result: Result<&u32, &&'static str>) -> Outcome {
    if matches!(result, Ok(n) if *n < 500) { Outcome::Success } else { Outcome::Failure }
}

#[tokio::test(start_paused = true)]
async fn every_layer_call_and_clone_shares_one_state() {
    let layer = CircuitBreakerLayer::new(breaker(1)).classify(by_value);
    let reached = Arc::new(AtomicU32::new(0));
    // As axum does: the layer is put around a new service for each request.
    let call = async |answer: u32| -> Answer {
        let reached = Arc::clone(&reached);
        let inner = service_fn(move |answer: u32| {
            reached.fetch_add(1, SeqCst);
            async move { Ok(answer) }
        });
        layer.clone().layer(inner).oneshot(answer).await
    };
    assert_eq!(call(500).await, Ok(500));
    assert_eq!(call(500).await, Ok(500));
    let refused = CircuitOpen { retry_after: Some(Duration::from_secs(5)) };
    assert_eq!(call(200).await, Err(GuardError::Refused(refused)));
    assert_eq!(reached.load(SeqCst), 2, "what is refused does not arrive");
    advance(Duration::from_secs(5)).await;
    assert_eq!(call(200).await, Ok(200));
    assert_eq!(call(200).await, Ok(200));
    assert_eq!(reached.load(SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_frees_its_place() {
    let breaker = breaker(1);
    let (hang, answer) = (500, 200);
    let mut service = CircuitBreakerLayer::new(breaker.clone()).classify(by_value).layer(service_fn(
        async |n: u32| -> Result<u32, &'static str> { if n == 0 { std::future::pending().await } else { Ok(n) } },
    ));
    for _ in 0..2 {
        let _ = service.ready().await.unwrap().call(hang).await;
    }
    advance(Duration::from_secs(5)).await;
    let mut probe = Box::pin(service.ready().await.unwrap().call(0));
    assert!(futures_util::poll!(&mut probe).is_pending());
    assert_eq!(breaker.status(), Status::HalfOpen);
    assert!(matches!(service.ready().await.unwrap().call(answer).await, Err(GuardError::Refused(_))));
    drop(probe);
    assert_eq!(service.ready().await.unwrap().call(answer).await, Ok(answer));
    assert_eq!(breaker.status(), Status::Closed);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_are_timed_by_the_clock() {
    let policy = CircuitBreakerPolicy::builder().min_calls(1).slow_calls(1.0, Duration::from_secs(1)).build().unwrap();
    let breaker = CircuitBreaker::new(policy);
    let service = CircuitBreakerLayer::new(breaker.clone()).layer(service_fn(async |n: u64| {
        tokio::time::sleep(Duration::from_millis(n)).await;
        Ok::<_, &'static str>(())
    }));
    service.clone().oneshot(999).await.unwrap();
    assert_eq!(breaker.status(), Status::Closed);
    service.clone().oneshot(1000).await.unwrap();
    assert_eq!(breaker.status(), Status::Closed, "one of two");
    service.clone().oneshot(1000).await.unwrap();
    let counts = breaker.counts();
    assert_eq!((counts.calls, counts.failures, counts.slow), (3, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn changes_are_told() {
    let breaker = breaker(1);
    let mut events = breaker.subscribe();
    let (tell, told) = oneshot::channel();
    let tell = std::sync::Mutex::new(Some(tell));
    breaker.observe(move |change| {
        if let Some(tell) = tell.lock().unwrap().take() {
            let _ = tell.send(change);
        }
    });
    for _ in 0..2 {
        breaker.try_acquire().unwrap().record(Outcome::Failure);
    }
    let opened = Transition { from: Status::Closed, to: Status::Open, cause: Cause::Failures };
    assert_eq!(told.await.unwrap(), opened);
    assert_eq!(events.recv().await.unwrap(), opened);
    advance(Duration::from_secs(5)).await;
    breaker.try_acquire().unwrap().record(Outcome::Success);
    assert_eq!(events.recv().await.unwrap().to, Status::HalfOpen);
    assert_eq!(events.recv().await.unwrap().cause, Cause::ProbesPassed);
    breaker.force_open();
    assert_eq!(events.recv().await.unwrap().cause, Cause::Operator);
}

#[tokio::test(start_paused = true)]
async fn many_tasks_open_it_once_and_close_it_once() {
    let breaker = breaker(3);
    let mut events = breaker.subscribe();
    let service = CircuitBreakerLayer::new(breaker.clone()).classify(by_value).layer(service_fn(async |n: u32| {
        tokio::task::yield_now().await;
        Ok::<_, &'static str>(n)
    }));
    let rush = async |answer: u32| {
        let calls = (0..100).map(|_| tokio::spawn(service.clone().oneshot(answer)));
        futures_util::future::join_all(calls).await.into_iter().filter(|result| matches!(result, Ok(Ok(_)))).count()
    };
    rush(500).await;
    assert_eq!(breaker.status(), Status::Open);
    assert_eq!(rush(200).await, 0);
    advance(Duration::from_secs(5)).await;
    assert_eq!(rush(200).await, 3, "only the probes pass before the first of them is back");
    assert_eq!(rush(200).await, 100);
    let mut changes = Vec::new();
    while let Ok(change) = events.try_recv() {
        changes.push(change.to);
    }
    assert_eq!(changes, [Status::Open, Status::HalfOpen, Status::Closed]);
}

#[test]
fn calls_of_all_threads_count_together() {
    let breaker = breaker(1);
    let layer = CircuitBreakerLayer::new(breaker.clone()).classify(by_value);
    for _ in 0..2 {
        assert_eq!(breaker.status(), Status::Closed);
        std::thread::scope(|scope| {
            let service = layer.layer(service_fn(async |n: u32| Ok::<_, &'static str>(n)));
            scope.spawn(|| assert_eq!(service.oneshot(500).now_or_never(), Some(Ok(500))));
        });
    }
    assert_eq!(breaker.status(), Status::Open);
}
