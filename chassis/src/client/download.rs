//! An answer that is read while it comes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::call::Call;
use super::upload::Exchanging;
use crate::http::ByteStream;
use crate::{Error, ErrorKind, Result};

/// The body of an answer whose head is there. Dropped before its end, it cancels the exchange.
pub(super) struct Download {
    call: Arc<Call>,
    /// `None` after its end.
    body: Option<Incoming>,
    /// Ends a wait for the next piece; `None` while there is none.
    wait: Option<Pin<Box<Sleep>>>,
    /// What is being sent ends with it.
    _exchanging: Option<Exchanging>,
    /// Who is told that it broke off.
    told: Option<Box<dyn Fn(Error) -> Error + Send>>,
}

impl Download {
    /// # Errors
    /// The answer does not say where it ends: broken off it would look like a whole one.
    pub(super) fn new(call: Arc<Call>, head: &Parts, body: Incoming, exchanging: Option<Exchanging>) -> Result<Self> {
        let told = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| head.headers.contains_key(name));
        let told = told || head.status == StatusCode::NO_CONTENT || head.version >= Version::HTTP_2;
        if !told {
            return Err(Error::new(ErrorKind::Protocol, "the answer is streamed and does not say where it ends"));
        }
        Ok(Self { call, body: Some(body), wait: None, _exchanging: exchanging, told: None })
    }

    /// The stream that its caller reads. `told` of a failure, it says what the caller is told.
    pub(super) fn into_stream(mut self: Box<Self>, told: impl Fn(Error) -> Error + Send + 'static) -> ByteStream {
        self.told = Some(Box::new(told));
        let length = self.body.as_ref().and_then(|body| body.size_hint().exact());
        let stream = ByteStream::new(self);
        match length {
            Some(length) => stream.with_length(length),
            None => stream,
        }
    }

    /// Whether the call's time is over.
    fn is_late(&self) -> bool {
        self.call.limits.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits for the next piece no longer than the other side may be silent, and than the call has time.
    fn poll_over(&mut self, cx: &mut TaskContext<'_>) -> Poll<Error> {
        let limits = self.call.limits;
        // A reader that takes its time does not make the other side slow: only a wait is measured.
        let wait = self.wait.get_or_insert_with(|| {
            let silent = Instant::now() + limits.attempt;
            Box::pin(sleep_until(limits.deadline.map_or(silent, |deadline| deadline.min(silent))))
        });
        ready!(wait.as_mut().poll(cx));
        Poll::Ready(if self.is_late() { too_late() } else { silent() })
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let error = loop {
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(_) if this.is_late() => break too_late(),
                Poll::Ready(Some(Ok(frame))) => {
                    this.wait = None;
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    break Error::new(ErrorKind::Unavailable, "the answer broke off").with_source(error);
                }
                Poll::Ready(None) => {
                    this.body = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => break ready!(this.poll_over(cx)),
            }
        };
        this.body = None;
        Poll::Ready(Some(Err(match &this.told {
            Some(told) => told(error),
            None => error,
        })))
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "the call's time is over")
}

fn silent() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, "no more of the answer came within the time of one attempt")
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}
