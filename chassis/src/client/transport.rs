//! Sends a request and reads the answer whole.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use http::header::ACCEPT_ENCODING;
use http::response::Parts;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Error as HyperError, ResponseFuture};

use super::answered::Answered;
use super::connector::{self, Pool};
use super::download::{Download, Waits};
use super::sending::Sending;
use super::upload::Exchanging;
use super::whole::Whole;
use super::{ClientSettings, HttpVersion};
use crate::{Error, ErrorKind, Result};

/// The end of a call's way.
pub(super) struct Transport {
    pool: Pool,
    response_limit: usize,
    compression: bool,
    /// Whether HTTP/2 is spoken without having been agreed on.
    unasked_http2: bool,
}

/// An answer that could not be understood as one of HTTP.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Garbled(#[source] HyperError);

/// A request that nobody has begun to work on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unsent(#[source] HyperError);

impl Transport {
    /// `name` is whose certificate the other side is to show, where that is not the host of the address.
    pub(super) fn new(scheme: &Scheme, name: Option<&str>, settings: &ClientSettings) -> Result<Self> {
        Ok(Self {
            unasked_http2: *scheme == Scheme::HTTP && settings.http_version == HttpVersion::Http2,
            pool: connector::pool(scheme, name, settings)?,
            response_limit: settings.response_limit,
            compression: settings.compression,
        })
    }

    /// Sends a request. It takes as long as it takes: whoever waits sets the limit. Where it is said how long a success is
    /// waited for, that is handed over while it comes.
    pub(super) fn send(&self, mut request: Request<Sending>, waits: Option<Waits>) -> Exchange {
        // What is streamed is taken as it is: its size when it is unpacked would be bounded by nothing.
        let compression = self.compression && waits.is_none();
        if compression {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let exchanging = request.body().exchanging();
        let sent = self.pool.request(request);
        let Self { response_limit: limit, unasked_http2, .. } = *self;
        Exchange { step: Step::Sent(sent), limit, compression, unasked_http2, waits, exchanging }
    }
}

/// A request that was sent, until its answer is there.
pub(super) struct Exchange {
    step: Step,
    limit: usize,
    compression: bool,
    unasked_http2: bool,
    /// Where a success is handed over while it comes.
    waits: Option<Waits>,
    exchanging: Option<Exchanging>,
}

enum Step {
    Sent(ResponseFuture),
    Reading(Reading),
}

/// An answer whose head is there.
struct Reading {
    /// `None` when all of it was given away.
    head: Option<Parts>,
    body: Incoming,
    whole: Whole,
}

impl Future for Exchange {
    type Output = Result<Response<Answered>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Self { step, limit, compression, unasked_http2, waits, exchanging } = &mut *self;
        let sent = match step {
            Step::Sent(sent) => ready!(Pin::new(sent).poll(cx)),
            Step::Reading(reading) => return reading.poll(cx),
        };
        // A stream that fails takes the connection with it, whatever that says.
        let failed = exchanging.as_ref().filter(|_| sent.is_err()).and_then(Exchanging::failure);
        let (mut head, body) =
            sent.map_err(|error| failed.unwrap_or_else(|| broken(error, *unasked_http2)))?.into_parts();
        let whole = Whole::new(&mut head.headers, *limit, *compression)?;
        if let Some(exchanging) = exchanging.as_ref().filter(|_| !head.status.is_success()) {
            exchanging.hold();
        }
        if let Some(waits) = waits.filter(|_| head.status.is_success()) {
            let download = Download::new(waits, &head, body, exchanging.take())?;
            return Poll::Ready(Ok(Response::from_parts(head, Answered::Stream(Box::new(download)))));
        }
        // Most answers are there with their head, and need no place of their own.
        let mut reading = Reading { head: Some(head), body, whole };
        let polled = reading.poll(cx);
        if polled.is_pending() {
            *step = Step::Reading(reading);
        }
        polled
    }
}

impl Reading {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Response<Answered>>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        self.whole.add(piece)?;
                    }
                }
                Some(Err(error)) => {
                    let broke_off = Error::new(ErrorKind::Unavailable, "the answer broke off");
                    return Poll::Ready(Err(broke_off.with_source(error)));
                }
                None => {
                    let Some(head) = self.head.take() else { unreachable!("an answer ends once") };
                    return Poll::Ready(self.whole.end().map(|body| Response::from_parts(head, body.into())));
                }
            }
        }
    }
}

/// What a request without an answer means.
fn broken(error: HyperError, unasked_http2: bool) -> Error {
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<hyper::Error>());
    let garbled = match cause {
        Some(cause) if cause.is_parse_too_large() => "the head of the answer is too large",
        Some(cause) if cause.is_parse_version_h2() => "the other side speaks HTTP/2 (`http_version`)",
        Some(cause) if cause.is_parse() => "the answer is no HTTP",
        Some(cause) if breaks_rules(cause) && unasked_http2 => {
            "the other side breaks the rules of HTTP/2, if it speaks that (`http_version`), or the head is too large"
        }
        Some(cause) if breaks_rules(cause) => "the answer breaks the rules of HTTP/2, or its head is too large",
        _ if error.is_connect() => {
            return Error::new(ErrorKind::Unavailable, "cannot connect").with_source(Unsent(error));
        }
        Some(cause) if cause.is_canceled() || is_refused(cause) => {
            let message = if unasked_http2 && cause.is_canceled() { NO_HTTP2 } else { "the connection was closing" };
            return Error::new(ErrorKind::Unavailable, message).with_source(Unsent(error));
        }
        Some(cause) if unasked_http2 && cause.is_closed() => {
            return Error::new(ErrorKind::Unavailable, NO_HTTP2).with_source(error);
        }
        _ => return Error::new(ErrorKind::Unavailable, "the connection broke off").with_source(error),
    };
    Error::new(ErrorKind::Protocol, garbled).with_source(Garbled(error))
}

/// A connection that ends before it is used does not say why.
const NO_HTTP2: &str = "the connection ended, or the other side speaks no HTTP/2 (`http_version`)";

/// Whether it was on this side that an HTTP/2 connection, or a call on it, was found to be wrong.
fn breaks_rules(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_library() && cause.reason().is_some_and(|reason| reason != h2::Reason::CANCEL))
}

/// Whether an HTTP/2 server says that it has not begun, and will not: RFC 9113, 8.7.
fn is_refused(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| {
        cause.is_remote()
            && (cause.is_go_away() || cause.is_reset() && cause.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}
