use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Entry, LimitReached};
use crate::resilience::{Classify, GuardError};

pin_project! {
    /// The answer of an [`AdaptiveLimitService`](super::AdaptiveLimitService).
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
        Entered { #[pin] inner: F, entry: Option<Entry>, classify: C },
        Refused { refusal: LimitReached },
    }
}

impl<F, C> ResponseFuture<F, C> {
    pub(super) fn entered(inner: F, entry: Entry, classify: C) -> Self {
        Self { state: State::Entered { inner, entry: Some(entry), classify } }
    }

    pub(super) fn refused(refusal: LimitReached) -> Self {
        Self { state: State::Refused { refusal } }
    }
}

impl<F, C, Response, Error> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<Response, Error>>,
    C: Classify<Response, Error>,
{
    type Output = Result<Response, GuardError<LimitReached, Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Entered { inner, entry, classify } => {
                let result = ready!(inner.poll(cx));
                if let Some(entry) = entry.take() {
                    entry.record(classify.classify(result.as_ref()));
                }
                Poll::Ready(result.map_err(GuardError::Inner))
            }
            Projected::Refused { refusal } => Poll::Ready(Err(GuardError::Refused(*refusal))),
        }
    }
}
