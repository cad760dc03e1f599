use std::sync::Arc;

use tower::Layer;

use super::budget::Budget;
use super::policy::RetryPolicy;
use super::service::RetryService;

/// Tries calls again. Every service that it is put around shares its budget.
#[derive(Debug, Clone)]
pub struct RetryLayer<R> {
    policy: Arc<RetryPolicy>,
    budget: Budget,
    rule: R,
}

impl<R> RetryLayer<R> {
    /// A layer with a budget of its own.
    pub fn new(policy: RetryPolicy, rule: R) -> Self {
        Self { budget: Budget::new(policy.budget()), policy: Arc::new(policy), rule }
    }

    /// Has the retries taken from this budget, which others may share.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

impl<S, R: Clone> Layer<S> for RetryLayer<R> {
    type Service = RetryService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, Arc::clone(&self.policy), self.budget.clone(), self.rule.clone())
    }
}
