//! How long calls may take.

use tokio::time::Duration;

use crate::resilience::Preset;

/// How long a call, and one attempt of it, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The call in all.
    pub total: Duration,
    /// One attempt.
    pub attempt: Duration,
}

impl Timeouts {
    /// Those that fit a kind of call.
    pub fn preset(preset: Preset) -> Self {
        let (total, attempt) = match preset {
            Preset::Standard => (Duration::from_secs(5), Duration::from_millis(1_500)),
            Preset::Fast => (Duration::from_millis(500), Duration::from_millis(200)),
            Preset::Batch => (Duration::from_secs(900), Duration::from_secs(300)),
        };
        Self { total, attempt }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::preset(Preset::Standard)
    }
}
