use tower::Layer;

use super::{RateLimit, RateLimitService};

/// Puts a [`RateLimit`] around services. Every service that it is put around shares it.
#[derive(Debug, Clone)]
pub struct RateLimitLayer(RateLimit);

impl RateLimitLayer {
    /// A layer of this limit.
    pub fn new(limit: RateLimit) -> Self {
        Self(limit)
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.0.clone())
    }
}
