use std::time::Duration;

use crate::resilience::error::Rules;
use crate::resilience::{InvalidPolicy, Preset};

/// How many calls may be under way at once, and how many may wait for how long. Made by [`builder`](Self::builder); checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadPolicy(pub(super) BulkheadPolicyBuilder);

/// Makes a [`BulkheadPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct BulkheadPolicyBuilder {
    pub(super) concurrent: usize,
    pub(super) waiting: usize,
    pub(super) wait: Duration,
}

impl BulkheadPolicy {
    /// A builder with the settings of [`Preset::Standard`].
    pub fn builder() -> BulkheadPolicyBuilder {
        Self::preset(Preset::Standard)
    }

    /// A builder with the settings of a preset.
    ///
    /// | | standard | fast | batch |
    /// |---|---|---|---|
    /// | at once | 1,000 | 1,000 | 64 |
    /// | waiting | none | none | 1,024, for 1 min |
    pub fn preset(preset: Preset) -> BulkheadPolicyBuilder {
        let (concurrent, waiting, wait) = match preset {
            Preset::Standard | Preset::Fast => (1000, 0, Duration::from_millis(100)),
            Preset::Batch => (64, 1024, Duration::from_secs(60)),
        };
        BulkheadPolicyBuilder { concurrent, waiting, wait }
    }

    /// How many calls may be under way at once.
    pub fn concurrent(&self) -> usize {
        self.0.concurrent
    }

    /// How many may wait, and for how long.
    pub fn queue(&self) -> (usize, Duration) {
        self.0.queue()
    }
}

impl Default for BulkheadPolicy {
    fn default() -> Self {
        Self(Self::builder())
    }
}

impl BulkheadPolicyBuilder {
    /// How many calls may be under way at once.
    pub fn concurrent(self, calls: usize) -> Self {
        Self { concurrent: calls, ..self }
    }

    /// How many calls more may wait for their turn, and each for how long. 0 calls have all others refused at once.
    pub fn waiting(self, calls: usize, wait: Duration) -> Self {
        Self { waiting: calls, wait, ..self }
    }

    /// How many may wait, and for how long, as it is set.
    pub fn queue(&self) -> (usize, Duration) {
        (self.waiting, self.wait)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Every rule that they break.
    pub fn build(self) -> Result<BulkheadPolicy, InvalidPolicy> {
        const MOST: usize = 1 << 20;
        let mut rules = Rules::default();
        rules.check((1..=MOST).contains(&self.concurrent), "concurrent", "must be from 1 to 1,048,576");
        rules.check(self.waiting <= MOST, "waiting", "must be at most 1,048,576");
        rules.check(self.waiting == 0 || !self.wait.is_zero(), "wait", "must be longer than zero where calls may wait");
        rules.or(BulkheadPolicy(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_policies() {
        for preset in [Preset::Standard, Preset::Fast, Preset::Batch] {
            assert!(BulkheadPolicy::preset(preset).build().is_ok(), "{preset:?}");
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let broken = BulkheadPolicy::builder().concurrent(0).waiting(1, Duration::ZERO).build().unwrap_err();
        assert_eq!(broken.rules().iter().map(|rule| rule.setting).collect::<Vec<_>>(), ["concurrent", "wait"]);
    }
}
