//! An answer that is read while it comes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use super::balance::Following;
use super::upload::Exchanging;
use crate::http::ByteStream;
use crate::resilience::bulkhead::Place;
use crate::resilience::circuit_breaker::Recorded;
use crate::{Error, ErrorKind, Result};

/// The body of an answer whose head is there. Dropped before its end, it cancels the exchange.
pub(super) struct Download {
    waits: Waits,
    /// `None` after its end.
    body: Option<Incoming>,
    /// Ends a wait for the next piece; `None` while there is none.
    wait: Option<Pin<Box<Sleep>>>,
    /// What is being sent ends with it.
    exchanging: Option<Exchanging>,
    /// Who is told that it broke off.
    told: Option<Told>,
    /// Its place among the calls that are under way.
    place: Option<Place>,
    /// The success that its head was to the breaker.
    recorded: Option<Recorded>,
    /// The instance that it comes from, where that was chosen here.
    instance: Option<Following>,
}

type Told = Box<dyn Fn(Cut, Option<Recorded>) -> Error + Send>;

/// How long a streamed answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// How long its other side may be silent.
    pub(super) silent: Duration,
    /// When the call's time is over.
    pub(super) until: Instant,
}

/// Why an answer was not read to its end.
pub(super) struct Cut {
    pub(super) error: Error,
    /// Whether it is the other side that failed.
    pub(super) by_other_side: bool,
}

impl Download {
    /// # Errors
    /// The answer does not say where it ends: broken off it would look like a whole one.
    pub(super) fn new(waits: Waits, head: &Parts, body: Incoming, exchanging: Option<Exchanging>) -> Result<Self> {
        let told = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| head.headers.contains_key(name));
        let told = told || head.status == StatusCode::NO_CONTENT || head.version >= Version::HTTP_2;
        if !told {
            return Err(Error::new(ErrorKind::Protocol, "the answer is streamed and does not say where it ends"));
        }
        Ok(Self {
            waits,
            body: Some(body),
            wait: None,
            exchanging,
            told: None,
            place: None,
            recorded: None,
            instance: None,
        })
    }

    /// Keeps a place until its end, and what was recorded of its head.
    pub(super) fn keep(&mut self, place: Place, recorded: Recorded) {
        (self.place, self.recorded) = (Some(place), Some(recorded));
    }

    /// Says where it comes from.
    pub(super) fn comes_from(&mut self, instance: Following) {
        self.instance = Some(instance);
    }

    /// The stream that its caller reads. `told` of a failure, and what was recorded of the head, says what the caller is told.
    pub(super) fn into_stream(
        mut self: Box<Self>,
        told: impl Fn(Cut, Option<Recorded>) -> Error + Send + 'static,
    ) -> ByteStream {
        self.told = Some(Box::new(told));
        let length = self.body.as_ref().and_then(|body| body.size_hint().exact());
        let stream = ByteStream::new(self);
        match length {
            Some(length) => stream.with_length(length),
            None => stream,
        }
    }

    /// Lets go of all that it holds.
    fn end(&mut self) {
        (self.body, self.wait) = (None, None);
        (self.exchanging, self.place, self.instance) = (None, None, None);
    }

    /// Whether the call's time is over.
    fn is_late(&self) -> bool {
        self.waits.until <= Instant::now()
    }

    /// Waits for the next piece no longer than the other side may be silent, and than the call has time.
    fn poll_over(&mut self, cx: &mut TaskContext<'_>) -> Poll<Cut> {
        let Waits { silent, until } = self.waits;
        // A reader that takes its time does not make the other side slow: only a wait is measured.
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep_until(until.min(Instant::now() + silent))));
        ready!(wait.as_mut().poll(cx));
        Poll::Ready(if self.is_late() { Cut::too_late() } else { Cut::silent() })
    }
}

impl Stream for Download {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let cut = loop {
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(_) if this.is_late() => break Cut::too_late(),
                Poll::Ready(Some(Ok(frame))) => {
                    this.wait = None;
                    if let Ok(piece) = frame.into_data() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let failed = this.exchanging.as_ref().and_then(Exchanging::failure);
                    break failed.map_or_else(|| Cut::broke_off(error), Cut::by_caller);
                }
                Poll::Ready(None) => {
                    this.instance.take().into_iter().for_each(Following::ended);
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => break ready!(this.poll_over(cx)),
            }
        };
        if let Some(instance) = this.instance.take().filter(|_| cut.by_other_side) {
            instance.broke_off();
        }
        this.end();
        Poll::Ready(Some(Err(match &this.told {
            Some(told) => told(cut, this.recorded.take()),
            None => cut.error,
        })))
    }
}

impl Cut {
    fn broke_off(error: hyper::Error) -> Self {
        let error = Error::new(ErrorKind::Unavailable, "the answer broke off").with_source(error);
        Self { error, by_other_side: true }
    }

    fn silent() -> Self {
        let message = "no more of the answer came within the time of one attempt";
        Self { error: Error::new(ErrorKind::DeadlineExceeded, message), by_other_side: true }
    }

    fn too_late() -> Self {
        Self::by_caller(Error::new(ErrorKind::DeadlineExceeded, "the call's time is over"))
    }

    fn by_caller(error: Error) -> Self {
        Self { error, by_other_side: false }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}
