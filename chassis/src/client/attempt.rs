//! One attempt of a call: its time limit, what it tells the other side, and its span.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use http::{Response, StatusCode, Version};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;

use super::answered::Answered;
use super::call::{Attempt, Call, Timer};
use super::instruments::Ended;
use crate::telemetry::span::{Span, SpanKind};
use crate::{Error, ErrorKind, Result};

/// Marks an answer that says "too late" to an attempt which its caller gave less time than an attempt may take: that says
/// nothing of the other side. An extension of the response.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutShort;

/// Makes one attempt of a call, and ends it when it takes too long.
///
/// Where the call's deadline comes first there is nothing to end: the call as a whole ends then, and the attempt is given up,
/// which is not held against the other side.
#[derive(Debug, Clone)]
pub(super) struct Attempts<S>(pub(super) S);

pin_project! {
    /// An attempt that is under way.
    pub(super) struct UnderWay<F> {
        #[pin]
        work: F,
        #[pin]
        timer: Sleep,
        cut_short: bool,
        guard: Guard,
    }
}

/// What is to be done however an attempt ends, also when nobody waits for it any more.
struct Guard {
    call: Arc<Call>,
    /// Boxed, as it is mostly absent and would be moved with its attempt through all layers.
    span: Option<Box<Span>>,
}

impl<S> Service<Arc<Call>> for Attempts<S>
where
    S: Service<Attempt, Response = Response<Answered>, Error = Error>,
{
    type Response = Response<Answered>;
    type Error = Error;
    type Future = UnderWay<S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, call: Arc<Call>) -> Self::Future {
        let now = Instant::now();
        let (until, cut_short) = call.limits.attempt_since(now);
        let resent = call.progress.begin();
        let span = span(&call, resent);
        let trace = span.as_ref().map_or(&call.context.trace, |span| span.trace());
        let until_all = call.limits.deadline.filter(|_| call.moves()).unwrap_or(until);
        let request = call.request(trace, until_all.saturating_duration_since(now));
        let guard = Guard { call: Arc::clone(&call), span };
        call.progress.set_timer(Timer::Running);
        UnderWay { work: self.0.call(Attempt { call, request }), timer: sleep_until(until), cut_short, guard }
    }
}

impl<F> Future for UnderWay<F>
where
    F: Future<Output = Result<Response<Answered>>>,
{
    type Output = Result<Response<Answered>>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut result = match this.work.poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending if still_going(this.timer.as_mut(), this.cut_short, &this.guard.call, cx) => {
                return Poll::Pending;
            }
            // At the call's deadline it is the call that ends.
            Poll::Pending if *this.cut_short => {
                this.guard.call.progress.set_timer(Timer::Over);
                return Poll::Pending;
            }
            Poll::Pending => Err(Error::new(ErrorKind::DeadlineExceeded, "no answer within the time of one attempt")),
        };
        if let Ok(response) = &mut result
            && *this.cut_short
            && response.status() == StatusCode::GATEWAY_TIMEOUT
        {
            response.extensions_mut().insert(CutShort);
        }
        this.guard.ended(&result);
        Poll::Ready(result)
    }
}

/// Whether there is time left. What is being sent has as long as it moves.
fn still_going(mut timer: Pin<&mut Sleep>, cut_short: &mut bool, call: &Call, cx: &mut TaskContext<'_>) -> bool {
    while timer.as_mut().poll(cx).is_ready() {
        let Some(flow) = call.body.flow() else { return false };
        let (until, by_call) = call.limits.attempt_since(flow.moved());
        if until <= timer.deadline() {
            return false;
        }
        *cut_short = by_call;
        timer.as_mut().reset(until);
    }
    true
}

/// The span of an attempt, where anybody wants it.
fn span(call: &Call, resent: u32) -> Option<Box<Span>> {
    let described = call.described.as_ref()?;
    let mut span = Span::start(SpanKind::Client, format!("{} {}", call.method, described.template), &call.context);
    span.set("http.request.method", call.method.as_str());
    span.set("server.address", described.server.as_str());
    span.set("server.port", described.port);
    span.set("url.template", described.template);
    if resent > 0 {
        span.set("http.request.resend_count", resent);
    }
    Some(Box::new(span))
}

impl Guard {
    fn ended(&mut self, result: &Result<Response<Answered>>) {
        self.call.progress.set_timer(Timer::None);
        let Some(mut span) = self.span.take() else { return };
        // Where the operating system finds the instance, nobody here knows which it was.
        if let Some(Ok(peer)) = self.call.progress.last_tried().map(|peer| peer.parse::<SocketAddr>()) {
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

impl Drop for Guard {
    fn drop(&mut self) {
        self.call.progress.set_timer(Timer::None);
        if let Some(mut span) = self.span.take() {
            span.set("error.type", "given_up");
            span.fail("nobody waited for it any more");
        }
    }
}
