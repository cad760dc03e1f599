//! How long calls may take.

use tokio::time::Duration;

/// How long a call, and one attempt of it, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The call in all.
    pub total: Duration,
    /// One attempt.
    pub attempt: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { total: Duration::from_secs(5), attempt: Duration::from_millis(1_500) }
    }
}
