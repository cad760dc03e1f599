//! Pauses between attempts.

use std::time::Duration;

/// Full jitter: a pause anywhere between nothing and a bound that doubles with each attempt, from `min` up to `max`.
///
/// That spreads the reconnections of many services best after a broker's restart
/// (Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Backoff {
    /// The pause before `attempt`, which is counted from one.
    pub(super) fn pause(self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(fastrand::f64())
    }

    fn bound(self, attempt: u32) -> Duration {
        let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.min.saturating_mul(doubled.max(1)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_maximum_and_stays_there() {
        let backoff = Backoff { min: Duration::from_millis(200), max: Duration::from_secs(30) };
        let bounds: Vec<u128> = [1, 2, 3, 8, 9, 32, 33, u32::MAX].map(|n| backoff.bound(n).as_millis()).to_vec();
        assert_eq!(bounds, [200, 400, 800, 25_600, 30_000, 30_000, 30_000, 30_000]);
        assert!(backoff.pause(4) <= Duration::from_millis(1_600));
    }
}
