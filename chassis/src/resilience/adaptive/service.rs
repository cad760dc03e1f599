use std::task::{Context, Poll};

use tower::Service;

use super::{AdaptiveLimit, Entry, LimitReached, Priority};
use crate::resilience::{Classify, GuardError, Guarded, Judged};

/// Says how much a request matters.
pub trait PriorityOf<Request> {
    /// Looks at one request.
    fn priority_of(&self, request: &Request) -> Priority;
}

impl<Request> PriorityOf<Request> for Priority {
    fn priority_of(&self, _: &Request) -> Priority {
        *self
    }
}

impl<Request, F: Fn(&Request) -> Priority> PriorityOf<Request> for F {
    fn priority_of(&self, request: &Request) -> Priority {
        self(request)
    }
}

/// A service behind an [`AdaptiveLimit`].
#[derive(Debug, Clone)]
pub struct AdaptiveLimitService<S, C, P> {
    inner: S,
    limit: AdaptiveLimit,
    classify: C,
    priority: P,
}

impl<S, C, P> AdaptiveLimitService<S, C, P> {
    pub(super) fn new(inner: S, limit: AdaptiveLimit, classify: C, priority: P) -> Self {
        Self { inner, limit, classify, priority }
    }
}

impl<S, C, P, Request> Service<Request> for AdaptiveLimitService<S, C, P>
where
    S: Service<Request>,
    C: Classify<S::Response, S::Error> + Clone,
    P: PriorityOf<Request>,
{
    type Response = S::Response;
    type Error = GuardError<LimitReached, S::Error>;
    type Future = Guarded<Judged<S::Future, Entry, C>, LimitReached>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.limit.try_enter(self.priority.priority_of(&request)) {
            Ok(entry) => Guarded::passed(Judged::new(self.inner.call(request), entry, self.classify.clone())),
            Err(refusal) => Guarded::refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep};
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::resilience::adaptive::{AdaptiveLimitLayer, AdaptiveLimitPolicy};

    #[tokio::test(start_paused = true)]
    async fn three_times_the_load_is_answered_at_the_speed_of_one() {
        // Twenty at once, 50 ms each: 400 a second. Three times as many come.
        let places = Arc::new(Semaphore::new(20));
        let inner = service_fn(move |_: u32| {
            let places = Arc::clone(&places);
            async move {
                let _place = places.acquire().await.map_err(|_| ())?;
                sleep(Duration::from_millis(50)).await;
                Ok::<_, ()>(())
            }
        });
        let policy = AdaptiveLimitPolicy::builder().limits(20, 5, 1000).build().unwrap();
        let limit = AdaptiveLimit::new(policy);
        let service = AdaptiveLimitLayer::new(limit.clone()).layer(inner);
        let (mut calls, started) = (Vec::new(), Instant::now());
        for n in 0..24_000u32 {
            calls.push(tokio::spawn(service.clone().oneshot(n)));
            if n % 12 == 11 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        let results = futures_util::future::join_all(calls).await;
        let answered = results.iter().filter(|result| matches!(result, Ok(Ok(())))).count();
        let possible = started.elapsed().as_secs_f64() * 400.0;
        assert!(answered as f64 >= 0.9 * possible, "{answered} of {possible}");
        assert!(limit.limit() < 100, "no long queue: {}", limit.limit());
        assert_eq!(limit.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_given_up_are_out() {
        let limit = AdaptiveLimit::new(AdaptiveLimitPolicy::builder().limits(2, 1, 10).build().unwrap());
        let layer = AdaptiveLimitLayer::new(limit.clone()).priority(Priority::Critical);
        let service = layer.layer(service_fn(async |_: u32| std::future::pending::<Result<(), ()>>().await));
        let mut calls = [Box::pin(service.clone().oneshot(1)), Box::pin(service.clone().oneshot(2))];
        for call in &mut calls {
            assert!(futures_util::poll!(call).is_pending());
        }
        assert!(matches!(service.clone().oneshot(3).await, Err(GuardError::Refused(_))));
        drop(calls);
        assert_eq!(limit.in_flight(), 0);
    }
}
