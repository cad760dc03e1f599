//! The two time limits of a call.

use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::{Duration, Instant, timeout_at};
use tower::layer::layer_fn;
use tower::{Layer, Service};

use crate::http::DEADLINE;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// The limits of one call, as an extension of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempt: Duration,
    pub(super) deadline: Option<Instant>,
    /// Whether it may be sent again.
    pub(super) idempotent: bool,
}

/// Marks an answer that says "too late" to an attempt which its caller gave less time than an attempt may take: that says
/// nothing of the other side. An extension of the response.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutShort;

/// Ends the call when its time is over, whatever goes on inside.
pub(super) fn total<S>() -> impl Layer<S, Service = Bounded<S>> + Clone {
    layer_fn(|inner| Bounded { inner, bound: Bound::Total })
}

/// Ends one attempt, and tells the other side how long it is waited for.
///
/// Where the call's deadline comes first there is nothing to end: the call as a whole ends then, and the attempt is given up,
/// which is not held against the other side.
pub(super) fn attempt<S>() -> impl Layer<S, Service = Bounded<S>> + Clone {
    layer_fn(|inner| Bounded { inner, bound: Bound::Attempt })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Total,
    Attempt,
}

#[derive(Debug, Clone)]
pub(super) struct Bounded<S> {
    inner: S,
    bound: Bound,
}

impl<S> Service<Request<Bytes>> for Bounded<S>
where
    S: Service<Request<Bytes>, Response = Response<Bytes>, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Bytes>>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Bytes>) -> Self::Future {
        let limits = request.extensions().get::<Limits>().copied();
        let (until, cut_short) = limits.map_or((None, false), |limits| self.bound.until(limits));
        if let (Bound::Attempt, Some(until)) = (self.bound, until) {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            request.headers_mut().insert(DEADLINE, HeaderValue::from(u64::try_from(left).unwrap_or(u64::MAX)));
        }
        let work = self.inner.call(request);
        let bound = self.bound;
        Box::pin(async move {
            match until {
                Some(until) if !cut_short => timeout_at(until, work).await.unwrap_or_else(|_| Err(bound.passed())),
                _ => {
                    let mut response = work.await?;
                    if cut_short && response.status() == StatusCode::GATEWAY_TIMEOUT {
                        response.extensions_mut().insert(CutShort);
                    }
                    Ok(response)
                }
            }
        })
    }
}

impl Bound {
    /// When it ends, and whether an attempt ends before its own time.
    fn until(self, limits: Limits) -> (Option<Instant>, bool) {
        match self {
            Self::Total => (limits.deadline, false),
            Self::Attempt => {
                let own = Instant::now() + limits.attempt;
                match limits.deadline {
                    Some(deadline) if deadline < own => (Some(deadline), true),
                    _ => (Some(own), false),
                }
            }
        }
    }

    fn passed(self) -> Error {
        let message = match self {
            Self::Total => "the call's time is over",
            Self::Attempt => "no answer within the time of one attempt",
        };
        Error::new(ErrorKind::DeadlineExceeded, message)
    }
}
