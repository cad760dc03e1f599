//! The body of a request as a stream.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::{Duration, Sleep, sleep_until, timeout};

use super::ByteStream;
use crate::http::Problem;
use crate::http::json::{cut_short, is_limit};
use crate::{Context, Error, ErrorKind, Result};

/// For how long what is still being sent is taken in, and thrown away, after the answer. A connection that is closed on what
/// was sent takes the answer with it.
const LINGER: Duration = Duration::from_secs(2);

/// Why the body of a request could not be read to its end, as its sender is told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cut(#[source] pub(crate) Problem);

/// A body that is being received.
struct Received {
    /// `None` after its end.
    body: Option<Body>,
    /// When nobody waits for it any more.
    timer: Option<Pin<Box<Sleep>>>,
}

impl ByteStream {
    /// The body of the request that is being handled, which has time until its deadline.
    pub(crate) fn received(body: Body) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        let length = body.size_hint().exact();
        let timer = Context::current_deadline().map(|deadline| Box::pin(sleep_until(deadline)));
        let received = Self::new(Received { body: Some(body), timer });
        match length {
            Some(length) => received.with_length(length),
            None => received,
        }
    }
}

impl Stream for Received {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let Self { body: slot, timer } = &mut *self;
        let Some(body) = slot else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let problem = cut_short(&error);
                    let message = problem.detail.clone().unwrap_or_default();
                    let cut = Error::new(ErrorKind::Invalid, message).with_source(Cut(problem.caused_by(error)));
                    return Poll::Ready(Some(Err(cut)));
                }
                Poll::Ready(None) => {
                    *slot = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let Some(timer) = timer else { return Poll::Pending };
                    ready!(timer.as_mut().poll(cx));
                    let late = Error::new(ErrorKind::DeadlineExceeded, "the rest of the body did not come in time");
                    return Poll::Ready(Some(Err(late)));
                }
            }
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) = (self.body.take(), Handle::try_current()) else { return };
        runtime.spawn(timeout(LINGER, async move {
            while let Some(frame) = body.frame().await {
                // Beyond the limit each piece is an error of its own.
                if frame.is_err_and(|error| !is_limit(&error)) {
                    return;
                }
            }
        }));
    }
}
