use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Classify, Outcome};

/// What was given with the leave to make a call, and is told what became of it. Dropped instead, it takes the call back.
pub trait Leave {
    /// Says what became of the call.
    fn record(self, outcome: Outcome);
}

pin_project! {
    /// The answer of a service whose guard wants to know what became of it.
    #[derive(Debug)]
    pub struct Judged<F, L, C> {
        #[pin]
        inner: F,
        leave: Option<L>,
        classify: C,
    }
}

impl<F, L, C> Judged<F, L, C> {
    pub(super) fn new(inner: F, leave: L, classify: C) -> Self {
        Self { inner, leave: Some(leave), classify }
    }
}

impl<F, L, C, Response, Error> Future for Judged<F, L, C>
where
    F: Future<Output = Result<Response, Error>>,
    L: Leave,
    C: Classify<Response, Error>,
{
    type Output = Result<Response, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let judged = self.project();
        let result = ready!(judged.inner.poll(cx));
        if let Some(leave) = judged.leave.take() {
            leave.record(judged.classify.classify(result.as_ref()));
        }
        Poll::Ready(result)
    }
}
