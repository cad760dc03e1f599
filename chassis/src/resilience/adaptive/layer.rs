use tower::Layer;

use super::{AdaptiveLimit, AdaptiveLimitService, Priority};
use crate::resilience::{Classify, Outcome};

/// Puts an [`AdaptiveLimit`] around services. Every service that it is put around shares it.
#[derive(Debug, Clone)]
pub struct AdaptiveLimitLayer<C = AnswersCount, P = Priority> {
    limit: AdaptiveLimit,
    classify: C,
    priority: P,
}

/// Every answer counts for how long it took. Errors say nothing: to fail fast is not to be without load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswersCount;

impl<Response, Error> Classify<Response, Error> for AnswersCount {
    fn classify(&self, result: Result<&Response, &Error>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { Outcome::Ignored }
    }
}

impl AdaptiveLimitLayer {
    /// A layer to which all calls matter alike, and errors say nothing.
    pub fn new(limit: AdaptiveLimit) -> Self {
        Self { limit, classify: AnswersCount, priority: Priority::Default }
    }
}

impl<C, P> AdaptiveLimitLayer<C, P> {
    /// Has results looked at by `classify`. A failure is one for want of room below, such as a time-out: it has fewer calls
    /// let in at once.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> AdaptiveLimitLayer<D, P> {
        AdaptiveLimitLayer { limit: self.limit, classify, priority: self.priority }
    }

    /// Has the priority of each request said by `priority`, a `Fn(&Request) -> Priority` or a [`Priority`] for all.
    #[must_use]
    pub fn priority<Q>(self, priority: Q) -> AdaptiveLimitLayer<C, Q> {
        AdaptiveLimitLayer { limit: self.limit, classify: self.classify, priority }
    }
}

impl<S, C: Clone, P: Clone> Layer<S> for AdaptiveLimitLayer<C, P> {
    type Service = AdaptiveLimitService<S, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveLimitService::new(inner, self.limit.clone(), self.classify.clone(), self.priority.clone())
    }
}
