//! The bound on retries: what keeps a dependency that is in trouble from being called more than one that is not.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::resilience::error::Rules;
use crate::resilience::window::{BUCKETS, Window};
use crate::sync::Mutex;

const CALLS: usize = 0;
const RETRIES: usize = 1;
/// How many buckets ahead a retry is counted at most: those that there are beside the window's.
const AHEAD: u64 = 4;

/// Which part of the calls may be retries: over each `window`, `ratio` of the calls and `floor` a second besides.
///
/// That holds for every stretch of time of that length, wherever it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetPolicy {
    /// The part of the calls, from 0; 0.2 is a fifth.
    pub ratio: f64,
    /// How many a second are allowed besides, so that few calls can be retried too.
    pub floor: f64,
    /// Over how long both are taken; 10 ms to an hour. It slides in steps of a tenth.
    pub window: Duration,
}

impl Default for BudgetPolicy {
    /// 20 % and 10 a second, over 10 s.
    fn default() -> Self {
        Self { ratio: 0.2, floor: 10.0, window: Duration::from_secs(10) }
    }
}

impl BudgetPolicy {
    pub(super) fn check(&self, rules: &mut Rules) {
        let is_amount = |amount: f64| amount >= 0.0 && amount.is_finite();
        rules.check(is_amount(self.ratio), "budget.ratio", "must be 0 or more");
        rules.check(is_amount(self.floor), "budget.floor", "must be 0 or more");
        let fits = (Duration::from_millis(BUCKETS)..=Duration::from_secs(3600)).contains(&self.window);
        rules.check(fits, "budget.window", "must be from 10 ms to 1 h");
    }
}

/// A budget of retries: one for each dependency. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Budget(Arc<State>);

impl Budget {
    /// A budget of which nothing is used. Settings that are out of range are taken as the nearest that are not.
    pub fn new(policy: BudgetPolicy) -> Self {
        Self(Arc::new(State::new(policy, tokio::time::Instant::now().into_std())))
    }

    /// Counts a call, which adds to what may be retried.
    pub fn deposit(&self) {
        self.deposit_at(tokio::time::Instant::now());
    }

    /// The same at a moment that the caller knows.
    pub fn deposit_at(&self, now: tokio::time::Instant) {
        self.0.deposit(now.into_std());
    }

    /// Takes one retry out, if there is one.
    pub fn try_withdraw(&self) -> bool {
        self.0.try_withdraw(tokio::time::Instant::now().into_std(), Duration::ZERO)
    }

    pub(super) fn state(&self) -> &State {
        &self.0
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.0.policy).finish()
    }
}

pub(super) struct State {
    policy: BudgetPolicy,
    /// Nanoseconds in one bucket of the window.
    bucket: u64,
    origin: Instant,
    window: Window<2>,
    /// Whoever asks and takes does so alone, or two could take the last one.
    taking: Mutex<()>,
}

impl State {
    pub(super) fn new(policy: BudgetPolicy, now: Instant) -> Self {
        let amount = |amount: f64| if amount >= 0.0 && amount.is_finite() { amount } else { 0.0 };
        let window = policy.window.clamp(Duration::from_millis(BUCKETS), Duration::from_secs(3600));
        let policy = BudgetPolicy { ratio: amount(policy.ratio), floor: amount(policy.floor), window };
        let bucket = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX) / BUCKETS;
        Self { policy, bucket, origin: now, window: Window::default(), taking: Mutex::default() }
    }

    pub(super) fn deposit(&self, now: Instant) {
        self.window.add(self.tick(now), CALLS);
    }

    /// Takes one retry out that is made after `pause`.
    pub(super) fn try_withdraw(&self, now: Instant, pause: Duration) -> bool {
        let tick = self.tick(now);
        // It counts when it arrives, which is when it is a load; but no later than the window's slots reach.
        let arrives = self.tick(now + pause).min(tick + AHEAD);
        let _alone = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        // The oldest bucket lies in the window only in part: for calls it does not count, and for retries it does.
        let [calls, retries] = self.window.sums_of(tick, [BUCKETS, BUCKETS + 1]);
        let allowed = self.policy.ratio * calls as f64 + self.policy.floor * self.policy.window.as_secs_f64();
        let fits = (retries + 1) as f64 <= allowed;
        if fits {
            self.window.add(arrives, RETRIES);
        }
        fits
    }

    fn tick(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) / self.bucket
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(ratio: f64, floor: f64) -> (State, Instant) {
        let now = Instant::now();
        (State::new(BudgetPolicy { ratio, floor, window: Duration::from_secs(1) }, now), now)
    }

    #[test]
    fn a_fifth_of_the_calls() {
        let (state, now) = budget(0.2, 0.0);
        assert!(!state.try_withdraw(now, Duration::ZERO));
        (0..10).for_each(|_| state.deposit(now));
        assert_eq!((0..10).filter(|_| state.try_withdraw(now, Duration::ZERO)).count(), 2);
        let later = now + Duration::from_millis(1100);
        assert!(!state.try_withdraw(later, Duration::ZERO), "what was not used is not kept");
    }

    #[test]
    fn few_calls_have_the_floor() {
        let (state, now) = budget(0.2, 3.0);
        assert_eq!((0..10).filter(|_| state.try_withdraw(now, Duration::ZERO)).count(), 3);
        assert_eq!(
            (0..10).filter(|_| state.try_withdraw(now + Duration::from_secs(1), Duration::ZERO)).count(),
            0,
            "a second is not over"
        );
        assert_eq!(
            (0..10).filter(|_| state.try_withdraw(now + Duration::from_millis(1100), Duration::ZERO)).count(),
            3
        );
    }

    #[test]
    fn threads_do_not_share_the_last_one() {
        let (state, now) = budget(0.0, 1000.0);
        let taken = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| state.try_withdraw(now, Duration::ZERO)).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
        });
        assert_eq!(taken, 1000);
    }

    #[test]
    fn nonsense_allows_nothing() {
        let policy = BudgetPolicy { ratio: f64::NAN, floor: -3.0, window: Duration::ZERO };
        let budget = Budget::new(policy);
        budget.deposit();
        assert!(!budget.try_withdraw());
    }

    proptest! {
        /// Over any window, by when retries are made, they stay within the budget of the calls of a window as long.
        #[test]
        fn never_more_than_the_budget(steps in prop::collection::vec((0u64..200, any::<bool>(), 0u64..300), 1..300)) {
            let (state, start) = budget(0.5, 2.0);
            let (mut at, mut calls, mut retries) = (0, Vec::new(), Vec::new());
            for (pass, call, pause) in steps {
                at += pass;
                let now = start + Duration::from_millis(at);
                let within = |list: &[u64]| list.iter().filter(|then| **then + 1000 >= at).count() as f64;
                if call {
                    state.deposit(now);
                    calls.push(at);
                } else if state.try_withdraw(now, Duration::from_millis(pause)) {
                    retries.push(at + pause);
                    prop_assert!(within(&retries) <= 0.5 * within(&calls) + 2.0);
                } else {
                    let cut = |list: &[u64], more: u64| {
                        list.iter().filter(|then| at / 100 < **then / 100 + BUCKETS + more).count() as f64
                    };
                    prop_assert!(cut(&retries, 1) + 1.0 > 0.5 * cut(&calls, 0) + 2.0, "there was room");
                }
            }
        }
    }
}
