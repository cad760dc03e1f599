//! Layers around the routes of a server, which puts them around a service anew for each route and clones that for each request.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::response::Response;
use chassis::resilience::Outcome;
use chassis::resilience::adaptive::{AdaptiveLimit, AdaptiveLimitLayer, AdaptiveLimitPolicy, LimitReached};
use chassis::resilience::bulkhead::{Bulkhead, BulkheadFull, BulkheadLayer, BulkheadPolicy};
use chassis::resilience::circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPolicy, CircuitOpen, Status,
};
use chassis::resilience::load_shed::{LoadShedLayer, Overloaded};
use chassis::resilience::rate_limit::{RateLimit, RateLimitLayer, RateLimitPolicy, RateLimited};
use chassis::resilience::timeout::{Elapsed, TimeoutLayer};
use harness::eventually;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tower::{Service, ServiceBuilder, layer::layer_fn};

use crate::host::{Host, refused};

fn by_status(result: Result<&Response, &Infallible>) -> Outcome {
    match result {
        Ok(response) if response.status().is_server_error() => Outcome::Failure,
        _ => Outcome::Success,
    }
}

#[tokio::test]
async fn a_circuit_breaker_trips_and_recovers() {
    let policy = CircuitBreakerPolicy::builder().count_window(10).min_calls(4).open_for(Duration::from_millis(200));
    let breaker = CircuitBreaker::new(policy.probes(1).build().unwrap());
    let layer = CircuitBreakerLayer::new(breaker.clone()).classify(by_status);
    let host = Host::start(|router| {
        router.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<CircuitOpen>)).layer(layer))
    })
    .await;
    host.told.fails.store(4, Ordering::SeqCst);
    assert_eq!(host.gets(4).await, [500; 4]);
    assert_eq!((host.get().await, breaker.status(), host.came()), (503, Status::Open, 4));
    eventually("it closes", async || (host.get().await == 200).then_some(())).await;
    assert_eq!((host.gets(3).await, breaker.status(), host.came()), (vec![200; 3], Status::Closed, 8));
}

#[tokio::test]
async fn a_bulkhead_has_so_many_at_work_and_so_many_waiting() {
    let policy = BulkheadPolicy::builder().concurrent(2).waiting(1, Duration::from_secs(60)).build().unwrap();
    let bulkhead = Bulkhead::new(policy);
    let layer = BulkheadLayer::new(bulkhead.clone());
    let host = Host::start(|router| {
        router.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<BulkheadFull>)).layer(layer))
    })
    .await;
    let held = [host.hold(), host.hold(), host.hold()];
    eventually("it is full", async || ((bulkhead.active(), bulkhead.waiting()) == (2, 1)).then_some(())).await;
    host.until_came(2).await;
    assert_eq!(host.gets(2).await, [503; 2], "also on another route");
    host.told.gate.add_permits(3);
    for call in held {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!((host.get().await, host.came()), (200, 4));
}

#[tokio::test]
async fn a_rate_limit_lets_so_many_in() {
    let limit = RateLimit::new(RateLimitPolicy::try_new(3, Duration::from_secs(3600), 3).unwrap());
    let layer = RateLimitLayer::new(limit);
    let host = Host::start(|router| {
        router.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<RateLimited>)).layer(layer))
    })
    .await;
    assert_eq!(host.gets(5).await, [200, 200, 200, 503, 503]);
    assert_eq!(host.came(), 3);
}

#[tokio::test]
async fn an_adaptive_limit_refuses_what_is_too_much_and_comes_down() {
    let policy = AdaptiveLimitPolicy::builder().limits(20, 2, 100).window(Duration::from_millis(50));
    let limit = AdaptiveLimit::new(policy.build().unwrap());
    let layer = AdaptiveLimitLayer::new(limit.clone()).classify(by_status);
    let host = Host::start(|router| {
        router.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<LimitReached>)).layer(layer))
    })
    .await;
    let held: Vec<_> = (0..18).map(|_| host.hold()).collect();
    host.until_came(18).await;
    assert_eq!(host.gets(3).await, [503; 3], "nine tenths of twenty are at work");
    assert_eq!(host.came(), 18);
    host.told.gate.add_permits(18);
    for call in held {
        assert_eq!(call.await.unwrap(), 200);
    }
    // What is below says that it is too much.
    host.told.fails.store(usize::MAX, Ordering::SeqCst);
    eventually("it comes down", async || {
        assert_eq!(host.get().await, 500);
        (limit.limit() < 20).then_some(())
    })
    .await;
    assert_eq!(limit.in_flight(), 0);
}

/// Ready for one call at a time.
#[derive(Clone)]
struct OneByOne<S> {
    inner: S,
    turn: PollSemaphore,
    permit: Option<std::sync::Arc<OwnedSemaphorePermit>>,
}

impl<S, Request> Service<Request> for OneByOne<S>
where
    S: Service<Request, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = chassis::BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.permit.is_none() {
            self.permit = std::task::ready!(self.turn.poll_acquire(cx)).map(std::sync::Arc::new);
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (permit, answer) = (self.permit.take(), self.inner.call(request));
        Box::pin(async move {
            let _permit = permit;
            answer.await
        })
    }
}

#[tokio::test]
async fn load_shedding_refuses_where_others_would_wait() {
    let turn = PollSemaphore::new(std::sync::Arc::new(Semaphore::new(1)));
    let one_by_one = layer_fn(move |inner| OneByOne { inner, turn: turn.clone(), permit: None });
    let host = Host::start(|router| {
        let refusing = ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<Overloaded>));
        router.layer(refusing.layer(LoadShedLayer).layer(one_by_one))
    })
    .await;
    let held = host.hold();
    host.until_came(1).await;
    assert_eq!(host.gets(3).await, [503; 3]);
    assert_eq!(host.came(), 1);
    host.told.gate.add_permits(1);
    assert_eq!(held.await.unwrap(), 200);
    eventually("there is room again", async || (host.get().await == 200).then_some(())).await;
}

#[tokio::test]
async fn a_time_out_ends_what_takes_too_long() {
    let layer = TimeoutLayer::after(Duration::from_millis(100));
    let host = Host::start(|router| {
        router.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(refused::<Elapsed>)).layer(layer))
    })
    .await;
    assert_eq!((host.hold().await.unwrap(), host.came()), (503, 1));
    host.told.gate.add_permits(1);
    assert_eq!((host.hold().await.unwrap(), host.told.gate.available_permits()), (200, 0), "nobody else waits for it");
}
