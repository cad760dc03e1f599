use std::task::{Context, Poll};

use tower::Service;

use super::{RateLimit, RateLimited};
use crate::resilience::GuardError;
use crate::resilience::guarded::Guarded;

/// A service behind a [`RateLimit`].
#[derive(Debug, Clone)]
pub struct RateLimitService<S> {
    inner: S,
    limit: RateLimit,
}

impl<S> RateLimitService<S> {
    pub(super) fn new(inner: S, limit: RateLimit) -> Self {
        Self { inner, limit }
    }
}

impl<S: Service<Request>, Request> Service<Request> for RateLimitService<S> {
    type Response = S::Response;
    type Error = GuardError<RateLimited, S::Error>;
    type Future = Guarded<S::Future, RateLimited>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.limit.try_acquire() {
            Ok(()) => Guarded::passed(self.inner.call(request)),
            Err(refusal) => Guarded::refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::resilience::rate_limit::{RateLimitLayer, RateLimitPolicy};

    #[tokio::test(start_paused = true)]
    async fn every_layer_call_shares_one_rate() {
        let layer = RateLimitLayer::new(RateLimit::new(RateLimitPolicy::per_second(5).unwrap()));
        let burst = async || {
            let mut passed = 0;
            for n in 0..20 {
                let service = layer.layer(service_fn(async |n: u32| Ok::<_, ()>(n)));
                passed += u32::from(service.oneshot(n).await.is_ok());
            }
            passed
        };
        assert_eq!(burst().await, 5);
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(burst().await, 2);
    }
}
