//! The time limit of a call as a whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep_until};
use tower::Service;

use super::call::{Call, Timer};
use crate::{Error, ErrorKind, Result};

/// Ends the call when its time is over, whatever goes on inside.
#[derive(Debug, Clone)]
pub(super) struct Total<S>(pub(super) S);

pin_project! {
    /// A call that ends in time.
    pub(super) struct Ending<F> {
        #[pin]
        work: F,
        call: Arc<Call>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<S> Service<Arc<Call>> for Total<S>
where
    S: Service<Arc<Call>, Error = Error>,
{
    type Response = S::Response;
    type Error = Error;
    type Future = Ending<S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Arc<Call>) -> Self::Future {
        Ending { work: self.0.call(Arc::clone(&call)), call, timer: None }
    }
}

impl<F, R> Future for Ending<F>
where
    F: Future<Output = Result<R>>,
{
    type Output = Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(result) = this.work.poll(cx) {
            return Poll::Ready(result);
        }
        let Some(deadline) = this.call.limits.deadline else { return Poll::Pending };
        // The timer of an attempt never ends later than the call, and wakes it too: mostly one timer does.
        let over = match this.call.progress.timer() {
            Timer::Running => false,
            Timer::Over => true,
            Timer::None => {
                if this.timer.is_none() {
                    this.timer.set(Some(sleep_until(deadline)));
                }
                this.timer.as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready())
            }
        };
        if over {
            return Poll::Ready(Err(Error::new(ErrorKind::DeadlineExceeded, "the call's time is over")));
        }
        Poll::Pending
    }
}
