//! Whether a call is tried again, and after how long. Time and randomness are passed in.

use std::time::{Duration, Instant};

use super::budget;
use super::policy::{RetryPolicy, RetryPolicyBuilder};
use super::rule::GivenUp;

/// What is known when an attempt has failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    /// How many attempts were made, from 1.
    pub(super) attempts: u32,
    /// When the other side wants to be called again at the earliest.
    pub(super) retry_after: Option<Duration>,
    pub(super) now: Instant,
    pub(super) deadline: Option<Instant>,
    /// From 0 up to 1.
    pub(super) random: f64,
}

impl RetryPolicy {
    /// For how long to wait before the next attempt, if there is to be one. The budget is asked last: what is given up for
    /// another reason costs nothing.
    pub(super) fn next(&self, failed: Failed, budget: &budget::State) -> Result<Duration, GivenUp> {
        let Failed { attempts, retry_after, now, deadline, random } = failed;
        if attempts >= self.0.attempts {
            return Err(GivenUp::Attempts);
        }
        let asked = retry_after.unwrap_or_default();
        if asked > self.0.retry_after {
            return Err(GivenUp::RetryAfter);
        }
        // Those who were all told the same moment must not all come in it.
        let pause = asked + self.bound(attempts).mul_f64(random.clamp(0.0, 1.0));
        if deadline.is_some_and(|deadline| now + pause >= deadline) {
            return Err(GivenUp::Deadline);
        }
        if !budget.try_withdraw(now, pause) {
            return Err(GivenUp::Budget);
        }
        Ok(pause)
    }

    /// The longest pause after so many attempts.
    fn bound(&self, attempts: u32) -> Duration {
        let RetryPolicyBuilder { first, longest, .. } = self.0;
        let factor = 1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        first.saturating_mul(factor).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::resilience::retry::BudgetPolicy;

    const MS: Duration = Duration::from_millis(1);

    fn budget(now: Instant) -> budget::State {
        budget::State::new(BudgetPolicy::default(), now)
    }

    fn failed(attempts: u32, random: f64) -> Failed {
        Failed { attempts, retry_after: None, now: Instant::now(), deadline: None, random }
    }

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let policy = RetryPolicy::builder().attempts(u32::MAX).build().unwrap();
        for (attempts, bound) in [(1, 50), (2, 100), (3, 200), (5, 800), (6, 1000), (40, 1000), (u32::MAX - 1, 1000)] {
            let failed = failed(attempts, 1.0);
            assert_eq!(policy.next(failed, &budget(failed.now)), Ok(bound * MS), "{attempts}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let failed = failed(3, 0.0);
        assert_eq!(RetryPolicy::default().next(failed, &budget(failed.now)), Err(GivenUp::Attempts));
    }

    #[test]
    fn the_other_side_is_not_called_before_it_wants() {
        let failed = Failed { retry_after: Some(2000 * MS), ..failed(1, 0.5) };
        let policy = RetryPolicy::default();
        assert_eq!(policy.next(failed, &budget(failed.now)), Ok(2025 * MS));
        let hours = Failed { retry_after: Some(Duration::from_secs(7200)), ..failed };
        assert_eq!(policy.next(hours, &budget(failed.now)), Err(GivenUp::RetryAfter));
    }

    #[test]
    fn a_retry_that_is_given_up_costs_nothing() {
        let policy = RetryPolicy::default();
        let late = failed(1, 1.0);
        let late = Failed { deadline: Some(late.now + 50 * MS), ..late };
        let budget = budget(late.now);
        (0..1000).for_each(|_| assert_eq!(policy.next(late, &budget), Err(GivenUp::Deadline)));
        assert!(policy.next(Failed { deadline: None, ..late }, &budget).is_ok());
    }

    proptest! {
        #[test]
        fn a_pause_ends_before_the_deadline_and_within_its_bound(
            attempts in 1u32..10,
            random in 0.0f64..1.0,
            after in prop::option::of(0u64..60_000),
            left in prop::option::of(0u64..10_000),
        ) {
            let policy = RetryPolicy::builder().attempts(8).build().unwrap();
            let failed = failed(attempts, random);
            let after = after.map(Duration::from_millis);
            let left = left.map(Duration::from_millis);
            let failed = Failed { retry_after: after, deadline: left.map(|left| failed.now + left), ..failed };
            match policy.next(failed, &budget(failed.now)) {
                Ok(pause) => {
                    prop_assert!(attempts < 8);
                    prop_assert!(pause >= after.unwrap_or_default());
                    prop_assert!(pause <= after.unwrap_or_default() + policy.0.longest);
                    prop_assert!(left.is_none_or(|left| pause < left));
                }
                Err(GivenUp::Attempts) => prop_assert!(attempts >= 8),
                Err(GivenUp::RetryAfter) => prop_assert!(after > Some(policy.0.retry_after)),
                Err(GivenUp::Deadline) => prop_assert!(left <= Some(after.unwrap_or_default() + policy.0.longest)),
                Err(GivenUp::Budget) => prop_assert!(false, "nothing was used"),
            }
        }
    }
}
