//! One attempt of a call: its time limit, what it tells the other side, and its span.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_util::FutureExt;
use http::{Response, StatusCode, Version};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answered::Answered;
use super::call::Call;
use super::connection::{Connection, Sent};
use super::guards::too_late;
use super::headers::Usual;
use super::instruments::Ended;
use crate::context::TraceContext;
use crate::telemetry::span::{Span, SpanKind};
use crate::{Error, ErrorKind, Result};

/// Marks an answer that says "too late" to an attempt which its caller gave less time than an attempt may take: that says
/// nothing of the other side. An extension of the response.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutShort;

/// Makes attempts, and ends those that take too long.
pub(super) struct Attempts {
    usual: Usual,
    connection: Connection,
}

pin_project! {
    /// An attempt that is under way. Where the call's deadline comes first there is nothing to end: the call as a whole ends
    /// then, and the attempt is given up, which is not held against the other side.
    pub(super) struct UnderWay<'a> {
        work: Sent<'a>,
        #[pin]
        timer: Sleep,
        cut_short: bool,
        over: bool,
        call: &'a Call,
        observed: Observed,
    }
}

/// The span of an attempt, where anybody wants it; it also ends when nobody waits for the attempt any more.
struct Observed(Option<Box<Span>>);

impl Attempts {
    pub(super) fn new(usual: Usual, connection: Connection) -> Self {
        Self { usual, connection }
    }

    /// Begins an attempt after so many others.
    pub(super) fn begin<'a>(&'a self, call: &'a Call, before: u32, now: Instant) -> UnderWay<'a> {
        let (until, cut_short) = call.attempt_since(now);
        let observed = Observed::new(call, before);
        // What goes on after its head is waited for as long as the call has.
        let wanted = if call.moves() { call.deadline } else { until };
        let request = call.request(&self.usual, observed.trace(call), wanted.saturating_duration_since(now));
        let work = self.connection.send(request, call);
        UnderWay { work, timer: sleep_until(until), cut_short, over: false, call, observed }
    }
}

impl UnderWay<'_> {
    /// Whether it was the call as a whole whose time was over.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

impl Future for UnderWay<'_> {
    type Output = Result<Response<Answered>>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut result = match this.work.poll_unpin(cx) {
            // An answer that is there counts, even if it is late.
            Poll::Ready(result) => result,
            Poll::Pending => loop {
                ready!(this.timer.as_mut().poll(cx));
                // What is being sent has time as long as it moves.
                let moved = this.call.flow.as_ref().map(|flow| this.call.attempt_since(flow.moved()));
                match moved.filter(|(until, _)| *until > this.timer.deadline()) {
                    Some((until, by_call)) => {
                        *this.cut_short = by_call;
                        this.timer.as_mut().reset(until);
                    }
                    None if *this.cut_short => {
                        *this.over = true;
                        return Poll::Ready(Err(too_late()));
                    }
                    None => {
                        let late = "no answer within the time of one attempt";
                        break Err(Error::new(ErrorKind::DeadlineExceeded, late));
                    }
                }
            },
        };
        if *this.cut_short
            && let Ok(response) = &mut result
            && response.status() == StatusCode::GATEWAY_TIMEOUT
        {
            response.extensions_mut().insert(CutShort);
        }
        this.observed.end(this.call, &result);
        Poll::Ready(result)
    }
}

impl Observed {
    fn new(call: &Call, before: u32) -> Self {
        Self(call.described.as_ref().map(|described| {
            let (method, template) = (&call.outgoing.method, call.outgoing.template);
            let mut span = Span::start(SpanKind::Client, format!("{method} {template}"), &call.context);
            span.set("http.request.method", method.as_str());
            span.set("server.address", described.server.as_str());
            span.set("server.port", described.port);
            span.set("url.template", template);
            if before > 0 {
                span.set("http.request.resend_count", before);
            }
            Box::new(span)
        }))
    }

    /// Whose child the other side's span is.
    fn trace<'a>(&'a self, call: &'a Call) -> &'a TraceContext {
        self.0.as_ref().map_or(&call.context.trace, |span| span.trace())
    }

    fn end(&mut self, call: &Call, result: &Result<Response<Answered>>) {
        let Some(mut span) = self.0.take() else { return };
        // Where the operating system finds the instance, nobody here knows which it was.
        if let Some(Ok(peer)) = call.tried().last().map(|peer| peer.parse::<SocketAddr>()) {
            span.set("network.peer.address", peer.ip().to_string());
            span.set("network.peer.port", peer.port());
        }
        if let Ok(response) = result {
            span.set("http.response.status_code", response.status().as_u16());
            span.set("network.protocol.version", if response.version() == Version::HTTP_2 { "2" } else { "1.1" });
        }
        Ended::of(result).tell(&mut span);
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(mut span) = self.0.take() {
            span.set("error.type", "given_up");
            span.fail("nobody waited for it any more");
        }
    }
}
