//! The generic cell rate algorithm: one number says when the next call would be due if calls came evenly.
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>. Time is passed in.

use std::time::{Duration, Instant};

use super::error::RateLimited;
use super::policy::RateLimitPolicy;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Debug)]
pub(super) struct State {
    origin: Instant,
    /// Nanoseconds between two calls.
    interval: u64,
    /// How many nanoseconds early a call may be.
    tolerance: u64,
    /// When the next call is due, in nanoseconds since `origin`.
    due: AtomicU64,
}

impl State {
    pub(super) fn new(policy: RateLimitPolicy, now: Instant) -> Self {
        let nanos = u64::try_from(policy.period.as_nanos()).unwrap_or(u64::MAX);
        let interval = (nanos / u64::from(policy.calls)).max(1);
        let tolerance = interval.saturating_mul(u64::from(policy.burst) - 1);
        Self { origin: now, interval, tolerance, due: AtomicU64::new(0) }
    }

    pub(super) fn try_acquire(&self, now: Instant) -> Result<(), RateLimited> {
        let now = u64::try_from(now.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX);
        let mut due = self.due.load(Relaxed);
        loop {
            let early = due.saturating_sub(now);
            if early > self.tolerance {
                return Err(RateLimited { retry_after: Duration::from_nanos(early - self.tolerance) });
            }
            // The rate is all that this number says: nothing else is ordered by it.
            let next = due.max(now) + self.interval;
            match self.due.compare_exchange_weak(due, next, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => due = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn state(calls: u32, period: Duration, burst: u32) -> (State, Instant) {
        let now = Instant::now();
        (State::new(RateLimitPolicy::try_new(calls, period, burst).expect("a policy"), now), now)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (state, now) = state(10, 1000 * MS, 3);
        assert_eq!((0..10).filter(|_| state.try_acquire(now).is_ok()).count(), 3);
        assert_eq!(state.try_acquire(now), Err(RateLimited { retry_after: 100 * MS }));
        assert_eq!(state.try_acquire(now + 99 * MS), Err(RateLimited { retry_after: MS }));
        assert_eq!(state.try_acquire(now + 100 * MS), Ok(()));
        assert!(state.try_acquire(now + 100 * MS).is_err());
        let later = now + Duration::from_secs(3600);
        assert_eq!((0..10).filter(|_| state.try_acquire(later).is_ok()).count(), 3, "a rest is not saved up");
    }

    #[test]
    fn threads_share_one_rate() {
        let (state, now) = state(1000, 1000 * MS, 1000);
        let passed: usize = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| state.try_acquire(now).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(passed, 1000);
    }

    proptest! {
        /// In any span no more pass than the burst and what the rate gives for it, and what is refused may pass after the
        /// time that it was told, and not before.
        #[test]
        fn never_more_than_the_rate(steps in prop::collection::vec((0u64..60, any::<bool>()), 1..200), burst in 1u32..5) {
            let (state, start) = state(100, 1000 * MS, burst);
            let (mut now, mut passed) = (start, Vec::new());
            for (step, waits) in steps {
                now += Duration::from_millis(step / 10);
                let Err(refused) = state.try_acquire(now) else {
                    passed.push(now);
                    continue;
                };
                prop_assert!(refused.retry_after <= 10 * MS);
                let almost = now + refused.retry_after.saturating_sub(Duration::from_nanos(1));
                prop_assert!(state.try_acquire(almost).is_err());
                if waits {
                    now += refused.retry_after;
                    prop_assert_eq!(state.try_acquire(now), Ok(()));
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let allowed = u128::from(burst) + (*to - *from).as_millis() / 10;
                    prop_assert!((last - first + 1) as u128 <= allowed, "{} in {:?}", last - first + 1, *to - *from);
                }
            }
        }
    }
}
