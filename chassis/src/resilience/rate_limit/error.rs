use std::fmt;
use std::time::Duration;

/// A rate limit refused the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// After how long a call may pass again.
    pub retry_after: Duration,
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many calls in too short a time; try again in {} ms", self.retry_after.as_millis())
    }
}

impl std::error::Error for RateLimited {}
