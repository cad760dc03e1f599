//! The order in which a call is guarded: total deadline → attempt time-out → connection.
//!
//! This is the one place where a layer is added: retry and breaker belong between the two limits.

use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response};
use tokio::time::{Duration, Instant, timeout_at};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, layer::layer_fn};

use super::ClientSettings;
use super::transport::Transport;
use crate::http::DEADLINE;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// A call with everything that guards it.
pub(super) type Stack = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Error>;

/// The limits of one call, as an extension of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempt: Duration,
    pub(super) deadline: Option<Instant>,
    /// Whether it may be sent again.
    #[allow(dead_code, reason = "the retry layer's to read")]
    pub(super) idempotent: bool,
}

/// The stack of one service.
pub(super) fn build(scheme: &Scheme, settings: &ClientSettings) -> Result<Stack> {
    let transport = Transport::new(scheme, settings)?;
    Ok(BoxCloneSyncService::new(ServiceBuilder::new().layer(total()).layer(attempt()).service(transport)))
}

/// Ends the call when its time is over, whatever goes on inside.
fn total<S>() -> impl Layer<S, Service = Bounded<S>> + Clone {
    layer_fn(|inner| Bounded { inner, bound: Bound::Total })
}

/// Ends one attempt, and tells the other side how long it is waited for.
fn attempt<S>() -> impl Layer<S, Service = Bounded<S>> + Clone {
    layer_fn(|inner| Bounded { inner, bound: Bound::Attempt })
}

#[derive(Clone, Copy)]
enum Bound {
    Total,
    Attempt,
}

#[derive(Clone)]
struct Bounded<S> {
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
        let until = limits.and_then(|limits| self.bound.until(limits));
        if let (Bound::Attempt, Some(until)) = (self.bound, until) {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            request.headers_mut().insert(DEADLINE, HeaderValue::from(u64::try_from(left).unwrap_or(u64::MAX)));
        }
        let work = self.inner.call(request);
        let bound = self.bound;
        Box::pin(async move {
            match until {
                Some(until) => timeout_at(until, work).await.unwrap_or_else(|_| Err(bound.passed())),
                None => work.await,
            }
        })
    }
}

impl Bound {
    fn until(self, limits: Limits) -> Option<Instant> {
        match self {
            Self::Total => limits.deadline,
            Self::Attempt => {
                let until = Instant::now() + limits.attempt;
                Some(limits.deadline.map_or(until, |deadline| deadline.min(until)))
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
