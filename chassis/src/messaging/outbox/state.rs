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
    /// It was stopped, or it broke.
    Stopped,
}

impl fmt::Display for RelayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Degraded { oldest, cause } => {
                write!(f, "the oldest message in the outbox waits for {} s", oldest.as_secs())?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
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
