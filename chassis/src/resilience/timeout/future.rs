use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Elapsed;
use crate::resilience::GuardError;

pin_project! {
    /// The answer of a [`TimeoutService`](super::TimeoutService).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        until: Option<Instant>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn started(inner: F, until: Option<Instant>) -> Self {
        Self { inner: Some(inner), until, timer: None }
    }

    /// That of a call that came too late.
    pub(super) fn refused() -> Self {
        Self { inner: None, until: None, timer: None }
    }
}

impl<F, Response, Error> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response, Error>>,
{
    type Output = Result<Response, GuardError<Elapsed, Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(Err(GuardError::Refused(Elapsed))) };
        if let Poll::Ready(result) = inner.poll(cx) {
            return Poll::Ready(result.map_err(GuardError::Inner));
        }
        let Some(until) = *this.until else { return Poll::Pending };
        // Most answers are there at once or wait for the network: a timer is set only for those that wait.
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(until)));
        }
        match this.timer.as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Err(GuardError::Refused(Elapsed))),
            None => Poll::Pending,
        }
    }
}
