//! One call, as the layers of its stack know it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use tokio::time::{Duration, Instant};

use super::sending::Sending;
use super::upload::Supply;
use crate::Context;
use crate::context::TraceContext;
use crate::http::DEADLINE;
use crate::telemetry::propagation;

/// The header under which the other side remembers a call.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The limits of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempt: Duration,
    pub(super) deadline: Option<Instant>,
    /// Whether it may be sent again.
    pub(super) idempotent: bool,
}

impl Limits {
    /// When an attempt ends that began, or moved last, at `since`; and whether it is the call as a whole that ends then.
    pub(super) fn attempt_since(&self, since: Instant) -> (Instant, bool) {
        let own = since + self.attempt;
        match self.deadline {
            Some(deadline) if deadline < own => (deadline, true),
            _ => (own, false),
        }
    }
}

/// One call. Its attempts share it: each makes a request of its own out of it, so that nothing is copied for an attempt
/// that is never made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// What the operation's arguments have set.
    pub(super) headers: HeaderMap,
    pub(super) body: Supply,
    /// Whether a success is handed over while it comes.
    pub(super) streams: bool,
    /// The name of the other side; `None` where the address says it.
    pub(super) host: Option<HeaderValue>,
    /// Under which key the other side remembers it.
    pub(super) key: Option<HeaderValue>,
    pub(super) limits: Limits,
    /// The work that it is made for, and its span.
    pub(super) context: Context,
    /// What its attempts' spans are described with, where they are recorded.
    pub(super) described: Option<Described>,
    pub(super) progress: Progress,
}

/// What is said of each attempt in a trace.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) template: &'static str,
    pub(super) server: String,
    pub(super) port: u16,
}

/// How far a call is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    attempts: AtomicU32,
    timer: AtomicU8,
    /// The instances that it has been to.
    tried: Mutex<Vec<Arc<str>>>,
}

/// The timer of the attempt that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    None,
    /// It wakes the call, at the call's deadline at the latest.
    Running,
    /// It did so, at the deadline.
    Over,
}

const NONE: u8 = 0;
const RUNNING: u8 = 1;
const OVER: u8 = 2;

/// One attempt of a call.
pub(super) struct Attempt {
    pub(super) call: Arc<Call>,
    pub(super) request: Request<Sending>,
}

impl Call {
    /// Whether anything of it, there or back, may take as long as the call has.
    pub(super) fn moves(&self) -> bool {
        self.streams || self.body.flow().is_some()
    }

    /// Whether it may be sent again, whatever became of it the first time.
    pub(super) fn is_repeatable(&self) -> bool {
        if self.body.flow().is_some() {
            return false;
        }
        let keyed = || self.key.is_some() || self.headers.contains_key(&IDEMPOTENCY_KEY);
        self.limits.idempotent && (self.method.is_idempotent() || keyed())
    }

    /// The request of one attempt, which is waited for that long.
    pub(super) fn request(self: &Arc<Self>, trace: &TraceContext, within: Duration) -> Request<Sending> {
        let mut request = Request::new(Sending::of(self));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        // Room for all that is usual: growing costs more than the room.
        headers.reserve(8);
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        if !self.headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        }
        if let Some(host) = &self.host {
            headers.insert(HOST, host.clone());
        }
        let agent = self.context.service.unwrap_or("chassis");
        // What came from elsewhere and is no valid header is not passed on.
        if let Ok(agent) = HeaderValue::from_maybe_shared(Bytes::from_static(agent.as_bytes())) {
            headers.insert(USER_AGENT, agent);
        }
        if let Some(Ok(id)) = self.context.request_id.as_deref().map(HeaderValue::from_str) {
            headers.insert(REQUEST_ID, id);
        }
        // A contract that takes the key as an argument has set it already; nobody knows better than its caller.
        if let Some(key) = &self.key
            && !headers.contains_key(&IDEMPOTENCY_KEY)
        {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        let left = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        headers.insert(DEADLINE, HeaderValue::from(left));
        propagation::inject_from(trace, &self.context, |name, value| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        });
        request
    }
}

impl Progress {
    /// Begins an attempt; gives how many there were before.
    pub(super) fn begin(&self) -> u32 {
        self.attempts.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn timer(&self) -> Timer {
        match self.timer.load(Ordering::Relaxed) {
            RUNNING => Timer::Running,
            OVER => Timer::Over,
            _ => Timer::None,
        }
    }

    pub(super) fn set_timer(&self, timer: Timer) {
        let timer = match timer {
            Timer::None => NONE,
            Timer::Running => RUNNING,
            Timer::Over => OVER,
        };
        self.timer.store(timer, Ordering::Relaxed);
    }

    /// The instances that it has been to already.
    pub(super) fn tried(&self) -> Vec<Arc<str>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The instance that it went to last.
    pub(super) fn last_tried(&self) -> Option<Arc<str>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    pub(super) fn goes_to(&self, address: Arc<str>) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push(address);
    }
}
