use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::{BulkheadFull, Place};
use crate::BoxFuture;
use crate::resilience::GuardError;

pin_project! {
    /// The answer of a [`BulkheadService`](super::BulkheadService). It has its place until its end.
    pub struct ResponseFuture<S, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        state: State<S, S::Future, Request>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, F, Request> {
        Running { #[pin] inner: F, place: Place },
        Waiting { turn: BoxFuture<'static, Result<Place, BulkheadFull>>, call: Option<(S, Request)> },
        Refused,
    }
}

impl<S: Service<Request>, Request> ResponseFuture<S, Request> {
    pub(super) fn running(inner: S::Future, place: Place) -> Self {
        Self { state: State::Running { inner, place } }
    }

    pub(super) fn waiting(turn: BoxFuture<'static, Result<Place, BulkheadFull>>, service: S, request: Request) -> Self {
        Self { state: State::Waiting { turn, call: Some((service, request)) } }
    }

    pub(super) fn refused() -> Self {
        Self { state: State::Refused }
    }
}

impl<S: Service<Request>, Request> Future for ResponseFuture<S, Request> {
    type Output = Result<S::Response, GuardError<BulkheadFull, S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                Projected::Running { inner, .. } => return inner.poll(cx).map_err(GuardError::Inner),
                Projected::Refused => return Poll::Ready(Err(GuardError::Refused(BulkheadFull))),
                Projected::Waiting { turn, call } => {
                    let place = ready!(turn.as_mut().poll(cx)).map_err(GuardError::Refused)?;
                    let Some((mut service, request)) = call.take() else {
                        unreachable!("it is taken once, when the wait ends")
                    };
                    let inner = service.call(request);
                    state.set(State::Running { inner, place });
                }
            }
        }
    }
}
