use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::GuardError;

pin_project! {
    /// The answer of a service behind a guard: that of the service, or the guard's refusal.
    #[derive(Debug)]
    pub struct Guarded<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum State<F, R> {
        Passed { #[pin] inner: F },
        Refused { refusal: Option<R> },
    }
}

impl<F, R> Guarded<F, R> {
    pub(super) fn passed(inner: F) -> Self {
        Self { state: State::Passed { inner } }
    }

    pub(super) fn refused(refusal: R) -> Self {
        Self { state: State::Refused { refusal: Some(refusal) } }
    }
}

impl<F, R, Response, Error> Future for Guarded<F, R>
where
    F: Future<Output = Result<Response, Error>>,
{
    type Output = Result<Response, GuardError<R, Error>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Passed { inner } => inner.poll(cx).map_err(GuardError::Inner),
            Projected::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Err(GuardError::Refused(refusal))),
                None => panic!("the answer was taken already"),
            },
        }
    }
}
