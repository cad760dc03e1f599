//! Layers around calls to a server.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chassis::resilience::GuardError;
use chassis::resilience::fallback::FallbackLayer;
use chassis::resilience::retry::{BudgetPolicy, EveryError, RetryLayer, RetryPolicy};
use chassis::resilience::timeout::{Elapsed, TimeoutLayer};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::host::Host;

/// Calls a path; what is no success is an error.
fn calling(host: &Host) -> impl Service<&'static str, Response = u16, Error = u16, Future: Send> + Clone + use<> {
    let client = host.client.clone();
    service_fn(move |path: &'static str| {
        let client = client.clone();
        async move {
            let status = client.get(path).send().await.status();
            if status == 200 { Ok(status) } else { Err(status) }
        }
    })
}

fn retrying(budget: BudgetPolicy) -> RetryLayer<EveryError> {
    let pause = Duration::from_millis(1);
    let policy = RetryPolicy::builder().attempts(3).pauses(pause, pause).budget(budget).build().unwrap();
    RetryLayer::new(policy, EveryError)
}

#[tokio::test]
async fn a_retry_makes_good_what_failed_by_chance() {
    let host = Host::start(|router| router).await;
    let service = retrying(RetryPolicy::default().budget()).layer(calling(&host));
    host.told.fails.store(2, Ordering::SeqCst);
    assert_eq!((service.clone().oneshot("/").await, host.came()), (Ok(200), 3));
    host.told.fails.store(3, Ordering::SeqCst);
    assert_eq!((service.oneshot("/").await, host.came()), (Err(500), 6));
}

#[tokio::test]
async fn a_budget_ends_a_storm_of_retries() {
    let host = Host::start(|router| router).await;
    let layer = retrying(BudgetPolicy { ratio: 0.1, floor: 0.0, ..RetryPolicy::default().budget() });
    host.told.fails.store(1000, Ordering::SeqCst);
    for _ in 0..100 {
        // All that the layer is put around share it.
        assert_eq!(layer.layer(calling(&host)).oneshot("/").await, Err(500));
    }
    assert_eq!(host.came(), 110);
}

#[tokio::test]
async fn a_deadline_ends_a_call_and_lets_none_begin_after_it() {
    let host = Host::start(|router| router).await;
    let within = |time| TimeoutLayer::deadline(move |_: &&'static str| Some(Instant::now() + time));
    let late = within(Duration::from_millis(100)).layer(calling(&host)).oneshot("/held").await;
    assert_eq!((late, host.came()), (Err(GuardError::Refused(Elapsed)), 1));
    let too_late = within(Duration::ZERO).layer(calling(&host)).oneshot("/").await;
    assert_eq!((too_late, host.came()), (Err(GuardError::Refused(Elapsed)), 1));
    assert_eq!(within(Duration::from_secs(60)).layer(calling(&host)).oneshot("/").await, Ok(200));
}

#[tokio::test]
async fn a_fallback_answers_for_what_failed() {
    let host = Host::start(|router| router).await;
    let service = FallbackLayer::new(async |status| if status == 500 { Ok(203) } else { Err(status) });
    let service = service.layer(calling(&host));
    host.told.fails.store(1, Ordering::SeqCst);
    assert_eq!(service.clone().oneshot("/").await, Ok(203));
    assert_eq!(service.clone().oneshot("/").await, Ok(200));
    assert_eq!((service.oneshot("/nowhere").await, host.came()), (Err(404), 2));
}
