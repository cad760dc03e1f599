use std::time::Duration;

use super::budget::BudgetPolicy;
use crate::resilience::error::Rules;
use crate::resilience::{InvalidPolicy, Preset};

/// How often, and after which pauses, a call is tried again. Made by [`builder`](Self::builder); checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy(pub(super) RetryPolicyBuilder);

/// Makes a [`RetryPolicy`].
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct RetryPolicyBuilder {
    pub(super) attempts: u32,
    pub(super) first: Duration,
    pub(super) longest: Duration,
    pub(super) retry_after: Duration,
    pub(super) budget: BudgetPolicy,
}

impl RetryPolicy {
    /// A builder with the settings of [`Preset::Standard`].
    pub fn builder() -> RetryPolicyBuilder {
        Self::preset(Preset::Standard)
    }

    /// A builder with the settings of a preset.
    ///
    /// | | standard | fast | batch |
    /// |---|---|---|---|
    /// | attempts | 3 | 2 | 6 |
    /// | pauses | up to 50 ms, growing to 1 s | up to 5 ms, growing to 50 ms | up to 1 s, growing to 60 s |
    /// | budget | 20 % and 10/s over 10 s | 10 % and 10/s over 10 s | 50 % and 1/s over 60 s |
    pub fn preset(preset: Preset) -> RetryPolicyBuilder {
        let standard = RetryPolicyBuilder {
            attempts: 3,
            first: Duration::from_millis(50),
            longest: Duration::from_secs(1),
            retry_after: Duration::from_secs(30),
            budget: BudgetPolicy::default(),
        };
        match preset {
            Preset::Standard => standard,
            Preset::Fast => RetryPolicyBuilder {
                attempts: 2,
                first: Duration::from_millis(5),
                longest: Duration::from_millis(50),
                retry_after: Duration::from_secs(1),
                budget: BudgetPolicy { ratio: 0.1, ..BudgetPolicy::default() },
            },
            Preset::Batch => RetryPolicyBuilder {
                attempts: 6,
                first: Duration::from_secs(1),
                longest: Duration::from_secs(60),
                retry_after: Duration::from_secs(600),
                budget: BudgetPolicy { ratio: 0.5, floor: 1.0, window: Duration::from_secs(60) },
            },
        }
    }

    /// How often a call is tried at most, the first time included.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The first and the longest of the pauses' bounds.
    pub fn pauses(&self) -> (Duration, Duration) {
        (self.0.first, self.0.longest)
    }

    /// Up to which pause the other side's word on when to come back is followed.
    pub fn retry_after_at_most(&self) -> Duration {
        self.0.retry_after
    }

    /// Which part of the calls may be retries.
    pub fn budget(&self) -> BudgetPolicy {
        self.0.budget
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self(Self::builder())
    }
}

impl RetryPolicyBuilder {
    /// How often a call is tried at most, the first time included.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// How long the pauses are: each is a random part ("full jitter") of a bound that is `first` before the second attempt
    /// and doubles with each one, up to `longest`.
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first, longest, ..self }
    }

    /// Up to which pause the other side's word on when to come back is followed. If it asks for more, the call is over.
    pub fn retry_after_at_most(self, longest: Duration) -> Self {
        Self { retry_after: longest, ..self }
    }

    /// Which part of the calls may be retries.
    pub fn budget(self, budget: BudgetPolicy) -> Self {
        Self { budget, ..self }
    }

    /// The first and the longest of the pauses' bounds, as they are set.
    pub fn bounds(&self) -> (Duration, Duration) {
        (self.first, self.longest)
    }

    /// The budget, as it is set.
    pub fn budget_policy(&self) -> BudgetPolicy {
        self.budget
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Every rule that they break.
    pub fn build(self) -> Result<RetryPolicy, InvalidPolicy> {
        let mut rules = Rules::default();
        rules.check(self.attempts > 0, "attempts", "must be at least 1, the first");
        rules.check(self.first <= self.longest, "longest_pause", "must not be shorter than the first pause");
        self.budget.check(&mut rules);
        rules.or(RetryPolicy(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_policies() {
        for preset in [Preset::Standard, Preset::Fast, Preset::Batch] {
            assert!(RetryPolicy::preset(preset).build().is_ok(), "{preset:?}");
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let budget = BudgetPolicy { ratio: -0.1, floor: f64::INFINITY, window: Duration::ZERO };
        let second = Duration::from_secs(1);
        let broken = RetryPolicy::builder().attempts(0).pauses(second, Duration::ZERO).budget(budget).build();
        let broken = broken.unwrap_err();
        let settings: Vec<&str> = broken.rules().iter().map(|rule| rule.setting).collect();
        assert_eq!(settings, ["attempts", "longest_pause", "budget.ratio", "budget.floor", "budget.window"]);
    }
}
