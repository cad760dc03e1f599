//! How long to wait before something that broke is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Full jitter: anything between zero and a bound that doubles from 0.2 s to 30 s, so that many who lost the same broker do
/// not come back at once. `attempt` counts from one.
pub(super) fn full_jitter(attempt: u32) -> Duration {
    bound(attempt).mul_f64(fastrand::f64())
}

fn bound(attempt: u32) -> Duration {
    FIRST.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_half_a_minute() {
        let bounds = [1, 2, 8, 9, 40].map(bound);
        assert_eq!(bounds, [200, 400, 25_600, 30_000, 30_000].map(Duration::from_millis));
    }
}
