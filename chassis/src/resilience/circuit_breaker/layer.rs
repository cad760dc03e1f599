use tower::Layer;

use super::breaker::CircuitBreaker;
use super::handle::Handles;
use super::service::CircuitBreakerService;
use crate::resilience::ErrorsFail;

/// Puts a [`CircuitBreaker`] around services. Every service that it is put around shares the breaker's state.
#[derive(Debug, Clone)]
pub struct CircuitBreakerLayer<C = ErrorsFail> {
    breaker: Handles,
    classify: C,
}

impl CircuitBreakerLayer {
    /// A layer to which every error is a failure, and every response a success.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker: Handles::new(&breaker), classify: ErrorsFail }
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// Has results looked at by `classify`, a [`Classify`](crate::resilience::Classify) such as a function.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D> {
        CircuitBreakerLayer { breaker: self.breaker, classify }
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(inner, self.breaker.clone(), self.classify.clone())
    }
}
