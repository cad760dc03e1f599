//! What is known about the work at hand: its trace, its deadline and who asked for it.
//!
//! A context is entered once per request, delivery or job run; outgoing calls and messages pick it up by themselves.

mod trace;

use std::sync::Arc;

use tokio::time::{Duration, Instant};

pub use trace::{SpanId, TraceContext, TraceId};

tokio::task_local! {
    static CURRENT: Context;
}

/// Who asked for the work, as far as a trusted peer or a checked token said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user or system that the work is done for.
    pub subject: String,
    /// The tenant it belongs to.
    pub tenant: Option<String>,
}

/// The context of one piece of work. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Where the work stands in its distributed trace.
    pub trace: TraceContext,
    /// The service that does the work; several may share a process.
    pub service: Option<&'static str>,
    /// The id under which the outermost request is known in logs.
    pub request_id: Option<Arc<str>>,
    /// When the answer is no longer wanted.
    pub deadline: Option<Instant>,
    /// Who asked for it.
    pub identity: Option<Arc<Identity>>,
    /// W3C baggage as it came, to be passed on unchanged.
    pub baggage: Option<Arc<str>>,
}

/// Whether a request id that came from outside is taken over: up to 128 visible ASCII characters.
pub(crate) fn is_request_id(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic())
}

impl Context {
    /// The context of the running task, or an empty one outside of any work.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs `read` on the context of the running task, without cloning it; `None` outside of any work.
    pub fn with_current<R>(read: impl FnOnce(&Self) -> R) -> Option<R> {
        CURRENT.try_with(read).ok()
    }

    /// When the work of the running task is no longer wanted.
    pub(crate) fn current_deadline() -> Option<Instant> {
        Self::with_current(|context| context.deadline).flatten()
    }

    /// Runs `work` inside this context.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Runs what does not wait inside this context.
    pub fn scope_sync<R>(self, work: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, work)
    }

    /// How much time is left; `None` without a deadline, zero when it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The same context with a deadline `within` from now, unless an earlier one is set: a deadline is only ever shortened.
    #[must_use]
    pub fn with_timeout(mut self, within: Duration) -> Self {
        let until = Instant::now() + within;
        self.deadline = Some(self.deadline.map_or(until, |deadline| deadline.min(until)));
        self
    }
}
