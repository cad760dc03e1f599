//! One call, as its guards know it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderValue, Request, Uri};
use tokio::time::{Duration, Instant};

use super::download::Waits;
use super::headers::{IDEMPOTENCY_KEY, Usual};
use super::outgoing::Outgoing;
use super::sending::Sending;
use super::upload::Flow;
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
    /// What it sends in place of a body, where that is not in memory all at once.
    pub(super) flow: Option<Arc<Flow>>,
    pub(super) tried: Mutex<Vec<Arc<str>>>,
}

/// What is said of each attempt in a trace.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) server: String,
    pub(super) port: u16,
}

impl Call {
    /// The instances that it has been to.
    pub(super) fn tried(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything of it, there or back, may take as long as the call has.
    pub(super) fn moves(&self) -> bool {
        self.outgoing.streams || self.flow.is_some()
    }

    /// How long its answer is waited for, where that is handed over while it comes.
    pub(super) fn waits(&self) -> Option<Waits> {
        let waits = Waits { silent: self.outgoing.limits.attempt, until: self.deadline };
        self.outgoing.streams.then_some(waits)
    }

    /// When an attempt ends that began, or moved last, at `since`; and whether it is the call as a whole that ends then.
    pub(super) fn attempt_since(&self, since: Instant) -> (Instant, bool) {
        let own = since + self.outgoing.limits.attempt;
        if self.deadline < own { (self.deadline, true) } else { (own, false) }
    }

    /// Whether it may be sent again, whatever became of it the first time.
    pub(super) fn is_repeatable(&self) -> bool {
        // What is made while it is sent cannot be made again.
        if self.flow.is_some() {
            return false;
        }
        let Outgoing { idempotent, method, headers, .. } = &*self.outgoing;
        let keyed = || self.key.is_some() || headers.contains_key(IDEMPOTENCY_KEY);
        *idempotent && (method.is_idempotent() || keyed())
    }

    /// The request of one attempt, which is waited for that long.
    pub(super) fn request(&self, usual: &Usual, trace: &TraceContext, within: Duration) -> Request<Sending> {
        let mut request = Request::new(Sending::of(self));
        *request.method_mut() = self.outgoing.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = usual.of(self, trace, within);
        request
    }
}

#[cfg(test)]
impl Call {
    /// One that tests change to what they need.
    pub(super) fn example(outgoing: Outgoing) -> Self {
        let started = Instant::now();
        Self {
            outgoing: Box::new(outgoing),
            uri: Uri::default(),
            key: None,
            started,
            deadline: started + Duration::from_secs(1),
            context: Context::default(),
            described: None,
            flow: None,
            tried: Mutex::default(),
        }
    }
}
