use std::time::Duration;

use crate::messaging::driver::PublishError;

/// What a failure to publish means for the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The way to the broker is closed; it says nothing about the row.
    Transport,
    /// The broker doesn't take this row now.
    Later,
    /// The broker doesn't take this row, and won't unless somebody changes something.
    Permanent,
    /// No broker ever takes this row.
    Hopeless,
}

impl Verdict {
    pub(super) fn of(error: &PublishError) -> Self {
        match error {
            PublishError::Blocked(_)
            | PublishError::BufferFull { .. }
            | PublishError::NotConnected(_)
            | PublishError::Timeout { .. }
            | PublishError::ConnectionLost { .. } => Self::Transport,
            PublishError::Nacked => Self::Later,
            PublishError::Unroutable { .. } | PublishError::Refused(_) => Self::Permanent,
            PublishError::TooLarge { .. } => Self::Hopeless,
        }
    }
}

/// The failure's name in metrics.
pub(super) fn name(error: &PublishError) -> &'static str {
    match error {
        PublishError::Unroutable { .. } => "unroutable",
        PublishError::Nacked => "nacked",
        PublishError::TooLarge { .. } => "too_large",
        PublishError::Refused(_) => "refused",
        PublishError::Blocked(_) => "blocked",
        PublishError::BufferFull { .. } => "buffer_full",
        PublishError::NotConnected(_) => "not_connected",
        PublishError::Timeout { .. } => "timeout",
        PublishError::ConnectionLost { .. } => "connection_lost",
    }
}

/// The pause after the given number of failures (from one on): doubled each time, of which a random half is left out, so
/// that rows that failed together don't come back together.
pub(super) fn pause(failures: u32, min: Duration, max: Duration) -> Duration {
    let whole = min.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(max);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        for (failures, whole) in [(0, 100), (1, 100), (2, 200), (3, 400), (5, 1000), (u32::MAX, 1000)] {
            let pause = pause(failures, min, max).as_millis();
            assert!((whole / 2..=whole).contains(&pause), "{failures}: {pause}");
        }
    }
}
