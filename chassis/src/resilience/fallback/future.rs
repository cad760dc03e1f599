use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// The answer of a [`FallbackService`](super::FallbackService).
    #[derive(Debug)]
    pub struct ResponseFuture<I, F, G> {
        #[pin]
        state: State<I, F, G>,
    }
}

pin_project! {
    #[project = Projected]
    #[derive(Debug)]
    enum State<I, F, G> {
        Calling { #[pin] inner: I, fallback: F },
        FallingBack { #[pin] instead: G },
    }
}

impl<I, F, G> ResponseFuture<I, F, G> {
    pub(super) fn new(inner: I, fallback: F) -> Self {
        Self { state: State::Calling { inner, fallback } }
    }
}

impl<I, F, G, Response, Error> Future for ResponseFuture<I, F, G>
where
    I: Future<Output = Result<Response, Error>>,
    F: Fn(Error) -> G,
    G: Future<Output = Result<Response, Error>>,
{
    type Output = Result<Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                Projected::Calling { inner, fallback } => match ready!(inner.poll(cx)) {
                    Ok(response) => return Poll::Ready(Ok(response)),
                    Err(error) => {
                        let instead = fallback(error);
                        state.set(State::FallingBack { instead });
                    }
                },
                Projected::FallingBack { instead } => return instead.poll(cx),
            }
        }
    }
}
