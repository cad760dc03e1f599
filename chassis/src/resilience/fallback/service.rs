use std::task::{Context, Poll};

use tower::Service;

use super::ResponseFuture;

/// A service with a fallback.
#[derive(Debug, Clone)]
pub struct FallbackService<S, F> {
    inner: S,
    fallback: F,
}

impl<S, F> FallbackService<S, F> {
    pub(super) fn new(inner: S, fallback: F) -> Self {
        Self { inner, fallback }
    }
}

impl<S, F, G, Request> Service<Request> for FallbackService<S, F>
where
    S: Service<Request>,
    F: Fn(S::Error) -> G + Clone,
    G: Future<Output = Result<S::Response, S::Error>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, F, G>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ResponseFuture::new(self.inner.call(request), self.fallback.clone())
    }
}

#[cfg(test)]
mod tests {
    use tower::{Layer, ServiceExt, service_fn};

    use crate::resilience::fallback::FallbackLayer;

    #[tokio::test]
    async fn answers_for_errors_and_for_nothing_else() {
        let inner = service_fn(async |n: u32| if n < 10 { Ok(n) } else { Err(n) });
        let fallback = async |error: u32| {
            tokio::task::yield_now().await;
            if error < 100 { Ok(0) } else { Err(error + 1) }
        };
        let service = FallbackLayer::new(fallback).layer(inner);
        assert_eq!(service.clone().oneshot(7).await, Ok(7));
        assert_eq!(service.clone().oneshot(70).await, Ok(0));
        assert_eq!(service.oneshot(700).await, Err(701));
    }
}
