use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::breaker::{CircuitBreaker, Permit};
use super::error::CircuitOpen;
use crate::resilience::{Classify, GuardError};

pin_project! {
    /// The answer of a [`CircuitBreakerService`](super::CircuitBreakerService). Dropped before its end it gives the permit back.
    #[derive(Debug)]
    pub struct ResponseFuture<F, C> {
        #[pin]
        state: State<F, C>,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum State<F, C> {
        Passed { #[pin] inner: F, permit: Option<Permit<CircuitBreaker>>, classify: C },
        Refused { refusal: CircuitOpen },
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) fn passed(inner: F, permit: Permit<CircuitBreaker>, classify: C) -> Self {
        Self { state: State::Passed { inner, permit: Some(permit), classify } }
    }

    pub(super) fn refused(refusal: CircuitOpen) -> Self {
        Self { state: State::Refused { refusal } }
    }
}

impl<F, C, Response, Error> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<Response, Error>>,
    C: Classify<Response, Error>,
{
    type Output = Result<Response, GuardError<CircuitOpen, Error>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Passed { inner, permit, classify } => {
                let result = ready!(inner.poll(cx));
                if let Some(permit) = permit.take() {
                    permit.record(classify.classify(result.as_ref()));
                }
                Poll::Ready(result.map_err(GuardError::Inner))
            }
            Projected::Refused { refusal } => Poll::Ready(Err(GuardError::Refused(*refusal))),
        }
    }
}
