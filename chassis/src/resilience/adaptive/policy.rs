use std::time::Duration;

use crate::resilience::InvalidPolicy;
use crate::resilience::error::Rules;

/// Within which bounds a limit moves, and how. Made by [`builder`](Self::builder); checked.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveLimitPolicy(pub(super) AdaptiveLimitPolicyBuilder);

/// Makes an [`AdaptiveLimitPolicy`].
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct AdaptiveLimitPolicyBuilder {
    pub(super) initial: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) tolerance: f64,
    pub(super) window: Duration,
    pub(super) retry_after: Duration,
}

impl AdaptiveLimitPolicy {
    /// A builder: 20 calls at least, 1,000 at most, 100 at first; calls may take twice as long as they do without load.
    pub fn builder() -> AdaptiveLimitPolicyBuilder {
        AdaptiveLimitPolicyBuilder {
            initial: 100,
            min: 20,
            max: 1000,
            tolerance: 2.0,
            window: Duration::from_millis(100),
            retry_after: Duration::from_secs(1),
        }
    }
}

impl Default for AdaptiveLimitPolicy {
    fn default() -> Self {
        Self(Self::builder())
    }
}

impl AdaptiveLimitPolicyBuilder {
    /// How many calls are let in at the same time at first, and between which bounds that moves.
    pub fn limits(self, initial: u32, min: u32, max: u32) -> Self {
        Self { initial, min, max, ..self }
    }

    /// How many times as long as without load a call may take before fewer are let in; from 1 on.
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// How often the limit is set anew.
    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// When callers that are refused are told to come again.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: after, ..self }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Every rule that they break.
    pub fn build(self) -> Result<AdaptiveLimitPolicy, InvalidPolicy> {
        let mut rules = Rules::default();
        rules.check(self.min > 0, "min", "must be at least 1");
        rules.check(self.max >= self.min, "max", "must not be below the lowest limit");
        rules.check((self.min..=self.max).contains(&self.initial), "initial", "must be between the bounds");
        let tolerance = self.tolerance >= 1.0 && self.tolerance.is_finite();
        rules.check(tolerance, "tolerance", "must be at least 1");
        rules.check(!self.window.is_zero(), "window", "must be longer than zero");
        rules.or(AdaptiveLimitPolicy(self))
    }
}
