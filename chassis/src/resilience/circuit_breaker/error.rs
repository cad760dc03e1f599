use std::fmt;
use std::time::Duration;

/// A circuit breaker refused the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitOpen {
    /// After how long a call may pass again, as far as that is known: an operator's word has no end.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the circuit is open")?;
        match self.retry_after {
            Some(after) => write!(f, "; try again in {} ms", after.as_millis()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CircuitOpen {}
