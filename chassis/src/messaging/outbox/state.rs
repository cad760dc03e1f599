use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How the relay of an outbox fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayState {
    /// Messages leave soon after they were stored.
    Ok,
    /// Messages wait for longer than they should, or nobody knows.
    Degraded {
        /// For how long the oldest has been waiting.
        oldest: Duration,
        /// The last failure, if there was one since the last success.
        cause: Option<Arc<str>>,
    },
    /// Events wait for queues that somebody must read first (`outbox.hearers`).
    Awaiting(Vec<Awaited>),
    /// It was stopped, or it broke.
    Stopped,
}

/// A queue that events wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The type of the events.
    pub kind: String,
    /// The queue, as `outbox.hearers` has it.
    pub queue: String,
    /// There is no such queue; otherwise nobody reads it.
    pub missing: bool,
    /// A queue of which it may be a misspelling.
    pub near: Option<String>,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, queue, missing, near } = self;
        write!(f, "events `{kind}` are kept until `{queue}` is read, as `outbox.hearers` wants it, ")?;
        f.write_str(if *missing { "and there is no such queue yet" } else { "and nobody has read it yet" })?;
        near.as_ref().map_or(Ok(()), |near| write!(f, ": is `{near}` meant?"))
    }
}

impl fmt::Display for RelayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Degraded { oldest, cause } => {
                write!(f, "the oldest message in the outbox waits for {} s", oldest.as_secs())?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::Awaiting(awaited) => {
                let awaited: Vec<String> = awaited.iter().map(Awaited::to_string).collect();
                f.write_str(&awaited.join("; "))
            }
            Self::Stopped => f.write_str("the relay of the outbox has stopped"),
        }
    }
}

/// The last failure of any worker since the last success of any.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<Arc<str>>>);

impl Trouble {
    pub(super) fn set(&self, cause: impl Into<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause.into());
    }

    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn get(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
