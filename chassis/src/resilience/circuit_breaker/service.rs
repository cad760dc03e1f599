use std::task::{Context, Poll};

use tower::Service;

use super::breaker::Permit;
use super::error::CircuitOpen;
use super::handle::{Handle, Handles};
use crate::resilience::{Classify, GuardError, Guarded, Judged};

/// A service behind a [`CircuitBreaker`](super::CircuitBreaker).
///
/// The breaker is asked when a call is made, not when the service is asked whether it is ready: readiness may be asked for
/// and not used, and would hold the place of a probe.
#[derive(Debug, Clone)]
pub struct CircuitBreakerService<S, C> {
    inner: S,
    breaker: Handles,
    classify: C,
}

impl<S, C> CircuitBreakerService<S, C> {
    pub(super) fn new(inner: S, breaker: Handles, classify: C) -> Self {
        Self { inner, breaker, classify }
    }
}

impl<S, C, Request> Service<Request> for CircuitBreakerService<S, C>
where
    S: Service<Request>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = GuardError<CircuitOpen, S::Error>;
    type Future = Guarded<Judged<S::Future, Permit<Handle>, C>, CircuitOpen>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(GuardError::Inner)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        match Permit::acquire(self.breaker.mine()) {
            Ok(permit) => Guarded::passed(Judged::new(self.inner.call(request), permit, self.classify.clone())),
            Err(refusal) => Guarded::refused(refusal),
        }
    }
}
