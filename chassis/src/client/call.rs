//! One call, as its guards know it.

use http::{HeaderValue, Request, Uri};
use tokio::time::{Duration, Instant};

use super::headers::{IDEMPOTENCY_KEY, Usual};
use super::outgoing::Outgoing;
use super::sending::Sending;
use crate::Context;
use crate::context::TraceContext;

/// One call. Each of its attempts makes a request of its own out of it, so that nothing is copied for an attempt that is
/// never made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) outgoing: Box<Outgoing>,
    pub(super) uri: Uri,
    /// Under which key the other side remembers it.
    pub(super) key: Option<HeaderValue>,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    /// The work that it is made for, and its span.
    pub(super) context: Context,
    /// What its attempts' spans are described with, where they are recorded.
    pub(super) described: Option<Described>,
}

/// What is said of each attempt in a trace.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) server: String,
    pub(super) port: u16,
}

impl Call {
    /// Whether it may be sent again, whatever became of it the first time.
    pub(super) fn is_repeatable(&self) -> bool {
        let Outgoing { idempotent, method, headers, .. } = &*self.outgoing;
        let keyed = || self.key.is_some() || headers.contains_key(IDEMPOTENCY_KEY);
        *idempotent && (method.is_idempotent() || keyed())
    }

    /// The request of one attempt, which is waited for that long.
    pub(super) fn request(&self, usual: &Usual, trace: &TraceContext, within: Duration) -> Request<Sending> {
        let mut request = Request::new(self.outgoing.body.clone().into());
        *request.method_mut() = self.outgoing.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = usual.of(self, trace, within);
        request
    }
}
