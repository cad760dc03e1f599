use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;

use super::budget::Budget;
use super::future::ResponseFuture;
use super::policy::RetryPolicy;
use super::rule::RetryRule;

/// A service whose calls are tried again.
#[derive(Debug, Clone)]
pub struct RetryService<S, R> {
    inner: S,
    policy: Arc<RetryPolicy>,
    budget: Budget,
    rule: R,
}

impl<S, R> RetryService<S, R> {
    pub(super) fn new(inner: S, policy: Arc<RetryPolicy>, budget: Budget, rule: R) -> Self {
        Self { inner, policy, budget, rule }
    }
}

impl<S, R, Request> Service<Request> for RetryService<S, R>
where
    S: Service<Request> + Clone,
    R: RetryRule<Request, S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.budget.deposit();
        let replay = if self.policy.attempts() > 1 { self.rule.replay(&request) } else { None };
        let deadline = replay.as_ref().and_then(|request| self.rule.deadline(request));
        let policy = Arc::clone(&self.policy);
        // The service that was asked whether it is ready is the one to call.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let first = inner.call(request);
        ResponseFuture::new(first, inner, replay, deadline, policy, self.budget.clone(), self.rule.clone())
    }
}
