//! Through the layer, with a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{BudgetPolicy, GivenUp, RetryLayer, RetryPolicy, RetryRule, Verdict};

/// Repeats what is below 1000; answers from 500 on are worth it, and from 600 on with a pause of a second.
#[derive(Clone, Default)]
struct Rule {
    deadline: Option<Instant>,
    retries: Arc<AtomicU32>,
    ends: Arc<Mutex<Vec<GivenUp>>>,
}

impl RetryRule<u32, u32, &'static str> for Rule {
    fn replay(&self, request: &u32) -> Option<u32> {
        (*request < 1000).then_some(*request)
    }

    fn verdict(&self, _: &u32, result: Result<&u32, &&'static str>) -> Verdict {
        match result {
            Ok(0..500) => Verdict::Final,
            Ok(500..600) | Err(_) => Verdict::Retry { after: None },
            Ok(_) => Verdict::Retry { after: Some(Duration::from_secs(1)) },
        }
    }

    fn deadline(&self, _: &u32) -> Option<Instant> {
        self.deadline
    }

    fn retrying(&self, _: Duration) {
        self.retries.fetch_add(1, SeqCst);
    }

    fn given_up(&self, why: GivenUp) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }
}

impl Rule {
    fn ends(&self) -> Vec<GivenUp> {
        self.ends.lock().unwrap().clone()
    }
}

/// A service that answers with what it is sent, and how often it was.
fn echo() -> (impl Service<u32, Response = u32, Error = &'static str, Future: Send> + Clone, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let service = service_fn(move |n: u32| {
        counted.fetch_add(1, SeqCst);
        async move { if n == 999 { Err("gone") } else { Ok(n) } }
    });
    (service, calls)
}

#[tokio::test(start_paused = true)]
async fn tries_again_and_gives_the_last_result() {
    let rule = Rule::default();
    let (service, calls) = echo();
    let service = RetryLayer::new(RetryPolicy::default(), rule.clone()).layer(service);
    assert_eq!(service.clone().oneshot(200).await, Ok(200));
    assert_eq!(calls.swap(0, SeqCst), 1);
    assert_eq!(service.clone().oneshot(500).await, Ok(500));
    assert_eq!(calls.swap(0, SeqCst), 3);
    assert_eq!(service.clone().oneshot(999).await, Err("gone"));
    assert_eq!(calls.swap(0, SeqCst), 3);
    assert_eq!(service.clone().oneshot(1500).await, Ok(1500));
    assert_eq!(calls.swap(0, SeqCst), 1, "what may not be repeated is not");
    assert_eq!(rule.ends(), [GivenUp::Attempts, GivenUp::Attempts]);
    assert_eq!(rule.retries.load(SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_random_and_at_least_what_is_asked_for() {
    let (service, _) = echo();
    let service = RetryLayer::new(RetryPolicy::default(), Rule::default()).layer(service);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let started = Instant::now();
        service.clone().oneshot(500).await.unwrap();
        assert!(started.elapsed() <= Duration::from_millis(50 + 100 + 2));
        seen.insert(started.elapsed());
    }
    assert!(seen.len() > 3, "{seen:?}");
    let started = Instant::now();
    service.oneshot(600).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_after_the_deadline() {
    let rule = Rule { deadline: Some(Instant::now() + Duration::from_millis(1500)), ..Rule::default() };
    let (service, calls) = echo();
    let service = RetryLayer::new(RetryPolicy::default(), rule.clone()).layer(service);
    assert_eq!(service.oneshot(600).await, Ok(600));
    assert_eq!(calls.load(SeqCst), 2, "the third would be at two seconds");
    assert_eq!(rule.ends(), [GivenUp::Deadline]);
}

#[tokio::test(start_paused = true)]
async fn the_budget_ends_a_storm_and_is_one_for_all() {
    let rule = Rule::default();
    let (service, calls) = echo();
    let budget = BudgetPolicy { ratio: 0.1, floor: 0.0, window: Duration::from_secs(3600) };
    let layer = RetryLayer::new(RetryPolicy::builder().budget(budget).build().unwrap(), rule.clone());
    for _ in 0..1000 {
        // As axum does: the layer is put around a new service for each request.
        layer.layer(service.clone()).oneshot(500).await.unwrap();
    }
    assert_eq!(calls.load(SeqCst), 1100, "a tenth more, not three times as many");
    assert_eq!(rule.retries.load(SeqCst), 100);
    assert!(rule.ends().iter().filter(|why| **why == GivenUp::Budget).count() > 900);
}

/// May be called only after it said that it is ready, and a clone has to be asked anew.
struct Strict<S>(S, bool);

impl<S: Clone> Clone for Strict<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), false)
    }
}

impl<S: Service<u32>> Service<u32> for Strict<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.1 = true;
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: u32) -> S::Future {
        assert!(std::mem::take(&mut self.1), "it was not asked whether it is ready");
        self.0.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn asks_the_service_whether_it_is_ready_for_each_attempt() {
    let (service, calls) = echo();
    let mut service = RetryLayer::new(RetryPolicy::default(), Rule::default()).layer(Strict(service, false));
    for _ in 0..2 {
        assert_eq!(service.ready().await.unwrap().call(500).await, Ok(500));
    }
    assert_eq!(calls.load(SeqCst), 6);
}
