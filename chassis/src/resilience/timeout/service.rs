use std::task::{Context, Poll};

use tokio::time::Instant;
use tower::Service;

use super::{Elapsed, ResponseFuture, Until};
use crate::resilience::GuardError;

/// A service whose calls end in time.
#[derive(Debug, Clone)]
pub struct TimeoutService<S, U> {
    inner: S,
    until: U,
}

impl<S, U> TimeoutService<S, U> {
    pub(super) fn new(inner: S, until: U) -> Self {
        Self { inner, until }
    }
}

impl<S: Service<Request>, U: Until<Request>, Request> Service<Request> for TimeoutService<S, U> {
    type Response = S::Response;
    type Error = GuardError<Elapsed, S::Error>;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.until.until(&request) {
            Some(until) if until <= Instant::now() => ResponseFuture::refused(),
            until => ResponseFuture::started(self.inner.call(request), until),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::time::Duration;

    use tokio::time::sleep;
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::resilience::timeout::TimeoutLayer;

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_in_time() {
        let service = TimeoutLayer::after(Duration::from_secs(1)).layer(service_fn(async |ms: u64| {
            sleep(Duration::from_millis(ms)).await;
            Ok::<_, ()>(ms)
        }));
        let started = Instant::now();
        assert_eq!(service.clone().oneshot(999).await, Ok(999));
        assert_eq!(service.oneshot(5000).await, Err(GuardError::Refused(Elapsed)));
        assert_eq!(started.elapsed().as_millis(), 1999);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_late_does_not_start() {
        let reached = AtomicU32::new(0);
        let inner = service_fn(|_: Option<Instant>| {
            reached.fetch_add(1, SeqCst);
            async { Ok::<_, ()>(()) }
        });
        let service = TimeoutLayer::deadline(|deadline: &Option<Instant>| *deadline).layer(inner);
        let now = Instant::now();
        assert_eq!(service.clone().oneshot(Some(now)).await, Err(GuardError::Refused(Elapsed)));
        assert_eq!(reached.load(SeqCst), 0);
        assert_eq!(service.clone().oneshot(Some(now + Duration::from_secs(1))).await, Ok(()));
        assert_eq!(service.oneshot(None).await, Ok(()));
    }
}
