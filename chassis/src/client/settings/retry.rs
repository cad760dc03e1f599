use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::resilience::retry::{BudgetPolicy, RetryPolicy};
use crate::resilience::{InvalidPolicy, Preset};

/// When a call is tried again: `[clients.NAME.retry]`. Only what is idempotent is, by its method or by a key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RetrySettings {
    /// How often a call is tried at most, the first time included; 1 is never again. 3, fast 2, batch 6.
    pub attempts: Option<u32>,
    /// Up to how long the pause before the second attempt is: 50 ms, fast 5 ms, batch 1 s. It doubles with each attempt.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub first_pause: Option<Duration>,
    /// Up to how long a pause becomes: 1 s, fast 50 ms, batch 1 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub longest_pause: Option<Duration>,
    /// Up to which pause a `retry-after` is followed: 30 s, fast 1 s, batch 10 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub retry_after_at_most: Option<Duration>,
    /// Up to how many bytes of body a request is kept to be sent again.
    pub body_limit: usize,
    /// Which part of the calls may be retries.
    pub budget: BudgetSettings,
}

/// Which part of the calls may be retries: `[clients.NAME.retry.budget]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BudgetSettings {
    /// The part of the calls: 0.2, fast 0.1, batch 0.5.
    #[schemars(range(min = 0.0))]
    pub ratio: Option<f64>,
    /// How many a second besides: 10, batch 1.
    #[schemars(range(min = 0.0))]
    pub floor: Option<f64>,
    /// Over how long both are taken: 10 s, batch 1 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub window: Option<Duration>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: None,
            first_pause: None,
            longest_pause: None,
            retry_after_at_most: None,
            body_limit: 1024 * 1024,
            budget: BudgetSettings::default(),
        }
    }
}

impl RetrySettings {
    pub(super) fn policy(&self, preset: Preset) -> Result<RetryPolicy, InvalidPolicy> {
        let mut builder = RetryPolicy::preset(preset);
        let (first, longest) = builder.bounds();
        // One bound alone moves the other along.
        let (first, longest) = match (self.first_pause, self.longest_pause) {
            (Some(first), Some(longest)) => (first, longest),
            (Some(first), None) => (first, longest.max(first)),
            (None, Some(longest)) => (first.min(longest), longest),
            (None, None) => (first, longest),
        };
        let BudgetPolicy { ratio, floor, window } = builder.budget_policy();
        builder = builder.pauses(first, longest).budget(BudgetPolicy {
            ratio: self.budget.ratio.unwrap_or(ratio),
            floor: self.budget.floor.unwrap_or(floor),
            window: self.budget.window.unwrap_or(window),
        });
        if let Some(attempts) = self.attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(longest) = self.retry_after_at_most {
            builder = builder.retry_after_at_most(longest);
        }
        builder.build()
    }
}
