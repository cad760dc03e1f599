//! An event as its handler gets it.

use std::ops::Deref;

use super::{Headers, Received};

tokio::task_local! {
    static CAUSE: Cause;
}

/// What the messages that a handler publishes come of: the delivery that it handles.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) Received);

impl Cause {
    /// The delivery that the running task handles.
    pub(crate) fn current() -> Option<Self> {
        CAUSE.try_with(Clone::clone).ok()
    }

    /// Runs `work` as caused by this.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CAUSE.scope(self, work)
    }
}

/// An event as its handler gets it: the event itself by dereference, and what is known of the message.
#[derive(Debug, Clone)]
pub struct Delivery<T> {
    event: T,
    received: Received,
}

impl<T> Delivery<T> {
    pub(super) fn new(event: T, received: Received) -> Self {
        Self { event, received }
    }

    /// The message's id, the same across resends and redeliveries.
    pub fn id(&self) -> &str {
        self.received.id()
    }

    /// Which attempt at handling this is, counted from one.
    pub fn attempt(&self) -> u32 {
        self.received.attempt()
    }

    /// The headers as they came.
    pub fn headers(&self) -> &Headers {
        self.received.headers()
    }

    /// The message behind the event.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The same delivery of what `change` makes of its event.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Delivery<U> {
        Delivery { event: change(self.event), received: self.received }
    }

    /// The event alone.
    pub fn into_inner(self) -> T {
        self.event
    }
}

impl<T> Deref for Delivery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.event
    }
}
