use std::time::Duration;

use crate::resilience::InvalidPolicy;
use crate::resilience::error::Rules;

/// How many calls may pass in how much time. Made by [`try_new`](Self::try_new); checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitPolicy {
    pub(super) calls: u32,
    pub(super) period: Duration,
    pub(super) burst: u32,
}

impl RateLimitPolicy {
    /// `calls` in each `period`, evenly spread, of which up to `burst` may come at once.
    ///
    /// # Errors
    /// When one of them is zero, or the period is so short that there would be no time between two calls.
    pub fn try_new(calls: u32, period: Duration, burst: u32) -> Result<Self, InvalidPolicy> {
        let mut rules = Rules::default();
        rules.check(calls > 0, "calls", "must be at least 1");
        rules.check(burst > 0, "burst", "must be at least 1");
        rules.check(period.as_nanos() >= u128::from(calls), "period", "must have at least a nanosecond for each call");
        rules.check(period <= Duration::from_secs(86_400), "period", "must be at most a day");
        rules.or(Self { calls, period, burst })
    }

    /// `calls` a second, all of which may come at once.
    ///
    /// # Errors
    /// When it is zero.
    pub fn per_second(calls: u32) -> Result<Self, InvalidPolicy> {
        Self::try_new(calls, Duration::from_secs(1), calls)
    }
}
